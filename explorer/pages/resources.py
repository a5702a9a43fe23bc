"""Resources that all sessions of a server share: the run store, the run queue, the task process, the data sets."""

import importlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import Dataset
from explorer.runs.store import RunStore
from explorer.sweeps.study import StudyStore
from explorer.workers.initial_signals import InitialSignals
from explorer.workers.limits import Limits
from explorer.workers.run_control import settle_orphans
from explorer.workers.run_queue import RunQueue
from explorer.workers.task_process import TaskProcess

if TYPE_CHECKING:
    from explorer.evaluation.library import Library


_PREPARED = "prepared"
_SEEN = "seen"


@st.cache_resource
def store() -> RunStore:
    """The run store, shared by all sessions."""
    runs = RunStore()
    settle_orphans(runs)
    return runs


@st.cache_resource
def studies() -> StudyStore:
    """The study store, shared by all sessions."""
    return StudyStore(store())


def limits() -> Limits:
    """The limits of this server, for all sessions."""
    return Limits.from_environment()


@st.cache_resource
def run_queue() -> RunQueue:
    """The run queue, shared by all sessions; the first call starts its workers in the background."""
    return RunQueue(limits=limits())


@st.cache_resource
def task_process() -> TaskProcess:
    """The task process, shared by all sessions; it starts with the first task."""
    return TaskProcess()


@st.cache_resource
def initial_signals() -> InitialSignals:
    """Layer statistics of untrained networks, shared by all sessions."""
    return InitialSignals(task_process())


@st.cache_resource
def library() -> "Library":
    """The saved models and their predictions, shared by all sessions."""
    from explorer.evaluation.library import Library

    return Library(store(), task_process())


@st.cache_resource(max_entries=4)
def dataset(name: str) -> Dataset:
    """A data set, read once; raises `DataError` if it is not on this machine."""
    return datasets.load(name)


def page_is_drawn() -> None:
    """Starts the workers and imports the chart libraries, which the first page must not wait for."""
    run_queue()
    st.session_state[_SEEN] = True
    threading.Thread(target=importlib.import_module, args=("explorer.charts.training_curves",), daemon=True).start()


def page_was_drawn() -> bool:
    """Whether this session has drawn a page before."""
    return st.session_state.get(_SEEN, False)


def run_queue_problem() -> str:
    """Why the workers could not be started; empty if there is no problem."""
    return run_queue().message if page_was_drawn() else ""


def restart_run_queue() -> None:
    """Starts the workers again after they could not be started."""
    run_queue().try_again()
    st.session_state.pop(_PREPARED, None)


def prepare(configs: Sequence[TrainingConfig]) -> None:
    """Compiles what may be trained next ahead of time, the likeliest first, once per change."""
    if configs and st.session_state.get(_PREPARED) != configs:
        st.session_state[_PREPARED] = configs
        run_queue().prepare(configs)
