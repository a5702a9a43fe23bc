"""Draws one run, active or ended: its buttons, progress, results and curves, and the most serious finding."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.diagnosis import Finding
from explorer.pages import layout, selection
from explorer.pages.run import actions, boundary, findings, fixes, learning_rate, links, pace, state, twin
from explorer.pages.run.curves import curves
from explorer.pages.run.links import run_name
from explorer.pages.run.progress import bar, numbers
from explorer.pages.text import capitalized, foreign, sentence
from explorer.pages.train import latest_runs
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.snapshot import Snapshot, snapshot
from explorer.runs.status import ACTIVE, FAILED, INTERRUPTED

IDLE_SECONDS = 2


def show(run: Run, listing: Sequence[RunSummary]) -> None:
    """Draws a run; what changes is redrawn twice per second while it is active, less often where many watch.

    All of it is in the part that refreshes, and every drawing is made of one snapshot, so that no two parts ever show
    the run at different moments. `listing` holds all runs as the rest of the page shows them.
    """
    drawn = latest_runs.states(listing, run)
    pace.refreshing("view", _live, run, drawn, active=drawn.active)


def watch(run: Run, listing: Sequence[RunSummary]) -> None:
    """Redraws the page where something has changed about an ended run, which is not redrawn before.

    Called below everything else, since what it draws is empty, but takes the space between two parts.
    """
    drawn = latest_runs.states(listing, run)
    if not drawn.active:
        st.fragment(_watch, run_every=IDLE_SECONDS)(run, drawn, _contents(run))


def _watch(run: Run, drawn: latest_runs.States, contents: tuple) -> None:
    latest_runs.rerun_on_change(drawn, latest_runs.listed(), run)
    if _contents(run) != contents:  # here or in another process
        st.rerun()


def _contents(run: Run) -> tuple:
    """What the drawing of an ended run is made of."""
    taken = snapshot(run)
    return taken.summary.problem or taken, twin.twin_of(run), run_name(run.name)


def trained_next(run: Run, listing: Sequence[RunSummary]) -> TrainingConfig | None:
    """What is likely to be trained after an ended run: the fix that its page suggests first."""
    taken = state.latest(run)
    if taken.summary.state in ACTIVE or not state.measured(taken):
        return None
    return fixes.first_to_train(taken.summary, state.diagnosis(taken), listing)


def _live(run: Run, drawn: latest_runs.States) -> None:
    """The part that changes while a run is active; its buttons redraw only this part."""
    taken, listing = state.take(run), latest_runs.listed()
    latest_runs.rerun_on_change(drawn, listing, run)
    _view(run, taken)


def _view(run: Run, taken: Snapshot) -> None:
    with st.container(key="run_view", gap="xsmall"):
        _headline(taken)
        if taken.summary.problem:
            st.error(f"This run cannot be shown: {sentence(taken.summary.problem)}")
            return
        with layout.place():
            _explanation(taken.summary)
        bar(taken.summary)
        with st.container(key="run_numbers", gap="xsmall"):
            numbers(taken.summary)
        with layout.place():
            _curves(run, taken.summary)
        with layout.place():
            _finding(taken)
        with layout.place():  # below the finding, which has to be on the first screen
            learning_rate.rate_curve(taken.summary.config, taken.summary.records, place="run")
        links.links(taken.summary)


def _headline(taken: Snapshot) -> None:
    summary = taken.summary
    icon, color = latest_runs.BADGES[summary.state]
    with st.container(key="run_head", horizontal=True, vertical_alignment="center", gap="small"):
        st.title(f"{run_name(summary.name)} :{color}-badge[{icon} {summary.state}]", anchor=False, width="stretch")
        if not summary.problem:
            actions.actions(taken)
        layout.projector_switch()


def _explanation(summary: RunSummary) -> None:
    status = summary.status
    if selection.shown_as_trained_before(summary.run):
        st.success("This configuration was already trained; this is the earlier run.", icon=":material/history:")
    if status.status == FAILED:
        st.error(sentence(capitalized(status.reason)))
    elif status.status == INTERRUPTED:
        st.warning(f"Interrupted: {sentence(status.reason)} **Resume** continues from the last finished epoch.")
    parts = [foreign(summary.name)] if not layout.projector() else []
    if status.reason and status.status not in (FAILED, INTERRUPTED):
        parts.append(sentence(capitalized(status.reason)))
    if status.compiled is False:
        parts.append("XLA compilation is unavailable for this network, so training is slower.")
    if parts:
        st.caption(" · ".join(parts))


def _curves(run: Run, summary: RunSummary) -> None:
    before = twin.twin_of(run)
    if before:
        twin.both(before, summary)
    elif boundary.is_of_points(summary):
        _beside_the_plane(run, summary)
    elif summary.records:
        curves(summary, "chart")
    elif summary.state in ACTIVE:
        st.caption("The first point appears after the first epoch.")


def _beside_the_plane(run: Run, summary: RunSummary) -> None:
    """The curves of a run on points in a plane, and its decision boundary beside them."""
    left, right = st.columns([7, 3])
    with left:
        if summary.records:
            curves(summary, "chart")
        else:
            st.caption("The first point appears after the first epoch.")
    with right:
        boundary.draw(run, summary)


def _finding(taken: Snapshot) -> None:
    """The most serious finding, on the first screen."""
    if not state.measured(taken):
        return
    run_findings: list[Finding] = state.diagnosis(taken)
    with st.container(key="run_finding", gap="xsmall"):
        findings.most_serious(run_findings, taken.summary)
