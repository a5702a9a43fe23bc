"""Temporary folders that are removed even where the process that fills them is killed, and the one that made them too.

Each is locked for as long as its maker lives; whoever makes the next one removes those that nobody holds any more.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "explorer-scratch-"
LOCK = ".lock"


class ScratchFolder:
    """A new empty folder at `path`, by default in the temporary one, held until `remove` or the end of this process."""

    def __init__(self, base: Path | None = None) -> None:
        sweep(base)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            self._lock = _hold(self.path)
            if self._lock is not None:
                return  # else another process took it for one that nobody holds, and removes it

    def remove(self) -> None:
        """Removes the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(base: Path | None = None) -> None:
    """Removes the folders that killed processes of this user have left, by default in the temporary one."""
    for path in (base or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            lock = _hold(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _hold(folder: Path) -> int | None:
    """The open lock of a folder; None where another process holds it, or has removed it meanwhile."""
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
