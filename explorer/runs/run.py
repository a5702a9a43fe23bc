"""Run folders: the only record of a run, and the only channel between the one who trains and the one who looks."""

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
MOST_HISTORY = 1 << 25  # ten thousand epochs, the most that can be asked for, have two megabytes
MARKED = ".best.marked.keras"  # what the model's file is made from; in a run folder that nobody trains it is left over
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

SECONDS_OF_A_LOOK = 0.2


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands. Times are seconds since 1970; `phase` and `step` say what a running one is doing.

    A `shipped` run came with the software: nobody here has trained it.
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
        """Plain values for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunStatus":
        """The status of `to_dict`'s values; raises `ValueError` for anything else."""
        _check_version(values.get("schema_version", SCHEMA_VERSION))
        return records.from_values(values, cls)._with_cause()

    @classmethod
    def from_json(cls, content: bytes) -> "RunStatus":
        """The status of a file's content, as of `from_dict`."""
        _check_version(records.from_json(content, _Version).schema_version)
        return records.from_json(content, cls)._with_cause()

    def _with_cause(self) -> "RunStatus":
        """The same, its cause inferred where an earlier version has written none."""
        cause = self.cause or inferred(self.status, self.reason)
        return self if cause is self.cause else replace(self, cause=cause)

    def seen_now(self, held: Callable[[], bool | None] = lambda: None) -> "RunStatus":
        """The same status, as interrupted when nobody trains the run any more.

        `held` tells whether a process holds the run's lock, as whoever trains it does; None when that is not known.
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
        raise ValueError(f"schema_version: {quoted(version)} is not known here; the newest is {SCHEMA_VERSION}")


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
        """Where it is; made when asked for, as a Path for each of thousands of runs is a tenth of listing them."""
        return Path(self._given)

    @cached_property
    def name(self) -> str:
        """The folder's name, unique in its store."""
        name = os.path.basename(self._given)  # noqa: PTH119
        # a name that is no UTF-8 can be sent to no browser
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")

    @cached_property
    def config(self) -> TrainingConfig:
        """What was asked; raises `RunError` when it cannot be read."""
        try:
            values = records.from_json(self._read(CONFIG), dict[str, Any])
            values.pop("versions", None)
            return TrainingConfig.from_dict(values)
        except (OSError, ValueError, ExplorerError) as error:
            raise self._unreadable(CONFIG, error) from error

    def status(self) -> RunStatus:
        """Where it stands now; raises `RunError` when that cannot be read."""
        return self.seen_now(self.written_status())

    def seen_now(self, status: RunStatus) -> RunStatus:
        """A status that was read before, as it is now; raises `RunError` when it cannot be read again."""
        while True:
            seen = status.seen_now(self.held)
            if seen is status:
                return status
            again = self.written_status()  # it may have ended well between the reading and the look at its lock
            if again == status:
                return seen
            status = again

    def held(self) -> bool | None:
        """Whether another process holds the run, None when that is not known, as of a run that nobody has held yet."""
        if self._folder is not None:  # the lock that would be seen is this one's own
            return None
        try:
            with os.fdopen(open_regular(self.path / LOCK), "rb") as stream:
                # shared, so that those who look do not see one another
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return None

    def written_status(self) -> RunStatus:
        """The status as it was written last, whatever became of its process; raises `RunError`."""
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
        """Writes that the run is no longer active, and why: the sentence for people, the cause for all logic."""
        return self.update(status=status, reason=reason, cause=cause, ended=time.time(), phase="", process=None)

    def history(self) -> list[EpochRecord]:
        """Every finished epoch; a line that is still being written is left out. Raises `RunError` for a damaged one."""
        return self._history(history.read)

    def outline(self) -> Outline:
        """What a list shows of the history, several times as fast as reading all of it; raises `RunError`."""
        return self._history(history.read_outline)

    def _history(self, read: Callable[[bytes], Any]) -> Any:
        try:
            return read(self._read(HISTORY, MOST_HISTORY))
        except FileNotFoundError:
            return read(b"")
        except (OSError, ValueError) as error:
            raise self._unreadable(HISTORY, error) from error

    def annotation(self) -> Annotation:
        """The name, tags and note that were given to it."""
        return notes.read(self.path)

    def annotate(self, annotation: Annotation) -> None:
        """Gives it a name, tags and a note."""
        notes.write(self.path, annotation)

    def append(self, record: EpochRecord) -> None:
        """Adds one epoch; it is on disk when this returns."""
        self.check_there()
        append_line(self.path / HISTORY, record.to_json())

    def signals(self) -> list[EpochSignals]:
        """What was measured inside the network after each epoch, from epoch 0; cheap to ask again.

        Empty for a run of an older version; a damaged epoch is left out.
        """
        return signals_log.read(self.path / SIGNALS)

    def append_signals(self, signals: EpochSignals) -> None:
        """Adds the signals of one epoch; they are on disk when this returns."""
        self.check_there()
        signals_log.append(self.path / SIGNALS, signals)

    def keep_epochs(self, count: int, *, fresh: bool = False) -> list[EpochRecord]:
        """Cuts history and signals back to the first `count` epochs, those that the checkpoint knows; the history.

        `fresh` leaves out the signals before the first step as well: they will be measured again.
        """
        path = self.path / HISTORY
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        if len(lines) < count:
            raise RunError(f"{self.name} has a checkpoint of epoch {count} but a history of {len(lines)} epochs")
        kept = b"".join(line + b"\n" for line in lines[:count])
        if path.exists() and path.stat().st_size != len(kept):
            os.truncate(path, len(kept))
        signals_log.keep(self.path / SIGNALS, -1 if fresh else count)
        return self.history()

    def trial(self) -> dict[str, Any] | None:
        """Which trial of a sweep the run belongs to: `study`, `trial`, `seed` (from 0); None when to none."""
        try:
            found = records.from_json(self._read(TRIAL), _Trial)
        except (OSError, ValueError):
            return None
        return found if "study" in found and ("trial" in found) == ("seed" in found) else None

    def request(self, what: str) -> None:
        """Asks whoever trains this run to `stop` or to `pause`; raises `RunError` when that cannot be written."""
        try:
            with replace_file(self.path / REQUEST, durable=False) as stream:
                stream.write(what.encode())
        except OSError as error:
            if error.errno not in FULL or what != STOP:
                raise RunError(f"{REQUEST} of {self.name} cannot be written ({error.strerror})") from error
            (self.path / REQUEST).touch()  # an empty file takes no space, and asks to stop

    def requested(self) -> str | None:
        """What was asked of whoever trains this run; what cannot be read asks for nothing."""
        try:
            asked = self._read(REQUEST, 16).decode("ascii") or STOP
        except (OSError, ValueError):
            return None
        return asked if asked in REQUESTS else None

    def clear_request(self) -> None:
        """Forgets what was asked; raises `RunError` when it cannot be removed."""
        try:
            (self.path / REQUEST).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{REQUEST} of {self.name} cannot be removed ({error.strerror})") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run for one process, which sweeps what killed ones left; it ends with the process.

        Raises `InputError` when another one has it, `GoneError` when the folder is not there.
        """
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(open_lock(self.path / LOCK))
            except FileNotFoundError:
                raise GoneError(f"run: the folder of {self.name} is not there any more") from None
            except OSError as error:
                raise RunError(f"{LOCK} of {self.name} cannot be written: {why(error)}") from error
            if not _take(stream):
                raise InputError(f"run: {self.name!r} is in use by another process; stop that one first")
            # an open folder's number is given to no other
            self._folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(self._let_go)
            remove_temporary(self.path)
            (self.path / MARKED).unlink(missing_ok=True)
            yield

    def check_there(self) -> None:
        """Raises `GoneError` when the folder was removed or moved since this object holds the run.

        Nothing may be written after that: it would come back without its configuration.
        """
        if self._folder is None:
            return
        try:
            there = os.path.samestat(self.path.stat(), os.fstat(self._folder)) and (self.path / CONFIG).exists()
        except OSError:
            there = False
        if not there:
            raise GoneError(f"run: the folder of {self.name} was removed or moved while it was in use")

    def _let_go(self) -> None:
        os.close(self._folder)
        self._folder = None


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run; `problem` says why an unreadable one cannot be shown."""

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
        """The name it was given, else its own."""
        return self.annotation.name or self.run.name

    @property
    def state(self) -> str:
        """The run's status in one word."""
        return self.status.status if self.status else UNREADABLE

    @property
    def created(self) -> float:
        """When it was asked for, in seconds since 1970."""
        return self.status.created if self.status else 0.0

    @property
    def best(self) -> EpochRecord | None:
        """The epoch of the lowest validation loss."""
        return self.outline.best

    @property
    def records(self) -> Sequence[EpochRecord]:
        """Every epoch: as they were when a summary was made of one run, read now in a list of many."""
        return self.known if self.known is not None else () if self.problem else self.run.history()


def summarize(run: Run) -> RunSummary:
    """What there is to show of a run folder, read afresh with every epoch; an unreadable one says why."""
    try:
        config, status, records = run.config, run.status(), run.history()
    except RunError as error:
        return RunSummary(run, problem=str(error))
    return RunSummary(run, config, status, outline(records), run.annotation(), known=records)


def queue_position(summaries: Sequence[RunSummary], name: str) -> int | None:
    """The place of a queued run among all queued ones, from 1."""
    waiting = sorted((s for s in summaries if s.state == QUEUED), key=lambda s: (s.status.queued, s.name))
    return next((place for place, s in enumerate(waiting, 1) if s.name == name), None)


def _take(stream: IO[str]) -> bool:
    """Locks a file for this process; whoever only looks at a lock holds it for a moment, which is waited for."""
    end = time.monotonic() + SECONDS_OF_A_LOOK
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
    """The versions that decide a run's numbers."""
    found = {}
    for name in ("keras", "tensorflow-cpu", "tensorflow", "numpy"):
        try:
            found[name.removesuffix("-cpu")] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
