"""The model files of a run store: which there are, of which run and epoch each is, and whether it can be opened."""

import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from explorer.errors import InputError, ModelError
from explorer.evaluation.file_check import SUFFIXES, check_kind, check_place
from explorer.evaluation.predictions import Request
from explorer.runs.history import RULES, EpochRecord
from explorer.runs.model_mark import read_mark, same_epoch
from explorer.runs.run import BEST, LOGS, Run
from explorer.runs.run_summary import RunSummary, summarize
from explorer.runs.status import ACTIVE
from explorer.runs.store import RunStore

SAVED_MODEL = "saved_model.pb"


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
        """The best epoch of the history if the file is of another one, as after a kill between the two writes.

        None while the run is active: its next model is about to be written.
        """
        best = self.run.best if self.run and self.run.state not in ACTIVE else None
        return best if best and self.best and not same_epoch(best, self.best) else None

    @property
    def description(self) -> str:
        """A short description: the epoch of its run and how it was selected, or `model file`."""
        if self.best is None:
            return "model file"
        text = f"epoch {self.best.epoch}, {RULES['val_loss'].criterion}"
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


def best_first(models: Iterable[SavedModel], dataset: str) -> list[SavedModel]:
    """The models of a data set, the lowest validation loss first, then those of others, then other model files."""

    def rank(model: SavedModel) -> tuple:
        known = model.request().dataset
        loss = model.best.val_loss if model.best else math.inf
        return model.best is None, known != dataset, known, loss

    return sorted(models, key=rank)


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


def offered(models: Iterable[SavedModel]) -> list[SavedModel]:
    """The models that can be opened."""
    return [model for model in models if not model.problem]
