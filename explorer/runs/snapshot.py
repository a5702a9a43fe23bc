"""Snapshots of a run: all that a page draws of it, as it was at one moment, read once for all who look at it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache

from explorer.errors import RunError
from explorer.runs.index import Stamp, stamp
from explorer.runs.notes import NOTES
from explorer.runs.run import CHECKPOINT, CONFIG, HISTORY, SIGNALS, Run
from explorer.runs.run_summary import RunSummary, steady, summarize
from explorer.runs.signals import EpochSignals
from explorer.runs.signals_log import KEPT_FILES
from explorer.work_folder import REQUEST, STATUS

_BY_PEOPLE = (CONFIG, NOTES, REQUEST)  # what changes by a click, which is shown at once
_FILES = (*_BY_PEOPLE, STATUS, HISTORY, SIGNALS, CHECKPOINT)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run's summary, its layer statistics, the pending request, and whether it has a checkpoint.

    Of the same run there is another snapshot only where something has changed.
    """

    summary: RunSummary
    signals: Sequence[EpochSignals] = ()
    request: str | None = None
    has_checkpoint: bool = False

    @property
    def resumable(self) -> bool:
        """Whether the run can be resumed."""
        status = self.summary.status
        return status is not None and status.can_resume(self.has_checkpoint)


@dataclass(frozen=True)
class _Taken:
    stamps: list[Stamp | None]
    at: float
    snapshot: Snapshot


_taken: LRUCache[Path, _Taken] = LRUCache(KEPT_FILES)
_lock = threading.Lock()


def snapshot(run: Run, most_old: float = 0.0) -> Snapshot:
    """The snapshot of a run; `summary.problem` says why an unreadable one cannot be read.

    While no file of the run changes it is the same object, for every thread of this process. With `most_old`, it may be
    so many seconds old if the run has only gone on since.
    """
    with _lock:  # of many who look at a run, one reads it
        now = time.monotonic()
        stamps = [stamp(str(run.path), file) for file in _FILES]  # what is written from now on is read the next time
        known = _taken.get(run.path)
        if known is None or not _still_shows(run, known, stamps, now - known.at < most_old):
            known = _taken[run.path] = _Taken(stamps, now, _read(run))
        return known.snapshot


def _still_shows(run: Run, known: _Taken, stamps: list[Stamp | None], recent: bool) -> bool:
    """Whether a snapshot shows the run as it is now, or a recent one as it was and in the state that it is in now."""
    status = known.snapshot.summary.status
    try:
        if status is None:
            return False
        if known.stamps == stamps:  # else the process of an active run may have ended without writing it down
            return run.seen_now(status) is status
        of_people = len(_BY_PEOPLE)
        return recent and known.stamps[:of_people] == stamps[:of_people] and run.status().status == status.status
    except RunError:
        return False


def _read(run: Run) -> Snapshot:
    def read() -> Snapshot:
        summary = summarize(run)
        if summary.problem:
            return Snapshot(summary)
        return Snapshot(summary, run.signals(), run.requested(), run.has_checkpoint())

    return steady(run, read, lambda taken: taken.summary.status)
