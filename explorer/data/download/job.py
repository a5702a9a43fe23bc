"""One fetch, as every source sees it."""

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
    """One fetch: what is wanted, how many seconds to wait, who is told, who may stop it, and where it stands."""

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
        """Where the data and all that a fetch writes lie."""
        return datasets.data_folder()

    @property
    def path(self) -> Path:
        """The file that holds the data set once it is verified."""
        return datasets.stored_file(self.name)

    @property
    def part(self) -> Path:
        """The partial download, kept only to be resumed."""
        return beside(self.name, "part")

    def begin(self, source: str) -> None:
        """Turn to another source."""
        self.now = replace(STARTING, source=source)

    def report(self, phase: str, done: int = 0, total: int | None = None, note: str = "") -> None:
        """Tell everyone who listens; also the place where a cancel is noticed, as Cancelled."""
        if phase != "ready" and any(stop() for stop in self.stops):
            raise Cancelled(f"the fetch of {datasets.spec_of(self.name).title} was cancelled")
        if phase != self.now.phase:
            self.since = time.monotonic()
            self.now = replace(self.now, phase=phase, start=done)
        seconds = time.monotonic() - self.since
        self.now = replace(self.now, done=done, total=total, seconds=seconds, note=note)
        for listener in self.listeners:
            listener(self.now)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a full disk or a folder that is not ours into one sentence, as Unwritable."""
        try:
            yield
        except OSError as error:
            raise self.unwritable(error.strerror or str(error)) from error

    def unwritable(self, reason: str) -> Unwritable:
        """Make the error that says what the folder lacks and what to do about it."""
        needed = (self.archive.layout.bytes + self.archive.file_bytes) / 1e6
        return Unwritable(
            f"nothing can be written in {self.folder} ({reason}); up to {needed:,.0f} MB are needed there: "
            "free them, or name another folder with EXPLORER_DATA"
        )


@dataclass(frozen=True)
class Source:
    """A place the data may come from; `read` raises Unusable with the reason why it does not.

    `named`: the user asked for this one, so no other is tried.
    """

    title: str
    read: Callable[[Job], Arrays]
    named: bool = False


def beside(name: str, suffix: str) -> Path:
    """Where a fetch keeps a file of its own, next to the data; raises FieldError for an unknown data set."""
    return datasets.data_folder() / f"{datasets.spec_of(name).name}.{suffix}"


def size(path: Path) -> int:
    """Size of a file in bytes; 0 when it is not there, as npm moves its files while they are counted."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
