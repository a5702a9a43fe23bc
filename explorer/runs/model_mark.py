"""The mark in a model file that says which epoch of its run it is, with that epoch's losses and accuracies.

It is stored in the archive's `metadata.json`, which Keras writes and never reads, so it is replaced together with the
model. It is read without opening the archive, because the file may be anything and a page reads thousands of them.
"""

import json
import os
import stat
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explorer.runs.history import EpochRecord

METADATA = "metadata.json"
KEY = "epoch_record"
MOST_BYTES, MOST_EPOCHS = 16_384, 10**9
_HEADER = struct.Struct("<4s5H3I2H")  # of a member of a zip archive; its name and its content follow


def marked(metadata: dict[str, Any], record: EpochRecord) -> dict[str, Any]:
    """The metadata of a model with its epoch's record added; it must be the archive's first member, uncompressed."""
    return {**metadata, KEY: json.loads(record.to_json())}


def read_mark(path: Path) -> EpochRecord | None:
    """The record of the epoch that a model file was saved at; None without a mark, as in files of earlier versions."""
    try:
        record = EpochRecord.from_json(json.dumps(json.loads(_first_member(path))[KEY]))
        sound = 1 <= record.epoch <= MOST_EPOCHS and not record.val_accuracy > 1 and not record.val_accuracy < 0
        return record if sound else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, struct.error):
        return None


def _first_member(path: Path) -> bytes:
    """The content of `metadata.json` if the archive begins with it, otherwise raises `ValueError`."""
    # non-blocking, as opening a pipe without a writer would wait for one
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("not a regular file")
        begin = stream.read(MOST_BYTES)
    signature, _, _, method, _, _, _, size, _, name_length, extra_length = _HEADER.unpack_from(begin)
    name_end = _HEADER.size + name_length
    start = name_end + extra_length
    named = begin[_HEADER.size : name_end] == METADATA.encode()
    if signature != b"PK\x03\x04" or method != 0 or not named or start + size > len(begin):
        raise ValueError(f"does not begin with an uncompressed {METADATA}")
    return begin[start : start + size]


def same_epoch(one: EpochRecord, other: EpochRecord) -> bool:
    """Whether two records are equal apart from their times, so that they describe the same epoch."""
    values, others = ({k: v for k, v in asdict(each).items() if k != "seconds"} for each in (one, other))
    return json.dumps(values) == json.dumps(others)  # as JSON, in which NaN equals NaN
