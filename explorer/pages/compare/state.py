"""State of the Compare page: the selected runs, the rows shown, and the table of all runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.pages import resources
from explorer.runs.run import RunSummary

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COMPARED = "compared"
_ROWS = "leaderboard_rows"
_BINNED = "binned"


@dataclass
class Listing:
    """All runs at one moment, and the readable ones as one frame, which must not be modified."""

    summaries: list[RunSummary]
    table: "pd.DataFrame"
    _sent: "tuple[tuple, pa.Table] | None" = None

    def leaderboard(self, rows: tuple, columns: tuple, make: "Callable[[], pa.Table]") -> "pa.Table":
        """The result of `make` for these rows and columns, cached until other ones are requested."""
        sent = self._sent
        if sent is None or sent[0] != (rows, columns):
            sent = self._sent = (rows, columns), make()
        return sent[1]


@st.cache_resource
def _latest() -> dict[str, Listing]:
    return {}


def listed() -> Listing:
    """The current runs; the same listing as long as no run has changed."""
    from explorer.runs.comparison import grouped, run_table

    summaries, cache = resources.store().list(), _latest()
    latest = cache.get("latest")
    if latest is None or latest.summaries != summaries:
        latest = cache["latest"] = Listing(summaries, grouped(run_table(summaries)))
    return latest


def compared() -> list[str]:
    """The names of the runs selected in the leaderboard."""
    return st.session_state.get(_COMPARED, [])


def compare(names: list[str]) -> None:
    """Stores the names of the runs selected in the leaderboard."""
    st.session_state[_COMPARED] = names


def leaderboard_key(names: tuple[str, ...]) -> str:
    """The leaderboard's key for these rows; other rows get another key, because rows are selected by position."""
    known, version = st.session_state.get(_ROWS, ((), 0))
    if known != names:
        version += 1
        st.session_state[_ROWS] = names, version
    return f"leaderboard_{version}"


def last_binned() -> list[str]:
    """The runs that this session deleted last, which one click restores."""
    return st.session_state.get(_BINNED, [])


def remember_binned(names: list[str]) -> None:
    """Stores the names of the runs that were deleted last."""
    st.session_state[_BINNED] = names
