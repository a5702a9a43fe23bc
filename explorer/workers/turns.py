"""Turns of sessions: a long run makes room for the runs of other sessions, and continues exactly where it was."""

import heapq
import time
from collections.abc import Sequence
from contextlib import suppress

from explorer.errors import ExplorerError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.run import Run
from explorer.runs.status import PAUSED, QUEUED, RUNNING, STOPPED, TRAINING
from explorer.work_folder import PAUSE, STOP
from explorer.workers.limits import Limits
from explorer.workers.waiting import Entry, WaitingRuns

# A run trains at least so long before another session has its turn; each turn costs a checkpoint and a start.
TURN_SECONDS = 60.0
NEXT_TURN = "runs of other sessions take their turn; this one then continues where it stopped"


def expected_wait(busy: Sequence[float], ahead: Sequence[float], workers: int) -> float:
    """Seconds until a worker is free for a run, from the seconds that those in training and those ahead of it take."""
    free = sorted([*busy, *[0.0] * (workers - len(busy))]) or [0.0]
    heapq.heapify(free)
    for seconds in ahead:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return free[0]


class Turns:
    """Ends turns that have lasted long enough while others wait, and runs that have trained as long as they may."""

    def __init__(self, waiting: WaitingRuns, limits: Limits, seconds: float = TURN_SECONDS):
        self._waiting, self._limits, self._seconds = waiting, limits, seconds
        self._training_since: dict[Entry, float] = {}
        self._ending: set[Entry] = set()
        self._over_time: set[Entry] = set()

    def look(self) -> None:
        """Requests what is due; called again and again."""
        entries = self._waiting.in_training()
        for known in (self._ending, self._over_time):
            known.intersection_update(entries)
        self._training_since = {entry: self._training_since.get(entry, 0.0) for entry in entries}
        for entry in entries:
            with suppress(ExplorerError, OSError):
                if self._limits.is_over_time(entry.run) and entry not in self._over_time:
                    entry.run.request(STOP)
                    self._over_time.add(entry)
                elif self._turn_is_over(entry) and entry.run.requested() is None:
                    self._ending.add(entry)
                    entry.run.request(PAUSE)

    def _turn_is_over(self, entry: Entry) -> bool:
        """Whether a run has trained for a turn while a session with fewer runs in training waits for its own."""
        status = entry.run.status()
        if status.status == RUNNING and status.phase == TRAINING and not self._training_since[entry]:
            self._training_since[entry] = time.monotonic()  # not before: a turn must train at least one step
        since, held = self._training_since[entry], self._waiting.held()
        if not since or time.monotonic() - since < self._seconds:
            return False
        waiting = {other.session for other in self._waiting.order()}
        claims = sum(held[session] < held[entry.session] for session in waiting - {entry.session})
        return claims > len(self._ending)

    def seconds_left(self, entry: Entry, seconds: float) -> float:
        """Seconds until a run with so much training left makes room: the rest of its turn, if other sessions wait."""
        if all(other.session == entry.session for other in self._waiting.order()):
            return seconds
        since = self._training_since.get(entry, 0.0)
        trained = time.monotonic() - since if since else 0.0
        return min(seconds, max(0.0, self._seconds - trained))

    def keep_paused(self, run: Run) -> None:
        """Notes that a person pauses a run, which then does not continue by itself."""
        self._ending = {entry for entry in self._ending if entry.run.name != run.name}

    def settle(self, entry: Entry) -> bool:
        """Queues a run again whose turn was ended, and writes why one was stopped; returns whether it waits again."""
        # both stay noted while the entry is in training, or a look meanwhile would request the same again
        ended, stopped = entry in self._ending, entry in self._over_time
        with suppress(ExplorerError, OSError), entry.run.locked():
            status = entry.run.status()
            if stopped and status.status == STOPPED:
                reason = f"it has trained for {self._limits.minutes:g} minutes, the limit for a run on this server"
                entry.run.update(reason=reason, cause=Cause.TIME_LIMIT)
            if ended and status.status == PAUSED:
                here = Process.current()
                entry.run.update(status=QUEUED, reason=NEXT_TURN, cause=None, process=here, ended=None)
                return True
        return False
