"""One sweep: its headline, its buttons, and the parts that refresh while it runs."""

from contextlib import suppress

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import ExplorerError, RunError
from explorer.pages import messages, resources, settings
from explorer.pages.sweep.analysis import analysis
from explorer.pages.sweep.live import live, winner_runs
from explorer.pages.text import capitalized, file_name, foreign, sentence
from explorer.runs.history import RULES
from explorer.runs.run import ACTIVE
from explorer.sweeps import study as folder
from explorer.sweeps.launch import WINNER_SEEDS, create_winners, last_words, launch, scheduler_address
from explorer.sweeps.study import Study, StudyStatus, TrialRecord
from explorer.sweeps.study_spec import StudySpec, to_toml
from explorer.sweeps.summary import leaders

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
        spec, status, trials = study.spec, study.status(), study.trials()
    except RunError as error:
        st.error(f"This sweep cannot be shown: {sentence(error)}")
        return
    _headline(study, spec, status)
    _buttons(study, status, trials)
    active = status.status in folder.ACTIVE
    moving = active or any(summary.state in ACTIVE for summary in winner_runs(study))
    every = REFRESH_SECONDS if moving else IDLE_SECONDS
    st.fragment(live, run_every=every)(study, (status.status, moving))
    st.fragment(analysis, run_every=ANALYSIS_SECONDS if active else None)(study)
    if active and study.stop_requested():
        st.fragment(_until_stopped, run_every=STOPPING_SECONDS)(study)


def _until_stopped(study: Study) -> None:
    with suppress(RunError):  # the live part shows the error
        if study.status().status not in folder.ACTIVE:
            st.rerun()


def _headline(study: Study, spec: StudySpec, status: StudyStatus) -> None:
    icon, color = BADGES[status.status]
    st.markdown(f"#### {foreign(study.name)} &nbsp; :{color}-badge[{icon} {status.status}]")
    fields = ", ".join(FIELDS[name].lower_label for name in spec.space.fields())
    seeds = f" with {spec.seeds} seeds" if spec.seeds > 1 else ""
    pruner = "" if spec.pruner == "none" else f" · pruner: {spec.pruner}"
    st.caption(
        f"{fields} · {spec.sampler} · at most {spec.planned:,} trials of {spec.epochs:,} epochs{seeds}{pruner} · "
        f"objective: {RULES[spec.objective].words}"
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


def _buttons(study: Study, status: StudyStatus, trials: list[TrialRecord]) -> None:
    best = leaders(study.spec, trials)
    with st.container(horizontal=True):
        if status.status in folder.ACTIVE:
            stopping = study.stop_requested()
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
            args=(study,),
            help="Trains the best trial's settings until early stopping, so that the result is not that of one seed.",
        )
        if best:
            st.button(
                "Use the winner's settings", key="use_winner", on_click=_use, args=(study, best[0]),
                help="Copies them to the sidebar of the Train page.",
            )  # fmt: skip
        st.download_button(
            "TOML", to_toml(study.spec), file_name(study.name, "toml"), "application/toml", key="study_toml"
        )


def _stop(study: Study) -> None:
    try:
        study.request_stop()
    except RunError as error:
        messages.post(f"{error}.")


def _resume(study: Study) -> None:
    try:
        launch(study, resources.store(), study.status().workers or 1, scheduler_address())
    except (ExplorerError, OSError) as error:
        messages.post(f"{error}.")


def _train_winner(study: Study) -> None:
    try:
        runs = create_winners(study, resources.store(), leaders(study.spec, study.trials())[0])
        for run in runs:
            resources.run_queue().submit(run)
    except ExplorerError as error:
        messages.post(f"{error}.")


def _use(study: Study, trial: TrialRecord) -> None:
    try:
        settings.take_settings(study.spec.space.config(trial.settings))
    except ExplorerError as error:
        messages.post(f"{error}.")
