"""Changes to a run from outside its training: queueing it again, stopping it, settling what ended processes left."""

import time
from contextlib import suppress

from explorer.errors import ExplorerError, InputError, RunError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.run import CHECKPOINT, Run
from explorer.runs.status import ACTIVE, INTERRUPTED, PAUSED, QUEUED, STOPPED
from explorer.runs.store import RunStore
from explorer.work_folder import STOP


def resumable(run: Run) -> bool:
    """Whether a run can be resumed, as `RunStatus.can_resume` says."""
    return run.status().can_resume(run.has_checkpoint())


def queue_again(run: Run, *, from_start: bool = False) -> None:
    """Sets a run to queued, owned by this process; raises `InputError` if it cannot be resumed.

    `from_start` removes the checkpoint; history and model are kept until training starts again.
    """
    written, fits = run.written_status(), resumable(run)
    with run.locked():
        if not fits or run.written_status() != written:  # if two resume at once, the later one finds it queued
            raise InputError(
                f"run: {run.name!r} is {run.status().status}; only a run that is paused, stopped or interrupted, "
                "that failed but has a checkpoint, or that failed for lack of disk space, memory or data, "
                "can be resumed"
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
        run.request(STOP)
        status = run.status().status  # it may have paused meanwhile
    if status in (QUEUED, PAUSED):
        # a process that holds the lock is about to train it and will find the request
        with suppress(InputError), run.locked():
            if run.status().status in (QUEUED, PAUSED):
                reason = f"stopped while {status}"
                _end(run, STOPPED, reason, Cause.STOPPED_BY_REQUEST)
    return run.status().status


def stop_after_pause(run: Run, request: str | None) -> str:
    """Ends a run that has just been paused, if a stop was requested while that was written; returns its status.

    `request` was taken before. The caller holds the run's lock.
    """
    status = run.status().status
    if status != PAUSED or STOP not in (request, run.requested()):
        return status
    run.clear_request()
    _end(run, STOPPED, f"stopped while {PAUSED}", Cause.STOPPED_BY_REQUEST)
    return STOPPED


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
