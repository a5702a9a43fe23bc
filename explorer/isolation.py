"""Shuts the machine's other users out: a private temporary folder, and no import path that they can write to."""

import functools
import grp
import os
import pwd
import stat
import sys
import tempfile
import threading
from contextlib import suppress
from multiprocessing import util
from pathlib import Path

from explorer.scratch import PREFIX, ScratchFolder

PROJECT = Path(__file__).resolve().parent.parent
_AFTER_MULTIPROCESSING = -200  # it removes its own folder inside this one at -100, and complains when that is gone

_making = threading.Lock()
_made: dict[int, ScratchFolder] = {}  # by process, because a fork inherits its parent's


def isolate() -> Path:
    """Makes the private temporary folder of this process and its children at the first call, and returns it.

    Whatever makes temporary files uses it: Python's `tempfile`, Dask, multiprocessing's sockets, native libraries.
    It is removed when the process ends, or by the next one after a kill. Python processes that are started from here
    on find the project itself, and do not look for modules in the folder that they are started in.
    """
    with _making:
        if os.getpid() not in _made:
            _made[os.getpid()] = folder = ScratchFolder(_base())
            util.Finalize(None, folder.remove, exitpriority=_AFTER_MULTIPROCESSING)
            os.environ["TMPDIR"] = tempfile.tempdir = str(folder.path)
            _keep_import_paths_private()
        return _made[os.getpid()].path


def others_can_write(path: str | Path) -> bool:
    """Whether another user of this machine could create, replace or change what lies at an absolute path.

    A group counts as others unless it is root's or the user's private one. The sticky bit keeps what exists.
    """
    real = Path(os.path.realpath(path))
    return any(_open_to_others(chain, place) for chain in {Path(path), real} for place in (chain, *chain.parents))


def _open_to_others(path: Path, place: Path) -> bool:
    """Whether others can change what a path means in itself or in one of the folders above it."""
    try:
        found = place.stat()
    except OSError:
        return False  # what is missing is as safe as the nearest folder that exists
    if found.st_uid not in (0, os.getuid()):
        return True
    group = found.st_mode & stat.S_IWGRP and found.st_gid not in _own_groups()
    if not (found.st_mode & stat.S_IWOTH or group):
        return False
    kept = found.st_mode & stat.S_ISVTX and path != place
    return not (kept and os.path.lexists(place / path.relative_to(place).parts[0]))


@functools.cache
def _own_groups() -> set[int]:
    """Root's group, and the user's own where that has the user's name, as on systems with a private group each."""
    with suppress(KeyError):
        if grp.getgrgid(os.getgid()).gr_name == pwd.getpwuid(os.getuid()).pw_name:
            return {0, os.getgid()}
    return {0}


def _base() -> Path:
    """The folder that private ones are made in: never one of them, as a process may outlive the one that started it."""
    base = Path(os.environ.get("TMPDIR") or "/")
    if not base.name.startswith(PREFIX):
        base = Path(tempfile.gettempdir())
    while base.name.startswith(PREFIX):
        base = base.parent
    mode = base.stat().st_mode if base.is_dir() else 0
    if mode & stat.S_ISVTX or (mode and not others_can_write(base)):
        return base
    # where all may write and nothing keeps what exists, another user could put a folder in the place of ours
    own = Path.home() / ".cache" / "deep-network-explorer" / "tmp"
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    return own


def _keep_import_paths_private() -> None:
    """Has this process and those that it starts import from no folder that others can write to.

    `python -c`, which multiprocessing starts its helpers by, looks for modules in the working folder before it looks
    anywhere else, the standard library included; so does an empty entry of `PYTHONPATH`.
    """
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    named = inherited if str(PROJECT) in inherited else [*inherited, str(PROJECT)]
    os.environ.update(PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join(named))
    working = str(Path.cwd()) if Path().exists() else ""
    entries = [entry or working for entry in sys.path]
    sys.path[:] = [entry for entry in entries if entry and (entry != working or not others_can_write(entry))]
    if str(PROJECT) not in sys.path:
        sys.path.append(str(PROJECT))
