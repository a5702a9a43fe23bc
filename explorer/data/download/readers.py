"""Readers of arrays from untrusted files and folders; each raises `Unusable` with what is wrong."""

import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from explorer.data.download.archive import BATCHES, FOLDER, Arrays
from explorer.data.download.cifar_batches import FAULTS_OF_BYTES, from_batches
from explorer.data.download.errors import Unusable
from explorer.data.download.job import Job, size

LARGEST_MEMBER = 64 << 20  # bytes; the largest real member has 31 MB, so anything larger is an attack or a mistake
MOST_MEMBERS = 100


def read_path(job: Job, path: Path) -> Arrays:
    """Reads an unpacked folder, an `.npz` or a `.tar.gz`, recognised by content and not by name."""
    if path.is_dir():
        return _read_folder(job, path)
    return _read_npz(job, path) if zipfile.is_zipfile(path) else read_tar(job, path)


def read_tar(job: Job, path: Path) -> Arrays:
    """Reads the original archive."""
    return from_batches(members(job, path, FOLDER, BATCHES), job.archive.layout)


def members(job: Job, path: Path, folder: str, wanted: Sequence[str]) -> dict[str, bytes]:
    """Reads the wanted members of a `.tar.gz` into memory; nothing is ever extracted to a path it names."""
    contents: dict[str, bytes] = {}
    total = size(path)
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as tar:
            for count, member in enumerate(tar):
                job.report("unpacking", raw.tell(), total)
                if member.size > LARGEST_MEMBER or count > MOST_MEMBERS:
                    raise _too_much(path)
                name = member.name.removeprefix("./").removeprefix(f"{folder}/")
                if member.isfile() and name in wanted:
                    contents[name] = tar.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise Unusable(f"{path.name} is not a complete .tar.gz file ({error})") from error
    if missing := [name for name in wanted if name not in contents]:
        raise Unusable(f"{path.name} does not contain {missing[0]}")
    return contents


def _read_folder(job: Job, folder: Path) -> Arrays:
    inner = folder / FOLDER
    folder = inner if inner.is_dir() else folder
    blobs = {}
    for count, name in enumerate(BATCHES):
        job.report("unpacking", count, len(BATCHES))
        try:
            if (folder / name).stat().st_size > LARGEST_MEMBER:
                raise Unusable(f"{name} is too large for a batch file")
            blobs[name] = (folder / name).read_bytes()
        except OSError as error:
            raise Unusable(f"{name}: {error.strerror}") from error
    return from_batches(blobs, job.archive.layout)


def _read_npz(job: Job, path: Path) -> Arrays:
    job.report("unpacking")
    names = [part.name for part in job.archive.layout.parts]
    try:
        with zipfile.ZipFile(path) as file:
            # labels may be stored as 64-bit integers, but the images are most of it, so twice the size is ample
            if sum(member.file_size for member in file.infolist()) > 2 * job.archive.layout.bytes + (1 << 16):
                raise _too_much(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in names}
    except (*FAULTS_OF_BYTES, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise Unusable(f"{path.name} is not an .npz file with {', '.join(names)} ({error})") from error


def _too_much(path: Path) -> Unusable:
    return Unusable(f"{path.name} is larger than the data set")
