"""The live part of a sweep's page: progress, the winner's runs, charts and the table of trials."""

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.config import FIELDS
from explorer.data.datasets import DATASETS
from explorer.errors import ExplorerError
from explorer.pages import layout, resources
from explorer.pages.chart import draw_chart
from explorer.pages.run.links import NAME_IN_ADDRESS, cell_address, run_link
from explorer.pages.text import LONGEST_SENTENCE, capitalized, cell, foreign, sentence, without_paths
from explorer.pages.train import latest_runs
from explorer.plain_text import percent
from explorer.runs.history import RULES
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.progress import duration
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import COMPLETED
from explorer.sweeps import study as folder
from explorer.sweeps.snapshot import StudySnapshot
from explorer.sweeps.study import (
    TRIAL_COMPLETED,
    TRIAL_FAILED,
    TRIAL_PRUNED,
    TRIAL_RUNNING,
    StudyStatus,
    TrialRecord,
)
from explorer.sweeps.study_spec import StudySpec
from explorer.sweeps.summary import OPEN, best_so_far, leaders, outlook, trial_word

SHOWN_CURVES = 24
SHOWN_TRIALS = 500
SIGNS = {TRIAL_RUNNING: "▶", OPEN: "‖", TRIAL_COMPLETED: "✓", TRIAL_PRUNED: "✂", TRIAL_FAILED: "✗"}


def live(taken: StudySnapshot) -> None:
    """Draws the live part of a sweep."""
    spec, status, trials = taken.spec, taken.status, taken.trials
    _progress(spec, status, trials)
    with layout.place():
        for problem in status.problems:
            st.warning(sentence(capitalized(problem)))
        if taken.winners:
            _winners(spec, taken.winners)
    if not trials:
        st.caption("The first trial appears once the workers have started, in a few seconds.")
        return
    _charts(spec, trials)
    _leaderboard(spec, status, trials)
    if spec.caution:
        st.caption(spec.caution)


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
        f"Best {OBJECTIVES[spec.objective].validation_title.lower()}",
        OBJECTIVES[spec.objective].text(best[0].value) if best else "–",
        help=f"Trial {foreign(best[0].trial)}, selected by {RULES[spec.objective].criterion} among {len(best)} trials. "
        "The best of many is partly due to chance, so train it again with other seeds."
        if best
        else None,
    )
    count = view.counts[TRIAL_RUNNING]
    unfinished = trial_word(TRIAL_RUNNING, status.status) if count else TRIAL_RUNNING
    help = "Started but not finished; Resume continues them." if unfinished == OPEN else None
    columns[1].metric(unfinished.capitalize(), f"{count:,}", help=help)
    columns[2].metric("Completed", f"{view.counts[TRIAL_COMPLETED]:,}")
    columns[3].metric("Pruned · failed", f"{view.counts[TRIAL_PRUNED]:,} · {view.counts[TRIAL_FAILED]:,}")


def _winners(spec: StudySpec, winners: Sequence[RunSummary]) -> None:
    from statistics import fmean, stdev

    ended = [s for s in winners if s.state == COMPLETED and s.best]
    with st.container(border=True):
        text = f"**The winner, trained to the end**: {len(ended)} of {len(winners)} seeds finished"
        if len(ended) > 1:
            accuracies = [summary.best.val_accuracy for summary in ended]
            text += (
                f" · validation accuracy **{percent(fmean(accuracies))} ± {percent(stdev(accuracies))}** "
                f"(mean and standard deviation, each at its {RULES['val_loss'].criterion})"
            )
        st.markdown(text)
        for summary in sorted(winners, key=lambda s: s.config.seed if s.config else 0):
            best = latest_runs.accuracy(summary) or "–"
            run_link(summary.name, f" · {summary.state}, {summary.outline.epochs:,} epochs, {best}")


def _charts(spec: StudySpec, trials: Sequence[TrialRecord]) -> None:
    from explorer.charts import sweep

    left, right = st.columns(2)
    if points := best_so_far(spec, trials):
        frame, alt = sweep.best_frame(points), "the best value over completed trials"
        draw_chart(sweep.best_so_far, frame, spec.objective, place=left, key="chart_best", alt=alt)
    else:
        left.info("The best so far appears here once a trial is completed.")
    latest = [t for t in trials if t.state == TRIAL_RUNNING] + [t for t in trials if t.state != TRIAL_RUNNING][::-1]
    histories = {t.trial: (t.state == TRIAL_RUNNING, _history(t)) for t in latest[:SHOWN_CURVES]}
    frame = sweep.curves_frame(histories, spec.objective, _loss_of_guessing(spec))
    alt = "the curves of running and finished trials"
    draw_chart(sweep.curves, frame, spec.objective, place=right, key="chart_curves", alt=alt)


def _loss_of_guessing(spec: StudySpec) -> float | None:
    """The level that all curves are compared with; None if it differs between trials, or accuracies are drawn.

    The accuracy of guessing is so far below that of most trials that it would flatten them.
    """
    from explorer.charts.epoch_axes import guessing

    classes = {DATASETS[name].classes for name in spec.space.values("dataset")}
    return guessing("loss", *classes) if len(classes) == 1 and not OBJECTIVES[spec.objective].share else None


def _history(trial: TrialRecord) -> Sequence[Any]:
    try:
        return resources.store().get(trial.runs[-1]).history() if trial.runs else []
    except ExplorerError:  # the run is in the bin
        return []


def _setting(name: str, value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else cell(FIELDS[name].titles.get(value, value))


def _leaderboard(spec: StudySpec, status: StudyStatus, trials: Sequence[TrialRecord]) -> None:
    import pandas as pd

    st.dataframe(
        pd.DataFrame(_rows(spec, status, trials)),
        key="sweep_table",
        hide_index=True,
        placeholder="",  # for values that are unknown yet, or not a setting of this trial
        column_config=_columns(spec),
    )


def _rows(spec: StudySpec, status: StudyStatus, trials: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """The best trials, then those that run, then the others, the newest first."""
    others = sorted(
        (t for t in trials if t.state != TRIAL_COMPLETED), key=lambda t: (t.state != TRIAL_RUNNING, -t.trial)
    )
    listed = [*leaders(spec, trials), *others][:SHOWN_TRIALS]
    states = [trial_word(trial.state, status.status) for trial in listed]
    scale = 100 if OBJECTIVES[spec.objective].share else 1
    return [
        {
            "trial": trial.trial,
            "state": f"{SIGNS[state]} {state}",
            spec.objective: trial.value if trial.value is None else scale * trial.value,
            **{name: _setting(name, trial.settings.get(name)) for name in spec.space.fields()},
            "reason": cell(without_paths(trial.reason), LONGEST_SENTENCE),
            "run": cell_address(trial.runs[-1]) if trial.runs else None,
        }
        for trial, state in zip(listed, states, strict=True)
    ]


def _columns(spec: StudySpec) -> dict[str, Any]:
    fields = spec.space.fields()
    seeds = f", mean of {spec.seeds} seeds" if spec.seeds > 1 else ""
    rule = RULES[spec.objective].criterion.capitalize()
    form = "%.2f%%" if OBJECTIVES[spec.objective].share else "%.4f"  # a table's own per cent drops zeros
    number = st.column_config.NumberColumn
    return {
        **{name: name.capitalize() for name in ("trial", "state", "reason")},
        "run": st.column_config.LinkColumn("Run", display_text=NAME_IN_ADDRESS, help="Opens the run's page."),
        spec.objective: number(f"{rule}{seeds}", format=form),
        **{name: FIELDS[name].label for name in fields if FIELDS[name].choices},
        **{name: number(FIELDS[name].label, format="%g") for name in fields if not FIELDS[name].choices},
    }
