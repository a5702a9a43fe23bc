"""Cleaning up what killed processes left in a folder of runs; the next process that creates a run there does it."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from explorer.files import remove_temporary
from explorer.runs import queue_order

# the folder in which a run is prepared before it gets its name
_BUILDING = re.compile(r"\..+_\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d_[a-z]{4}")


@contextmanager
def building_folder(path: Path) -> Iterator[None]:
    """Creates a folder and locks it, so that no other process takes it for a leftover; raises `FileExistsError`.

    The folder is removed when the block raises; the block may rename it.
    """
    path.mkdir()
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        if not path.exists():
            raise FileExistsError(f"{path} was removed as a leftover before it was locked")
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    finally:
        os.close(folder)


def sweep(runs: Path) -> None:
    """Removes temporary files, unfinished run folders and the written orders of ended run queues from a folder of runs.

    What is being written is left alone.
    """
    queue_order.remove_leftovers(runs)
    for folder in (runs, *(path for path in runs.glob(".*") if path.is_dir() and not path.is_symlink())):
        remove_temporary(folder)
    for path in runs.glob(".*_[a-z][a-z][a-z][a-z]"):
        if _BUILDING.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        finally:
            os.close(folder)
