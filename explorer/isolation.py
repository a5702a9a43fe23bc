"""Protection from other users of the machine: a private temporary folder, and import paths only its user can write."""

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
from explorer.user_cache import user_cache

PROJECT = Path(__file__).resolve().parent.parent
_AFTER_MULTIPROCESSING = -200  # it removes its own folder inside this one at -100, and fails if that is missing

_making = threading.Lock()
_made: dict[int, ScratchFolder] = {}  # by process id, because a fork inherits its parent's


def isolate() -> Path:
    """Creates the private temporary folder of this process and its children on the first call, and returns it.

    Everything that creates temporary files uses it: `tempfile`, Dask, multiprocessing's sockets, native libraries. It
    is removed when the process ends, or by a later process if it is killed. Python processes started afterwards can
    import the project, and do not look for modules in their working folder.
    """
    with _making:
        if os.getpid() not in _made:
            _made[os.getpid()] = folder = ScratchFolder(_base())
            util.Finalize(None, folder.remove, exitpriority=_AFTER_MULTIPROCESSING)
            os.environ["TMPDIR"] = tempfile.tempdir = str(folder.path)
            _keep_import_paths_private()
        return _made[os.getpid()].path


def others_can_write(path: str | Path) -> bool:
    """Whether another user of this machine could create, replace or change the file at an absolute path.

    A group counts as others unless it is root's or the user's private one. The sticky bit protects existing files.
    """
    real = Path(os.path.realpath(path))
    return any(_open_to_others(chain, place) for chain in {Path(path), real} for place in (chain, *chain.parents))


def _open_to_others(path: Path, place: Path) -> bool:
    """Whether others can change a path through `place`, which is the path itself or a folder above it."""
    try:
        status = place.stat()
    except OSError:
        return False  # a missing path is as safe as the nearest existing folder
    if status.st_uid not in (0, os.getuid()):
        return True
    group = status.st_mode & stat.S_IWGRP and status.st_gid not in _own_groups()
    if not (status.st_mode & stat.S_IWOTH or group):
        return False
    sticky = status.st_mode & stat.S_ISVTX and path != place
    return not (sticky and os.path.lexists(place / path.relative_to(place).parts[0]))


@functools.cache
def _own_groups() -> set[int]:
    """Root's group, and the user's group if it has the user's name, as on systems with a private group per user."""
    with suppress(KeyError):
        if grp.getgrgid(os.getgid()).gr_name == pwd.getpwuid(os.getuid()).pw_name:
            return {0, os.getgid()}
    return {0}


def _base() -> Path:
    """The folder to create private ones in: never one of them, as a process may outlive its parent."""
    base = Path(os.environ.get("TMPDIR") or "/")
    if not base.name.startswith(PREFIX):
        base = Path(tempfile.gettempdir())
    while base.name.startswith(PREFIX):
        base = base.parent
    mode = base.stat().st_mode if base.is_dir() else 0
    if mode & stat.S_ISVTX or (mode and not others_can_write(base)):
        return base
    # where everyone may write and no sticky bit is set, another user could replace our folder
    private = user_cache() / "tmp"
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    return private


def _keep_import_paths_private() -> None:
    """Keeps this process and its children from importing from folders that others can write to.

    `python -c`, which starts the helpers of multiprocessing, looks for modules in the working folder before the
    standard library; so does an empty entry of `PYTHONPATH`.
    """
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    named = inherited if str(PROJECT) in inherited else [*inherited, str(PROJECT)]
    os.environ.update(PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join(named))
    working = str(Path.cwd()) if Path().exists() else ""
    entries = [entry or working for entry in sys.path]
    sys.path[:] = [entry for entry in entries if entry and (entry != working or not others_can_write(entry))]
    if str(PROJECT) not in sys.path:
        sys.path.append(str(PROJECT))
