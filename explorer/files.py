"""Files that appear whole or not at all, and files of others that are read within bounds."""

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
# a configuration, a status or a note has a few kilobytes
MOST_BYTES = 1 << 20


@contextmanager
def replace_file(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A binary stream whose content replaces the file when the block ends well, and is gone when it does not.

    A durable one is on the disk itself when the block ends, so it outlives a power cut too. What a killed process
    leaves of it is swept by `remove_temporary`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        with _claimed(temporary) as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
            temporary.replace(path)  # while it is still claimed
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _claimed(path: Path) -> IO[bytes]:
    """A new file, locked for as long as this process has it open: so it is known to be no leftover."""
    while True:
        stream = path.open("wb")
        with suppress(OSError):  # a file system without locks: nothing is swept there either
            fcntl.flock(stream, fcntl.LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()  # it was taken for a leftover between the two calls


def remove_temporary(folder: Path) -> None:
    """Removes what `replace_file` left in a folder in processes that were killed, nothing that is being written."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError), path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replaces a file by a value as indented JSON."""
    with replace_file(path, durable=durable) as stream:
        stream.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def open_regular(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """The descriptor of a regular file, opened without waiting for anyone.

    Raises `ValueError` for what is no regular file, such as a named pipe, and for a link; `OSError` as `os.open` does.
    """
    try:
        # a named pipe without NONBLOCK waits for its other end, for ever where there is none
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a link") from None
        if error.errno == errno.ENXIO:  # writing to a pipe that nobody reads, or a socket
            raise ValueError("it is no regular file") from None
        raise
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise ValueError("it is no regular file")


def read_bytes(path: Path | str, most: int = MOST_BYTES, *, start: int = 0) -> bytes:
    """What a regular file holds from `start` on; raises `ValueError` for more than so many bytes, and `OSError`."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size - start
        if size > most:
            raise ValueError(f"it has {size:,} bytes, and at most {most:,} are read")
        with open(descriptor, "rb", closefd=False, buffering=0) as stream:
            stream.seek(start)
            content = stream.read(most + 1) or b""  # not readall: what grows meanwhile must not grow for ever
    finally:
        os.close(descriptor)
    return content[:most]


def append_line(path: Path | str, line: str, *, durable: bool = True) -> None:
    """Adds a line to a regular file; a durable one is on the disk when this returns. Raises as `open_regular` does."""
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 (it is open already)
        stream.write(f"{line}\n".encode())
        stream.flush()
        if durable:
            os.fsync(stream.fileno())


def open_lock(path: Path | str) -> IO[bytes]:
    """A lock file, made where there is none; raises `OSError`, also for what is no regular file."""
    try:
        return os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT), "wb")
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None


def read_json(path: Path | str) -> dict[str, Any]:
    """The JSON object in a file; raises `ValueError` when there is none, `OSError` when it cannot be read."""
    return records.from_json(read_bytes(path), dict[str, Any])


def why(error: Exception) -> str:
    """Why a file could not be read, in words that name no place on this machine."""
    if isinstance(error, FileNotFoundError):
        return "it is missing"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def is_name(text: object) -> bool:
    """Whether a text can be the name of something that is listed in a folder: never a path, hidden, or too long."""
    if not isinstance(text, str) or not text or text.startswith(".") or set(text) & {os.sep, os.altsep, "\0"}:
        return False
    try:
        return len(text.encode()) <= 255
    except UnicodeEncodeError:
        return False
