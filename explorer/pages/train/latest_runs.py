"""The latest runs, as buttons in the sidebar, and how one sees that one of them began or ended."""

import streamlit as st

from explorer.config import OFF
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
    """Names and states of the latest runs: they change when one begins or ends, here or elsewhere."""
    try:
        return tuple((summary.name, summary.state) for summary in resources.store().list()[:LATEST_RUNS])
    except RunError:  # news as well: the whole page says it
        return ()


def latest(shown: Run | None) -> None:
    """Draws the buttons, the run that the page shows set off."""
    summaries = resources.store().list()[:LATEST_RUNS]
    with st.sidebar:
        st.subheader("Latest runs", anchor=False)
        if not summaries:
            st.caption("None yet: press Train.")
        for summary in summaries:
            st.button(
                _label(summary),
                key=f"open_{encodable(summary.name)}",
                icon=BADGES[summary.state][0],
                type="secondary" if shown and shown.name == summary.name else "tertiary",
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
    network = f"{DATASETS[config.dataset].title.split()[0]} {config.activation}{norm} {config.depth}×{config.width}"
    accuracy = f" · {summary.best.val_accuracy:.1%}" if summary.best else ""
    return (foreign(summary.annotation.name) or network) + accuracy
