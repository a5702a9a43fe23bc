"""How far the reading of a data set has come, written to a folder that a page looks into and can cancel it by."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from explorer.errors import InputError
from explorer.files import read_bytes, replace_file

_DONE, _CANCELLED = "progress", "cancelled"
SECONDS_BETWEEN = 0.25


class Cancelled(InputError):
    """A reading that was cancelled."""


@dataclass
class Progress:
    """The progress of one reading, by its `folder`; without a folder nothing is written, and nothing cancels it."""

    folder: str = ""
    _written: float = field(default=0.0, init=False)

    def tell(self, done: int, total: int) -> None:
        """Writes how many of how many files are read, a few times per second; raises `Cancelled`."""
        now = time.monotonic()
        if not self.folder or now - self._written < SECONDS_BETWEEN:
            return
        self._written = now
        self.check()
        with suppress(OSError), replace_file(Path(self.folder) / _DONE, durable=False) as stream:
            stream.write(f"{done} {total}".encode())

    def check(self) -> None:
        """Raises `Cancelled` if the reading has been cancelled."""
        if self.folder and (Path(self.folder) / _CANCELLED).exists():
            raise Cancelled("data: cancelled; nothing was added")

    def cancel(self) -> None:
        """Ends the reading at its next file or step."""
        (Path(self.folder) / _CANCELLED).touch()

    def read(self) -> tuple[int, int] | None:
        """How many of how many files are read; None before the first, and for what is not read file by file."""
        try:
            done, total = read_bytes(Path(self.folder) / _DONE).split()
            return int(done), int(total)
        except (OSError, ValueError):
            return None
