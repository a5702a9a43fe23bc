"""Checks of a model file before Keras opens it: a model file is code, and this one may be hostile.

Every check raises `ModelError` with one sentence. The checks run in the task process, under its limits.
"""

import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from explorer.errors import ModelError
from explorer.evaluation.allowed_layers import check_config
from explorer.zipped import MEBIBYTE, PACKINGS

KERAS, LEGACY = ".keras", (".h5", ".hdf5")
SUFFIXES = (KERAS, *LEGACY)
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

LARGEST_FILE = 512 * MEBIBYTE
LARGEST_CONFIG = 4 * MEBIBYTE  # a network of 2,000 layers takes half of it
# Weights hardly compress: an archive that grows more than this when unpacked was made to exhaust memory.
MOST_GROWTH = 20
ENTRIES = {"metadata.json", "config.json", "model.weights.h5"}
MOST_OBJECTS = 20_000
# HDF5's own filters; it would load any other from plugin libraries
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32"}


def check_place(path: Path, folder: Path) -> None:
    """Raises `ModelError` for a link in the models folder that points outside it."""
    if not path.is_relative_to(folder):
        return
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # RuntimeError: links that form a circle
        inside = False
    if not inside:
        raise ModelError(
            f"model: {str(path.relative_to(folder))!r} is a link that points outside the models folder; "
            "copy the file itself there"
        )


def check_kind(path: Path, name: str) -> None:
    """Raises `ModelError` for anything but a regular file: opening others may block, never end, or have effects."""
    _check_kind(path.stat().st_mode, name)


def _check_kind(mode: int, name: str) -> None:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    if not stat.S_ISREG(mode):
        raise ModelError(f"model: {name!r} is {kinds.get(stat.S_IFMT(mode), 'something else')}, not a regular file")


@contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The stream of a regular file of at most `LARGEST_FILE` bytes.

    Raises `ModelError` before a byte of anything else is read, `OSError` where it cannot be read.
    """
    check_kind(path, name)
    # it may have been replaced since: it is opened without blocking and checked again
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as stream:
        info = os.fstat(stream.fileno())
        _check_kind(info.st_mode, name)
        _check_size(info.st_size, f"model: {name!r}")
        yield stream


def copy(path: Path, name: str, to: Path) -> None:
    """Copies a model file; everything that follows uses the copy, because the file itself may be replaced."""
    with opened(path, name) as source, to.open("wb") as target:
        left = LARGEST_FILE + 1  # the file may grow meanwhile
        while left > 0 and (block := source.read(min(left, MEBIBYTE))):
            left -= target.write(block)
    _check_size(to.stat().st_size, f"model: {name!r}")


def _check_size(size: int, label: str) -> None:
    if size == 0:
        raise ModelError(f"{label} is empty (0 bytes)")
    if size > LARGEST_FILE:
        raise ModelError(f"{label} has {size / MEBIBYTE:,.0f} MiB; at most {LARGEST_FILE // MEBIBYTE} MiB are allowed")


def check_file(path: Path, name: str) -> None:
    """Runs every check of a model file that needs no Keras; `name` is what the messages call it."""
    label = f"model: {name!r}"
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"{label} is not a model file; its name must end in {', '.join(SUFFIXES)}")
    if path.suffix.lower() == KERAS:
        _check_archive(path, label)
    else:
        _check_legacy(path, label)


# --- the Keras 3 archive ----------------------------------------------------------------------------------


def _check_archive(path: Path, label: str) -> None:
    with path.open("rb") as stream:
        beginning = stream.read(len(HDF5_SIGNATURE))
    if beginning == HDF5_SIGNATURE:
        raise ModelError(f"{label} is an HDF5 file; rename it to end in .h5")
    if not beginning.startswith(b"PK"):
        raise ModelError(f"{label} is not a Keras model file, despite its name")
    message = f"{label} is truncated or damaged: it begins but does not end like a Keras archive"
    with _damage(message), zipfile.ZipFile(path) as archive:
        _check_entries(archive.infolist(), label)
        if damaged := archive.testzip():
            raise ModelError(f"{label} is damaged: the checksum of {damaged} is wrong")
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    check_config(_json(config, label), label)
    if not weights.startswith(HDF5_SIGNATURE):
        raise ModelError(f"{label} is damaged: its weights are not an HDF5 file")
    _check_hdf5(io.BytesIO(weights), label)


@contextmanager
def _damage(message: str) -> Iterator[None]:
    """Turns whatever a library raises for a damaged file into a `ModelError`."""
    try:
        yield
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib and h5py each raise a dozen kinds
        raise ModelError(message) from error


def _check_entries(entries: list[zipfile.ZipInfo], label: str) -> None:
    names = [entry.filename for entry in entries]
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/"):
            raise ModelError(f"{label} contains the path {_short(name)}, which points outside the archive")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ModelError(f"{label} contains the link {_short(name)}; a model file has no links")
        if entry.flag_bits & 1:
            raise ModelError(f"{label} is encrypted")
        if entry.compress_type not in PACKINGS:
            raise ModelError(f"{label} is compressed in a way that Keras does not use")
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if unpacked > LARGEST_FILE or (unpacked > MEBIBYTE and unpacked > MOST_GROWTH * packed):
        raise ModelError(
            f"{label} would grow from {packed / MEBIBYTE:,.1f} to {unpacked / MEBIBYTE:,.0f} MiB when unpacked, "
            "which is not allowed"
        )
    unknown = sorted(set(names) - ENTRIES)
    if unknown or len(names) > len(ENTRIES):
        what = f"the entry {_short(unknown[0])}" if unknown else "an entry twice"
        raise ModelError(f"{label} contains {what}; a model file has {', '.join(sorted(ENTRIES))}")
    if missing := sorted(ENTRIES - set(names)):
        raise ModelError(f"{label} is not a Keras model file: it has no {missing[0]}")
    if any(entry.file_size > LARGEST_CONFIG for entry in entries if entry.filename.endswith(".json")):
        raise _too_long(label)


# --- the legacy file --------------------------------------------------------------------------------------


def _check_legacy(path: Path, label: str) -> None:
    with path.open("rb") as stream:
        if stream.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            raise ModelError(f"{label} is not an HDF5 file, despite its name")
    config = _check_hdf5(path, label)
    if config is None:
        raise ModelError(f"{label} contains weights but no model; save the whole model with model.save")
    check_config(_json(config, label), label)


def _check_hdf5(source: Path | io.BytesIO, label: str) -> bytes | None:
    """Checks every object of an HDF5 file and returns the model configuration of a legacy file."""
    import h5py

    with _damage(f"{label} is truncated or damaged: its HDF5 data cannot be read"), h5py.File(source, "r") as file:
        _check_objects(file, label)
        return None if isinstance(source, io.BytesIO) else _description(file, label)


def _description(file, label: str) -> bytes | None:
    import h5py

    if "model_config" not in file.attrs:
        return None
    if not isinstance(file.get("model_weights"), h5py.Group):
        raise ModelError(f"{label} describes a model but contains no weights for it")
    stored = file.attrs.get_id("model_config")
    if stored.shape != () or h5py.check_string_dtype(stored.dtype) is None:
        raise ModelError(f"{label} is damaged: its model configuration is not a string")
    if stored.get_storage_size() > LARGEST_CONFIG:
        raise _too_long(label)
    text = np.zeros((), stored.dtype)
    stored.read(text)  # raw bytes: h5py would decode them to text, which takes four times the memory
    content = text[()]
    if len(content) > LARGEST_CONFIG:
        raise _too_long(label)
    return bytes(content)


def _too_long(label: str) -> ModelError:
    return ModelError(f"{label} has a model configuration of more than {LARGEST_CONFIG // MEBIBYTE} MiB")


def _check_objects(file, label: str) -> None:
    import h5py

    waiting, seen, unpacked = [file], set(), 0
    while waiting:
        group = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ModelError(
                    f"{label} links to another file, {_short(link.filename)}; a model file contains its own weights"
                )
            if not isinstance(link, h5py.HardLink):
                raise ModelError(f"{label} contains the link {_short(key)}; a model file has no links")
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise ModelError(f"{label} contains {_short(key)} twice, which no model file does")
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise ModelError(f"{label} contains more than {MOST_OBJECTS:,} groups and arrays")
            if isinstance(item, h5py.Group):
                waiting.append(item)
                continue
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
                raise ModelError(f"{label} contains {_short(key)}, which is not an array of numbers")
            if item.external or item.is_virtual:
                raise ModelError(f"{label} stores {_short(key)} in another file; a model file contains its own weights")
            settings = item.id.get_create_plist()
            if any(settings.get_filter(at)[0] not in FILTERS for at in range(settings.get_nfilters())):
                raise ModelError(
                    f"{label} contains {_short(key)}, which is compressed in a way that Keras does not use"
                )
            # a chunk is unpacked as a whole, however small the array is
            unpacked += max(item.nbytes, math.prod(item.chunks or ()) * item.dtype.itemsize)
            if unpacked > LARGEST_FILE:
                raise ModelError(
                    f"{label} contains arrays of more than {LARGEST_FILE // MEBIBYTE} MiB, which is not allowed"
                )


def _short(name: str) -> str:
    return repr(name[:80])


def _json(text: bytes, label: str) -> dict:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label} is damaged: its model configuration cannot be read") from error
    if not isinstance(value, dict):
        raise ModelError(f"{label} is damaged: its model configuration is not a JSON object")
    return value
