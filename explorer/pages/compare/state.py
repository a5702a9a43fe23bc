"""What the Compare page remembers: which runs are chosen, which rows are shown, and the table of all runs."""

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
    """All runs at one moment, and the readable ones as one frame that nobody may change."""

    summaries: list[RunSummary]
    table: "pd.DataFrame"
    _sent: "tuple[tuple, pa.Table] | None" = None

    def leaderboard(self, rows: tuple, columns: tuple, make: "Callable[[], pa.Table]") -> "pa.Table":
        """What `make` makes of these runs and columns, kept as it is sent until others are asked for.

        Of ten thousand runs it takes a tenth of a second to make.
        """
        sent = self._sent
        if sent is None or sent[0] != (rows, columns):
            sent = self._sent = (rows, columns), make()
        return sent[1]


@st.cache_resource
def _latest() -> dict[str, Listing]:
    return {}


def listed() -> Listing:
    """The runs as they are now; the same listing while no run has changed."""
    from explorer.runs.comparison import grouped, run_table

    summaries, kept = resources.store().list(), _latest()
    latest = kept.get("latest")
    if latest is None or latest.summaries != summaries:
        latest = kept["latest"] = Listing(summaries, grouped(run_table(summaries)))
    return latest


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
