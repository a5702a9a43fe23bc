"""One sweep: its headline, its buttons, and the parts that refresh while it runs."""

from contextlib import suppress

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import ExplorerError, RunError
from explorer.pages import layout, messages, resources, settings, training
from explorer.pages.clicks import uninterrupted
from explorer.pages.sweep.analysis import analysis
from explorer.pages.sweep.form import TITLES
from explorer.pages.sweep.live import live
from explorer.pages.text import capitalized, file_name, foreign, sentence
from explorer.runs.history import RULES
from explorer.sweeps import study as folder
from explorer.sweeps.launch import (
    WINNER_SEEDS,
    last_words,
    launch,
    scheduler_address,
    winner_configs,
    winner_mark,
    winner_name,
)
from explorer.sweeps.snapshot import StudySnapshot, study_snapshot
from explorer.sweeps.study import Study, StudyStatus, TrialRecord
from explorer.sweeps.study_spec import StudySpec, to_toml
from explorer.sweeps.summary import leaders
from explorer.workers.cluster import workers_for_sweeps

REFRESH_SECONDS = 1.0
IDLE_SECONDS = 4.0
ANALYSIS_SECONDS = 6.0
STOPPING_SECONDS = 0.2

BADGES = {
    folder.NEW: (":material/hourglass_top:", "gray"),
    folder.STARTING: (":material/hourglass_top:", "blue"),
    folder.RUNNING: (":material/play_circle:", "blue"),
    folder.COMPLETED: (":material/check_circle:", "green"),
    folder.STOPPED: (":material/stop_circle:", "orange"),
    folder.FAILED: (":material/error:", "red"),
    folder.INTERRUPTED: (":material/power_off:", "red"),
}


def draw(study: Study) -> None:
    """Draws one study."""
    try:
        taken = study_snapshot(study, resources.store().list())
    except RunError as error:
        st.error(f"This study cannot be shown: {sentence(error)}")
        return
    every = REFRESH_SECONDS if taken.moving else IDLE_SECONDS
    st.fragment(_live, run_every=every)(study, (taken.status.status, taken.moving))
    st.fragment(analysis, run_every=ANALYSIS_SECONDS if taken.active else None)(study)
    if taken.active and taken.stop_requested:
        st.fragment(_until_stopped, run_every=STOPPING_SECONDS)(study)


def _live(study: Study, drawn: tuple[str, bool]) -> None:
    """The part that refreshes, all of it drawn from one snapshot; reruns the whole page when the state has changed."""
    try:
        taken = study_snapshot(study, resources.store().list())
    except RunError as error:
        st.error(f"This study cannot be shown: {sentence(error)}")
        return
    if (taken.status.status, taken.moving) != drawn or messages.redraw_wanted():
        st.rerun()
    with layout.place():
        _headline(study, taken.spec, taken.status)
    _buttons(study, taken)
    live(taken)


def _until_stopped(study: Study) -> None:
    with suppress(RunError):  # the live part shows the error
        if study.status().status not in folder.ACTIVE:
            st.rerun()


def _headline(study: Study, spec: StudySpec, status: StudyStatus) -> None:
    icon, color = BADGES[status.status]
    st.header(f"{foreign(study.name)} :{color}-badge[{icon} {status.status}]", anchor=False)
    fields = ", ".join(FIELDS[name].lower_label for name in spec.space.fields())
    seeds = f" with {spec.seeds} seeds" if spec.seeds > 1 else ""
    pruner = "" if spec.pruner == "none" else f" · pruner: {spec.pruner.capitalize()}"
    st.caption(
        f"{fields} · {TITLES[spec.sampler]} · at most {spec.planned:,} trials of {spec.epochs:,} epochs{seeds}{pruner} "
        f"· objective: {RULES[spec.objective].criterion}"
    )
    if status.status == folder.INTERRUPTED:
        output = last_words(study)
        st.warning(
            f"Interrupted: {sentence(status.reason)} **Resume** continues every trial. "
            f"{f'Last output: {sentence(output)}' if output else ''}"
        )
    elif status.status == folder.FAILED:
        st.error(sentence(status.reason))
    elif status.reason:
        st.caption(sentence(capitalized(status.reason)))


def _buttons(study: Study, taken: StudySnapshot) -> None:
    status, best = taken.status, leaders(taken.spec, taken.trials)
    with st.container(horizontal=True):
        if taken.active:
            stopping = taken.stop_requested
            help = "Stops within two seconds. Every trial is kept, and Resume continues the open ones."
            st.button(
                "Stopping…" if stopping else "Stop", key="stop_sweep", icon=":material/stop:", disabled=stopping,
                on_click=_stop, args=(study,), help=help,
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
            args=(study, best),
            help="Trains the best trial's settings until early stopping; the result then does not depend on one seed.",
        )
        if best and st.button("Use the winner's settings on the Train page", key="use_winner", icon=":material/tune:"):
            _use(study, best[0])
        st.download_button(
            "TOML", to_toml(taken.spec), file_name(study.name, "toml"), "application/toml", key="study_toml"
        )


def _stop(study: Study) -> None:
    try:
        study.request_stop()
    except RunError as error:
        messages.post(f"{error}.")
    messages.redraw()  # so that the end is watched for more often


def _resume(study: Study) -> None:
    try:
        launch(study, resources.store(), study.status().workers or workers_for_sweeps(), scheduler_address())
    except (ExplorerError, OSError) as error:
        messages.post(f"{error}.")


@uninterrupted
def _train_winner(study: Study, best: list[TrialRecord]) -> None:
    try:
        configs = winner_configs(study, best[0])
    except ExplorerError as error:
        messages.post(f"{error}.")
        return
    for config in configs:
        training.submit(config, name=winner_name(study), trial=winner_mark(study, best[0]))


def _use(study: Study, trial: TrialRecord) -> None:
    try:
        config = study.spec.space.config(trial.settings)
    except ExplorerError as error:
        st.error(sentence(error))
        return
    settings.open_with(config)
