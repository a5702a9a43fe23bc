"""Draws the buttons of a run: pause and stop while it is active, and what can follow once it has ended."""

import streamlit as st

from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.pages import messages, resources, training
from explorer.pages.clicks import uninterrupted
from explorer.pages.run import twin
from explorer.pages.session import session
from explorer.runs.run import Run
from explorer.runs.snapshot import Snapshot
from explorer.runs.status import ACTIVE, COMPLETED, FAILED, QUEUED


def actions(taken: Snapshot) -> None:
    """Draws the buttons that suit the run's state, for a row."""
    if taken.summary.state in ACTIVE:
        _while_active(taken)
    else:
        _at_rest(taken)


def _while_active(taken: Snapshot) -> None:
    run, request = taken.summary.run, taken.request
    st.button(
        "Pausing…" if request == "pause" else "Pause",
        key="pause",
        icon=":material/pause:",
        disabled=bool(request) or taken.summary.state == QUEUED,
        on_click=_do,
        args=("pause", run),
        help="Saves a checkpoint; Resume continues exactly from it.",
    )
    st.button(
        "Stopping…" if request == "stop" else "Stop",
        key="stop",
        icon=":material/stop:",
        disabled=bool(request),
        on_click=_do,
        args=("stop", run),
        help="Ends the run; the best model so far is kept.",
    )


def _at_rest(taken: Snapshot) -> None:
    run, config, state = taken.summary.run, taken.summary.config, taken.summary.state
    if taken.resumable:
        icon = ":material/play_arrow:"
        st.button("Resume", key="resume", icon=icon, type="primary", on_click=_do, args=("resume", run))
    if state == FAILED and taken.has_checkpoint:
        st.button(
            "Start again",
            key="start_again",
            icon=":material/restart_alt:",
            on_click=_do,
            args=("start_again", run),
            help="Trains from the beginning with the same settings, without the checkpoint.",
        )
    if state == COMPLETED:
        following = config.with_(seed=(config.seed + 1) % 2**31)
        st.button("Train again", key="again", on_click=training.train, args=(config, True))
        st.button("Train with the next seed", key="next_seed", on_click=training.train, args=(following,))
    twin.change_one_thing(run, config)


@uninterrupted
def _do(action: str, run: Run) -> None:
    """Pauses or stops a run, or queues it again for this session; a second click changes nothing."""
    again = {"session": session()} if action in ("resume", "start_again") else {}
    try:
        if again:
            datasets.check_available(run.config.dataset)
        if not again or run.status().status not in ACTIVE:
            getattr(resources.run_queue(), action)(run, **again)
    except ExplorerError as error:
        messages.post(f"{error}.")
