"""State of the Compare page: the selected runs, the rows shown, and the table of all runs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.pages import address, ignored, resources
from explorer.runs.run_summary import RunSummary

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COMPARED = "compared"
_ROWS = "leaderboard_rows"
_BINNED = "binned"
RUNS, VIEW, DATA = "runs", "view", "data"  # in the address
DATASET = "compare_dataset"


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
    from explorer.runs.comparison import grouped
    from explorer.runs.run_table import run_table

    summaries, cache = resources.store().list(), _latest()
    latest = cache.get("latest")
    if latest is None or latest.summaries != summaries:
        latest = cache["latest"] = Listing(summaries, grouped(run_table(summaries, resources.store().names())))
    return latest


def compared() -> list[str]:
    """The names of the runs selected in the leaderboard."""
    return st.session_state.get(_COMPARED, [])


def compare(names: list[str]) -> None:
    """Stores the names of the runs selected in the leaderboard, and puts them into the URL."""
    st.session_state[_COMPARED] = names
    try:
        "".join(names).encode()
    except UnicodeEncodeError:  # a folder's name that is no text, which no URL can hold
        return
    address.write(RUNS, names)


def read_address(table: "pd.DataFrame") -> None:
    """Selects the data set and the runs of a link; what is unknown is noted."""
    names = set(table["dataset"].unique())
    for name in address.arrived(DATA) or []:
        if name in names:
            st.session_state[DATASET] = name
        else:
            ignored.note(name, "no runs use this data set")
    wanted = address.arrived(RUNS)
    if wanted is None:
        return
    datasets = dict(zip(table["run"], table["dataset"], strict=True))
    known = [name for name in wanted if name in datasets]
    for name in wanted:
        if name not in datasets:
            ignored.note(name, ignored.NO_RUN)
        elif datasets[name] != datasets[known[0]]:
            ignored.note(name, "on another data set")
    if known:
        st.session_state[DATASET] = datasets[known[0]]
    st.session_state[_COMPARED] = [name for name in known if datasets[name] == datasets[known[0]]]
    _, version = st.session_state.get(_ROWS, ((), 0))
    st.session_state[_ROWS] = (), version  # another key, so that these rows are selected


def check(key: str, options: Iterable[str]) -> None:
    """Notes what a link wants of a widget that has no such option; to be called before that is drawn."""
    if key in st.session_state and not address.went_back():
        return
    known = set(options)
    for value in st.query_params.get_all(key):
        if value not in known:
            ignored.note(value, ignored.NO_CHOICE)


def keep(key: str, options: Sequence[object]) -> None:
    """Sets a widget's value again, so that the address says it also after the value that is there at first has moved.

    To be called before the widget is drawn; a value that is no longer an option is not set.
    """
    if st.session_state.get(key) in options:
        st.session_state[key] = st.session_state[key]


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
