"""Draws what lies below a run's curves, in tabs: findings, the inside of the network, its model and settings."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import FIELDS
from explorer.pages import messages
from explorer.pages.run import findings, internals, pace, state
from explorer.pages.train import latest_runs, network_card
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE

FINDINGS, INSIDE = "Findings", "Inside the network"


def refreshing(name: str, run: Run, listing: Sequence[RunSummary]) -> None:
    """Draws the findings or the inside, and redraws them as often as the run above."""
    pace.refreshing("details", _drawn, name, run, active=latest_runs.states(listing, run).active)


def _drawn(name: str, run: Run) -> None:
    if messages.redraw_wanted():
        st.rerun()
    _DRAWN[name](run)


def _findings(run: Run) -> None:
    taken = state.latest(run)
    if not state.measured(taken):
        st.caption("Findings appear here after the first epoch.")
        return
    summary = taken.summary
    items, epochs = state.diagnosis(taken), len(summary.records)
    findings.findings(items, summary.config, place="told", epochs=epochs, run=summary)


def _inside(run: Run) -> None:
    taken = state.latest(run)
    internals.inside(run.name, taken.signals, live=taken.summary.state in ACTIVE)


_DRAWN = {FINDINGS: _findings, INSIDE: _inside}


def model(run: Run, listing: Sequence[RunSummary]) -> None:
    """Draws the network of a run."""
    summary = state.latest(run).summary
    if summary.config:
        network_card.card(summary.config, listing)


def settings(run: Run) -> None:
    """Lists all settings of a run that matter to it."""
    config = state.latest(run).summary.config
    if config is None:
        return
    rows = [
        f"| {field.label} | {_text(name, getattr(config, name))} |"
        for name, field in FIELDS.items()
        if field.matters(vars(config))
    ]
    st.markdown("\n".join(["| Setting | Value |", "|---|---|", *rows]))


def _text(name: str, value: object) -> str:
    return FIELDS[name].title(value) if isinstance(value, str) else f"{value:,.6g}"
