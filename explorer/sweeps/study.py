"""The folder of a study, below the runs folder: its specification, trials, status and driver.

The folder is the only channel between the driver and its observers, as a run's folder is for a run. It also contains
Optuna's storage, which only the driver uses.
"""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from explorer import records
from explorer.config import TrainingConfig
from explorer.errors import ExplorerError, FieldError, InputError, RunError, quoted
from explorer.files import append_line, is_name, read_json, replace_file, write_json
from explorer.process import Process
from explorer.records import Count, Name, Plain, Real, Seconds, Text, Time
from explorer.runs.run import Run
from explorer.runs.store import RunStore, leads_out
from explorer.sweeps.study_spec import SCHEMA_VERSION, StudySpec
from explorer.work_folder import STATUS, STOP, WorkFolder

STUDIES = ".sweeps"
MOST_NAMED = 20
STUDY, TRIALS = "study.json", "trials.jsonl"
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
            return replace(self, status=INTERRUPTED, reason="the driver ended before the study was finished")
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


class Study(WorkFolder):
    """One study's folder."""

    kind = "study"
    busy = "is being driven by another process"

    def __init__(self, path: Path):
        self.path = path
        self._known_trials: tuple[tuple, list[TrialRecord]] = ((), [])

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

    @property
    def _owner(self) -> str:
        return f"study {self.name}"

    def status(self) -> StudyStatus:
        """The current status; raises `RunError` when it cannot be read."""
        return self._status().seen_now()

    def _status(self) -> StudyStatus:
        try:
            status = records.from_json(self._read(STATUS), StudyStatus)
            if status.process is not None:
                records.from_values(status.process, Process)
            return status
        except (OSError, ValueError) as error:
            raise self._unreadable(STATUS, error) from error

    def update(self, **changes: Any) -> StudyStatus:
        """Writes the status with some fields changed."""
        status = replace(self._status(), **changes)
        durable = "status" in changes
        self._write_status({"schema_version": SCHEMA_VERSION, **asdict(status)}, durable=durable)
        return status

    def trials(self) -> list[TrialRecord]:
        """Every trial by number; an incomplete last line is ignored."""
        path = self.path / TRIALS
        try:
            info = path.lstat()
            stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
            if stamp != self._known_trials[0]:
                self._known_trials = stamp, _last_of_each(self._read(TRIALS, MOST_TRIALS_BYTES))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._unreadable(TRIALS, error) from error
        return list(self._known_trials[1])

    def request_stop(self) -> None:
        """Requests that the driver stop; raises `RunError` when the request cannot be written."""
        self.request(STOP)

    def stop_requested(self) -> bool:
        """Whether the driver was asked to stop."""
        return self.requested() == STOP

    def record(self, trial: TrialRecord) -> None:
        """Appends the new state of a trial; not durable, because it can be rebuilt from Optuna's storage."""
        append_line(self.path / TRIALS, json.dumps(asdict(trial)), durable=False)

    def rewrite(self, trials: Sequence[TrialRecord]) -> None:
        """Replaces the records of all trials."""
        with replace_file(self.path / TRIALS) as stream:
            stream.write("".join(json.dumps(asdict(trial)) + "\n" for trial in trials).encode())


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


def runs_by_trial(study: Study, store: RunStore) -> dict[int, list[Run]]:
    """The runs of each trial of a study, by the trial's number, in the order of their seeds."""
    runs: dict[int, list[tuple[int, Run]]] = {}
    for summary in store.list():
        mark = summary.run.trial()
        if mark and mark.get("study") == study.name and "trial" in mark:
            runs.setdefault(mark["trial"], []).append((mark["seed"], summary.run))
    return {number: [run for _, run in sorted(each, key=lambda e: e[0])] for number, each in runs.items()}


def _created(study: Study) -> float:
    try:
        return study.status().created
    except RunError:
        return 0.0


_CONFIG = TrainingConfig()


def _last_of_each(content: bytes) -> list[TrialRecord]:
    last: dict[int, TrialRecord] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = records.from_json(line, TrialRecord)
            if record.state == TRIAL_COMPLETED and record.value is None:
                raise ValueError("value: missing for a completed trial")
            _CONFIG.with_(**record.settings)
        except (ValueError, FieldError) as error:
            raise ValueError(f"line {number}: {error}") from None
        last[record.trial] = record
    return [last[number] for number in sorted(last)]
