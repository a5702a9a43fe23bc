"""Sources on this machine: a path given by the user, and Keras's cache."""

import os
from functools import partial
from pathlib import Path

from explorer.data.download.archive import FOLDER, Arrays
from explorer.data.download.errors import Unusable
from explorer.data.download.job import Job, Source
from explorer.data.download.readers import read_path
from explorer.errors import FieldError


def named(path: Path) -> Source:
    """The `.tar.gz`, unpacked folder or `.npz` that the user chose; raises `FieldError` when it cannot be read."""
    path = path.expanduser()
    if not os.access(path, os.R_OK):
        raise FieldError("from", str(path), f"a readable cifar-10-python.tar.gz, {FOLDER} folder or .npz file")
    return Source(str(path), partial(read_path, path=path), named=True)


def keras() -> list[Source]:
    """What Keras 3 or an older Keras left in its cache, packed or unpacked."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    places = [folder / f"{FOLDER}{tail}" for tail in ("-target_archive", "-target", ".tar.gz", "")]
    readable = [place for place in places if os.access(place, os.R_OK)]
    return [Source(f"Keras's cache ({place})", partial(read_path, path=place)) for place in readable] or [
        Source(f"Keras's cache ({folder})", _nothing_found)
    ]


def _nothing_found(job: Job) -> Arrays:
    raise Unusable("no CIFAR-10 in it")
