"""A sweep as it runs: how far it is, its trials, the best so far, and what mattered."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import ExplorerError, RunError
from explorer.history import RULES
from explorer.progress import duration
from explorer.runs import ACTIVE, COMPLETED, RunSummary
from explorer.sweeps import folder
from explorer.sweeps.folder import (
    TRIAL_COMPLETED,
    TRIAL_FAILED,
    TRIAL_PRUNED,
    TRIAL_RUNNING,
    Study,
    StudyStatus,
    TrialRecord,
)
from explorer.sweeps.importance import FEWEST_TRIALS, importances
from explorer.sweeps.launch import WINNER_SEEDS, create_winners, last_words, launch, scheduler_address, winner_name
from explorer.sweeps.reports import best_so_far, leaders, outlook
from explorer.sweeps.spec import StudySpec, to_toml
from explorer.views import state
from explorer.views.drawing import draw_chart

REFRESH_SECONDS = 1.0
IDLE_SECONDS = 4.0
ANALYSIS_SECONDS = 6.0
STOPPING_SECONDS = 0.2
SHOWN_CURVES = 24
SHOWN_TRIALS = 500
SLICES_A_ROW = 3
STEADY = "<style>[data-stale=true] { opacity: 1 !important; }</style>"

BADGES = {
    folder.NEW: (":material/hourglass_top:", "gray"),
    folder.STARTING: (":material/hourglass_top:", "blue"),
    folder.RUNNING: (":material/play_circle:", "blue"),
    folder.COMPLETED: (":material/check_circle:", "green"),
    folder.STOPPED: (":material/stop_circle:", "orange"),
    folder.FAILED: (":material/error:", "red"),
    folder.INTERRUPTED: (":material/power_off:", "red"),
}
SIGNS = {TRIAL_RUNNING: "▶", TRIAL_COMPLETED: "✓", TRIAL_PRUNED: "✂", TRIAL_FAILED: "✗"}


def draw(study: Study) -> None:
    """Draws one study."""
    try:
        spec, status = study.spec, study.status()
    except RunError as error:
        st.error(f"This sweep cannot be shown: {error}.")
        return
    _headline(study, spec, status)
    _buttons(study, status)
    active = status.status in folder.ACTIVE
    winners = [summary for summary in state.store().list() if summary.name.startswith(winner_name(study))]
    moving = active or any(summary.state in ACTIVE for summary in winners)
    every = REFRESH_SECONDS if moving else IDLE_SECONDS
    st.fragment(_live, run_every=every)(study, (status.status, moving))
    st.fragment(_analysis, run_every=ANALYSIS_SECONDS if active else None)(study)
    if active and study.stop_requested():
        st.fragment(_until_stopped, run_every=STOPPING_SECONDS)(study)


def _until_stopped(study: Study) -> None:
    with suppress(RunError):  # what is redrawn beside this says it
        if study.status().status not in folder.ACTIVE:
            st.rerun()


def _headline(study: Study, spec: StudySpec, status: StudyStatus) -> None:
    icon, color = BADGES[status.status]
    st.markdown(f"#### {study.name} &nbsp; :{color}-badge[{icon} {status.status}]")
    fields = ", ".join(FIELDS[name].label.lower() for name in spec.space.fields())
    seeds = f" from {spec.seeds} seeds" if spec.seeds > 1 else ""
    pruner = "" if spec.pruner == "none" else f" · ended early by {spec.pruner}"
    st.caption(
        f"{fields} · {spec.sampler} · at most {spec.planned:,} trials of {spec.epochs:,} epochs{seeds}{pruner} · "
        f"objective: {RULES[spec.objective].words}"
    )
    if status.status == folder.INTERRUPTED:
        said = last_words(study)
        st.warning(
            f"Interrupted: {status.reason}. **Resume** goes on with every trial. "
            f"{f'Its last words: {said}.' if said else ''}"
        )
    elif status.status == folder.FAILED:
        st.error(f"{status.reason}.")
    elif status.reason:
        st.caption(f"{status.reason[:1].upper()}{status.reason[1:]}.")


def _buttons(study: Study, status: StudyStatus) -> None:
    best = leaders(study.spec, study.trials())
    with st.container(horizontal=True):
        if status.status in folder.ACTIVE:
            asked = study.stop_requested()
            help = "Ends within two seconds; every trial is kept, and Resume goes on with the open ones."
            st.button(
                "Stopping…" if asked else "Stop", key="stop_sweep", icon=":material/stop:", disabled=asked,
                on_click=study.request_stop, help=help,
            )  # fmt: skip
        elif status.status != folder.COMPLETED:
            st.button(
                "Resume", key="resume_sweep", icon=":material/play_arrow:", type="primary", on_click=_resume,
                args=(study,),
            )  # fmt: skip
        st.button(
            f"Train the winner to the end with {WINNER_SEEDS} seeds",
            key="train_winner",
            icon=":material/emoji_events:",
            type="primary" if status.status == folder.COMPLETED else "secondary",
            disabled=not best,
            on_click=_train_winner,
            args=(study,),
            help="The best trial's settings until early stopping, so that the answer is not an accident of one seed.",
        )
        if best:
            st.button(
                "Use the winner's settings", key="use_winner", on_click=_use, args=(study, best[0]),
                help="Puts them into the sidebar of the Train page.",
            )  # fmt: skip
        st.download_button("TOML", to_toml(study.spec), f"{study.name}.toml", "application/toml", key="study_toml")


def _resume(study: Study) -> None:
    try:
        launch(study, state.store(), study.status().workers or 1, scheduler_address())
    except (ExplorerError, OSError) as error:
        state.tell(f"{error}.")


def _train_winner(study: Study) -> None:
    try:
        runs = create_winners(study, state.store(), leaders(study.spec, study.trials())[0])
        for run in runs:
            state.engine().submit(run)
    except ExplorerError as error:
        state.tell(f"{error}.")


def _use(study: Study, trial: TrialRecord) -> None:
    state.apply_config(study.spec.space.config(trial.settings))


# --- what moves -------------------------------------------------------------------------------------------


def _live(study: Study, drawn: tuple[str, bool]) -> None:
    try:
        spec, status, trials = study.spec, study.status(), study.trials()
    except RunError as error:
        st.error(f"This sweep cannot be shown: {error}.")
        return
    winners = [summary for summary in state.store().list() if summary.name.startswith(winner_name(study))]
    active = status.status in folder.ACTIVE
    if (status.status, active or any(summary.state in ACTIVE for summary in winners)) != drawn:
        st.rerun()
    _progress(spec, status, trials)
    for problem in status.problems:
        st.warning(f"{problem[:1].upper()}{problem[1:]}.")
    if winners:
        _winners(spec, winners)
    if not trials:
        st.caption("The first trial appears when the workers are up: a few seconds.")
        return
    _charts(spec, trials)
    _leaderboard(spec, trials)


def _progress(spec: StudySpec, status: StudyStatus, trials: Sequence[TrialRecord]) -> None:
    view, best = outlook(spec, status, trials, time.time()), leaders(spec, trials)
    left = ""
    if status.status in folder.ACTIVE and view.seconds_left is not None:
        left = f" · about {duration(view.seconds_left)} left"
    st.progress(
        min(1.0, view.fraction),
        text=f"{view.through:,} of {view.planned:,} trials · {duration(view.seconds)} so far{left}",
    )
    columns = st.columns(4)
    columns[0].metric(
        f"Best {RULES[spec.objective].metric.replace('val_', 'validation ')}",
        _number(spec.objective, best[0].value) if best else "–",
        help=f"Of trial {best[0].trial}, selected by {RULES[spec.objective].words} among {len(best)} trials: "
        "the best of many is flattered by chance, so train it again with other seeds."
        if best
        else None,
    )
    columns[1].metric("Running", f"{view.counts[TRIAL_RUNNING]:,}")
    columns[2].metric("Completed", f"{view.counts[TRIAL_COMPLETED]:,}")
    columns[3].metric("Pruned · failed", f"{view.counts[TRIAL_PRUNED]:,} · {view.counts[TRIAL_FAILED]:,}")


def _number(objective: str, value: float) -> str:
    return f"{value:.2%}" if objective == "val_accuracy" else f"{value:.4f}"


def _winners(spec: StudySpec, winners: Sequence[RunSummary]) -> None:
    from statistics import fmean, stdev

    ended = [s for s in winners if s.state == COMPLETED and s.best]
    with st.container(border=True):
        words = f"**The winner, trained to the end**: {len(ended)} of {len(winners)} seeds are through"
        if len(ended) > 1:
            accuracies = [summary.best.val_accuracy for summary in ended]
            words += (
                f" · validation accuracy **{fmean(accuracies):.2%} ± {stdev(accuracies):.2%}** "
                f"(mean and standard deviation, each at its {RULES['val_loss'].words})"
            )
        st.markdown(words)
        for summary in sorted(winners, key=lambda s: s.config.seed if s.config else 0):
            best = f"{summary.best.val_accuracy:.2%}" if summary.best else "–"
            seed = summary.config.seed if summary.config else "?"
            st.caption(f"seed {seed}: {summary.state}, {summary.outline.epochs} epochs, {best}")


def _charts(spec: StudySpec, trials: Sequence[TrialRecord]) -> None:
    from explorer import charts_sweep

    left, right = st.columns(2)
    frame = charts_sweep.best_frame(best_so_far(spec, trials))
    draw_chart(
        charts_sweep.best_so_far, frame, spec.objective, place=left, key="chart_best", alt="the best value over time"
    )
    latest = [t for t in trials if t.state == TRIAL_RUNNING] + [t for t in trials if t.state != TRIAL_RUNNING][::-1]
    histories = {t.trial: (t.state == TRIAL_RUNNING, _history(t)) for t in latest[:SHOWN_CURVES]}
    frame = charts_sweep.curves_frame(histories, spec.objective)
    words = "the curves of running and ended trials"
    draw_chart(charts_sweep.curves, frame, spec.objective, place=right, key="chart_curves", alt=words)


def _history(trial: TrialRecord) -> Sequence[Any]:
    try:
        return state.store().get(trial.runs[-1]).history() if trial.runs else []
    except ExplorerError:  # in the bin
        return []


def _leaderboard(spec: StudySpec, trials: Sequence[TrialRecord]) -> None:
    import pandas as pd

    fields = spec.space.fields()
    best = leaders(spec, trials)
    others = sorted(
        (t for t in trials if t.state != TRIAL_COMPLETED), key=lambda t: (t.state != TRIAL_RUNNING, -t.trial)
    )
    rows = [
        {
            "trial": trial.trial,
            "state": f"{SIGNS[trial.state]} {trial.state}",
            spec.objective: trial.value,
            **{name: trial.settings.get(name) for name in fields},
            "reason": trial.reason,
            "run": trial.runs[-1] if trial.runs else "",
        }
        for trial in [*best, *others][:SHOWN_TRIALS]
    ]
    form = "percent" if spec.objective == "val_accuracy" else "%.4f"
    numbers = {
        name: st.column_config.NumberColumn(FIELDS[name].label, format="%.4g")
        for name in fields
        if not FIELDS[name].choices
    }
    seeds = f", mean of {spec.seeds} seeds" if spec.seeds > 1 else ""
    st.dataframe(
        pd.DataFrame(rows),
        key="sweep_table",
        hide_index=True,
        column_config={
            spec.objective: st.column_config.NumberColumn(f"{RULES[spec.objective].words}{seeds}", format=form),
            **{name: FIELDS[name].label for name in fields},
            **numbers,
        },
    )


# --- what mattered, worked out now and then ---------------------------------------------------------------


def _analysis(study: Study) -> None:
    try:
        spec, trials = study.spec, study.trials()
    except RunError:  # told above
        return
    done = [t for t in trials if t.state == TRIAL_COMPLETED and math.isfinite(t.value)]
    if len(done) < 2:
        return
    from explorer import charts_linked, charts_sweep

    fields, table = _table(spec, done)
    varied = [name for name in fields if table[name].nunique() > 1]
    if not varied:
        return
    st.subheader("What mattered", anchor=False)
    shares = _importances(study.name, len(done), [t.trial for t in done], table[varied].to_dict("records"),
                          [t.value for t in done])  # fmt: skip
    if shares:
        st.altair_chart(charts_sweep.importance(shares), key="chart_importance", alt="importance of each setting")
        st.caption(
            f"The share of the differences in {RULES[spec.objective].metric.replace('_', ' ')} that each setting "
            f"explains over {len(done)} completed trials (fANOVA)."
        )
    else:
        st.caption(f"How much each setting mattered is told after {FEWEST_TRIALS} completed trials.")
    varied.sort(key=lambda name: -shares.get(name, 0.0))  # the most important first, here and in the linked views
    for start in range(0, len(varied), SLICES_A_ROW):
        row = varied[start : start + SLICES_A_ROW]
        for column, name in zip(st.columns(SLICES_A_ROW), row, strict=False):
            column.altair_chart(
                charts_sweep.slice_of(table[["run", name, spec.objective]], name, spec.objective),
                key=f"slice_{name}",
                alt=f"{FIELDS[name].label} against the objective",
            )
    if len(varied) > 1:
        metric = spec.objective
        chart = charts_linked.linked(table, [*varied, metric], (varied[0], metric), (varied[0], varied[1]), metric)
        st.altair_chart(chart, key="chart_linked", alt="parallel coordinates, scatter and heat map of all trials")
        st.caption("Brush in one of the three: the others show only what you brushed.")


def _table(spec: StudySpec, done: Sequence[TrialRecord]) -> Any:
    """The table of runs that the linked charts expect, a row a completed trial with its mean over seeds."""
    from explorer.comparison import run_table

    store = {summary.name: summary for summary in state.store().list()}
    kept = [trial for trial in done if trial.runs and trial.runs[-1] in store]
    table = run_table([store[trial.runs[-1]] for trial in kept])
    values = {trial.runs[-1]: trial.value for trial in kept}
    table[spec.objective] = table["run"].map(values)
    return spec.space.fields(), table


@st.cache_data(max_entries=20, show_spinner=False)
def _importances(study: str, count: int, numbers: list[int], settings: list[dict], values: list[float]) -> dict:
    return importances(settings, values)
