"""Reading of pictures in one folder per class, from a folder of this machine or from a zip file; trusts nothing."""

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer import zipped
from explorer.data.own.collected import Collected, class_order
from explorer.data.own.limits import LARGEST_FILE, MEBIBYTE, MOST_FILES, MOST_GROWTH, MOST_STORED, MOST_UNPACKED
from explorer.data.own.progress import Progress
from explorer.data.pictures import LARGEST_UPLOAD, decode, fitted
from explorer.errors import InputError, quoted
from explorer.files import open_regular, read_bytes, why

# what systems leave in folders and archives; nobody means these as pictures
HIDDEN = {"__macosx", "thumbs.db", "desktop.ini"}
# folders that hold the classes once for training and once for testing, as many data sets are published
VALIDATION, TESTING = {"val", "valid", "validation"}, {"test", "testing"}
TRAINING = {"train", "training", *VALIDATION}


@dataclass(frozen=True)
class Shape:
    """The size to which pictures are brought, and whether they become grey."""

    rows: int
    columns: int
    grey: bool

    @property
    def channels(self) -> int:
        """The values per pixel."""
        return 1 if self.grey else 3


@dataclass(frozen=True)
class _File:
    """A file: the folders above it, its name, and what reads it; `fault` says why it must not be read.

    An empty folder is one without a name in it.
    """

    folders: tuple[str, ...]
    name: str
    read: Callable[[], bytes]
    fault: str = ""

    @property
    def title(self) -> str:
        return "/".join((*self.folders, self.name))[-160:]

    @property
    def hidden(self) -> bool:
        return not self.name or _hides((*self.folders, self.name))


def _hides(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part.lower() in HIDDEN for part in parts)


def read_folder(path: Path, shape: Shape, progress: Progress | None = None) -> Collected:
    """The pictures in a folder of this machine; raises `InputError`. No link is followed."""
    title = f"data: {path.name!r}"
    return _collect(_bounded(_walk(path, title), title), shape, title, progress or Progress())


def read_zip(path: Path, name: str, shape: Shape, progress: Progress | None = None) -> Collected:
    """The pictures in a zip file; raises `InputError`. Nothing is unpacked to a path that the file names."""
    title = f"data: {name!r}"
    with opened_zip(path, title) as (file, entries):
        full = {folder for entry in entries for folder in _above(entry)}
        files = (_member(file, entry) for entry in entries if entry.filename not in full)
        return _collect(_bounded(files, title), shape, title, progress or Progress())


@contextmanager
def opened_zip(path: Path, title: str) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """A zip file and its entries, none of them unsafe; raises `InputError`."""
    with opened(path, title) as stream:
        with zipped.damage_as(InputError(f"{title} is not a complete zip file, or it is damaged")):
            file = zipfile.ZipFile(stream)
        yield file, _checked(file.infolist(), title)


@contextmanager
def opened(path: Path, title: str) -> Iterator:
    """The stream of a regular file of at most `LARGEST_FILE` bytes; raises `InputError`."""
    try:
        descriptor = open_regular(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{title} cannot be read: {why(error)}") from error
    with open(descriptor, "rb") as stream:  # noqa: PTH123 (it is open already)
        size = os.fstat(descriptor).st_size
        if size > LARGEST_FILE:
            allowed = f"at most {LARGEST_FILE // MEBIBYTE:,} MiB are allowed"
            raise InputError(f"{title} has {size // MEBIBYTE:,} MiB; {allowed}")
        yield stream


def _checked(entries: list[zipfile.ZipInfo], title: str) -> list[zipfile.ZipInfo]:
    if len(entries) > MOST_FILES:
        raise InputError(f"{title} has {len(entries):,} entries; at most {MOST_FILES:,} are allowed")
    for entry in entries:
        if fault := zipped.fault_of(entry):
            raise InputError(f"{title} {fault}")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED:
        allowed = f"at most {MOST_UNPACKED // MEBIBYTE:,} MiB are allowed"
        raise InputError(f"{title} would unpack to {unpacked // MEBIBYTE:,} MiB; {allowed}")
    if growth := zipped.growth_of(entries, MOST_GROWTH):
        raise InputError(f"{title} {growth}")
    return entries


# --- the files --------------------------------------------------------------------------------------------


def _above(entry: zipfile.ZipInfo) -> Iterator[str]:
    """The folders above an entry of an archive, as their own entries would be named."""
    parts = entry.filename.removesuffix("/").split("/")[:-1]
    return ("/".join(parts[: place + 1]) + "/" for place in range(len(parts)))


def _walk(root: Path, title: str) -> Iterator[_File]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{title} has a folder that cannot be read: {why(error)}")

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders.sort()
        place = Path(folder)
        above = place.relative_to(root).parts
        if not folders and not names:
            yield _File(above, "", lambda: b"")
        for name in sorted([*names, *(name for name in folders if (place / name).is_symlink())]):
            path = place / name
            is_file = path.is_file() and not path.is_symlink()
            fault = "" if is_file else "is a link" if path.is_symlink() else "is not a regular file"
            yield _File(above, name, lambda path=path: read_bytes(path, LARGEST_UPLOAD), fault)


def _member(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _File:
    *folders, name = entry.filename.split("/")

    def read() -> bytes:
        with file.open(entry) as stream:
            content = stream.read(LARGEST_UPLOAD + 1)  # whatever size the archive claims
        if len(content) > LARGEST_UPLOAD:
            raise ValueError(f"it has more than {LARGEST_UPLOAD // MEBIBYTE} MiB")
        return content

    return _File(tuple(folders), name, read)


def _bounded(files: Iterator[_File], title: str) -> list[_File]:
    kept = []
    for file in files:
        kept.append(file)
        if len(kept) > MOST_FILES:
            raise InputError(f"{title} has more than {MOST_FILES:,} files, the most that are allowed")
    return kept


# --- the classes and their images -------------------------------------------------------------------------


def _collect(files: list[_File], shape: Shape, title: str, progress: Progress) -> Collected:
    used = [file for file in files if not file.hidden]
    used, depth = _below_common_folder(used)
    tops = {file.folders[depth].lower() for file in used if len(file.folders) > depth}
    in_splits = bool(tops & TRAINING) and tops <= TRAINING | TESTING
    at = depth + in_splits
    ignored = [file for file in files if file.name and (file.hidden or len(file.folders) <= at)]
    used = [file for file in used if len(file.folders) > at]
    names = class_order(_classes(files, used[0].folders[:depth] if used else (), in_splits))
    if not names:
        raise InputError(f"{title} has no folders with images; it must have one folder for each class")
    images, redivided = _Images(shape, names, title), 0
    for done, file in enumerate(used):
        progress.tell(done, len(used))
        read = images.add(file, file.folders[at], in_splits and file.folders[depth].lower() in TESTING)
        redivided += read and in_splits and file.folders[depth].lower() in VALIDATION
    collected = images.collected([file.title for file in ignored])
    collected.redivided = redivided
    return collected


def _classes(files: list[_File], common: tuple[str, ...], in_splits: bool) -> set[str]:
    """The names of the class folders, also of those without an image: a class whose images are missing is refused."""
    depth = len(common)
    inside = [
        file.folders[depth:]
        for file in files
        if file.folders[:depth] == common
        and len(file.folders) > depth + in_splits
        and not _hides(file.folders[: depth + in_splits + 1])
    ]
    if in_splits:
        return {split_folder[1] for split_folder in inside if split_folder[0].lower() in TRAINING | TESTING}
    return {folders[0] for folders in inside}


def _below_common_folder(files: list[_File]) -> tuple[list[_File], int]:
    """The files, and how many folders are above all of them, as when a zip file holds one folder with everything."""
    depth = 0
    while True:
        deeper = [file for file in files if len(file.folders) > depth + 1]
        tops = {file.folders[depth] for file in files if len(file.folders) > depth}
        directly = [file for file in files if len(file.folders) == depth + 1]
        if len(tops) != 1 or not deeper or len(directly) > len(deeper):
            return files, depth
        depth += 1


class _Images:
    """The images so far; raises `InputError` before they take more memory than a data set may."""

    def __init__(self, shape: Shape, names: tuple[str, ...], title: str) -> None:
        self._shape, self._names, self._title = shape, names, title
        self._labels = {name: label for label, name in enumerate(names)}
        self._images: dict[bool, list[np.ndarray]] = {False: [], True: []}
        self._of: dict[bool, list[int]] = {False: [], True: []}
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._unreadable: list[str] = []
        self._bytes = 0

    def add(self, file: _File, name: str, test: bool) -> bool:
        """Adds a file to a class; returns whether it is an image that can be read."""
        try:
            if file.fault:
                raise ValueError(f"it {file.fault}")
            picture, _ = decode(file.read(), quoted(file.title))
        except InputError as error:
            self._unreadable.append(str(error))
            return False
        except (*zipped.DAMAGE, OSError) as error:
            self._unreadable.append(f"{quoted(file.title)} cannot be read: {why(error)}")
            return False
        self._sizes[picture.size] += 1
        image, _ = fitted(picture, self._shape.rows, self._shape.columns, self._shape.channels)
        self._bytes += image.nbytes
        if self._bytes > MOST_STORED:
            most = MOST_STORED // MEBIBYTE
            raise InputError(f"{self._title} has images of more than {most:,} MiB at this size; choose a smaller size")
        self._images[test].append(image)
        self._of[test].append(self._labels[name])
        return True

    def collected(self, ignored: list[str]) -> Collected:
        (images, labels), (test_images, test_labels) = (self._arrays(test) for test in (False, True))
        return Collected(self._names, images, labels, test_images, test_labels, self._sizes, self._unreadable, ignored)

    def _arrays(self, test: bool) -> tuple[np.ndarray, np.ndarray]:
        none = np.zeros((0, self._shape.rows, self._shape.columns, self._shape.channels), np.uint8)
        images = np.stack(self._images[test]) if self._images[test] else none
        self._images[test] = []
        return images, np.array(self._of[test], np.int64)
