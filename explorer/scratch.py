"""Temporary folders that are removed even if their process is killed.

Each folder is locked while its process lives; creating the next one removes those that are no longer locked.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "explorer-scratch-"
LOCK = ".lock"


class ScratchFolder:
    """A new folder at `path`, in `base` or the temporary folder, locked until `remove` or the end of the process."""

    def __init__(self, base: Path | None = None) -> None:
        sweep(base)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            self._lock = _hold(self.path)
            if self._lock is not None:
                return  # otherwise another process took it for a leftover and removes it

    def remove(self) -> None:
        """Removes the folder and its contents."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that is removed at the end of the block, or by the next one if the process is killed before."""
    folder = ScratchFolder()
    try:
        yield folder.path
    finally:
        folder.remove()


def sweep(base: Path | None = None) -> None:
    """Removes the folders of this user's killed processes from `base` or the temporary folder."""
    for path in (base or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            lock = _hold(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _hold(folder: Path) -> int | None:
    """The open lock of a folder; None if another process holds it or has removed the folder."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), (folder / LOCK).stat()):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
