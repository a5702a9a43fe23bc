"""The folder of a study, below the runs folder: its specification, trials, status and driver.

The folder is the only channel between the driver and its observers, as a run's folder is for a run. It also contains
Optuna's storage, which only the driver uses.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from explorer import records
from explorer.config import TrainingConfig
from explorer.errors import ExplorerError, FieldError, InputError, RunError, quoted
from explorer.files import append_line, is_name, open_lock, read_bytes, read_json, replace_file, why, write_json
from explorer.process import Process
from explorer.records import Count, Name, Plain, Real, Seconds, Text, Time
from explorer.runs.store import RunStore, leads_out
from explorer.sweeps.study_spec import SCHEMA_VERSION, StudySpec

STUDIES = ".sweeps"
MOST_NAMED = 20
STUDY, STATUS, TRIALS, REQUEST, LOCK = "study.json", "status.json", "trials.jsonl", "request", ".lock"
JOURNAL, LOG = "optuna.log", "driver.log"

NEW, STARTING, RUNNING, COMPLETED = "new", "starting", "running", "completed"
STOPPED, FAILED, INTERRUPTED = "stopped", "failed", "interrupted"
ACTIVE = (STARTING, RUNNING)
STATUSES = (NEW, STARTING, RUNNING, COMPLETED, STOPPED, FAILED, INTERRUPTED)
MOST_TRIALS_BYTES = 1 << 28  # a hundred thousand trials, the maximum, take fifty megabytes

# states of a trial: the first is open, the others are final
TRIAL_RUNNING, TRIAL_COMPLETED, TRIAL_PRUNED, TRIAL_FAILED = "running", "completed", "pruned", "failed"
TRIAL_STATES = (TRIAL_RUNNING, TRIAL_COMPLETED, TRIAL_PRUNED, TRIAL_FAILED)


@dataclass(frozen=True)
class StudyStatus:
    """The status of a study. `seconds` is how long it has been driven until `seen`, its last heartbeat."""

    status: Literal[STATUSES] = NEW
    reason: Text = ""
    created: Time = 0.0
    seen: Time = 0.0
    seconds: Seconds = 0.0
    workers: Count = 0
    process: dict[str, Any] | None = None
    problems: Annotated[list[Text], Meta(max_length=1_000)] = field(default_factory=list)

    def seen_now(self) -> "StudyStatus":
        """The same status, or interrupted if the driver has ended."""
        if self.status in ACTIVE and self.process and records.from_values(self.process, Process).ended():
            return replace(self, status=INTERRUPTED, reason="the driver ended before the sweep was finished")
        return self


@dataclass(frozen=True)
class TrialRecord:
    """The record of a trial: its sampled settings, the names of its runs, and its result.

    `value` is the objective at the best epoch, averaged over the seeds; None unless the trial was completed.
    """

    trial: Count
    state: Literal[TRIAL_STATES]
    settings: dict[Name, Plain]
    runs: Annotated[list[Name], Meta(max_length=1_000)]
    value: Real | None = None
    reason: Text = ""
    started: Time = 0.0
    ended: Time | None = None


class Study:
    """One study's folder."""

    def __init__(self, path: Path):
        self.path = path
        self._read: tuple[tuple, list[TrialRecord]] = ((), [])

    @property
    def name(self) -> str:
        """The study's name, unique below its runs folder."""
        return self.path.name

    @cached_property
    def spec(self) -> StudySpec:
        """The specification; raises `RunError` when it cannot be read."""
        try:
            return StudySpec.from_dict(read_json(self.path / STUDY))
        except (OSError, ValueError, ExplorerError) as error:
            raise self._unreadable(STUDY, error) from error

    def _unreadable(self, name: str, error: Exception) -> RunError:
        return RunError(f"{name} of study {self.name} cannot be read: {why(error)}")

    def status(self) -> StudyStatus:
        """The current status; raises `RunError` when it cannot be read."""
        return self._status().seen_now()

    def _status(self) -> StudyStatus:
        try:
            status = records.from_json(read_bytes(self.path / STATUS), StudyStatus)
            if status.process is not None:
                records.from_values(status.process, Process)
            return status
        except (OSError, ValueError) as error:
            raise self._unreadable(STATUS, error) from error

    def update(self, **changes: Any) -> StudyStatus:
        """Writes the status with some fields changed."""
        status = replace(self._status(), **changes)
        durable = "status" in changes
        write_json(self.path / STATUS, {"schema_version": SCHEMA_VERSION, **asdict(status)}, durable=durable)
        return status

    def trials(self) -> list[TrialRecord]:
        """Every trial by number; an incomplete last line is ignored."""
        path = self.path / TRIALS
        try:
            info = path.lstat()
            stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
            if stamp != self._read[0]:
                self._read = stamp, _last_of_each(read_bytes(path, MOST_TRIALS_BYTES))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._unreadable(TRIALS, error) from error
        return list(self._read[1])

    def record(self, trial: TrialRecord) -> None:
        """Appends the new state of a trial; not durable, because it can be rebuilt from Optuna's storage."""
        append_line(self.path / TRIALS, json.dumps(asdict(trial)), durable=False)

    def rewrite(self, trials: Sequence[TrialRecord]) -> None:
        """Replaces the records of all trials."""
        with replace_file(self.path / TRIALS) as stream:
            stream.write("".join(json.dumps(asdict(trial)) + "\n" for trial in trials).encode())

    def request_stop(self) -> None:
        """Requests that the driver stop; raises `RunError` when the request cannot be written."""
        try:
            with replace_file(self.path / REQUEST, durable=False) as stream:
                stream.write(b"stop")
        except OSError as error:
            raise RunError(f"{REQUEST} of study {self.name} cannot be written ({error.strerror})") from error

    def stop_requested(self) -> bool:
        """Whether the driver was asked to stop."""
        return (self.path / REQUEST).exists()

    def clear_request(self) -> None:
        """Removes the request to stop; raises `RunError` when it cannot be removed."""
        try:
            (self.path / REQUEST).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{REQUEST} of study {self.name} cannot be removed ({error.strerror})") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the study for one driver until the process ends; raises `InputError` when another one holds it."""
        try:
            stream = open_lock(self.path / LOCK)
        except OSError as error:
            raise RunError(f"{LOCK} of study {self.name} cannot be written: {why(error)}") from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"study: {self.name!r} is being driven by another process; stop that one first"
                ) from None
            yield


class StudyStore:
    """All studies below a runs folder."""

    def __init__(self, runs: RunStore):
        self.runs = runs
        self.folder = runs.folder / STUDIES
        self._known: dict[str, Study] = {}

    def create(self, spec: StudySpec) -> Study:
        """Creates the folder of a study; raises `InputError` when the name is taken or a condition can never hold."""
        spec.check_new()
        path = self.folder / spec.name
        building = self.folder / f".{spec.name}.{os.getpid()}"
        try:
            building.mkdir(parents=True, exist_ok=True)
            write_json(building / STUDY, {"schema_version": SCHEMA_VERSION, **spec.to_dict()})
            status = StudyStatus(created=time.time())
            write_json(building / STATUS, {"schema_version": SCHEMA_VERSION, **asdict(status)})
            if path.exists():
                raise FileExistsError
            building.rename(path)
        except FileExistsError:
            raise InputError(
                f"study: {spec.name!r} already exists; continue it with `sweep resume`, or choose another `name`"
            ) from None
        except OSError as error:
            raise RunError(f"studies: {str(self.folder)!r} cannot be written ({error.strerror})") from error
        finally:
            with suppress(OSError):
                for left in building.iterdir():
                    left.unlink()
                building.rmdir()
        return self.get(spec.name)

    def get(self, name: str) -> Study:
        """The study of that name in this folder; raises `InputError` when there is none."""
        if not is_name(name) or not os.path.lexists(self.folder / name / STUDY) or leads_out(self.folder / name):
            names = ", ".join(study.name for study in self.list()[:MOST_NAMED]) or "there is none yet"
            raise InputError(f"study: {quoted(name)} does not exist; it must be one of: {names}")
        return self._known.setdefault(name, Study(self.folder / name))

    def list(self) -> list[Study]:
        """Every study, newest first."""
        try:
            entries = [entry for entry in os.scandir(self.folder) if is_name(entry.name)]
            names = [entry.name for entry in entries if not (entry.is_symlink() and leads_out(entry.path))]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"studies: {str(self.folder)!r} cannot be read ({error.strerror})") from error
        studies = [self._known.setdefault(name, Study(self.folder / name)) for name in names]
        return sorted(studies, key=_created, reverse=True)


def _created(study: Study) -> float:
    try:
        return study.status().created
    except RunError:
        return 0.0


_CONFIG = TrainingConfig()


def _last_of_each(content: bytes) -> list[TrialRecord]:
    found: dict[int, TrialRecord] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = records.from_json(line, TrialRecord)
            if record.state == TRIAL_COMPLETED and record.value is None:
                raise ValueError("value: missing for a completed trial")
            _CONFIG.with_(**record.settings)
        except (ValueError, FieldError) as error:
            raise ValueError(f"line {number}: {error}") from None
        found[record.trial] = record
    return [found[number] for number in sorted(found)]
