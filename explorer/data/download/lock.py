"""Coordination of downloads between the processes of this machine: the lock, the progress and cancel requests."""

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
from explorer.data.dataset_file import discard
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
    """The progress of a download in any process: the fields of `Progress`, its speeds, `pid` and `process`.

    With `error` when it failed; None when there is no download, or its process ended without an error. Raises
    `FieldError` for an unknown data set.
    """
    try:
        state = records.from_json(read_bytes(_progress_file(name)), _State)
        return state if "error" in state or not state["process"].ended() else None
    except (OSError, ValueError):
        return None


def request_cancel(name: str) -> None:
    """Cancels the download of this data set, in whichever process it runs; it raises `Cancelled` there.

    Raises `FieldError` for an unknown data set.
    """
    path = _cancel_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@contextmanager
def alone(job: Job) -> Iterator[None]:
    """Waits until no other process downloads the data set; the lock ends with the process that holds it."""
    with job.writing():
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = beside(job.spec.file, "lock").open("a")
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                job.report("waiting", note="another process is downloading it")
                time.sleep(0.1)
        yield


@contextmanager
def published(job: Job) -> Iterator[None]:
    """Lets other processes see and cancel a download; afterwards only an error is left, if there was one."""
    progress_file, cancel = _ProgressFile(_progress_file(job.spec.name)), _cancel_file(job.spec.name)
    discard(cancel)  # from an earlier download, as nobody can know of this one yet
    job.listeners.append(progress_file)
    job.stops.append(cancel.exists)
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        discard(progress_file.path)
        raise
    except BaseException as error:
        progress_file.write(error=str(error))
        raise
    else:
        discard(progress_file.path)
    finally:
        job.listeners.remove(progress_file)
        discard(cancel)


class _ProgressFile:
    """A listener that keeps the progress file up to date for other processes."""

    def __init__(self, path: Path):
        self.path, self.last, self.written = path, STARTING, 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self.last.stage or time.monotonic() - self.written >= SECONDS_BETWEEN_WRITES:
            self.last, self.written = progress, time.monotonic()
            self.write()

    def write(self, **more: str) -> None:
        state = asdict(self.last) | {"speed": self.last.speed, "seconds_left": self.last.seconds_left} | more
        state |= {"pid": os.getpid(), "process": asdict(Process.current())}
        # always the same name, so that the next download replaces what a killed one left
        temporary = self.path.with_suffix(".new")
        with suppress(OSError):  # a download does not fail because its progress cannot be written
            temporary.write_text(json.dumps(state))
            temporary.replace(self.path)


def _progress_file(name: str) -> Path:
    return beside(name, "progress.json")


def _cancel_file(name: str) -> Path:
    return beside(name, "cancel")
