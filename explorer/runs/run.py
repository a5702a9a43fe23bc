"""Run folders: the only record of a run, and the only channel between the process that trains it and its readers."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Literal, TypedDict

import msgspec

from explorer import records
from explorer.config import SCHEMA_VERSION, TrainingConfig
from explorer.errors import ExplorerError, GoneError, InputError, RunError, quoted
from explorer.files import (
    MOST_BYTES,
    append_line,
    open_lock,
    open_regular,
    read_bytes,
    remove_temporary,
    replace_file,
    why,
    write_json,
)
from explorer.process import Process
from explorer.records import Count, EpochOrStart, Name, Seconds, Text, Time
from explorer.runs import history, notes, signals_log
from explorer.runs.cause import Cause, inferred
from explorer.runs.history import NO_EPOCHS, EpochRecord, Outline, outline
from explorer.runs.notes import NOTHING, Annotation
from explorer.runs.signals import EpochSignals

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
COMPLETED, STOPPED, FAILED, INTERRUPTED = "completed", "stopped", "failed", "interrupted"
STATUSES = (QUEUED, RUNNING, PAUSED, COMPLETED, STOPPED, FAILED, INTERRUPTED)
ACTIVE = (QUEUED, RUNNING)
RESUMABLE = (PAUSED, STOPPED, INTERRUPTED)
UNREADABLE = "unreadable"

CONFIG, STATUS, HISTORY, REQUEST = "config.json", "status.json", "history.jsonl", "request"
SIGNALS = "signals.jsonl"
BEST, CHECKPOINT, LOGS, LOCK = "best.keras", "checkpoint.npz", "logs", ".lock"
TRIAL = "trial.json"
STOP, PAUSE = "stop", "pause"
REQUESTS = (STOP, PAUSE)
MOST_HISTORY = 1 << 25  # ten thousand epochs, the most that a run can have, take two megabytes
MARKED = ".best.marked.keras"  # the model file while it is being written; a leftover when no process trains the run
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

SECONDS_TO_WAIT_FOR_READERS = 0.2


@dataclass(frozen=True)
class RunStatus:
    """The status of a run. Times are seconds since 1970; `phase` and `step` describe the progress of a running one.

    A `shipped` run came with the software and was not trained on this machine.
    """

    status: Literal[STATUSES]
    reason: Text = ""
    cause: Cause | None = None
    created: Time = 0.0
    queued: Time = 0.0
    started: Time | None = None
    ended: Time | None = None
    process: Process | None = None
    host: Name = ""
    phase: Text = ""
    epoch: EpochOrStart = 0
    step: Count = 0
    steps: Count = 0
    compile_seconds: Seconds | None = None
    compiled: bool | None = None
    parameters: Count | None = None
    shipped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The status as plain values for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunStatus":
        """The status from the values of `to_dict`; raises `ValueError` for anything else."""
        _check_version(values.get("schema_version", SCHEMA_VERSION))
        return records.from_values(values, cls)._with_cause()

    @classmethod
    def from_json(cls, content: bytes) -> "RunStatus":
        """The status from the content of a status file; raises as `from_dict` does."""
        _check_version(records.from_json(content, _Version).schema_version)
        return records.from_json(content, cls)._with_cause()

    def _with_cause(self) -> "RunStatus":
        """The same status, with its cause inferred where an earlier version wrote none."""
        cause = self.cause or inferred(self.status, self.reason)
        return self if cause is self.cause else replace(self, cause=cause)

    def seen_now(self, held: Callable[[], bool | None] = lambda: None) -> "RunStatus":
        """The same status, but interrupted when no process trains the run any more.

        `held` returns whether a process holds the run's lock, as the one that trains it does; None when unknown.
        """
        if self.status not in ACTIVE or not self.process or not self.process.is_here:
            return self
        ended = self.process.ended()
        if not ended and self.status == QUEUED:
            return self
        locked = held()
        if locked or (locked is None and not ended):
            return self
        why = "its process ended before the run did" if ended else "its process could not write down how it ended"
        cause = Cause.PROCESS_ENDED if ended else Cause.END_NOT_WRITTEN
        return replace(self, status=INTERRUPTED, reason=why, cause=cause, phase="")


class _Version(msgspec.Struct, gc=False):
    schema_version: Any = SCHEMA_VERSION


def _check_version(version: Any) -> None:
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"schema_version: {quoted(version)} is not supported; the newest is {SCHEMA_VERSION}")


class _Trial(TypedDict, total=False):
    study: Name
    trial: Count
    seed: Count
    winner: Count


class Run:
    """One run folder."""

    def __init__(self, path: Path | str):
        self._given = path
        self._folder: int | None = None

    @cached_property
    def path(self) -> Path:
        """The run folder; a property, as creating a Path for each of thousands of runs is a tenth of listing them."""
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
            return TrainingConfig.from_dict(values)
        except (OSError, ValueError, ExplorerError) as error:
            raise self._unreadable(CONFIG, error) from error

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
        if self._folder is not None:  # this object holds the lock itself
            return None
        try:
            with os.fdopen(open_regular(self.path / LOCK), "rb") as stream:
                # shared, so that readers do not take each other for a holder
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return None

    def written_status(self) -> RunStatus:
        """The status as it was last written, whether or not its process is alive; raises `RunError`."""
        try:
            return RunStatus.from_json(self._read(STATUS))
        except (OSError, ValueError) as error:
            raise self._unreadable(STATUS, error) from error

    def _read(self, name: str, most: int = MOST_BYTES) -> bytes:
        return read_bytes(f"{self._given}/{name}", most)

    def _unreadable(self, name: str, error: Exception) -> RunError:
        return RunError(f"{name} of {self.name} cannot be read: {why(error)}")

    def update(self, **changes: Any) -> RunStatus:
        """Writes the status with some fields changed; raises `RunError`, or `OSError` when it cannot be written."""
        self.check_there()
        status = replace(self.written_status(), **changes)
        write_json(self.path / STATUS, status.to_dict(), durable=changes.get("status") is not None)
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

    def keep_epochs(self, count: int, *, fresh: bool = False) -> list[EpochRecord]:
        """Truncates history and signals to the first `count` epochs, those in the checkpoint; returns the history.

        `fresh` removes the signals of epoch 0 as well, because they will be measured again.
        """
        path = self.path / HISTORY
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        if len(lines) < count:
            raise RunError(f"{self.name} has a checkpoint of epoch {count} but a history of {len(lines)} epochs")
        content = b"".join(line + b"\n" for line in lines[:count])
        if path.exists() and path.stat().st_size != len(content):
            os.truncate(path, len(content))
        signals_log.keep(self.path / SIGNALS, -1 if fresh else count)
        return self.history()

    def trial(self) -> dict[str, Any] | None:
        """The trial of a sweep that the run belongs to: `study`, `trial`, `seed` (from 0); None without one."""
        try:
            trial = records.from_json(self._read(TRIAL), _Trial)
        except (OSError, ValueError):
            return None
        return trial if "study" in trial and ("trial" in trial) == ("seed" in trial) else None

    def request(self, what: str) -> None:
        """Requests that this run `stop` or `pause`; raises `RunError` when the request cannot be written."""
        try:
            with replace_file(self.path / REQUEST, durable=False) as stream:
                stream.write(what.encode())
        except OSError as error:
            if error.errno not in FULL or what != STOP:
                raise RunError(f"{REQUEST} of {self.name} cannot be written ({error.strerror})") from error
            (self.path / REQUEST).touch()  # an empty file takes no space and means stop

    def requested(self) -> str | None:
        """The pending request, `stop` or `pause`; None when there is none or it cannot be read."""
        try:
            request = self._read(REQUEST, 16).decode("ascii") or STOP
        except (OSError, ValueError):
            return None
        return request if request in REQUESTS else None

    def clear_request(self) -> None:
        """Removes the pending request; raises `RunError` when it cannot be removed."""
        try:
            (self.path / REQUEST).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{REQUEST} of {self.name} cannot be removed ({error.strerror})") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the run for this process and removes what killed ones left; the lock ends with the process.

        Raises `InputError` when another process holds the lock, `GoneError` when the folder does not exist.
        """
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(open_lock(self.path / LOCK))
            except FileNotFoundError:
                raise GoneError(f"run: the folder of {self.name} no longer exists") from None
            except OSError as error:
                raise RunError(f"{LOCK} of {self.name} cannot be written: {why(error)}") from error
            if not _take(stream):
                raise InputError(f"run: {self.name!r} is in use by another process; stop that one first")
            # the inode number of an open folder is not reused
            self._folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(self._let_go)
            remove_temporary(self.path)
            (self.path / MARKED).unlink(missing_ok=True)
            yield

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

    def _let_go(self) -> None:
        os.close(self._folder)
        self._folder = None


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run; `problem` says why it cannot be read, if it cannot."""

    run: Run
    config: TrainingConfig | None = None
    status: RunStatus | None = None
    outline: Outline = NO_EPOCHS
    annotation: Annotation = NOTHING
    problem: str = ""
    known: Sequence[EpochRecord] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def title(self) -> str:
        """The name that the user gave it, else the name of its folder."""
        return self.annotation.name or self.run.name

    @property
    def state(self) -> str:
        """The run's status in one word."""
        return self.status.status if self.status else UNREADABLE

    @property
    def created(self) -> float:
        """When it was created, in seconds since 1970."""
        return self.status.created if self.status else 0.0

    @property
    def best(self) -> EpochRecord | None:
        """The epoch of the lowest validation loss."""
        return self.outline.best

    @property
    def records(self) -> Sequence[EpochRecord]:
        """Every epoch: as read by `summarize`, or read now for a summary from a list of runs."""
        return self.known if self.known is not None else () if self.problem else self.run.history()


def summarize(run: Run) -> RunSummary:
    """The summary of a run, read anew with every epoch; `problem` says why an unreadable one cannot be read."""
    try:
        config, status, records = run.config, run.status(), run.history()
    except RunError as error:
        return RunSummary(run, problem=str(error))
    return RunSummary(run, config, status, outline(records), run.annotation(), known=records)


def queue_position(summaries: Sequence[RunSummary], name: str) -> int | None:
    """The position of a queued run among all queued runs, from 1; None when it is not queued."""
    waiting = sorted((s for s in summaries if s.state == QUEUED), key=lambda s: (s.status.queued, s.name))
    return next((place for place, s in enumerate(waiting, 1) if s.name == name), None)


def _take(stream: IO[str]) -> bool:
    """Locks a file for this process; waits a moment for readers, which hold the lock briefly to look at it."""
    end = time.monotonic() + SECONDS_TO_WAIT_FOR_READERS
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > end:
                return False
        time.sleep(0.01)


@lru_cache
def versions() -> dict[str, str]:
    """The versions of the packages that determine a run's numbers."""
    result = {}
    for name in ("keras", "tensorflow-cpu", "tensorflow", "numpy"):
        try:
            result[name.removesuffix("-cpu")] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return result
