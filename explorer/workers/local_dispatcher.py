"""Sends waiting runs to the worker processes of this machine, which train them in their own folders."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.errors import ExplorerError, InputError
from explorer.runs.run import Run
from explorer.workers.dispatcher import Dispatcher
from explorer.workers.waiting import Entry, WaitingRuns


@dataclass(eq=False)
class _Task:
    entry: Entry
    worker: str
    future: Any


class LocalDispatcher(Dispatcher):
    """Gives the next waiting run to each free worker process; safe to share between threads.

    A run is handed to one worker by its address, and only when that is free: Dask never holds an order of its own.
    `ended(entry, lost, reason)` is called when a run is no longer on a worker: with `lost` if the worker left it
    unfinished, and with `reason` if the worker is alive and has said why. `look()` is called after each look at the
    workers.
    """

    problems: tuple[str, ...] = ()

    def __init__(
        self,
        client: Any,
        cluster: Any,
        waiting: WaitingRuns,
        ended: Callable[[Entry, bool, str], None],
        look: Callable[[], None],
    ):
        super().__init__(waiting)
        self._client, self._cluster = client, cluster
        self._ended, self._look_at_runs = ended, look
        self.slots = len(cluster.workers)
        self._tasks: dict[str, _Task] = {}
        self._start("local dispatcher")

    def cancel(self, run: Run) -> None:
        """Takes a run that has been stopped before it started from its worker."""
        with self._lock:
            task = self._tasks.pop(run.name, None)
        if task is not None:
            task.future.cancel()
            self._ended(task.entry, False, "")

    # --- inside -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._drop_lost()
        self._assign()
        self._look_at_runs()

    def _has_to_look(self) -> bool:
        return bool(self._tasks or self._waiting.order())

    def _workers(self) -> list[str]:
        return list(self._cluster.scheduler.workers)

    def _free_workers(self) -> list[str]:
        with self._lock:
            busy = {task.worker for task in self._tasks.values()}
        return [address for address in self._workers() if address not in busy]

    def _send(self, address: str, entry: Entry) -> None:
        future = self._client.submit(
            _execute,
            str(entry.run.path),
            workers=[address],
            allow_other_workers=False,
            pure=False,
            key=f"{entry.run.name}-{time.time_ns()}",
        )
        task = _Task(entry, address, future)
        with self._lock:
            self._tasks[entry.run.name] = task
        future.add_done_callback(lambda done: self._finished(task))

    def _drop_lost(self) -> None:
        """Ends the tasks whose worker has left before they reached it, for which Dask would wait for ever."""
        there = set(self._workers())
        with self._lock:
            lost = [task for task in self._tasks.values() if task.worker not in there]
        for task in lost:
            self._finished(task, lost=True)

    def _finished(self, task: _Task, lost: bool = False) -> None:
        """Handles the end of a task once; drops its future, or Dask would compute a lost result again."""
        with self._lock:
            if self._tasks.get(task.entry.run.name) is not task:
                return
            del self._tasks[task.entry.run.name]
        error = task.future.exception() if task.future.status == "error" else None
        if lost:
            task.future.cancel()
        known = isinstance(error, ExplorerError) and not isinstance(error, InputError)
        self._ended(task.entry, lost or error is not None, str(error) if known else "")
        self._wake.set()


def _execute(path: str) -> str:
    from explorer.workers.worker_process import THIS

    return THIS.execute(path)
