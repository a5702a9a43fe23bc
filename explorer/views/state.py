"""What the pages remember: the one place that knows `session_state` keys, URL parameters and shared resources."""

import importlib
import threading
import time
from typing import TYPE_CHECKING

import streamlit as st

from explorer import datasets
from explorer.config import FIELDS, TrainingConfig
from explorer.engine import Engine, settle_orphans
from explorer.errors import FieldError, InputError
from explorer.presets import PRESETS
from explorer.runs import ACTIVE, Run, RunStore, RunSummary

if TYPE_CHECKING:
    import pandas as pd

RUN = "run"
_TRAINED_BEFORE = "trained_before"
_PREPARED = "prepared"
_SEEN = "seen"
_MESSAGE = "message"
_COMPARED = "compared"
_ROWS = "leaderboard_rows"
_BINNED = "binned"
_DOWNLOAD = "download_started"


@st.cache_resource
def store() -> RunStore:
    """The run folders, shared by all sessions."""
    runs = RunStore()
    settle_orphans(runs)
    return runs


@st.cache_resource
def engine() -> Engine:
    """The workers, shared by all sessions; the first call starts them in the background."""
    return Engine()


def page_is_drawn() -> None:
    """Does what the first page must not wait for: starts the workers, and imports what charts need."""
    engine()
    st.session_state[_SEEN] = True
    threading.Thread(target=importlib.import_module, args=("explorer.charts",), daemon=True).start()


def engine_problem() -> str:
    """Why the workers could not be started; empty while nothing is wrong."""
    return engine().message if st.session_state.get(_SEEN) else ""


def restart_engine() -> None:
    """Starts the workers anew after they could not be started."""
    engine.clear()
    st.session_state.pop(_PREPARED, None)


def default_dataset() -> str:
    """CIFAR-10 where it is on this machine, else the digits that always are."""
    return "cifar10" if datasets.available("cifar10") else "digits"


def start_field(name: str) -> None:
    """Gives a setting its first value in this session: the URL's where that is allowed, else the default."""
    if name in st.session_state:
        return
    field = FIELDS[name]
    default = default_dataset() if name == "dataset" else field.default
    try:
        set_field(name, field.parse(st.query_params.get(name, str(default))))
    except FieldError:
        set_field(name, default)


def share(config: TrainingConfig) -> None:
    """Puts the settings that differ from the defaults into the URL, so that it can be sent to others."""
    for name, field in FIELDS.items():
        value = getattr(config, name)
        if value == (default_dataset() if name == "dataset" else field.default):
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != f"{value}":
            st.query_params[name] = f"{value}"


def apply_preset(name: str) -> None:
    """Puts a preset's settings into the sidebar; the data set stays as chosen."""
    for field in FIELDS:
        if field != "dataset":
            set_field(field, getattr(PRESETS[name].config, field))


def apply_config(config: TrainingConfig) -> None:
    """Puts all settings of a configuration into the sidebar."""
    for field in FIELDS:
        set_field(field, getattr(config, field))


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; typed numbers are kept as text."""
    st.session_state[name] = f"{value:g}" if FIELDS[name].logarithmic else value
    st.session_state.pop(f"{name}_slider", None)


def open_run(name: str | None, trained_before: bool = False) -> None:
    """Chooses the run that the page shows; the URL carries it, so a reload shows it again."""
    if name:
        st.query_params[RUN] = name
    else:
        st.query_params.pop(RUN, None)
    st.session_state[_TRAINED_BEFORE] = name if trained_before else None


def chosen_run() -> Run | None:
    """The run that the URL names, else the newest one that is active, so that a new page attaches to it."""
    name = st.query_params.get(RUN)
    if name:
        try:
            return store().get(name)
        except InputError as error:
            st.warning(f"{error}.")
            return None
    active = next((summary for summary in store().list() if summary.state in ACTIVE), None)
    return active.run if active else None


def shown_as_trained_before(run: Run) -> bool:
    """Whether the run is shown because Train was pressed for a configuration that had been trained."""
    return st.session_state.get(_TRAINED_BEFORE) == run.name


def tell(message: str) -> None:
    """Keeps a sentence for the next drawing of the page; a callback itself may not draw."""
    st.session_state[_MESSAGE] = message


def told() -> str:
    """The sentence that was kept, once."""
    return st.session_state.pop(_MESSAGE, "")


def prepare(config: TrainingConfig) -> None:
    """Has the sidebar's network compiled ahead of time, once for each change of it."""
    if st.session_state.get(_PREPARED) != config:
        st.session_state[_PREPARED] = config
        engine().prepare(config)


def download_starts() -> None:
    """Remembers that a download was just asked for, until its process is heard of."""
    st.session_state[_DOWNLOAD] = time.time()


def download_started() -> float:
    """When a download was asked for that has not been heard of yet, in seconds since 1970; 0 when there is none."""
    return st.session_state.get(_DOWNLOAD, 0.0)


def download_is_heard_of() -> None:
    """Its own progress tells the rest."""
    st.session_state.pop(_DOWNLOAD, None)


# --- Compare ----------------------------------------------------------------------------------------------


@st.cache_resource
def _latest_table() -> dict:
    return {}


def listed() -> tuple[list[RunSummary], "pd.DataFrame"]:
    """All runs, and the readable ones as one frame that nobody may change, made again only when a run has changed."""
    from explorer.comparison import grouped, run_table

    summaries, kept = store().list(), _latest_table()
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
