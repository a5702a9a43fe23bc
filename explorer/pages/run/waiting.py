"""Says how long the queue is, where a run stands in it, and when it is expected to start."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.pages import resources
from explorer.plain_text import count
from explorer.runs import cost_estimate
from explorer.runs.progress import duration
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary


def waiting_text(summary: RunSummary) -> str:
    """The position of a queued run in words, and the expected wait."""
    queue = resources.run_queue()
    starting = " (workers are starting)" if queue.state == "starting" else ""
    position = queue.position(summary.run)
    if position is None:
        return f"Queued{starting}"
    seconds = queue.expected_wait(summary.run, _seconds_left(resources.store().list()))
    length = f" of {queue.length}" if seconds is not None else ""
    wait = f" · starts in at most about {duration(seconds)}" if seconds and not starting else ""
    return f"Queued: position {position}{length}{starting}{wait}"


def queue_note() -> str:
    """The length of the queue and the limits of this server, in a sentence each; empty if there is nothing to say."""
    queue = resources.run_queue()
    limits, parts = queue.limits, []
    if queue.length:
        parts.append(f"{count(queue.length, 'run is', 'runs are')} waiting.")
    per_run = [f"{limits.epochs:,} epochs"] if limits.epochs else []
    per_run += [f"{limits.minutes:g} minutes of training"] if limits.minutes else []
    if per_run:
        parts.append(f"On this server, a run is limited to {' and '.join(per_run)}.")
    if limits.runs:
        parts.append(f"You can have {count(limits.runs, 'run')} in the queue at once.")
    return " ".join(parts)


def _seconds_left(listing: Sequence[RunSummary]) -> Callable[[Run], float]:
    """A function that estimates the seconds of training a run has left: its epochs left, at most, by their time."""
    summaries = {summary.name: summary for summary in listing}

    def seconds_left(run: Run) -> float:
        summary = summaries.get(run.name)
        if summary is None or summary.config is None:
            return 0.0
        measured = summary.outline.epoch_seconds if summary.outline.epochs else None
        return (summary.config.epochs - summary.outline.epochs) * (measured or _predicted(summary.config))

    return seconds_left


@st.cache_data(ttl=60, show_spinner=False, max_entries=1000)
def _predicted(config: TrainingConfig) -> float:
    return cost_estimate.predicted_seconds(config, resources.store().list())[0]
