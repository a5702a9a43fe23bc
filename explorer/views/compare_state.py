"""What the Compare page remembers: which runs are chosen, which rows are shown, and the table of all runs."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.runs import RunSummary
from explorer.views import state

if TYPE_CHECKING:
    import pandas as pd

_COMPARED = "compared"
_ROWS = "leaderboard_rows"
_BINNED = "binned"


@st.cache_resource
def _latest_table() -> dict:
    return {}


def listed() -> tuple[list[RunSummary], "pd.DataFrame"]:
    """All runs, and the readable ones as one frame that nobody may change, made again only when a run has changed."""
    from explorer.comparison import grouped, run_table

    summaries, kept = state.store().list(), _latest_table()
    before = kept.get("summaries", ())
    same = len(before) == len(summaries) and all(a is b or a == b for a, b in zip(before, summaries, strict=True))
    if not same or "table" not in kept:
        kept["table"] = grouped(run_table(summaries))
    kept["summaries"] = summaries
    return summaries, kept["table"]


def compared() -> list[str]:
    """The names of the runs chosen in the leaderboard."""
    return st.session_state.get(_COMPARED, [])


def compare(names: list[str]) -> None:
    """Remembers which runs are chosen in the leaderboard."""
    st.session_state[_COMPARED] = names


def leaderboard_key(names: tuple[str, ...]) -> str:
    """The leaderboard's key while it has these rows: rows are chosen by place, so that other rows are another table."""
    known, version = st.session_state.get(_ROWS, ((), 0))
    if known != names:
        version += 1
        st.session_state[_ROWS] = names, version
    return f"leaderboard_{version}"


def last_binned() -> list[str]:
    """The runs that this session has deleted last, to be had back with one click."""
    return st.session_state.get(_BINNED, [])


def remember_binned(names: list[str]) -> None:
    """Keeps which runs were deleted last."""
    st.session_state[_BINNED] = names
