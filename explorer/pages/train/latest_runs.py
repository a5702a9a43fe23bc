"""Lists the latest runs as buttons in the sidebar, and tells when one of them starts or ends."""

import streamlit as st

from explorer.config import FIELDS, OFF
from explorer.data.datasets import DATASETS
from explorer.errors import RunError
from explorer.pages import resources, selection
from explorer.pages.text import encodable, foreign, sentence
from explorer.runs.run import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STOPPED,
    UNREADABLE,
    Run,
    RunSummary,
)

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


def states() -> tuple:
    """Names and states of the latest runs, which change when a run starts or ends, in this process or another."""
    try:
        return tuple((summary.name, summary.state) for summary in resources.store().list()[:LATEST_RUNS])
    except RunError:  # a change as well: the redrawn page shows the error
        return ()


def latest(current: Run | None) -> None:
    """Draws the buttons; the run that the page shows is highlighted."""
    summaries = resources.store().list()[:LATEST_RUNS]
    with st.sidebar:
        st.subheader("Latest runs", anchor=False)
        if not summaries:
            st.caption("No runs yet. Press Train to start one.")
        for summary in summaries:
            st.button(
                _label(summary),
                key=f"open_{encodable(summary.name)}",
                icon=BADGES[summary.state][0],
                type="secondary" if current and current.name == summary.name else "tertiary",
                help=sentence(summary.problem) if summary.problem else f"{foreign(summary.name)}: {summary.state}",
                on_click=selection.open_run,
                args=(summary.name,),
                width="stretch",
            )


def _label(summary: RunSummary) -> str:
    if summary.config is None:
        return f"{foreign(summary.name, 24)} · unreadable"
    config = summary.config
    norm = "" if config.batch_norm == OFF else "+BN"
    activation = FIELDS["activation"].title(config.activation)
    network = f"{DATASETS[config.dataset].title.split()[0]} {activation}{norm} {config.depth}×{config.width}"
    accuracy = f" · {summary.best.val_accuracy:.1%}" if summary.best else ""
    return (foreign(summary.annotation.name) or network) + accuracy
