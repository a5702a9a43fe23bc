"""Compiled programs on disk, so that a shape of network is compiled once on a machine and not once per process.

A file holds the traced functions of a network, and what the compiler made of them. That is code which this process
runs: it is used only if it has the hash with which it was stored, and lies where no other user can write.
"""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer import records
from explorer.code_version import code_hash
from explorer.files import read_bytes, remove_temporary, replace_file
from explorer.isolation import others_can_write
from explorer.machine import processor_features, versions
from explorer.user_cache import user_cache

ENDING = ".program"
# About a hundred shapes; those that were not used for longest are removed first.
MOST_BYTES = 256 * 2**20
HASH_BYTES = 32
# the modules and folders whose code decides what is traced
CODE = ("activations.py", "config.py", "runs/cost_estimate.py", "runs/signals.py", "training")


@dataclass(frozen=True)
class Stored:
    """The content of a file: a description as a JSON object, and parts by name."""

    about: Mapping[str, Any]
    parts: Mapping[str, bytes]


def folder() -> Path:
    """The folder of compiled programs: EXPLORER_CACHE, else one in the user's cache."""
    named = os.environ.get("EXPLORER_CACHE")
    return Path(named).expanduser() if named else user_cache() / "programs"


def key_of(*facts: Any) -> str:
    """The name of a network's file, from facts about the network, this machine's processor, its versions and code."""
    cores = os.environ.get("TF_NUM_INTRAOP_THREADS") or os.cpu_count()
    here = processor_features(), cores, platform.python_version(), versions(), code_hash(*CODE)
    return hashlib.sha256(repr((*facts, *here)).encode()).hexdigest()[:HASH_BYTES]


def read(key: str) -> Stored | None:
    """What is stored under a key; None if there is nothing, and for a damaged file, which is removed."""
    path = folder() / f"{key}{ENDING}"
    try:
        if others_can_write(path.resolve()):
            return None
        content = read_bytes(path, MOST_BYTES)
    except (OSError, ValueError):
        return None
    if hashlib.sha256(content[HASH_BYTES:]).digest() != content[:HASH_BYTES]:
        remove(key)
        return None
    with suppress(OSError):
        os.utime(path)  # it was used now
    head, _, rest = content[HASH_BYTES:].partition(b"\n")
    about, parts = records.from_json(head, dict[str, Any]), {}
    for name, size in about.pop("parts"):
        parts[name], rest = rest[:size], rest[size:]
    return Stored(about, parts)


def write(key: str, stored: Stored) -> None:
    """Stores programs under a key, and removes the oldest beyond `MOST_BYTES`; does nothing where that is not possible,
    as on a full disk or in a folder of another user."""
    sizes = [[name, len(part)] for name, part in stored.parts.items()]
    head = json.dumps({**stored.about, "parts": sizes}).encode()
    content = b"\n".join((head, b"".join(stored.parts.values())))
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        if others_can_write(folder().resolve()) or len(content) > MOST_BYTES - HASH_BYTES:
            return
        remove_temporary(folder())
        with replace_file(folder() / f"{key}{ENDING}", durable=False) as stream:
            stream.write(hashlib.sha256(content).digest() + content)
        _remove_oldest()


def remove(key: str) -> None:
    """Removes what is stored under a key, if there is anything."""
    with suppress(OSError):
        (folder() / f"{key}{ENDING}").unlink()


def sizes() -> dict[Path, int]:
    """The files of stored programs and their sizes in bytes, the one that was used last first."""
    programs = []
    for path in folder().glob(f"*{ENDING}"):
        with suppress(OSError):  # another process has removed it
            status = path.lstat()
            programs.append((status.st_mtime, path, status.st_size))
    return {path: size for _, path, size in sorted(programs, reverse=True)}


def clear() -> None:
    """Removes all stored programs; raises `OSError`."""
    for path in sizes():
        path.unlink(missing_ok=True)


def _remove_oldest() -> None:
    total = 0
    for path, size in sizes().items():
        total += size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
