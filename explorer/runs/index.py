"""An index of a folder of runs, so that thousands of runs are listed without opening thousands of files.

It is only a cache: an entry is used only while the stamps of the run's files are unchanged, a damaged or foreign index
is ignored, and nothing fails when the index cannot be written.
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
from explorer.data.datasets import DATASETS
from explorer.files import read_bytes, replace_file
from explorer.records import Count, Name, Real, Seconds, Text
from explorer.runs.history import CURVE_POINTS, EpochRecord, Outline
from explorer.runs.notes import NOTHING, Annotation
from explorer.runs.status import RunStatus

INDEX = ".index.json"
MOST_BYTES = 1 << 29  # a run takes a kilobyte
_VERSION = 3


def _form(status_fields: Sequence[str]) -> list[Any]:
    """The names of the values of an entry, in order; an index of another form is from another version."""
    names = (*FIELDS, *(f.name for f in fields(EpochRecord)), *(f.name for f in fields(Outline)))
    return [_VERSION, SCHEMA_VERSION, *status_fields, *names]


def stamp(folder: str, name: str) -> tuple[int, int, int] | None:
    """The stamp of a file (time, size, inode), which changes with the file; None when it does not exist."""
    try:
        status = os.stat(f"{folder}/{name}")  # noqa: PTH116 (a Path for each file doubles the time of listing thousands)
    except OSError:
        return None
    # the inode too, as a file replaced by one of equal size within a clock tick has the same time and size
    return status.st_mtime_ns, status.st_size, status.st_ino


def load(folder: Path, status_fields: Sequence[str]) -> "dict[str, Entry]":
    """The entries of an index by run name; empty when there is no index written by this version.

    A run whose data set is not known here is left out, so that it is read, which says so.
    """
    try:
        head, _, body = read_bytes(folder / INDEX, MOST_BYTES).partition(b"\n")
        known = records.from_json(head, _Head)
        if known.form == _form(status_fields) and known.checksum == zlib.crc32(body):
            entries = records.from_json(body, dict[str, Entry])
            return {name: entry for name, entry in entries.items() if entry.settings[_DATASET] in DATASETS}
    except (OSError, ValueError):
        pass
    return {}


def save(folder: Path, entries: "dict[str, Entry]", status_fields: Sequence[str]) -> None:
    """Replaces the index; does nothing when the folder cannot be written to."""
    body = msgspec.json.encode(entries)
    head = msgspec.json.encode(_Head(_form(status_fields), zlib.crc32(body)))
    with suppress(OSError), replace_file(folder / INDEX, durable=False) as stream:
        stream.write(head + b"\n" + body)


# --- The values of an entry, without names, which would make it three times as long --------------------------


class _Head(msgspec.Struct):
    form: list[str | int]
    checksum: int


def _kind(field: Field) -> Any:
    if field.name == "dataset":  # its choices may grow; whether it is known is asked when the index is loaded
        return Name
    if field.choices:
        return Literal[field.choices]
    number = int if isinstance(field.default, int) else float
    return Annotated[number, Meta(ge=field.minimum, le=field.maximum)]


def _optional(kind: type, *required: str) -> Any:
    """The type of a row of a dataclass's fields in order; NaN and infinite numbers are null."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple[*(hints[f.name] if f.name in required else hints[f.name] | None for f in fields(kind))]


_DATASET = list(FIELDS).index("dataset")
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
    """The index's entry for a run, with the stamps of its folder and files when they were read."""

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
    """The entry for the parts of a summary, which `unpack` reads."""
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
    # every value was checked when the index was read; checking again makes listing thousands take half as long again
    config = object.__new__(TrainingConfig)
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
