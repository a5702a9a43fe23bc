"""A folder in which one process works while others watch: its lock, its status, and requests to that process."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from explorer.errors import GoneError, InputError, RunError
from explorer.files import MOST_BYTES, open_lock, open_regular, read_bytes, replace_file, why, write_json

STATUS, REQUEST, LOCK = "status.json", "request", ".lock"
STOP, PAUSE = "stop", "pause"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SECONDS_TO_WAIT_FOR_READERS = 0.2


class WorkFolder:
    """What the folder of a run and that of a study have in common; `kind` is what the folder is of."""

    kind = ""
    busy = "is in use by another process"
    requests: tuple[str, ...] = (STOP,)
    path: Path
    name: str

    @property
    def _owner(self) -> str:
        return self.name

    def _read(self, name: str, most: int = MOST_BYTES) -> bytes:
        return read_bytes(self.path / name, most)

    def _unreadable(self, name: str, error: Exception) -> RunError:
        return RunError(f"{name} of {self._owner} cannot be read: {why(error)}")

    def _write_status(self, values: dict[str, Any], *, durable: bool) -> None:
        write_json(self.path / STATUS, values, durable=durable)

    # --- requests --------------------------------------------------------------------------------------------

    def request(self, what: str = STOP) -> None:
        """Requests that the process stop or do something else; raises `RunError` when that cannot be written."""
        try:
            with replace_file(self.path / REQUEST, durable=False) as stream:
                stream.write(what.encode())
        except OSError as error:
            if error.errno not in FULL or what != STOP:
                raise RunError(f"{REQUEST} of {self._owner} cannot be written ({error.strerror})") from error
            (self.path / REQUEST).touch()  # an empty file takes no space and means stop

    def requested(self) -> str | None:
        """The pending request; None when there is none or it cannot be read."""
        return self._request_in(REQUEST)

    def _request_in(self, name: str) -> str | None:
        try:
            request = self._read(name, 16).decode("ascii") or STOP
        except (OSError, ValueError):
            return None
        return request if request in self.requests else None

    def clear_request(self) -> None:
        """Removes the pending request; raises `RunError` when it cannot be removed."""
        try:
            (self.path / REQUEST).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{REQUEST} of {self._owner} cannot be removed ({error.strerror})") from error

    def take_request(self) -> str | None:
        """Removes the pending request and returns it; one that is made meanwhile stays.

        Raises `RunError` when it cannot be removed.
        """
        taken = f".{REQUEST}-taken"
        try:
            (self.path / REQUEST).replace(self.path / taken)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunError(f"{REQUEST} of {self._owner} cannot be removed ({error.strerror})") from error
        request = self._request_in(taken)
        with suppress(OSError):
            (self.path / taken).unlink()
        return request

    # --- the lock --------------------------------------------------------------------------------------------

    def held(self) -> bool | None:
        """Whether another process holds the lock; None when unknown, as for a folder that was never locked."""
        try:
            with os.fdopen(open_regular(self.path / LOCK), "rb") as stream:
                # shared, so that readers do not take each other for a holder
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder for this process; the lock ends with the process.

        Raises `InputError` when another process holds the lock, `GoneError` when the folder does not exist.
        """
        try:
            stream = open_lock(self.path / LOCK)
        except FileNotFoundError:
            raise GoneError(f"{self.kind}: the folder of {self.name} no longer exists") from None
        except OSError as error:
            raise RunError(f"{LOCK} of {self._owner} cannot be written: {why(error)}") from error
        with stream:
            if not _take(stream):
                raise InputError(f"{self.kind}: {self.name!r} {self.busy}; stop that one first")
            yield


def _take(stream: IO[bytes]) -> bool:
    """Locks a file for this process; waits a moment for readers, which hold the lock briefly to look at it."""
    end = time.monotonic() + SECONDS_TO_WAIT_FOR_READERS
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > end:
                return False
        time.sleep(0.01)
