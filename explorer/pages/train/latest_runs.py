"""Lists the latest runs as buttons in the sidebar, and tells when one of them starts or ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.errors import RunError
from explorer.fixes.attempts import is_tried_now
from explorer.pages import layout, messages, navigation, resources, selection, settings
from explorer.pages.run.links import run_name
from explorer.pages.text import encodable, foreign, sentence
from explorer.pages.train.run_groups import APART, OWN, latest_by_origin
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE, COMPLETED, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, UNREADABLE

LATEST_RUNS = 8

BADGES = {
    QUEUED: (":material/hourglass_top:", "gray"),
    RUNNING: (":material/play_circle:", "blue"),
    PAUSED: (":material/pause_circle:", "orange"),
    COMPLETED: (":material/check_circle:", "green"),
    STOPPED: (":material/stop_circle:", "orange"),
    FAILED: (":material/error:", "red"),
    INTERRUPTED: (":material/power_off:", "red"),
    UNREADABLE: (":material/help:", "gray"),
}


@dataclass(frozen=True)
class States:
    """Origins, names and states of the listed runs, and the state of the one that is shown, when a page was drawn.

    `trying` if a fix of the run that is shown waits or is in training.
    """

    latest: tuple[tuple[str, str, str], ...]
    open_run: str | None
    trying: bool = False

    @property
    def active(self) -> bool:
        """Whether the run that is shown, or a fix of it, is queued or running."""
        return self.open_run in ACTIVE or self.trying


def listed() -> Sequence[RunSummary] | None:
    """Every run, newest first, to be read once per drawing; None when the models folder cannot be read."""
    try:
        return resources.store().list()
    except RunError:
        return None


def states(listing: Sequence[RunSummary], run: Run | None) -> States:
    """The states in a listing; `run` is the one that the page shows."""
    groups = latest_by_origin(listing, LATEST_RUNS)
    seen = {name: group for name, group in groups.items() if name == OWN or st.session_state.get(_panel(name))}
    latest = tuple((name, summary.name, summary.state) for name, group in seen.items() for summary in group)
    latest += tuple((name, "", "") for name, group in groups.items() if group)
    state = next((s.state for s in listing if run and s.name == run.name), None)
    return States(latest, state, bool(run) and is_tried_now(run, listing))


def rerun_on_change(drawn: States, listing: Sequence[RunSummary] | None, run: Run | None) -> None:
    """Redraws the whole page if a run has started or ended since it was drawn, here or in another process."""
    # a folder that cannot be read is a change as well: the redrawn page shows the error
    if listing is None or states(listing, run) != drawn or messages.redraw_wanted():
        st.rerun()


def watch(drawn: States) -> None:
    """Watches for a run that is started elsewhere, while the page shows none."""
    rerun_on_change(drawn, listed(), None)


def latest(listing: Sequence[RunSummary], current: Run | None) -> None:
    """Draws the buttons, those of runs from elsewhere folded below a person's own, and a link to all runs.

    The run that the page shows is highlighted.
    """
    groups = latest_by_origin(listing, LATEST_RUNS)
    with st.sidebar, st.container(key="latest_runs", gap="xsmall"):
        st.header("Latest runs", anchor=False)
        if not groups[OWN]:
            st.caption("No runs yet. Press Train to start one.")
        _buttons(groups[OWN], current)
        for name, title in APART.items():
            with layout.place():
                if groups[name]:
                    panel = st.expander(title, key=_panel(name), on_change="rerun")
                    if panel.open:
                        with panel:
                            _buttons(groups[name], current)
        if listing:
            navigation.link("compare", "All runs", icon=":material/compare_arrows:")


def _panel(origin: str) -> str:
    return f"latest_{origin}"


def _buttons(summaries: Sequence[RunSummary], current: Run | None) -> None:
    for summary in summaries:
        st.button(
            _label(summary),
            key=f"open_{encodable(summary.name)}",
            icon=BADGES[summary.state][0],
            type="secondary" if current and current.name == summary.name else "tertiary",
            help=sentence(summary.problem) if summary.problem else f"{foreign(summary.name)}: {summary.state}",
            on_click=open_run,
            args=(summary,),
            width="stretch",
        )


def open_run(summary: RunSummary) -> None:
    """Opens a run, and the sidebar follows."""
    selection.open_run(summary.name)
    if summary.config:
        settings.apply_config(summary.config)


def accuracy(summary: RunSummary) -> str:
    """The validation accuracy of a run's best epoch; empty before it has one."""
    return OBJECTIVES["val_accuracy"].text(summary.best.val_accuracy) if summary.best else ""


def _label(summary: RunSummary) -> str:
    # the accuracy of an active run changes with every epoch, and this list does not
    result = summary.state if summary.problem or summary.state in ACTIVE else accuracy(summary)
    return run_name(summary.name) + (f" · {result}" if result else "")
