"""What the pages remember: the one place that knows `session_state` keys, URL parameters and shared resources."""

import importlib
import secrets
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer import datasets
from explorer.config import FIELDS, TrainingConfig
from explorer.datasets import Dataset
from explorer.desk import Desk
from explorer.engine import Engine, settle_orphans
from explorer.errors import ExplorerError, FieldError, InputError
from explorer.evaluation.gallery import ALL, HITS, MISTAKES, Filter
from explorer.evaluation.library import Library
from explorer.evaluation.predictions import Request
from explorer.gallery import CASES, Case
from explorer.gallery import case as gallery_case
from explorer.presets import PRESETS
from explorer.runs import ACTIVE, Run, RunStore, RunSummary
from explorer.signals import EpochSignals
from explorer.start_questions import StartQuestions
from explorer.sweeps.folder import Study, StudyStore

if TYPE_CHECKING:
    import pandas as pd

RUN, TWIN, CASE = "run", "twin", "case"
STUDY, NEW_STUDY = "study", "-"
_TRAINED_BEFORE = "trained_before"
_PREPARED = "prepared"
_SEEN = "seen"
_MESSAGE = "message"
_COMPARED = "compared"
_ROWS = "leaderboard_rows"
_BINNED = "binned"
_REDRAW = "redraw"
_ANSWERS, _CASE_RUNS, _MENDED_RUNS = "answers", "case_runs", "mended_runs"
_SETTINGS = "settings"
_START = "start_signals"
_RANGE = "range_test"
_SESSION = "session"
_DOWNLOAD = "download_started"

# the Evaluate page's widgets, and those of its settings that the URL carries
MODEL, SPLIT, OTHER, TAB = "model", "split", "other", "tab"
CELLS, SOURCE, UPLOAD, CAMERA, SIDE = "cells", "source", "upload", "camera", "side"
ORDER, TRUE, PREDICTED, SEARCH = "gallery_order", "gallery_true", "gallery_predicted", "gallery_search"
CONFUSION = "confusion"
_SHOWN, _LOOKED = "gallery_shown", "looked"
GALLERY_STEP = 24


@st.cache_resource
def store() -> RunStore:
    """The run folders, shared by all sessions."""
    runs = RunStore()
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
def library() -> Library:
    """The saved models and what they said, shared by all sessions."""
    return Library(store(), desk())


@st.cache_resource(max_entries=4)
def dataset(name: str, division: str) -> Dataset:
    """A data set, divided in one of the ways, read once; raises `DataError` when it is not on this machine."""
    return datasets.load(name, division)


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
    if _SETTINGS in st.session_state:  # back from another page, where the sidebar's widgets are forgotten
        default = getattr(st.session_state[_SETTINGS], name)
    try:
        set_field(name, field.parse(st.query_params.get(name, str(default))))
    except FieldError:
        set_field(name, default)


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


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; typed numbers are kept as text."""
    st.session_state[name] = f"{value:g}" if FIELDS[name].logarithmic else value
    st.session_state.pop(f"{name}_slider", None)


def train(config: TrainingConfig, again: bool = False) -> None:
    """Trains a configuration and shows its run; one that was trained to its end before is shown, unless `again`."""
    before = None if again else store().trained_before(config)
    if run := before or _submit(config, again=True):
        open_run(run.name, trained_before=before is not None)


def _submit(config: TrainingConfig, again: bool = False) -> Run | None:
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
            st.warning(f"{error}.")
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
            st.warning(f"{error}.")
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


# --- Before training --------------------------------------------------------------------------------------


def ask_start(config: TrainingConfig) -> "Future[EpochSignals]":
    """The signals of the sidebar's network before training; an earlier question of this session is withdrawn."""
    return start_questions().ask(config, who=_session())


def ask_reference(config: TrainingConfig) -> "Future[EpochSignals]":
    """The same of a network to compare with."""
    return start_questions().ask(config)


def keep_start(config: TrainingConfig, signals: EpochSignals) -> None:
    """Keeps the latest answer, which is shown until the next one is there."""
    st.session_state[_START] = config, signals


def kept_start() -> tuple[TrainingConfig, EpochSignals] | None:
    """The latest answer of this session, with the configuration that it speaks of."""
    return st.session_state.get(_START)


def _session() -> str:
    return st.session_state.setdefault(_SESSION, secrets.token_hex(8))


# --- The range test ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RangeTest:
    """A range test of this session: what it is of, the file it writes, and what it will suggest."""

    start: TrainingConfig
    path: str
    future: Future

    def points(self) -> list:
        """The steps so far."""
        from explorer import questions

        return questions.read_points(self.path)


def start_range_test(config: TrainingConfig) -> None:
    """Starts a range test of the sidebar's network."""
    from explorer import questions

    path = f"{tempfile.mkdtemp(prefix='range-test-')}/points.jsonl"
    future = desk().ask(questions.range_test, config.to_dict(), path, seconds=120)
    st.session_state[_RANGE] = RangeTest(range_start(config), path, future)


def current_range_test() -> RangeTest | None:
    """The latest range test of this session."""
    return st.session_state.get(_RANGE)


def range_start(config: TrainingConfig) -> TrainingConfig:
    """The settings that a range test depends on: it has rates of its own, and ends when the loss explodes."""
    defaults = TrainingConfig()
    free = ("learning_rate", "schedule", "epochs", "patience")
    return config.with_(**{name: getattr(defaults, name) for name in free})


def suggested_rate(config: TrainingConfig) -> float | None:
    """What this session's range test suggested for a configuration, if it was of that."""
    test = current_range_test()
    if test is None or not test.future.done() or test.future.exception() or test.start != range_start(config):
        return None
    return test.future.result().rate


def use_rate(rate: float) -> None:
    """Puts a learning rate into the sidebar."""
    set_field("learning_rate", rate)
    redraw()


# --- The fault gallery ------------------------------------------------------------------------------------


def chosen_case() -> Case | None:
    """The case that the URL names, else the first; None, and it is said, when there is none of that name."""
    try:
        return gallery_case(st.query_params.get(CASE, next(iter(CASES))))
    except FieldError as error:
        st.warning(f"{error}.")
        return None


def open_case(name: str) -> None:
    """Chooses the case that the page shows; the URL carries it, so that it can be sent to others."""
    st.query_params[CASE] = name


def answer(name: str) -> int | None:
    """What was answered to a case in this session, as the answer's index."""
    return st.session_state.get(_ANSWERS, {}).get(name)


def score() -> tuple[int, int]:
    """How many cases were answered right in this session, and how many wrong."""
    given = st.session_state.get(_ANSWERS, {})
    right = sum(CASES[name].right == index for name, index in given.items())
    return right, len(given) - right


def answer_case(case: Case, index: int) -> None:
    """Takes down the answer to a case and trains its network, or finds it where it was trained before."""
    if run := _submit(case.config):
        st.session_state[_ANSWERS] = {**st.session_state.get(_ANSWERS, {}), case.name: index}
        st.session_state[_CASE_RUNS] = {**st.session_state.get(_CASE_RUNS, {}), case.name: run.name}


def mend_case(case: Case) -> None:
    """Trains a case with its one change."""
    if run := _submit(case.mended_config):
        st.session_state[_MENDED_RUNS] = {**st.session_state.get(_MENDED_RUNS, {}), case.name: run.name}
    redraw()


def case_runs(name: str) -> tuple[Run | None, Run | None]:
    """The runs of a case and of its mend in this session; None where there is none, or no longer."""
    return _kept(_CASE_RUNS, name), _kept(_MENDED_RUNS, name)


def _kept(key: str, case: str) -> Run | None:
    try:
        return store().get(st.session_state.get(key, {}).get(case, ""))
    except InputError:
        return None


def take_settings(config: TrainingConfig) -> None:
    """Has the Train page start from a configuration."""
    st.session_state[_SETTINGS] = config
    st.toast("The Train page starts from these settings now.", icon=":material/tune:")


# --- the Evaluate page ------------------------------------------------------------------------------------


def start_choice(key: str, options: Sequence[str]) -> None:
    """Gives a choice its first value in this session: the URL's where it is among the options, else the first one.

    One whose option has gone, such as a run that was deleted, falls back to the first one as well.
    """
    wanted = st.session_state.get(key, st.query_params.get(key))
    st.session_state[key] = wanted if wanted in options else options[0]


def share_choice(key: str, options: Sequence[str]) -> None:
    """Puts a choice that is not the first one into the URL, so that it can be sent to others."""
    if st.session_state[key] != options[0]:
        st.query_params[key] = st.session_state[key]
    else:
        st.query_params.pop(key, None)


def scaling_key(model: str) -> str:
    """The key of the widget that asks what happens to a model's pixels: every model has its own answer."""
    return f"scaling_{model}"


def chosen_scaling(model: str) -> str | None:
    """What was answered there; None before anybody did."""
    return st.session_state.get(scaling_key(model))


def look(request: Request) -> int:
    """Counts a look at a model's test images, once a session, and returns how many there were."""
    looked = st.session_state.setdefault(_LOOKED, set())
    seen = library().hash(request)
    if seen not in looked:
        looked.add(seen)
        library().look(request)
    return library().looks(request)


def cell_is_chosen(names: tuple[str, ...]) -> None:
    """Filters the gallery by the cell of the confusion matrix that was clicked; clicking beside it shows all again."""
    cells = st.session_state[CONFUSION].selection.get("cell") or [{}]
    true, predicted = cells[0].get("true"), cells[0].get("predicted")
    st.session_state[TRUE] = true if true in names else None
    st.session_state[PREDICTED] = predicted if predicted in names else None
    st.session_state[ORDER] = HITS if true and true == predicted else MISTAKES
    st.session_state[SEARCH] = ""
    filter_has_changed()


def gallery_filter(names: tuple[str, ...]) -> Filter:
    """What the gallery's widgets ask for."""
    kept = st.session_state
    true, predicted = (names.index(kept[key]) if kept.get(key) in names else None for key in (TRUE, PREDICTED))
    order = kept.get(ORDER) or (ALL if kept.get(SEARCH) else MISTAKES)
    return Filter(order, true, predicted, kept.get(SEARCH) or "")


def gallery_shown() -> int:
    """How many images the gallery shows at most."""
    return st.session_state.get(_SHOWN, GALLERY_STEP)


def show_more() -> None:
    """Has the gallery show more images."""
    st.session_state[_SHOWN] = gallery_shown() + GALLERY_STEP


def filter_has_changed() -> None:
    """The gallery starts from its first images again."""
    st.session_state.pop(_SHOWN, None)
