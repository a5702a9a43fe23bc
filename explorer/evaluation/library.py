"""The library of saved models: lists their files, evaluates them in the task process, and caches the results.

Results are cached in memory and on disk, below the models folder, under the hash of the model file: a model that was
evaluated before is available at once, and one that has changed is evaluated again.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from explorer.data import datasets
from explorer.errors import InputError, ModelError
from explorer.evaluation import model_process
from explorer.evaluation.file_check import SUFFIXES, check_kind, check_place, opened
from explorer.evaluation.model_process import Inside
from explorer.evaluation.predictions import TEST, Predictions, Request
from explorer.files import append_line, read_bytes
from explorer.runs.history import RULES, EpochRecord
from explorer.runs.model_mark import read_mark, same_epoch
from explorer.runs.run import BEST, LOGS, Run, RunSummary, summarize
from explorer.runs.store import RunStore
from explorer.workers.task_process import TaskProcess

KEPT_FOLDER = ".evaluations"
KEPT_IN_MEMORY = 16
SAVED_MODEL = "saved_model.pb"
KEPT_FAILURES = 1000
# opening and evaluating a model takes about a second
SECONDS = 60.0


@dataclass(frozen=True)
class SavedModel:
    """A model file below the models folder.

    `run` is the run in whose folder it lies, with a best epoch only if the model is of that epoch; `problem` says
    why it cannot be opened.
    """

    name: str
    path: Path
    run: RunSummary | None = None
    problem: str = ""

    @cached_property
    def best(self) -> EpochRecord | None:
        """The epoch stored in the file, else the best epoch of its run; None for other files."""
        mark = read_mark(self.path) if self.run and self.path.name == BEST else None
        return mark or (self.run.best if self.run else None)

    @property
    def awaited(self) -> EpochRecord | None:
        """The best epoch of the history if the file is of another one, as after a kill between the two writes."""
        best = self.run.best if self.run else None
        return best if best and self.best and not same_epoch(best, self.best) else None

    @property
    def words(self) -> str:
        """A short description: the epoch of its run and how it was selected, or `model file`."""
        if self.best is None:
            return "model file"
        text = f"epoch {self.best.epoch}, {RULES['val_loss'].words}"
        return f"{text}; {behind(self.awaited.epoch)}" if self.awaited else text

    def request(self, **wanted: str | int) -> Request:
        """A request for its predictions; data set and scaling are those of the run in whose folder it lies."""
        config = self.run.config if self.run else None
        known = {}
        if config:
            known = {
                "dataset": config.dataset,
                "scaling": config.input_scaling,
                "division": config.validation_split,
            }
        return Request(str(self.path), self.name, **{**known, **wanted})


def behind(epoch: int) -> str:
    """Describes a model that is older than the best epoch of its run."""
    return (
        f"the best epoch of the run is {epoch}, but its model was not saved before the process ended; resuming saves it"
    )


def saved_models(store: RunStore) -> list[SavedModel]:
    """Every model of the store: newest runs first, then other files by name, links that point outside included."""
    runs = {summary.name: summary for summary in store.list()}
    models = [_model(store, summary.run.path / BEST, summary) for summary in runs.values() if _has_best(summary.run)]
    for folder, folders, files in os.walk(store.folder):
        place = Path(folder)
        inside = runs.get(place.name) if place.parent == store.folder else None
        if SAVED_MODEL in files:
            models.append(SavedModel(str(place.relative_to(store.folder)), place, None, _no_file(place.name)))
            folders.clear()
            continue
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and not (inside and name == LOGS)]
        models += [
            _model(store, place / name, inside)
            for name in sorted(files)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and not (inside and name == BEST)
        ]
    return models


def find(store: RunStore, name: str) -> SavedModel:
    """Finds a model by the name of its run, its name below the models folder, or its path.

    Raises `InputError` when there is none, `ModelError` for a link that points outside the models folder.
    """
    try:
        for path in (store.folder / name, Path(name).absolute()):
            if name and path.is_dir() and _has_best(Run(path)):
                return _offered(_model(store, path / BEST, summarize(Run(path))))
            if name and (path / SAVED_MODEL).exists():
                raise ModelError(_no_file(name))
            if name and path.suffix.lower() in SUFFIXES and (path.exists() or path.is_symlink()):
                summary = summarize(Run(path.parent)) if (path.parent / "config.json").exists() else None
                return _offered(_model(store, path, summary))
    except OSError as error:  # such as a name that is too long
        raise InputError(f"model: {name!r} cannot be opened ({error.strerror})") from error
    raise InputError(
        f"model: {name!r} does not exist; it must be a run with a saved model in {store.folder}, "
        f"or a file that ends in {', '.join(SUFFIXES)}"
    )


def _no_file(name: str) -> str:
    return (
        f"model: {name!r} is a SavedModel folder, which contains a program, not layers; load it with the Keras version "
        "that wrote it, and save the model as a .keras file"
    )


def _has_best(run: Run) -> bool:
    path = run.path / BEST
    return path.exists() or path.is_symlink()


def _model(store: RunStore, path: Path, run: RunSummary | None) -> SavedModel:
    of_run = run is not None and path.name == BEST
    name = run.name if of_run else str(path.relative_to(store.folder) if path.is_relative_to(store.folder) else path)
    known = run if run is not None and run.config is not None else None
    try:
        check_place(path, store.folder)
        with suppress(OSError):  # reported when it is opened
            check_kind(path, name)
    except ModelError as error:
        return SavedModel(name, path, known, str(error))
    # another file in a run's folder has the run's settings, but is not its best epoch
    return SavedModel(name, path, known if of_run or known is None else RunSummary(run.run, run.config, run.status))


def _offered(model: SavedModel) -> SavedModel:
    if model.problem:
        raise ModelError(model.problem)
    return model


class Library:
    """Predictions of saved models, each model and split evaluated once; thread-safe.

    A failure, including a timeout, is cached as well: it is tried again after `ask_anew`, or when other data sets are
    available than before.
    """

    def __init__(self, store: RunStore, task_process: TaskProcess):
        self.store, self._task_process = store, task_process
        self._folder = store.folder / KEPT_FOLDER
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple, Future] = OrderedDict()
        self._hashes: dict[Path, tuple[tuple, str]] = {}

    def models(self) -> list[SavedModel]:
        """Every model of the store."""
        return saved_models(self.store)

    def predictions(self, request: Request) -> "Future[Predictions]":
        """The predictions of a model on a split; the future raises `ModelError`, `DataError` or `WorkersError`."""
        model_hash = self.hash(request)
        path = self._folder / f"{model_hash[:24]}-{request.key}.npz"

        def ask() -> Future:
            with suppress(OSError, ValueError):
                cached = Predictions.load(path)
                if cached.facts.model_hash == model_hash and cached.answers(request):
                    return _done(cached)
            answer = self._task_process.ask(model_process.predict, request, seconds=SECONDS)
            answer.add_done_callback(lambda done: self._keep(done, request))
            return answer

        return self._once((model_hash, request.key), ask)

    def inside(self, request: Request) -> "Future[Inside]":
        """The weights of a model, for display."""
        key = (self.hash(request), "inside", request.dataset)
        return self._once(key, lambda: self._task_process.ask(model_process.look_inside, request, seconds=SECONDS))

    def probabilities(self, request: Request, image: np.ndarray) -> "Future[np.ndarray]":
        """The class probabilities of one image uint8 `[*image_shape]`: float32 `[1, classes]`."""
        key = (self.hash(request), request.scaling, request.outputs, hashlib.sha256(image.tobytes()).hexdigest())
        return self._once(
            key, lambda: self._task_process.ask(model_process.predict_images, request, image[None], seconds=SECONDS)
        )

    def ask_anew(self, request: Request) -> None:
        """Forgets the failures of a model file, so that the next request tries again."""
        model_hash = self.hash(request)
        with self._lock:
            for key in [key for key, answer in self._answers.items() if key[0] == model_hash and _failed(answer)]:
                del self._answers[key]

    def hash(self, request: Request) -> str:
        """SHA-256 of a model file, computed again only when the file has changed; raises `ModelError`."""
        path = Path(request.path)
        try:
            info = path.stat()
            stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
            known = self._hashes.get(path)
            if known is None or known[0] != stamp:
                with opened(path, request.name) as stream:
                    known = stamp, hashlib.file_digest(stream, "sha256").hexdigest()
                self._hashes[path] = known
            return known[1]
        except OSError as error:
            raise ModelError(f"model: {request.name!r} cannot be read ({error.strerror or 'unknown'})") from error

    def look(self, request: Request) -> None:
        """Records that a person has evaluated a model on the test images."""
        if request.split == TEST:
            with suppress(OSError, ValueError):  # an unwritable folder is not counted
                self._folder.mkdir(exist_ok=True)
                append_line(self._looks(request), time.strftime("%Y-%m-%d %H:%M:%S"), durable=False)

    def looks(self, request: Request) -> int:
        """How often a model was evaluated on the test images."""
        try:
            return read_bytes(self._looks(request)).count(b"\n")
        except (OSError, ValueError):
            return 0

    # --- inside -------------------------------------------------------------------------------------------

    def _looks(self, request: Request) -> Path:
        return self._folder / f"{self.hash(request)[:24]}.test-looks"

    def _once(self, key: tuple, ask) -> Future:
        """The cached or pending future of a key, also of a failure, else a new one."""
        key = (*key, *filter(datasets.available, datasets.DATASETS))
        with self._lock:
            answer = self._answers.get(key)
            if answer is None or answer.cancelled():
                answer = self._answers[key] = ask()
            self._answers.move_to_end(key)
            failures = [key for key, answer in self._answers.items() if _failed(answer)]
            others = [key for key in self._answers if key not in set(failures)]
            for old in failures[:-KEPT_FAILURES] + others[:-KEPT_IN_MEMORY]:
                del self._answers[old]
        return answer

    def _keep(self, answer: Future, request: Request) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        predictions = answer.result()
        with suppress(OSError):  # an unwritable folder only means no cache
            self._folder.mkdir(exist_ok=True)
            predictions.save(self._folder / f"{predictions.facts.model_hash[:24]}-{request.key}.npz")


def _failed(answer: Future) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


def _done(value) -> Future:
    answer: Future = Future()
    answer.set_result(value)
    return answer


def offered(models: Iterable[SavedModel]) -> list[SavedModel]:
    """The models that can be opened."""
    return [model for model in models if not model.problem]
