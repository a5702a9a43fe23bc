"""The state of one download, shared by all sources."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.data import datasets
from explorer.data.download.archive import Archive, Arrays
from explorer.data.download.errors import Cancelled, Unwritable
from explorer.data.download.progress import STARTING, Progress


@dataclass
class Job:
    """One download: its data set and archive, time-outs in seconds, listeners, cancel checks and progress."""

    name: str
    archive: Archive
    connect_timeout: float
    stall_timeout: float
    listeners: list[Callable[[Progress], None]]
    stops: list[Callable[[], bool]]
    work: Path = Path()
    now: Progress = STARTING
    since: float = 0.0

    @property
    def folder(self) -> Path:
        """The folder of the data and of everything a download writes."""
        return datasets.data_folder()

    @property
    def path(self) -> Path:
        """The file of the verified data set."""
        return datasets.stored_file(self.name)

    @property
    def part(self) -> Path:
        """The file of the partial download, kept so that it can be resumed."""
        return beside(self.name, "part")

    def begin(self, source: str) -> None:
        """Starts another source."""
        self.now = replace(STARTING, source=source)

    def report(self, phase: str, done: int = 0, total: int | None = None, note: str = "") -> None:
        """Reports progress to all listeners; raises `Cancelled` when the download was cancelled."""
        if phase != "ready" and any(stop() for stop in self.stops):
            raise Cancelled(f"the download of {datasets.spec_of(self.name).title} was cancelled")
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
        needed = (self.archive.layout.bytes + self.archive.file_bytes) / 1e6
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
    return datasets.data_folder() / f"{datasets.spec_of(name).name}.{suffix}"


def size(path: Path) -> int:
    """The size of a file in bytes; 0 when it does not exist, as npm moves its files while they are counted."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
