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
from explorer.workers.initial_signals import InitialSignals
from explorer.workers.run_queue import RunQueue, settle_orphans
from explorer.workers.task_process import TaskProcess

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
def run_queue() -> RunQueue:
    """The workers, shared by all sessions; the first call starts them in the background."""
    return RunQueue()


@st.cache_resource
def task_process() -> TaskProcess:
    """The process that answers questions, shared by all sessions; it starts with the first one."""
    return TaskProcess()


@st.cache_resource
def initial_signals() -> InitialSignals:
    """What networks do before training, shared by all sessions."""
    return InitialSignals(task_process())


@st.cache_resource
def library() -> "Library":
    """The saved models and what they said, shared by all sessions."""
    from explorer.evaluation.library import Library

    return Library(store(), task_process())


@st.cache_resource(max_entries=4)
def dataset(name: str) -> Dataset:
    """A data set, read once; raises `DataError` when it is not on this machine."""
    return datasets.load(name)


def page_is_drawn() -> None:
    """Does what the first page must not wait for: starts the workers, and imports what charts need."""
    run_queue()
    st.session_state[_SEEN] = True
    threading.Thread(target=importlib.import_module, args=("explorer.charts.training_curves",), daemon=True).start()


def run_queue_problem() -> str:
    """Why the workers could not be started; empty while nothing is wrong."""
    return run_queue().message if st.session_state.get(_SEEN) else ""


def restart_run_queue() -> None:
    """Starts the workers anew after they could not be started."""
    run_queue.clear()
    st.session_state.pop(_PREPARED, None)


def prepare(config: TrainingConfig) -> None:
    """Has the sidebar's network compiled ahead of time, once for each change of it."""
    if st.session_state.get(_PREPARED) != config:
        st.session_state[_PREPARED] = config
        run_queue().prepare(config)
