"""The registry of data sets that people have added: a folder below the data cache that every process reads.

Each has a description, `NAME@HASH.json`, and its images and labels in `HASH.uint8`, stored once. Removing
a data set removes the images; the description stays, because the runs that used it need its classes and shapes.
"""

import re
import shutil
import threading
import time
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path

from explorer.data.dataset_file import OWN, data_folder, discard, fault_of, size, stored_file
from explorer.data.own.description import NAME, Description, from_json
from explorer.errors import DataError, FieldError
from explorer.files import read_bytes, replace_file
from explorer.zipped import MEBIBYTE

_ALLOWED = "1 to 40 lower-case letters, digits and underscores, the first a letter"

LEAST_FREE = 512 * MEBIBYTE  # runs on the same disk must go on
# a folder that changed within the last tick of a file system's clock may have changed again without another time
_TICK = 2_000_000_000

_lock = threading.Lock()
_learned: dict[str, Description] = {}
_read: dict[Path, tuple[tuple[int, int], list[tuple[str, int]], dict[str, Description]]] = {}


def folder() -> Path:
    """The folder of the registry, whether or not it exists yet."""
    return data_folder() / OWN


def descriptions() -> Mapping[str, Description]:
    """Every description by its full name, also of data sets that were removed or are elsewhere."""
    return ChainMap(_stored(), _learned)


def learn(description: Description) -> None:
    """Makes a description known to this process: that of a run from elsewhere, or from before the folder was lost."""
    _learned[description.full_name] = description


def _stored() -> dict[str, Description]:
    """The descriptions in the folder, read again when it has changed.

    A file that is damaged, or is not what its name says, is left out.
    """
    place = folder()
    try:
        status = place.stat()
        stamp = status.st_mtime_ns, status.st_ino
        with _lock:
            known = _read.get(place)
            if known and known[0] == stamp and time.time_ns() - stamp[0] > _TICK:
                return known[2]
            files = sorted((path.name, path.lstat().st_mtime_ns) for path in place.iterdir())
            if known is None or known[1] != files:
                known = stamp, files, dict(_read_all(place))
                _learned.update(known[2])  # runs that this process has listed need them, whatever becomes of the folder
            _read[place] = stamp, *known[1:]
            return known[2]
    except OSError:
        return {}


def _read_all(place: Path) -> Iterator[tuple[str, Description]]:
    for path in sorted(place.glob("*@*.json")):
        try:
            description = from_json(read_bytes(path))
        except (OSError, ValueError):
            continue
        if path.stem == description.full_name:
            yield path.stem, description


def find(text: str) -> Description | None:
    """The description with a full name, or with a name; of several of a name, one whose images are here."""
    known = descriptions()
    if text in known:
        return known[text]
    named = [description for description in known.values() if description.name == text]
    return max(named, key=is_here, default=None)


def names() -> list[str]:
    """The full names of the data sets whose images are on this machine, by name."""
    return [name for name, description in descriptions().items() if is_here(description)]


def is_here(description: Description) -> bool:
    """Whether the images of a data set are on this machine."""
    return size(stored_file(description.full_name)) == description.spec.layout.bytes


def check_name(name: str) -> str:
    """The name if it can be given to a data set; raises `FieldError`."""
    if not re.fullmatch(NAME, name):
        raise FieldError("name", name, _ALLOWED)
    return name


def write(description: Description, *content: bytes) -> None:
    """Stores a data set: first its images, then its description.

    `content` are the bytes of its arrays, one after another as the layout says, in one piece or in several. Raises
    `DataError` for bytes that are not what the description says, and where the disk refuses.
    """
    path = stored_file(description.full_name)
    text = description.to_json()
    try:
        from_json(text)  # what cannot be read again is in no list
    except ValueError as error:
        raise DataError(f"the data set cannot be stored: {error}") from error
    try:
        folder().mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder()).free - description.spec.layout.bytes
        if free < LEAST_FREE:
            raise DataError(f"the data set cannot be stored in {folder()} (only {free / 1e6:,.0f} MB would stay free)")
        if size(path) != description.spec.layout.bytes:
            with replace_file(path) as stream:
                stream.writelines(content)
                stream.flush()
                if fault := fault_of(Path(stream.name), description.spec.layout):
                    raise DataError(f"it did not arrive intact ({fault})")
        with replace_file(folder() / f"{description.full_name}.json") as stream:
            stream.write(text)
        with _lock:
            _read.pop(folder(), None)
    except OSError as error:
        raise DataError(f"the data set cannot be stored in {folder()} ({error.strerror or error})") from error


def remove(description: Description) -> None:
    """Removes the images of a data set; its description stays."""
    discard(stored_file(description.full_name))
