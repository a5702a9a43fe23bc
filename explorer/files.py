"""Atomic writing of files, and reading of untrusted files within bounds."""

import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from explorer import records

TEMPORARY = ".tmp"
# configurations, statuses and notes have a few kilobytes
MOST_BYTES = 1 << 20


@contextmanager
def replace_file(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A binary stream whose content replaces a file when the block succeeds, and is discarded when it fails.

    If `durable`, the content is synced to the disk, so that it survives a power failure. `remove_temporary` removes
    what a killed process leaves behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        with _claimed(temporary) as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
            temporary.replace(path)  # while it is still locked
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _claimed(path: Path) -> IO[bytes]:
    """A new file, locked while this process has it open, so that nobody takes it for a leftover."""
    while True:
        stream = path.open("wb")
        with suppress(OSError):  # a file system without locks: leftovers are not removed there either
            fcntl.flock(stream, fcntl.LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()  # another process removed it as a leftover between the two calls


def remove_temporary(folder: Path) -> None:
    """Removes the temporary files of killed processes from a folder, but none that is being written."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError), path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replaces a file with a value as indented JSON."""
    with replace_file(path, durable=durable) as stream:
        stream.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def open_regular(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """The descriptor of a regular file, opened without blocking.

    Raises `ValueError` for anything else, such as a named pipe or a symbolic link, and `OSError` as `os.open` does.
    """
    try:
        # without NONBLOCK, opening a named pipe waits until its other end is opened
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a symbolic link") from None
        if error.errno == errno.ENXIO:  # a socket, or a pipe without a reader
            raise ValueError("it is not a regular file") from None
        raise
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise ValueError("it is not a regular file")


def read_bytes(path: Path | str, most: int = MOST_BYTES, *, start: int = 0) -> bytes:
    """The bytes of a regular file from `start` on; raises `ValueError` for more than `most` bytes, and `OSError`."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size - start
        if size > most:
            raise ValueError(f"it has {size:,} bytes; at most {most:,} are allowed")
        with open(descriptor, "rb", closefd=False, buffering=0) as stream:
            stream.seek(start)
            content = stream.read(most + 1) or b""  # not readall: the file may be growing
    finally:
        os.close(descriptor)
    return content[:most]


def append_line(path: Path | str, line: str, *, durable: bool = True) -> None:
    """Appends a line to a regular file, synced to the disk if `durable`; raises as `open_regular` does."""
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 (it is open already)
        stream.write(f"{line}\n".encode())
        stream.flush()
        if durable:
            os.fsync(stream.fileno())


def open_lock(path: Path | str) -> IO[bytes]:
    """A lock file, created if missing; raises `OSError`, also if it is not a regular file."""
    try:
        return os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT), "wb")
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None


def read_json(path: Path | str) -> dict[str, Any]:
    """The JSON object in a file; raises `ValueError` if there is none, and `OSError` if it cannot be read."""
    return records.from_json(read_bytes(path), dict[str, Any])


def why(error: Exception) -> str:
    """Why a file could not be read, without any path of this machine."""
    if isinstance(error, FileNotFoundError):
        return "it is missing"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def is_name(text: object) -> bool:
    """Whether a text is a valid name in a folder: not a path, not hidden and not too long."""
    if not isinstance(text, str) or not text or text.startswith(".") or set(text) & {os.sep, os.altsep, "\0"}:
        return False
    try:
        return len(text.encode()) <= 255
    except UnicodeEncodeError:
        return False
