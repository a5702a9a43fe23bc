"""Sources on this machine: a path given by the user, and Keras's cache."""

import os
from functools import partial
from pathlib import Path

from explorer.data.download.job import Arrays, Job, Source
from explorer.data.download.readers import read_path
from explorer.data.formats import Unusable
from explorer.data.origin import Archive, Downloaded, Files
from explorer.errors import FieldError


def named(path: Path, published: Archive | Files) -> Source:
    """The archive, folder or `.npz` that the user chose; raises `FieldError` when it cannot be read."""
    path = path.expanduser()
    if not os.access(path, os.R_OK):
        raise FieldError("from", str(path), f"a readable {published.local[0]} or .npz file")
    return Source(str(path), partial(read_path, path=path), named=True)


def keras(origin: Downloaded) -> list[Source]:
    """What Keras 3 or an older Keras left in its cache, packed or unpacked."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    readable = [folder / name for name in origin.keras_cache if os.access(folder / name, os.R_OK)]
    return [Source(f"Keras's cache ({place})", partial(read_path, path=place)) for place in readable] or [
        Source(f"Keras's cache ({folder})", _nothing_found)
    ]


def _nothing_found(job: Job) -> Arrays:
    raise Unusable(f"no {job.spec.title} in it")
