"""An index of a folder of runs, so that thousands of them are listed without opening thousands of files.

It is a cache and nothing else: an entry counts only while the run's files have the same stamps, a damaged or foreign
index is not used, and one that cannot be written is done without.
"""

import json
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from explorer.annotations import NOTHING, Annotation
from explorer.config import FIELDS, SCHEMA_VERSION, TrainingConfig
from explorer.files import replace_file
from explorer.history import EpochRecord, Outline

INDEX = ".index.json"
_VERSION = 2


def _form(status_fields: Sequence[str]) -> list[Any]:
    """What the entries' values are, in their order: an index of another form is not this version's."""
    own = (*FIELDS, *(f.name for f in fields(EpochRecord)), *(f.name for f in fields(Outline)))
    return [_VERSION, SCHEMA_VERSION, *status_fields, *own]


def stamp(folder: str, name: str) -> list[int] | None:
    """What tells whether a file has changed, as JSON has it; None where there is none."""
    try:
        found = os.stat(f"{folder}/{name}")  # noqa: PTH116 (a Path a file doubles the time of listing thousands)
    except OSError:
        return None
    # the inode too: a file replaced within a tick of the clock by one of its size has the other two in common
    return [found.st_mtime_ns, found.st_size, found.st_ino]


def load(folder: Path, status_fields: Sequence[str]) -> dict[str, list]:
    """The entries of an index by the run's name; none where there is no index that this version has written."""
    try:
        head, _, body = (folder / INDEX).read_bytes().partition(b"\n")
        if json.loads(head) == {"form": _form(status_fields), "checksum": zlib.crc32(body)}:
            return json.loads(body)
    except (OSError, ValueError):
        pass
    return {}


def save(folder: Path, entries: dict[str, list], status_fields: Sequence[str]) -> None:
    """Replaces the index; a folder that cannot be written to stays without."""
    body = json.dumps(entries, separators=(",", ":")).encode()
    head = json.dumps({"form": _form(status_fields), "checksum": zlib.crc32(body)}).encode()
    with suppress(OSError), replace_file(folder / INDEX, durable=False) as stream:
        stream.write(head + b"\n" + body)


def pack(config: TrainingConfig, outline: Outline, annotation: Annotation) -> list[Any]:
    """Plain values for JSON, which `unpack` takes; NaN is kept as JSON's extension of that name."""
    best = [getattr(outline.best, f.name) for f in fields(EpochRecord)] if outline.best else None
    written = [annotation.name, annotation.tags, annotation.note]
    return [
        [getattr(config, name) for name in FIELDS],
        [outline.epochs, best, outline.seconds, outline.epoch_seconds, [round(v, 5) for v in outline.curve]],
        written if any(written) else None,
    ]


def unpack(values: list[Any]) -> tuple[TrainingConfig, Outline, Annotation]:
    """The parts of a summary from `pack`'s values."""
    settings, (epochs, best, seconds, epoch_seconds, curve), written = values
    config = object.__new__(TrainingConfig)  # every value was checked before it came into the index
    config.__dict__.update(zip(FIELDS, settings, strict=True))
    outline = Outline(epochs, EpochRecord(*best) if best else None, seconds, epoch_seconds, tuple(curve))
    return config, outline, Annotation(written[0], tuple(written[1]), written[2]) if written else NOTHING
