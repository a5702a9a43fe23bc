"""The state of one download, shared by all sources."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from explorer.data.dataset_file import data_folder, discard, stored_file
from explorer.data.datasets import spec_of
from explorer.data.download.errors import Cancelled, Unwritable
from explorer.data.download.progress import STARTING, Progress
from explorer.data.origin import Downloaded, WebFile
from explorer.data.spec import DatasetSpec

Arrays = Mapping[str, np.ndarray]


@dataclass
class Job:
    """One download: its data set, time-outs in seconds, listeners, cancel checks and progress."""

    spec: DatasetSpec
    connect_timeout: float
    stall_timeout: float
    listeners: list[Callable[[Progress], None]]
    stops: list[Callable[[], bool]]
    work: Path = Path()
    now: Progress = STARTING
    since: float = 0.0

    @property
    def origin(self) -> Downloaded:
        """Where the data set can be downloaded."""
        return self.spec.origin

    @property
    def folder(self) -> Path:
        """The folder of the data and of everything a download writes."""
        return data_folder()

    @property
    def path(self) -> Path:
        """The file of the verified data set."""
        return stored_file(self.spec.file)

    def part(self, file: WebFile) -> Path:
        """The file of a partial download, kept so that it can be resumed."""
        alone = len(self.origin.published.files) == 1
        return beside(self.spec.file, "part" if alone else f"{file.name}.part")

    def discard_parts(self) -> None:
        """Removes all partial downloads."""
        for file in self.origin.published.files:
            discard(self.part(file))

    def begin(self, source: str) -> None:
        """Starts another source."""
        self.now = replace(STARTING, source=source)

    def report(self, phase: str, done: int = 0, total: int | None = None, note: str = "") -> None:
        """Reports progress to all listeners; raises `Cancelled` when the download was cancelled."""
        if phase != "ready" and any(stop() for stop in self.stops):
            raise Cancelled(f"the download of {self.spec.title} was cancelled")
        if phase != self.now.phase:
            self.since = time.monotonic()
            self.now = replace(self.now, phase=phase, start=done)
        seconds = time.monotonic() - self.since
        self.now = replace(self.now, done=done, total=total, seconds=seconds, note=note)
        for listener in self.listeners:
            listener(self.now)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turns an `OSError`, such as a full disk or a missing permission, into `Unwritable`."""
        try:
            yield
        except OSError as error:
            raise self.unwritable(error.strerror or str(error)) from error

    def unwritable(self, reason: str) -> Unwritable:
        """The error that says why the folder cannot be written to and what to do about it."""
        needed = (self.spec.layout.bytes + self.origin.published.bytes) / 1e6
        return Unwritable(
            f"cannot write to {self.folder} ({reason}); up to {needed:,.0f} MB are needed there: "
            "free some space, or choose another folder with EXPLORER_DATA"
        )


@dataclass(frozen=True)
class Source:
    """A source of the data; `read` raises `Unusable` with the reason when it cannot provide it.

    `named`: the user chose this source, so no other is tried.
    """

    title: str
    read: Callable[[Job], Arrays]
    named: bool = False


def beside(name: str, suffix: str) -> Path:
    """The path of an auxiliary file of a download, next to the data; raises `FieldError` for an unknown data set."""
    return data_folder() / f"{spec_of(name).file}.{suffix}"
