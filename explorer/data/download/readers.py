"""Readers of arrays from untrusted files and folders; each raises `Unusable` with what is wrong."""

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explorer.data.dataset_file import size
from explorer.data.download.job import Arrays, Job
from explorer.data.formats import Unusable
from explorer.data.formats.cifar_batches import FAULTS_OF_BYTES
from explorer.data.origin import Archive, WebFile
from explorer.zipped import DAMAGE

MOST_MEMBERS = 100
DATA_MEMBER = 2  # in a Debian package the files come after its version and its description


def read_path(job: Job, path: Path) -> Arrays:
    """Reads an unpacked folder, an `.npz` or a `.tar.gz`, recognised by content and not by name."""
    published = job.origin.published
    if job.spec.layout.sealed and (path.is_dir() or not is_whole(path, published.files[0])):
        raise Unusable(f"it is not {published.files[0].name}, whose SHA-256 is the only one that is known")
    if path.is_dir():
        inner = path / published.folder
        folder = inner if inner.is_dir() else path
        return published.read(read_folder(job, folder, published.members), job.spec.layout)
    if zipfile.is_zipfile(path):
        return _read_npz(job, path)
    if isinstance(published, Archive):
        return read_published(job, {published.files[0].name: path})
    raise Unusable(f"{path.name} is neither a folder nor an .npz file")


def is_whole(path: Path, file: WebFile) -> bool:
    """Whether a file is the one on the author's server, byte by byte; raises `Unusable` if it cannot be read."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read ({error.strerror or error})") from error


def read_published(job: Job, paths: Mapping[str, Path]) -> Arrays:
    """Reads the files of the original servers, by the name that they have there."""
    published = job.origin.published
    if isinstance(published, Archive):
        contents = members(job, paths[published.files[0].name], published.folder, published.members)
    else:
        contents = {name: _content(job, name, path) for name, path in paths.items()}
    return published.read(contents, job.spec.layout)


def members(job: Job, path: Path, folder: str, wanted: Sequence[str]) -> dict[str, bytes]:
    """Reads the wanted members of a `.tar.gz` into memory; nothing is ever extracted to a path it names."""
    with (
        _faults_of(path, "a complete .tar.gz file"),
        path.open("rb") as raw,
        tarfile.open(fileobj=raw, mode="r:gz") as tar,
    ):
        return _wanted(job, path, (raw, tar), folder, wanted)


def read_deb(job: Job, path: Path, folder: str, wanted: Sequence[str]) -> dict[str, bytes]:
    """Reads the wanted files of a folder of a Debian package into memory: an `ar` archive with a tar archive in it."""
    with _faults_of(path, "a complete Debian package"), path.open("rb") as raw:
        raw.seek(len(b"!<arch>\n"))
        for _ in range(DATA_MEMBER):
            length = int(raw.read(60)[48:58])
            raw.seek(length + length % 2, 1)  # each member begins at an even offset
        if not raw.read(60).startswith(b"data.tar"):
            raise tarfile.ReadError("it holds no files")
        with tarfile.open(fileobj=raw, mode="r|*") as tar:
            return _wanted(job, path, (raw, tar), folder, wanted)


@contextmanager
def _faults_of(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise Unusable(f"{path.name} is not {kind} ({error})") from error


def _wanted(
    job: Job, path: Path, opened: tuple[BinaryIO, tarfile.TarFile], folder: str, wanted: Sequence[str]
) -> dict[str, bytes]:
    raw, tar = opened
    contents: dict[str, bytes] = {}
    total = size(path)
    for count, member in enumerate(tar):
        job.report("unpacking", raw.tell(), total)
        if member.size > _most_bytes(job) or count > MOST_MEMBERS:
            raise _too_much(path)
        name = member.name.removeprefix("./").removeprefix(f"{folder}/")
        if member.isfile() and name in wanted:
            contents[name] = tar.extractfile(member).read()
    if missing := [name for name in wanted if name not in contents]:
        raise Unusable(f"{path.name} does not contain {missing[0]}")
    return contents


def read_folder(job: Job, folder: Path, wanted: Sequence[str]) -> dict[str, bytes]:
    """Reads the wanted files of a folder into memory; one that is named `.gz` may be there unpacked."""
    contents = {}
    for count, name in enumerate(wanted):
        job.report("unpacking", count, len(wanted))
        places = [folder / name, folder / name.removesuffix(".gz")]
        contents[name] = _content(job, name, next((place for place in places if size(place) >= 0), places[0]))
    return contents


def _content(job: Job, name: str, path: Path) -> bytes:
    try:
        if path.stat().st_size > _most_bytes(job):
            raise Unusable(f"{name} is larger than the data set")
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"{name}: {error.strerror}") from error


def _read_npz(job: Job, path: Path) -> Arrays:
    job.report("unpacking")
    names = job.spec.layout.names
    try:
        with zipfile.ZipFile(path) as file:
            if sum(member.file_size for member in file.infolist()) > _most_bytes(job):
                raise _too_much(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in names}
    except (*FAULTS_OF_BYTES, *DAMAGE, OSError) as error:
        raise Unusable(f"{path.name} is not an .npz file with {', '.join(names)} ({error})") from error


def _most_bytes(job: Job) -> int:
    """The largest size of a file; anything larger is an attack or a mistake.

    Labels may be stored as 64-bit integers, but the images are most of it, so twice the size is ample.
    """
    return 2 * job.spec.layout.bytes + (1 << 16)


def _too_much(path: Path) -> Unusable:
    return Unusable(f"{path.name} is larger than the data set")
