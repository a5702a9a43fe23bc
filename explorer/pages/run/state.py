"""Keeps the latest snapshot of the run that a page shows, from which all its parts are drawn."""

import threading

import streamlit as st
from cachetools import LRUCache, cached

from explorer.diagnosis import Evidence, Finding, diagnose
from explorer.pages.run import pace
from explorer.pages.train.state import suggested_rate
from explorer.runs.run import Run
from explorer.runs.signals_log import KEPT_FILES
from explorer.runs.snapshot import Snapshot, snapshot
from explorer.runs.status import FAILED

_SNAPSHOT = "run_snapshot"


def take(run: Run) -> Snapshot:
    """A new snapshot of a run, kept for the parts that are drawn after it."""
    st.session_state[_SNAPSHOT] = taken = snapshot(run, pace.most_old())
    return taken


def latest(run: Run) -> Snapshot:
    """The snapshot that the part above was drawn from."""
    taken = st.session_state.get(_SNAPSHOT)
    return taken if taken and taken.summary.name == run.name else take(run)


def measured(taken: Snapshot) -> bool:
    """Whether there is anything to diagnose."""
    summary = taken.summary
    return not summary.problem and bool(summary.records or taken.signals or summary.status.status == FAILED)


def diagnosis(taken: Snapshot) -> list[Finding]:
    """The findings of a run, the most serious first."""
    return _diagnosis(taken, suggested_rate(taken.summary.config))


@cached(LRUCache(KEPT_FILES), condition=threading.Condition())  # once for all who watch a run
def _diagnosis(taken: Snapshot, suggested: float | None) -> list[Finding]:
    summary = taken.summary
    return diagnose(Evidence(summary.config, summary.records, taken.signals, summary.status.cause, suggested))
