"""Unpacking of an archive that may come from anywhere; runs in the task process, under its limits of time and memory.

Nothing is written to a path that the archive names. What it may hold is known (`archive.LIMITS`): each file is unpacked
to its own name and up to its own limit, whatever size the archive claims.
"""

import re
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from explorer import zipped
from explorer.errors import ExplorerError, InputError, quoted
from explorer.export.archive import LIMITS, LOG_FOLDERS, LOG_PREFIX, MOST_LOG_BYTES, MOST_LOGS, at_rest
from explorer.export.arrays_check import check_arrays
from explorer.files import is_name, open_regular, why, write_json
from explorer.runs.fix_mark import FIX
from explorer.runs.run import CONFIG, LOGS, TRIAL, Run
from explorer.work_folder import LOCK, REQUEST, STATUS
from explorer.zipped import MEBIBYTE

# JSON of a network whose every unit is dead shrinks to a hundredth; what shrinks more was made to exhaust the disk
MOST_GROWTH = 200
# files of a run folder that make sense only where it was trained
LEFT_OUT = {LOCK, REQUEST, TRIAL, FIX, "error.log"}
LONGEST_NAME = 200
_LOG = re.compile(rf"{LOGS}/({'|'.join(LOG_FOLDERS)})/{re.escape(LOG_PREFIX)}[\w.-]{{1,100}}", re.ASCII)


def unpack(path: str, title: str, folder: str) -> str:
    """Unpacks an archive into an empty folder and checks every file; returns the name of the run.

    Raises `InputError` with one sentence if anything is wrong; `title` is what it calls the archive.
    """
    try:
        with open(open_regular(path), "rb") as stream, _open(stream, title) as file:  # noqa: PTH123
            name, members = _members(file.infolist(), title)
            for relative, member in members.items():
                _unpack(file, member, Path(folder) / relative, _limit(relative), title)
    except (OSError, ValueError) as error:
        raise InputError(f"archive: {quoted(title)} cannot be read: {why(error)}") from error
    _check(Run(folder), title)
    return name


def _check(run: Run, title: str) -> None:
    """Checks the files of an unpacked run, and writes its status as it is where no process trains it."""
    try:
        config, status = run.config, at_rest(run.written_status())
        run.history()
        write_json(run.path / STATUS, status.to_dict())
        check_arrays(run, config)
    except ExplorerError as error:
        # the folder has a name of its own until the run is imported
        text = str(error).replace(f" of {run.name}", "").replace(run.name, "the run")
        raise InputError(f"archive: {quoted(title)} cannot be imported: {text}") from error


# --- what the archive says that it holds ------------------------------------------------------------------


def _damage(title: str) -> AbstractContextManager[None]:
    """Turns whatever zipfile raises for a damaged file into an `InputError`."""
    return zipped.damage_as(InputError(f"archive: {quoted(title)} is not a complete zip file, or it is damaged"))


def _open(stream: IO[bytes], title: str) -> zipfile.ZipFile:
    with _damage(title):
        return zipfile.ZipFile(stream)


def _members(entries: list[zipfile.ZipInfo], title: str) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The run's name, and its members by their path in the run folder; raises `InputError`."""
    archive = f"archive: {quoted(title)}"
    if len(entries) > MOST_LOGS * len(LOG_FOLDERS) + 50:
        raise InputError(f"{archive} has {len(entries):,} entries, more than any run")
    members: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    for entry in entries:
        folder, relative = _place(entry, archive)
        folders.add(folder)
        if entry.is_dir() or relative in LEFT_OUT:
            continue
        if relative not in LIMITS and not _LOG.fullmatch(relative):
            raise InputError(f"{archive} contains {quoted(entry.filename[:80])}, which is not a file of a run")
        if relative in members:
            raise InputError(f"{archive} contains {quoted(relative)} twice")
        if entry.file_size > _limit(relative):
            raise InputError(_too_large(relative, title))
        members[relative] = entry
    if len(folders) > 1:
        raise InputError(f"{archive} holds {len(folders)} folders; it must hold one run")
    if missing := [name for name in (CONFIG, STATUS) if name not in members]:
        raise InputError(f"{archive} is not the archive of a run: it has no {missing[0]}")
    if growth := zipped.growth_of(members.values(), MOST_GROWTH):
        raise InputError(f"{archive} {growth}")
    return _name(folders.pop(), title), members


def _place(entry: zipfile.ZipInfo, archive: str) -> tuple[str, str]:
    """The folder of an entry, empty without one, and its path in it; raises `InputError` for one that is unsafe."""
    if fault := zipped.fault_of(entry):
        raise InputError(f"{archive} {fault}")
    name = entry.filename
    parts = name.rstrip("/").split("/")
    flat = name in LIMITS or name in LEFT_OUT or parts[0] == LOGS
    return ("", name) if flat else (parts[0], "/".join(parts[1:]))


def _limit(relative: str) -> int:
    return LIMITS.get(relative, MOST_LOG_BYTES)


def _too_large(relative: str, title: str) -> str:
    most = _limit(relative) // MEBIBYTE
    return f"archive: {quoted(title)} contains {relative} with more than {most:,} MiB, the most that is allowed"


def _name(folder: str, title: str) -> str:
    name = folder or Path(title).stem
    if not is_name(name) or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"archive: {quoted(title)} holds a run named {quoted(name)}, which is not allowed")
    return name


def _unpack(file: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, most: int, title: str) -> None:
    """Unpacks one file up to its limit, whatever size the archive claims; a wrong checksum raises `BadZipFile`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _damage(title), file.open(member) as source, path.open("xb") as target:
        while block := source.read(min(MEBIBYTE, most + 1)):
            most -= target.write(block)
            if most < 0:
                raise InputError(_too_large(path.name, title))
