"""An index of a folder of runs, so that thousands of them are listed without opening thousands of files.

It is a cache and nothing else: an entry counts only while the run's files have the same stamps, a damaged or foreign
index is not used, and one that cannot be written is done without.
"""

import math
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from explorer import records
from explorer.config import FIELDS, SCHEMA_VERSION, Field, TrainingConfig
from explorer.files import read_bytes, replace_file
from explorer.records import Count, Real, Seconds, Text
from explorer.runs.history import CURVE_POINTS, EpochRecord, Outline
from explorer.runs.notes import NOTHING, Annotation
from explorer.runs.run import RunStatus

INDEX = ".index.json"
MOST_BYTES = 1 << 29  # a run takes a kilobyte
_VERSION = 3


def _form(status_fields: Sequence[str]) -> list[Any]:
    """What the entries' values are, in their order: an index of another form is not this version's."""
    own = (*FIELDS, *(f.name for f in fields(EpochRecord)), *(f.name for f in fields(Outline)))
    return [_VERSION, SCHEMA_VERSION, *status_fields, *own]


def stamp(folder: str, name: str) -> tuple[int, int, int] | None:
    """What tells whether a file has changed; None where there is none."""
    try:
        found = os.stat(f"{folder}/{name}")  # noqa: PTH116 (a Path a file doubles the time of listing thousands)
    except OSError:
        return None
    # the inode too: a file replaced within a tick of the clock by one of its size has the other two in common
    return found.st_mtime_ns, found.st_size, found.st_ino


def load(folder: Path, status_fields: Sequence[str]) -> "dict[str, Entry]":
    """The entries of an index by the run's name; none where there is no index that this version has written."""
    try:
        head, _, body = read_bytes(folder / INDEX, MOST_BYTES).partition(b"\n")
        known = records.from_json(head, _Head)
        if known.form == _form(status_fields) and known.checksum == zlib.crc32(body):
            return records.from_json(body, dict[str, Entry])
    except (OSError, ValueError):
        pass
    return {}


def save(folder: Path, entries: "dict[str, Entry]", status_fields: Sequence[str]) -> None:
    """Replaces the index; a folder that cannot be written to stays without."""
    body = msgspec.json.encode(entries)
    head = msgspec.json.encode(_Head(_form(status_fields), zlib.crc32(body)))
    with suppress(OSError), replace_file(folder / INDEX, durable=False) as stream:
        stream.write(head + b"\n" + body)


# --- What an entry holds, without the names that would make it three times as long ---------------------------


class _Head(msgspec.Struct):
    form: list[str | int]
    checksum: int


def _kind(field: Field) -> Any:
    if field.choices:
        return Literal[field.choices]
    number = int if isinstance(field.default, int) else float
    return Annotated[number, Meta(ge=field.minimum, le=field.maximum)]


def _optional(kind: type, *required: str) -> Any:
    """A row of a dataclass's fields in their order; a number that is not finite is null."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple[*(hints[f.name] if f.name in required else hints[f.name] | None for f in fields(kind))]


Stamp = tuple[int, int, int]
_Settings = tuple[*map(_kind, FIELDS.values())]
_Best = _optional(EpochRecord, "epoch")
_Curve = Annotated[list[Real | None], Meta(max_length=CURVE_POINTS)]


class _Outline(msgspec.Struct, array_like=True, gc=False):
    epochs: Count
    best: _Best | None
    seconds: Seconds | None
    epoch_seconds: Seconds | None
    curve: _Curve


class Entry(msgspec.Struct, array_like=True, gc=False):
    """What the index knows of a run, with the stamps of its folder and files when it was read."""

    folder: Stamp | None
    stamps: list[Stamp | None]
    status: RunStatus
    settings: _Settings
    outline: _Outline
    annotation: tuple[Text, list[Text], Text] | None


def pack(
    folder: Stamp | None,
    stamps: list[Stamp | None],
    status: RunStatus,
    config: TrainingConfig,
    outline: Outline,
    annotation: Annotation,
) -> Entry:
    """The entry of a summary's parts, which `unpack` takes."""
    best = tuple(getattr(outline.best, f.name) for f in fields(EpochRecord)) if outline.best else None
    curve = [round(value, 5) for value in outline.curve]
    written = (annotation.name, list(annotation.tags), annotation.note)
    return Entry(
        folder,
        stamps,
        status,
        tuple(getattr(config, name) for name in FIELDS),
        _Outline(outline.epochs, best, outline.seconds, outline.epoch_seconds, curve),
        written if any(written) else None,
    )


def unpack(entry: Entry) -> tuple[TrainingConfig, Outline, Annotation]:
    """The parts of a summary from an entry."""
    config = object.__new__(TrainingConfig)  # every value was checked while the index was read
    config.__dict__.update(zip(FIELDS, entry.settings, strict=True))
    known = entry.outline
    outline = Outline(
        known.epochs,
        EpochRecord(*map(_number, known.best)) if known.best else None,
        _number(known.seconds),
        _number(known.epoch_seconds) if known.epochs else None,
        tuple(map(_number, known.curve)),
    )
    written = entry.annotation
    return config, outline, Annotation(written[0], tuple(written[1]), written[2]) if written else NOTHING


def _number(value: float | None) -> float:
    return math.nan if value is None else value
