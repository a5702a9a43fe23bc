"""What all pages share: settings, the chosen run, the URL, resources; what one page remembers is in its `…_state`."""

import importlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import FIELDS, TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import Dataset
from explorer.errors import ExplorerError, FieldError, InputError
from explorer.garbage import not_searched
from explorer.pages.text import sentence
from explorer.presets import PRESETS
from explorer.runs.run import ACTIVE, Run
from explorer.runs.store import RunStore
from explorer.sweeps.study import Study, StudyStore
from explorer.workers.initial_signals import StartQuestions
from explorer.workers.run_queue import Engine, settle_orphans
from explorer.workers.task_process import Desk

if TYPE_CHECKING:
    from explorer.evaluation.library import Library

RUN, TWIN = "run", "twin"
STUDY, NEW_STUDY = "study", "-"
_TRAINED_BEFORE = "trained_before"
_PREPARED = "prepared"
_SEEN = "seen"
_MESSAGE = "message"
_REDRAW = "redraw"
_SETTINGS = "settings"
_DOWNLOAD = "download_started"


@dataclass(frozen=True)
class AskedDownload:
    """A process that was asked for a download, and when by the monotonic clock."""

    pid: int
    since: float


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


def default_dataset() -> str:
    """CIFAR-10 where it is on this machine, else the digits that always are."""
    return "cifar10" if datasets.available("cifar10") else "digits"


def start_field(name: str) -> None:
    """Gives a setting its first value in this session: the URL's where that is allowed, else the default."""
    if name in st.session_state:
        return
    field = FIELDS[name]
    default = default_dataset() if name == "dataset" else field.default
    if _SETTINGS in st.session_state:  # back from another page, where the sidebar's widgets are forgotten
        default = getattr(st.session_state[_SETTINGS], name)
    try:
        set_field(name, field.parse(st.query_params.get(name, str(default))))
    except FieldError:
        set_field(name, default)


def keep_field(name: str) -> None:
    """Keeps a setting whose widget is not drawn: what Streamlit holds for a widget goes when that does."""
    st.session_state[name] = st.session_state[name]


def share(config: TrainingConfig) -> None:
    """Puts the settings that differ from the defaults into the URL, so that it can be sent to others."""
    st.session_state[_SETTINGS] = config
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


def take_settings(config: TrainingConfig) -> None:
    """Has the Train page start from a configuration."""
    apply_config(config)
    st.toast("The Train page starts from these settings now.", icon=":material/tune:")


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; typed numbers are kept as text."""
    st.session_state[name] = f"{value:g}" if FIELDS[name].logarithmic else value
    st.session_state.pop(f"{name}_slider", None)


def train(config: TrainingConfig, again: bool = False) -> None:
    """Trains a configuration and shows its run; one that was trained to its end before is shown, unless `again`."""
    before = None if again else store().trained_before(config)
    if run := before or submit(config, again=True):
        open_run(run.name, trained_before=before is not None)


def submit(config: TrainingConfig, again: bool = False) -> Run | None:
    """A run of a configuration, made and queued unless there is one; None when that failed, which is told."""
    try:
        run = None if again else store().trained_before(config)
        if run is None:
            run = store().create(config)
            engine().submit(run)
        return run
    except ExplorerError as error:
        tell(f"{error}.")
        return None


def train_twin(run: Run, config: TrainingConfig) -> None:
    """Trains a run's twin, or finds it where it was trained before, and shows both."""
    train(config)
    if st.query_params.get(RUN) != run.name:
        st.query_params[TWIN] = run.name
    redraw()


def chosen_twin() -> str | None:
    """The name of the run that the shown one is compared with, as the URL has it."""
    return st.query_params.get(TWIN)


def try_change(config: TrainingConfig) -> None:
    """Puts a configuration into the sidebar on a click from within a part that is redrawn alone."""
    apply_config(config)
    st.toast("It is in the settings on the left. Press **Train** to try it.", icon=":material/tune:")
    redraw()


def redraw() -> None:
    """Has the whole page drawn anew: a click within a fragment redraws that alone."""
    st.session_state[_REDRAW] = True


def redraw_wanted() -> bool:
    """Whether a click asked for the whole page; once."""
    return st.session_state.pop(_REDRAW, False)


def keep_at_end(key: str, end: int) -> None:
    """Moves a slider that stood at its end to the new end, and leaves one that was put elsewhere where it is."""
    known = f"{key}_end"
    if st.session_state.get(key) in (None, st.session_state.get(known)):
        st.session_state[key] = end
    st.session_state[known] = end
    st.session_state[key] = min(st.session_state[key], end)


def open_run(name: str | None, trained_before: bool = False) -> None:
    """Chooses the run that the page shows; the URL carries it, so a reload shows it again."""
    st.query_params.pop(TWIN, None)
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
            st.warning(sentence(error))
            return None
    active = next((summary for summary in store().list() if summary.state in ACTIVE), None)
    return active.run if active else None


def open_study(name: str | None) -> None:
    """Chooses the sweep that the page shows, or none to make one; the URL carries it."""
    if name:
        st.query_params[STUDY] = name
    else:
        st.query_params[STUDY] = NEW_STUDY


def chosen_study() -> Study | None:
    """The sweep that the URL names, else the newest; None to make one."""
    name = st.query_params.get(STUDY)
    if name == NEW_STUDY:
        return None
    if name:
        try:
            return studies().get(name)
        except InputError as error:
            st.warning(sentence(error))
    found = studies().list()
    return found[0] if found else None


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


def download_starts(pid: int) -> None:
    """Remembers the process that was just asked for a download, until it is heard of."""
    st.session_state[_DOWNLOAD] = AskedDownload(pid, time.monotonic())


def asked_download() -> AskedDownload | None:
    """The process that was asked for a download and has not been heard of yet."""
    return st.session_state.get(_DOWNLOAD)


def download_is_heard_of() -> None:
    """Its own progress tells the rest."""
    st.session_state.pop(_DOWNLOAD, None)
