"""Name, tags and note of a run, and the bin for deleted runs.

The notes are in `notes.json` in the folder of the run, the bin is the folder `.bin` beside the runs.
"""

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from explorer import records
from explorer.errors import FieldError, InputError, RunError
from explorer.files import is_name, read_bytes, write_json

NOTES = "notes.json"
LONGEST_NAME, LONGEST_TAG, LONGEST_NOTE, MOST_TAGS = 80, 30, 2000, 20


@dataclass(frozen=True)
class Annotation:
    """The name, tags and note of a run, all optional; raises `FieldError` if one is too long."""

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        tags = dict.fromkeys(" ".join(tag.split()) for tag in self.tags)
        object.__setattr__(self, "name", " ".join(self.name.split()))
        object.__setattr__(self, "tags", tuple(tag for tag in tags if tag))
        object.__setattr__(self, "note", self.note.strip())
        _check("name", self.name, LONGEST_NAME)
        _check("note", self.note, LONGEST_NOTE)
        for tag in self.tags:
            _check("tag", tag, LONGEST_TAG)
        if len(self.tags) > MOST_TAGS:
            raise FieldError("tags", len(self.tags), f"at most {MOST_TAGS} tags")


def _check(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise FieldError(field, f"{text[:20]}…", f"at most {longest:,} characters long, not {len(text):,}")


NOTHING = Annotation()


class _Notes(msgspec.Struct):
    note: records.Text
    name: records.Text = ""
    tags: Annotated[list[records.Text], Meta(max_length=1_000)] = []


def read(folder: Path) -> Annotation:
    """The notes of a run; empty if they are missing or damaged, so that the run is still listed."""
    try:
        values = records.from_json(read_bytes(folder / NOTES), _Notes)
        return Annotation(values.name, tuple(values.tags), values.note)
    except (OSError, ValueError, FieldError):
        return NOTHING


def write(folder: Path, annotation: Annotation) -> None:
    """Replaces the notes of a run; raises `RunError` if they cannot be written."""
    try:
        if annotation == NOTHING:
            (folder / NOTES).unlink(missing_ok=True)
        else:
            values = {"name": annotation.name, "tags": list(annotation.tags), "note": annotation.note}
            write_json(folder / NOTES, values)
    except OSError as error:
        raise RunError(f"{NOTES} of {folder.name} cannot be written ({error.strerror})") from error


# --- The bin ----------------------------------------------------------------------------------------------

BIN = ".bin"


def bin_run(runs: Path, name: str) -> None:
    """Moves a run folder to the bin, while nobody trains it; raises `RunError`."""
    try:
        (runs / BIN).mkdir(exist_ok=True)
        (runs / name).rename(runs / BIN / name)
    except OSError as error:
        raise RunError(f"run: {name!r} cannot be moved to the bin ({error.strerror})") from error


def binned(runs: Path) -> list[str]:
    """The names of the runs in the bin, the most recently deleted first."""
    try:
        folders = [path for path in (runs / BIN).iterdir() if is_name(path.name) and path.is_dir()]
        dated = [(path.lstat().st_ctime, path.name) for path in folders]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"the bin cannot be read ({error.strerror})") from error
    return [name for _, name in sorted(dated, reverse=True)]


def restore(runs: Path, names: Iterable[str]) -> None:
    """Moves runs out of the bin; raises `InputError` if one is not in it, or a run with its name exists."""
    for name in names:
        source, target = runs / BIN / name, runs / name
        if name not in binned(runs):
            raise InputError(f"run: {name!r} is not in the bin")
        if target.exists():
            raise InputError(f"run: {name!r} cannot be restored, because a run with this name exists")
        try:
            source.rename(target)
        except OSError as error:
            raise RunError(f"run: {name!r} cannot be restored ({error.strerror})") from error


def empty_bin(runs: Path) -> int:
    """Deletes all runs in the bin for good and returns their number; raises `RunError`."""
    for left in runs.glob(f"{BIN}-*"):  # left by a process that was killed while emptying the bin
        shutil.rmtree(left, ignore_errors=True)
    names = binned(runs)
    if not names:
        return 0
    doomed = runs / f"{BIN}-{time.time_ns()}"  # what is moved to the bin meanwhile stays
    try:
        (runs / BIN).rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise RunError(f"the bin cannot be emptied ({error.strerror})") from error
    return len(names)
