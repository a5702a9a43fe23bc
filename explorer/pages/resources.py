"""What all sessions of a server share: the store of runs, the run queue, the task process, data sets."""

import importlib
import threading
from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import Dataset
from explorer.garbage import not_searched
from explorer.runs.store import RunStore
from explorer.sweeps.study import StudyStore
from explorer.workers.initial_signals import StartQuestions
from explorer.workers.run_queue import Engine, settle_orphans
from explorer.workers.task_process import Desk

if TYPE_CHECKING:
    from explorer.evaluation.library import Library


_PREPARED = "prepared"
_SEEN = "seen"


@st.cache_resource
def store() -> RunStore:
    """The run folders, shared by all sessions."""
    runs = RunStore()
    # what is read of thousands of runs stays: looking through it for garbage, now and with every new object, took
    # 0.6 of the 2.9 s that the first drawing of Compare takes with 10,000 of them
    with not_searched():
        settle_orphans(runs)
    return runs


@st.cache_resource
def studies() -> StudyStore:
    """The sweeps below the run folders, shared by all sessions."""
    return StudyStore(store())


@st.cache_resource
def engine() -> Engine:
    """The workers, shared by all sessions; the first call starts them in the background."""
    return Engine()


@st.cache_resource
def desk() -> Desk:
    """The process that answers questions, shared by all sessions; it starts with the first one."""
    return Desk()


@st.cache_resource
def start_questions() -> StartQuestions:
    """What networks do before training, shared by all sessions."""
    return StartQuestions(desk())


@st.cache_resource
def library() -> "Library":
    """The saved models and what they said, shared by all sessions."""
    from explorer.evaluation.library import Library

    return Library(store(), desk())


@st.cache_resource(max_entries=4)
def dataset(name: str) -> Dataset:
    """A data set, read once; raises `DataError` when it is not on this machine."""
    return datasets.load(name)


def page_is_drawn() -> None:
    """Does what the first page must not wait for: starts the workers, and imports what charts need."""
    engine()
    st.session_state[_SEEN] = True
    threading.Thread(target=importlib.import_module, args=("explorer.charts.training_curves",), daemon=True).start()


def engine_problem() -> str:
    """Why the workers could not be started; empty while nothing is wrong."""
    return engine().message if st.session_state.get(_SEEN) else ""


def restart_engine() -> None:
    """Starts the workers anew after they could not be started."""
    engine.clear()
    st.session_state.pop(_PREPARED, None)


def prepare(config: TrainingConfig) -> None:
    """Has the sidebar's network compiled ahead of time, once for each change of it."""
    if st.session_state.get(_PREPARED) != config:
        st.session_state[_PREPARED] = config
        engine().prepare(config)
