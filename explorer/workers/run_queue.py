"""The run queue: runs that wait for worker processes, on this machine or on many, using Dask `distributed`.

It hands run folders to workers and reads nothing back but the folders. It starts in the background; runs submitted
before it is ready wait.
"""

import os
import signal
import threading
import time
from contextlib import suppress

from explorer.config import TrainingConfig
from explorer.errors import ExplorerError, InputError, RunError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.run import (
    ACTIVE,
    CHECKPOINT,
    FAILED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RESUMABLE,
    STOPPED,
    Run,
    RunStatus,
)
from explorer.runs.store import RunStore
from explorer.workers.cluster import Settings, connect
from explorer.workers.remote.queue import RemoteQueue

STARTING, READY, BROKEN = "starting", "ready", "broken"

# How often a queued run whose worker dies before it starts is submitted again.
MOST_LOST_WORKERS = 3
# Seconds between two attempts to write how a run ended: the first, and the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0


class RunQueue:
    """Submits, queues, stops and resumes runs; safe to share between threads.

    `state` is starting, ready or broken; `message` says why it is broken.
    """

    def __init__(self, settings: Settings | None = None):
        self.state, self.message = STARTING, ""
        self._settings = settings
        self._lock = threading.RLock()
        self._waiting: list[Run] = []
        self._futures: dict[str, object] = {}
        self._client = self._cluster = self._remote_queue = None
        self._wanted: TrainingConfig | None = None
        self._lost: dict[str, int] = {}
        self._closed = False
        self._ended: set[str] = set()
        self._news = threading.Event()
        self._memory_kills: dict[int, int] = {}
        self._starter = threading.Thread(target=self._start, daemon=True, name="run queue")
        self._starter.start()

    def wait_until_ready(self, seconds: float) -> str:
        """Waits for the queue to start, at most `seconds`, and returns the state."""
        self._starter.join(seconds)
        return self.state

    def submit(self, run: Run) -> None:
        """Queues a new run."""
        with self._lock:
            if self.state == READY:
                self._send(run)
            else:
                self._waiting.append(run)

    def stop(self, run: Run) -> None:
        """Requests that a run stop, wherever it is trained; a queued or paused run stops at once."""
        if ask_to_stop(run) != STOPPED:
            self._hurry()
            return
        with self._lock:
            future = self._futures.pop(run.name, None)
            self._waiting = [other for other in self._waiting if other.name != run.name]
            if self._remote_queue is not None:
                self._remote_queue.drop(run)
        if future is not None:
            future.cancel()

    def pause(self, run: Run) -> None:
        """Requests that a running run pause: its state is saved, and its worker becomes free."""
        if run.status().status in ACTIVE:
            run.request("pause")
            self._hurry()

    def _hurry(self) -> None:
        if self._remote_queue is not None:
            self._remote_queue.hurry()

    def resume(self, run: Run) -> None:
        """Queues a run again, to continue exactly where it stopped; raises `InputError` if that is impossible."""
        with self._lock:
            queue_again(run)
            self.submit(run)

    def start_again(self, run: Run) -> None:
        """Queues a run again, to be trained from the beginning; raises `InputError` if that is impossible."""
        with self._lock:
            queue_again(run, from_start=True)
            self.submit(run)

    def prepare(self, config: TrainingConfig) -> None:
        """Has idle workers compile a configuration's network ahead of time; the latest request counts."""
        with self._lock:
            if self.state != READY:
                self._wanted = config
                return
            self._client.run(_prepare, config.to_dict(), wait=False, on_error="ignore")

    def worker_processes(self) -> list[int]:
        """The process ids of the running workers."""
        return list(self._client.run(os.getpid, on_error="ignore").values()) if self.state == READY else []

    @property
    def slots(self) -> int:
        """The number of runs that can be trained at once."""
        if self.state != READY:
            return 0
        return self._settings.workers if self._remote_queue is None else self._remote_queue.slots

    @property
    def problems(self) -> list[str]:
        """Why some workers are not used, one sentence each."""
        return [] if self._remote_queue is None else self._remote_queue.problems

    def wait_for_news(self, seconds: float) -> set[str]:
        """The names of the runs that ended since the last call; waits for one, at most `seconds`."""
        self._news.wait(seconds)
        with self._lock:
            self._news.clear()
            ended, self._ended = self._ended, set()
        return ended

    def abandon(self) -> None:
        """Kills the workers of this machine; what is not on disk is lost."""
        for nanny in self._cluster.workers.values() if self._cluster else ():
            nanny.auto_restart = False
            with suppress(OSError, TypeError):  # it has ended, or is being restarted
                os.kill(nanny.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the workers of this machine; a scheduler started elsewhere keeps running."""
        self._closed = True
        self._starter.join()
        if self._remote_queue is not None:
            self._remote_queue.close()
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()

    # --- inside -------------------------------------------------------------------------------------------

    def _start(self) -> None:
        try:
            self._settings = self._settings or Settings.from_environment()
            client, cluster = connect(self._settings)
        except Exception as error:  # any error is shown on the page
            self.state, self.message = BROKEN, str(error) or type(error).__name__
            return
        client.subscribe_topic("worker-restart-memory", self._note_memory)
        # remote workers have no access to the folders of this machine
        remote_queue = RemoteQueue(client, self._settings.datasets, self._came_back) if cluster is None else None
        with self._lock:
            self._client, self._cluster, self._remote_queue = client, cluster, remote_queue
            self.state = READY
            for run in self._waiting:
                self._send(run)
            self._waiting.clear()
            wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self.prepare(wanted)

    def _send(self, run: Run) -> None:
        if self._remote_queue is not None:
            self._remote_queue.add(run)
            return
        future = self._client.submit(_execute, str(run.path), pure=False, key=f"{run.name}-{time.time_ns()}")
        self._futures[run.name] = future
        future.add_done_callback(lambda done: self._finished(run, done))

    def _finished(self, run: Run, future) -> None:
        """Handles the end of a run's task; drops the future, or Dask would compute a lost result again."""
        with self._lock:
            if self._futures.get(run.name) is future:
                del self._futures[run.name]
        error = future.exception() if future.status == "error" else None
        # the worker is alive and has reported why it could not end the run
        reason = str(error) if isinstance(error, ExplorerError) and not isinstance(error, InputError) else ""
        self._came_back(run, error is not None, reason)

    def _came_back(self, run: Run, lost: bool, reason: str = "") -> None:
        """Handles a run that is no longer trained; `lost` if its worker left it unfinished, with `reason` if known."""
        if lost:
            self._settle_at_last(run, reason, FIRST_WAIT)
        with self._lock:
            self._ended.add(run.name)
            self._news.set()

    def _settle_at_last(self, run: Run, reason: str, wait: float, known: RunStatus | None = None) -> None:
        """Settles a run, retrying while its folder cannot be written, as on a full disk."""
        try:
            written = run.written_status()
            if known in (None, written):  # otherwise it has been resumed meanwhile
                self._settle(run, reason)
        except ExplorerError:  # its folder was removed, or another process is training it
            return
        except OSError:
            if not self._closed:
                again = (run, reason, min(2 * wait, LONGEST_WAIT), written)
                timer = threading.Timer(wait, self._settle_at_last, again)
                timer.daemon = True
                timer.start()

    def _settle(self, run: Run, reason: str) -> None:
        status = run.status()
        lost = self._lost[run.name] = self._lost.get(run.name, 0) + 1
        if status.status == QUEUED and lost < MOST_LOST_WORKERS:  # the worker died with another run, or between runs
            self.submit(run)
        elif status.status in (*ACTIVE, INTERRUPTED):
            with run.locked():
                reason, cause = (reason, Cause.END_NOT_WRITTEN) if reason else self._why_lost(status.process)
                run.end(INTERRUPTED, reason, cause)

    def _why_lost(self, process: Process | None) -> tuple[str, Cause]:
        kill = self._memory_kills.get(process.pid) if process else None
        if kill:
            reason = f"its worker was ended at the memory limit, with {kill / 1e9:.1f} GB in use"
            return reason, Cause.MEMORY_LIMIT
        return "its worker process died (killed, or out of memory)", Cause.PROCESS_ENDED

    def _note_memory(self, event: tuple[float, dict]) -> None:
        self._memory_kills[event[1]["pid"]] = event[1]["rss"]


def resumable(run: Run) -> bool:
    """Whether a run can be resumed: it ended early, or failed but has a checkpoint."""
    status = run.status().status
    return status in RESUMABLE or (status == FAILED and (run.path / CHECKPOINT).exists())


def queue_again(run: Run, *, from_start: bool = False) -> None:
    """Sets a run to queued, owned by this process; raises `InputError` if it cannot be resumed.

    `from_start` removes the checkpoint; history and model are kept until training starts again.
    """
    written, fits = run.written_status(), resumable(run)
    with run.locked():
        if not fits or run.written_status() != written:  # if two resume at once, the later one finds it queued
            raise InputError(
                f"run: {run.name!r} is {run.status().status}; only a run that is paused, stopped, interrupted, "
                "or failed with a checkpoint can be resumed"
            )
        try:
            run.clear_request()
            run.update(status=QUEUED, reason="", cause=None, queued=time.time(), process=Process.current(), ended=None)
            if from_start:
                (run.path / CHECKPOINT).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"run: {run.name!r} cannot be resumed ({error.strerror or error})") from error


def ask_to_stop(run: Run) -> str:
    """Requests that a run stop, ends it at once if it is queued or paused, and returns its status after that."""
    status = run.status().status
    if status in (*ACTIVE, PAUSED):
        run.request("stop")
    if status in (QUEUED, PAUSED):
        # a process that holds the lock is about to train it and will find the request
        with suppress(InputError), run.locked():
            if run.status().status in (QUEUED, PAUSED):
                reason = f"stopped while {status}"
                _end(run, STOPPED, reason, Cause.STOPPED_BY_REQUEST)
    return run.status().status


def _end(run: Run, status: str, reason: str, cause: Cause) -> None:
    try:
        run.end(status, reason, cause)
    except OSError as error:
        raise RunError(f"run: {run.name!r} cannot be written ({error.strerror or error})") from error


def settle_orphans(store: RunStore) -> None:
    """Marks the runs whose process is gone as interrupted, as after a restart of the server."""
    for summary in store.list():
        if summary.state == INTERRUPTED and summary.status.process:
            # a locked run belongs to a process; on a full disk readers see it as interrupted anyway
            with suppress(ExplorerError, OSError):
                _settle_orphan(summary.run)


def _settle_orphan(run: Run) -> None:
    written = run.written_status()
    status = run.seen_now(written)
    if status.status == INTERRUPTED:
        with run.locked():
            if run.written_status() == written:
                run.end(INTERRUPTED, status.reason, status.cause)


def _execute(path: str) -> str:
    from explorer.workers.worker_process import THIS

    return THIS.execute(path)


async def _prepare(values: dict) -> None:
    from explorer.workers.worker_process import THIS

    THIS.prepare(TrainingConfig.from_dict(values))
