"""The status of a run: its states, its cause, its times and its progress."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import msgspec

from explorer import records
from explorer.config import SCHEMA_VERSION
from explorer.errors import quoted
from explorer.process import Process
from explorer.records import Count, EpochOrStart, Name, Seconds, Text, Time
from explorer.runs.cause import OUTSIDE, Cause, inferred

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
COMPLETED, STOPPED, FAILED, INTERRUPTED = "completed", "stopped", "failed", "interrupted"
STATUSES = (QUEUED, RUNNING, PAUSED, COMPLETED, STOPPED, FAILED, INTERRUPTED)
ACTIVE = (QUEUED, RUNNING)
RESUMABLE = (PAUSED, STOPPED, INTERRUPTED)
UNREADABLE = "unreadable"
LOADING, COMPILING, TRAINING = "loading the data", "compiling", "training"  # phases of a running one


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
        why = "its process ended before the run did" if ended else "its process could not record how it ended"
        cause = Cause.PROCESS_ENDED if ended else Cause.END_NOT_WRITTEN
        return replace(self, status=INTERRUPTED, reason=why, cause=cause, phase="")

    def can_resume(self, has_checkpoint: bool) -> bool:
        """Whether the run can be resumed: it ended early, or failed with a checkpoint or for a cause outside it."""
        return self.status in RESUMABLE or (self.status == FAILED and (has_checkpoint or self.cause in OUTSIDE))


class _Version(msgspec.Struct, gc=False):
    schema_version: Any = SCHEMA_VERSION


def _check_version(version: Any) -> None:
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"schema_version: {quoted(version)} is not supported; the newest is {SCHEMA_VERSION}")
