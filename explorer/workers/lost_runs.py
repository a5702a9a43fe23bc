"""Settling of runs whose worker has left them: they wait again, or are interrupted with the reason."""

import threading
from contextlib import suppress

from explorer.errors import ExplorerError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.run import Run
from explorer.runs.status import ACTIVE, INTERRUPTED, QUEUED, RunStatus
from explorer.workers.waiting import Entry, WaitingRuns

# How often a queued run whose worker dies before it starts waits again.
MOST_LOST_WORKERS = 3
# Seconds between two attempts to write how a run ended: the first, and the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0


class LostRuns:
    """Settles runs that a worker left unfinished: one that had not started goes back to its place in the order."""

    def __init__(self, waiting: WaitingRuns):
        self._waiting = waiting
        self._lost: dict[str, int] = {}
        self._memory_kills: dict[int, int] = {}
        self._died: dict[int, tuple[Run, RunStatus]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Stops retrying."""
        self._closed = True

    def note_memory(self, event: tuple[float, dict]) -> None:
        """Notes that a worker process was ended at the memory limit, from Dask's event.

        The event travels on its own and may come after the end of the process, whose run then gets this reason.
        """
        pid, used = event[1]["pid"], event[1]["rss"]
        with self._lock:
            if pid not in self._died:
                self._memory_kills[pid] = used
                return
            run, settled = self._died.pop(pid)
            with suppress(ExplorerError, OSError), run.locked():
                if run.written_status() == settled:  # otherwise it has been resumed meanwhile
                    run.end(INTERRUPTED, _over_memory(used), Cause.MEMORY_LIMIT)

    def settle(self, entry: Entry, reason: str = "", wait: float = FIRST_WAIT, known: RunStatus | None = None) -> None:
        """Settles a run, retrying while its folder cannot be written, as on a full disk; `reason` if it is known."""
        try:
            written = entry.run.written_status()
            if known in (None, written):  # otherwise it has been resumed meanwhile
                self._settle(entry, reason)
            self._waiting.finish(entry)
        except ExplorerError:  # its folder was removed, or another process is training it
            self._waiting.finish(entry)
        except OSError:
            if not self._closed:
                again = (entry, reason, min(2 * wait, LONGEST_WAIT), written)
                timer = threading.Timer(wait, self.settle, again)
                timer.daemon = True
                timer.start()

    def _settle(self, entry: Entry, reason: str) -> None:
        run, status = entry.run, entry.run.status()
        lost = self._lost[run.name] = self._lost.get(run.name, 0) + 1
        if status.status == QUEUED and lost < MOST_LOST_WORKERS:  # the worker died with another run, or between runs
            self._waiting.put_back(entry)
        elif status.status in (*ACTIVE, INTERRUPTED):
            with self._lock, run.locked():
                if reason:
                    run.end(INTERRUPTED, reason, Cause.END_NOT_WRITTEN)
                else:
                    self._end_lost(run, status.process)

    def _end_lost(self, run: Run, process: Process | None) -> None:
        used = self._memory_kills.get(process.pid) if process else None  # kept: a full disk makes this be called again
        if used:
            run.end(INTERRUPTED, _over_memory(used), Cause.MEMORY_LIMIT)
            return
        settled = run.end(INTERRUPTED, "its worker process died (killed, or out of memory)", Cause.PROCESS_ENDED)
        if process:
            self._died[process.pid] = run, settled


def _over_memory(used: int) -> str:
    return f"its worker was ended at the memory limit, with {used / 1e9:.1f} GB in use"
