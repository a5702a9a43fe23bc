"""The models of a store and what they said: files listed, questions put to the task process, answers kept.

An answer is kept in memory and, below the models folder, on disk, named by the hash of the model's file: a model that
was looked at before is there at once, and one that has changed is asked again.
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
# opening and asking a model takes a second; a file that takes this long is not worth waiting for
SECONDS = 60.0


@dataclass(frozen=True)
class SavedModel:
    """A model file below the models folder.

    `run` is the run in whose folder it lies, with a best epoch if it is that epoch's; `problem` says why it is not
    offered.
    """

    name: str
    path: Path
    run: RunSummary | None = None
    problem: str = ""

    @cached_property
    def best(self) -> EpochRecord | None:
        """The epoch that the file says it is of, else the run's best one; None for a file of no run's best epoch."""
        mark = read_mark(self.path) if self.run and self.path.name == BEST else None
        return mark or (self.run.best if self.run else None)

    @property
    def awaited(self) -> EpochRecord | None:
        """The history's best epoch where the file is of another one, as after a kill between the two."""
        best = self.run.best if self.run else None
        return best if best and self.best and not same_epoch(best, self.best) else None

    @property
    def words(self) -> str:
        """What it is: the epoch of its run and how that was selected, or a file."""
        if self.best is None:
            return "model file"
        words = f"epoch {self.best.epoch}, {RULES['val_loss'].words}"
        return f"{words}; {behind(self.awaited.epoch)}" if self.awaited else words

    def request(self, **wanted: str | int) -> Request:
        """The question about it; data set and scaling are those of the run whose folder it lies in."""
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
    """Says of a model that the history's best epoch is another one."""
    return f"the history's best is epoch {epoch}, whose model was not saved before its process ended; resuming saves it"


def saved_models(store: RunStore) -> list[SavedModel]:
    """Every model of the store, the runs' newest first, then the other files by name; links that lead out are told."""
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
    """The model of a run's name, of a name below the models folder, or of a path.

    Raises `InputError` when there is none, `ModelError` for a link that leads out of the models folder.
    """
    try:
        for path in (store.folder / name, Path(name).absolute()):
            if name and path.is_dir() and _has_best(Run(path)):
                return _offered(_model(store, path / BEST, summarize(Run(path))))
            if name and (path / SAVED_MODEL).exists():
                raise ModelError(_no_file(name))
            if name and path.suffix.lower() in SUFFIXES and (path.exists() or path.is_symlink()):
                own = summarize(Run(path.parent)) if (path.parent / "config.json").exists() else None
                return _offered(_model(store, path, own))
    except OSError as error:  # such as a name that is too long to be one
        raise InputError(f"model: {name!r} is not there ({error.strerror})") from error
    raise InputError(
        f"model: {name!r} is not there; it must be a run with a saved model in {store.folder}, "
        f"or a file that ends in {', '.join(SUFFIXES)}"
    )


def _no_file(name: str) -> str:
    return (
        f"model: {name!r} is a SavedModel folder, which holds a program and not layers; load it with the Keras that "
        "wrote it, and save the model again as .keras"
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
        with suppress(OSError):  # told when it is asked
            check_kind(path, name)
    except ModelError as error:
        return SavedModel(name, path, known, str(error))
    # a file beside a run's best epoch has the run's settings, but is not that epoch
    return SavedModel(name, path, known if of_run or known is None else RunSummary(run.run, run.config, run.status))


def _offered(model: SavedModel) -> SavedModel:
    if model.problem:
        raise ModelError(model.problem)
    return model


class Library:
    """Answers questions about saved models, each model and split once; safe to share between threads.

    That a question failed is an answer too, also where it took too long: it is asked again after `ask_anew`, or when
    other data sets are on this machine than before.
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
        """What a model says about a split; the future raises `ModelError`, `DataError` or `WorkersError`."""
        model_hash = self.hash(request)
        kept = self._folder / f"{model_hash[:24]}-{request.key}.npz"

        def ask() -> Future:
            with suppress(OSError, ValueError):
                found = Predictions.load(kept)
                if found.facts.model_hash == model_hash and found.answers(request):
                    return _done(found)
            answer = self._task_process.ask(model_process.predict, request, seconds=SECONDS)
            answer.add_done_callback(lambda done: self._keep(done, request))
            return answer

        return self._once((model_hash, request.key), ask)

    def inside(self, request: Request) -> "Future[Inside]":
        """The weights of a model, to look at."""
        key = (self.hash(request), "inside", request.dataset)
        return self._once(key, lambda: self._task_process.ask(model_process.look_inside, request, seconds=SECONDS))

    def probabilities(self, request: Request, image: np.ndarray) -> "Future[np.ndarray]":
        """What a model says about one image uint8 `[*image_shape]`: float32 `[1, classes]`."""
        key = (self.hash(request), request.scaling, request.outputs, hashlib.sha256(image.tobytes()).hexdigest())
        return self._once(
            key, lambda: self._task_process.ask(model_process.predict_images, request, image[None], seconds=SECONDS)
        )

    def ask_anew(self, request: Request) -> None:
        """Forgets the failures of a model's file, so that the next question about it is asked again."""
        model_hash = self.hash(request)
        with self._lock:
            for key in [key for key, answer in self._answers.items() if key[0] == model_hash and _failed(answer)]:
                del self._answers[key]

    def hash(self, request: Request) -> str:
        """SHA-256 of a model's file, read again only when the file has changed; raises `ModelError`."""
        path = Path(request.path)
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._hashes.get(path)
            if known is None or known[0] != stamp:
                with opened(path, request.name) as stream:
                    known = stamp, hashlib.file_digest(stream, "sha256").hexdigest()
                self._hashes[path] = known
            return known[1]
        except OSError as error:
            raise ModelError(f"model: {request.name!r} cannot be read ({error.strerror or 'unknown'})") from error

    def look(self, request: Request) -> None:
        """Writes down that a person has asked for a model's answers on the test images."""
        if request.split == TEST:
            with suppress(OSError, ValueError):  # a folder that cannot be written has nothing to count
                self._folder.mkdir(exist_ok=True)
                append_line(self._looks(request), time.strftime("%Y-%m-%d %H:%M:%S"), durable=False)

    def looks(self, request: Request) -> int:
        """How often a model's answers on the test images were asked for."""
        try:
            return read_bytes(self._looks(request)).count(b"\n")
        except (OSError, ValueError):
            return 0

    # --- inside -------------------------------------------------------------------------------------------

    def _looks(self, request: Request) -> Path:
        return self._folder / f"{self.hash(request)[:24]}.test-looks"

    def _once(self, key: tuple, ask) -> Future:
        """The answer of a key that is there or on its way, be it a failure, else a new one."""
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
        found = answer.result()
        with suppress(OSError):  # a folder that cannot be written keeps nothing, and the page goes on
            self._folder.mkdir(exist_ok=True)
            found.save(self._folder / f"{found.facts.model_hash[:24]}-{request.key}.npz")


def _failed(answer: Future) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


def _done(value) -> Future:
    answer: Future = Future()
    answer.set_result(value)
    return answer


def offered(models: Iterable[SavedModel]) -> list[SavedModel]:
    """Those that may be opened."""
    return [model for model in models if not model.problem]
