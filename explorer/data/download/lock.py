"""What the processes of this machine know of one another's fetches: who is at it, how far, and the wish to stop."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypedDict

from msgspec import Meta

from explorer import records
from explorer.data import datasets
from explorer.data.download.errors import Cancelled
from explorer.data.download.job import Job, beside
from explorer.data.download.progress import STARTING, Progress
from explorer.files import read_bytes
from explorer.process import Process
from explorer.records import Count, Seconds, Text

SECONDS_BETWEEN_WRITES = 0.2


class _Running(TypedDict):
    source: Text
    phase: Text
    done: Count
    total: Count | None
    seconds: Seconds
    start: Count
    note: Text
    speed: Seconds | None
    seconds_left: Seconds | None
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    process: Process


class _State(_Running, total=False):
    error: Text


def read_progress(name: str) -> dict | None:
    """Read how a fetch in any process stands: the fields of Progress with `speed`, `seconds_left`, `pid` and `process`.

    With `error` when it failed. None when there is none, or its process is gone and left no error. Raises
    FieldError for an unknown data set.
    """
    try:
        state = records.from_json(read_bytes(_progress_file(name)), _State)
        return state if "error" in state or not state["process"].ended() else None
    except (OSError, ValueError):
        return None


def request_cancel(name: str) -> None:
    """Ask the fetch of this data set, in whichever process, to stop; it raises Cancelled there.

    Raises FieldError for an unknown data set.
    """
    path = _cancel_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@contextmanager
def alone(job: Job) -> Iterator[None]:
    """Wait until no other process fetches into the folder; the lock ends with the process that holds it."""
    with job.writing():
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = beside(job.name, "lock").open("a")
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                job.report("waiting", note="waiting for another process that is fetching it")
                time.sleep(0.1)
        yield


@contextmanager
def published(job: Job) -> Iterator[None]:
    """Let other processes see and cancel a fetch; in the end nothing of that is left, unless an error is to be told."""
    shown, cancel = _Shown(_progress_file(job.name)), _cancel_file(job.name)
    datasets.discard(cancel)  # it was meant for an earlier fetch: of this one nobody has seen anything yet
    job.listeners.append(shown)
    job.stops.append(cancel.exists)
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        datasets.discard(shown.path)
        raise
    except BaseException as error:
        shown.write(error=str(error))
        raise
    else:
        datasets.discard(shown.path)
    finally:
        job.listeners.remove(shown)
        datasets.discard(cancel)


class _Shown:
    """Keeps the progress file up to date, for a page that watches a fetch in another process."""

    def __init__(self, path: Path):
        self.path, self.last, self.written = path, STARTING, 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self.last.stage or time.monotonic() - self.written >= SECONDS_BETWEEN_WRITES:
            self.last, self.written = progress, time.monotonic()
            self.write()

    def write(self, **more: str) -> None:
        state = asdict(self.last) | {"speed": self.last.speed, "seconds_left": self.last.seconds_left} | more
        state |= {"pid": os.getpid(), "process": asdict(Process.current())}
        temporary = self.path.with_suffix(".new")  # one name for all: what a killed fetch leaves, the next replaces
        with suppress(OSError):  # a fetch is worth more than the display of its progress
            temporary.write_text(json.dumps(state))
            temporary.replace(self.path)


def _progress_file(name: str) -> Path:
    return beside(name, "progress.json")


def _cancel_file(name: str) -> Path:
    return beside(name, "cancel")
