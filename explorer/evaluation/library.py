"""The library of saved models: lists their files, evaluates them in the task process, and caches the results.

Results are cached in memory and on disk, below the models folder, under the hash of the model file: a model that was
evaluated before is available at once, and one that has changed is evaluated again.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from explorer.data import datasets
from explorer.errors import ModelError
from explorer.evaluation import model_process
from explorer.evaluation.file_check import opened
from explorer.evaluation.opened_model import Inside
from explorer.evaluation.predictions import TEST, Predictions, Request
from explorer.evaluation.saved_models import SavedModel, saved_models
from explorer.files import append_line, read_bytes
from explorer.runs.run import BEST
from explorer.runs.run_summary import summarize
from explorer.runs.store import RunStore
from explorer.workers.task_process import TaskProcess

KEPT_FOLDER = ".evaluations"
KEPT_IN_MEMORY = 16
KEPT_FAILURES = 1000
# opening and evaluating a model takes about a second
SECONDS = 60.0


class Library:
    """Predictions of saved models, each model and split evaluated once; thread-safe.

    A failure, including a timeout, is cached as well: it is tried again after `ask_anew`, or when other data sets are
    available than before.
    """

    def __init__(self, store: RunStore, task_process: TaskProcess):
        self.store, self._task_process = store, task_process
        self._folder = store.folder / KEPT_FOLDER
        self._lock = threading.Lock()
        self._answers: LRUCache[tuple, Future] = LRUCache(KEPT_IN_MEMORY)
        self._failures: LRUCache[tuple, Future] = LRUCache(KEPT_FAILURES)  # so that none pushes out an answer
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
            answer = self._ask(model_process.predict, request)
            answer.add_done_callback(lambda done: self._keep(done, request))
            return answer

        return self._once((model_hash, request.key), ask)

    def inside(self, request: Request) -> "Future[Inside]":
        """The weights of a model, for display."""
        key = (self.hash(request), "inside", request.dataset)
        return self._once(key, lambda: self._ask(model_process.look_inside, request))

    def probabilities(self, request: Request, image: np.ndarray) -> "Future[np.ndarray]":
        """The class probabilities of one image uint8 `[*image_shape]`: float32 `[1, classes]`."""
        key = (self.hash(request), request.scaling, request.outputs, hashlib.sha256(image.tobytes()).hexdigest())
        return self._once(key, lambda: self._ask(model_process.predict_images, request, image[None]))

    def ask_anew(self, request: Request) -> None:
        """Forgets the failures of a model file, so that the next request tries again."""
        model_hash = self.hash(request)
        with self._lock:
            self._sort_out_failures()
            for key in [key for key in self._failures if key[0] == model_hash]:
                del self._failures[key]

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

    def as_predicted(self, model: SavedModel, request: Request, predictions: Predictions) -> SavedModel | None:
        """The model with the epoch that these predictions are of; None when its run has saved another model since."""
        run = summarize(model.run.run) if model.run and model.path.name == BEST else model.run
        now = replace(model, run=run)
        _ = now.best  # read before the comparison: the file is then known to have been the same all the time
        return now if self.hash(request) == predictions.facts.model_hash else None

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

    def _ask(self, function: Callable, *arguments: Any) -> Future:
        return self._task_process.ask(function, *arguments, seconds=SECONDS, repeatable=True)

    def _once(self, key: tuple, ask) -> Future:
        """The cached or pending future of a key, also of a failure, else a new one."""
        key = (*key, *filter(datasets.available, datasets.DATASETS))
        with self._lock:
            self._sort_out_failures()
            answer = self._answers.get(key) or self._failures.get(key)
            if answer is None or answer.cancelled():
                answer = self._answers[key] = ask()
        return answer

    def _sort_out_failures(self) -> None:
        for key in [key for key, answer in self._answers.items() if _failed(answer)]:
            self._failures[key] = self._answers.pop(key)

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
