"""Run folders: the only record of a run, and the only channel between the process that trains it and its readers."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from explorer import records
from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.data.own import registry
from explorer.data.own.description import from_json
from explorer.errors import ExplorerError, GoneError, RunError
from explorer.files import MOST_BYTES, append_line, read_bytes, remove_temporary
from explorer.records import Count, Name
from explorer.runs import correct_images, decision_boundary, history, notes, signals_log
from explorer.runs.cause import Cause
from explorer.runs.correct_images import CORRECT
from explorer.runs.decision_boundary import BOUNDARY
from explorer.runs.history import EpochRecord, Outline
from explorer.runs.notes import Annotation
from explorer.runs.signals import EpochSignals
from explorer.runs.status import RunStatus
from explorer.work_folder import PAUSE, STATUS, STOP, WorkFolder

CONFIG, HISTORY = "config.json", "history.jsonl"
DATASET = "dataset.json"  # the description of a data set that a person has added
SIGNALS = "signals.jsonl"
BEST, CHECKPOINT, LOGS = "best.keras", "checkpoint.npz", "logs"
TRIAL = "trial.json"
MOST_HISTORY = 1 << 25  # ten thousand epochs, the most that a run can have, take two megabytes
MARKED = ".best.marked.keras"  # the model file while it is being written; a leftover when no process trains the run


class _Trial(TypedDict, total=False):
    study: Name
    trial: Count
    seed: Count
    winner: Count


class Run(WorkFolder):
    """One run folder."""

    kind = "run"
    requests = (STOP, PAUSE)

    def __init__(self, path: Path | str):
        self._given = path
        self._folder: int | None = None

    @cached_property
    def path(self) -> Path:
        """The run folder; a property, as creating a Path for each of thousands of runs is a quarter of listing them."""
        return Path(self._given)

    @cached_property
    def name(self) -> str:
        """The folder's name, unique in its store."""
        name = os.path.basename(self._given)  # noqa: PTH119
        # a name that is not valid UTF-8 cannot be sent to a browser
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")

    @cached_property
    def config(self) -> TrainingConfig:
        """The configuration; raises `RunError` when it cannot be read."""
        try:
            values = records.from_json(self._read(CONFIG), dict[str, Any])
            values.pop("versions", None)
            self._learn_dataset(values.get("dataset"))
            return TrainingConfig.from_dict(values)
        except (OSError, ValueError, ExplorerError) as error:
            raise self._unreadable(CONFIG, error) from error

    def _learn_dataset(self, name: Any) -> None:
        """Makes the run's data set known where it is not, from the description in the run's folder."""
        if isinstance(name, str) and name not in DATASETS:
            with suppress(OSError, ValueError):
                registry.learn(from_json(self._read(DATASET)))

    def status(self) -> RunStatus:
        """The current status; raises `RunError` when it cannot be read."""
        return self.seen_now(self.written_status())

    def seen_now(self, status: RunStatus) -> RunStatus:
        """The current form of a status that was read before; raises `RunError` when it cannot be read again."""
        while True:
            current = status.seen_now(self.held)
            if current is status:
                return status
            again = self.written_status()  # the run may have finished after its status was read and before its lock was
            if again == status:
                return current
            status = again

    def held(self) -> bool | None:
        """Whether another process holds the run's lock; None when unknown, as for a run that was never held."""
        return super().held() if self._folder is None else None  # this object holds the lock itself

    def written_status(self) -> RunStatus:
        """The status as it was last written, whether or not its process is alive; raises `RunError`."""
        try:
            return RunStatus.from_json(self._read(STATUS))
        except (OSError, ValueError) as error:
            raise self._unreadable(STATUS, error) from error

    def _read(self, name: str, most: int = MOST_BYTES) -> bytes:
        return read_bytes(f"{self._given}/{name}", most)

    def update(self, **changes: Any) -> RunStatus:
        """Writes the status with some fields changed; raises `RunError`, or `OSError` when it cannot be written."""
        self.check_there()
        status = replace(self.written_status(), **changes)
        self._write_status(status.to_dict(), durable=changes.get("status") is not None)
        return status

    def end(self, status: str, reason: str, cause: Cause | None = None) -> RunStatus:
        """Writes that the run is no longer active, and why: `reason` for people, `cause` for all logic."""
        return self.update(status=status, reason=reason, cause=cause, ended=time.time(), phase="", process=None)

    def history(self) -> list[EpochRecord]:
        """Every finished epoch, without a line that is being written; raises `RunError` for a damaged line."""
        return self._history(history.read)

    def outline(self) -> Outline:
        """The outline of the history, several times as fast as reading all of it; raises `RunError`."""
        return self._history(history.read_outline)

    def _history(self, read: Callable[[bytes], Any]) -> Any:
        try:
            return read(self._read(HISTORY, MOST_HISTORY))
        except FileNotFoundError:
            return read(b"")
        except (OSError, ValueError) as error:
            raise self._unreadable(HISTORY, error) from error

    def annotation(self) -> Annotation:
        """The run's own name, tags and note."""
        return notes.read(self.path)

    def annotate(self, annotation: Annotation) -> None:
        """Sets the run's own name, tags and note."""
        notes.write(self.path, annotation)

    def append(self, record: EpochRecord) -> None:
        """Adds one epoch; it is on disk when this returns."""
        self.check_there()
        append_line(self.path / HISTORY, record.to_json())

    def signals(self) -> list[EpochSignals]:
        """The layer statistics of each epoch, from epoch 0; cheap to call again.

        Empty for a run of an older version; a damaged epoch is left out.
        """
        return signals_log.read(self.path / SIGNALS)

    def append_signals(self, signals: EpochSignals) -> None:
        """Adds the signals of one epoch; they are on disk when this returns."""
        self.check_there()
        signals_log.append(self.path / SIGNALS, signals)

    def append_correct(self, epoch: int, correct: np.ndarray) -> None:
        """Adds which validation images are classified correctly after an epoch, bool `[N]`."""
        self.check_there()
        correct_images.append(self.path / CORRECT, epoch, correct)

    def correct(self, epoch: int) -> np.ndarray | None:
        """Which validation images were classified correctly after an epoch, bool `[N]`; None where that is unknown."""
        images = DATASETS[self.config.dataset].counts(self.config.validation_split)[1]
        return correct_images.read(self.path / CORRECT, epoch, images)

    def append_boundary(self, epoch: int, probabilities: np.ndarray) -> None:
        """Adds the decision boundary of one epoch: the probability of the second class on the grid, float `[SIDE²]`."""
        self.check_there()
        decision_boundary.append(self.path / BOUNDARY, epoch, probabilities)

    def boundary(self, epoch: int | None = None) -> tuple[int, np.ndarray] | None:
        """An epoch, by default the last, and its decision boundary, float32 `[SIDE²]`; None where there is none."""
        if epoch is None:
            return decision_boundary.last(self.path / BOUNDARY)
        probabilities = decision_boundary.read(self.path / BOUNDARY, epoch)
        return None if probabilities is None else (epoch, probabilities)

    def keep_epochs(self, count: int, *, fresh: bool = False) -> list[EpochRecord]:
        """Truncates history and signals to the first `count` epochs, those in the checkpoint; returns the history.

        `fresh` removes what was measured in epoch 0 as well, because it will be measured again.
        """
        path = self.path / HISTORY
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        if len(lines) < count:
            raise RunError(f"{self.name} has a checkpoint of epoch {count} but a history of {len(lines)} epochs")
        content = b"".join(line + b"\n" for line in lines[:count])
        if path.exists() and path.stat().st_size != len(content):
            os.truncate(path, len(content))
        signals_log.keep(self.path / SIGNALS, -1 if fresh else count)
        correct_images.FILE.keep(self.path / CORRECT, count)
        decision_boundary.FILE.keep(self.path / BOUNDARY, -1 if fresh else count)
        return self.history()

    def trial(self) -> dict[str, Any] | None:
        """The trial of a sweep that the run belongs to: `study`, `trial`, `seed` (from 0); None without one."""
        try:
            trial = records.from_json(self._read(TRIAL), _Trial)
        except (OSError, ValueError):
            return None
        return trial if "study" in trial and ("trial" in trial) == ("seed" in trial) else None

    def has_checkpoint(self) -> bool:
        """Whether the run can be continued from where it was saved."""
        return (self.path / CHECKPOINT).exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the run for this process and removes what killed ones left; the lock ends with the process.

        Raises `InputError` when another process holds the lock, `GoneError` when the folder does not exist.
        """
        with super().locked():
            # the inode number of an open folder is not reused
            self._folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                remove_temporary(self.path)
                (self.path / MARKED).unlink(missing_ok=True)
                yield
            finally:
                os.close(self._folder)
                self._folder = None

    def check_there(self) -> None:
        """Raises `GoneError` when the folder was removed or moved after this object locked the run.

        Writing after that would create the folder again, without its configuration.
        """
        if self._folder is None:
            return
        try:
            exists = os.path.samestat(self.path.stat(), os.fstat(self._folder)) and (self.path / CONFIG).exists()
        except OSError:
            exists = False
        if not exists:
            raise GoneError(f"run: the folder of {self.name} was removed or moved while it was in use")
