"""A small CIFAR-100 for tests: noise of 8 × 8 pixels in an archive of the original format, from a server of the test.

`register()` in a `sitecustomize` on the path puts it in the place of CIFAR-100 in every process of the explorer.
"""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
from dataclasses import replace

import numpy as np

from explorer.data.cifar100 import BATCHES, CIFAR100, CIFAR100_COARSE
from explorer.data.dataset_file import Part
from explorer.data.datasets import BUILT_IN
from explorer.data.spec import DatasetSpec

SERVER = "SMALL_CIFAR100_SERVER"  # the environment variable with the address of the archive
NOWHERE = "http://127.0.0.1:9/cifar-100-python.tar.gz"

RANDOM = np.random.default_rng(1)
COUNTS = {"train": 50, "test": 10}
IMAGES = {name: RANDOM.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8) for name, count in COUNTS.items()}
FINE = {name: RANDOM.integers(0, 100, count) for name, count in COUNTS.items()}
GROUPS = {name: RANDOM.integers(0, 20, count) for name, count in COUNTS.items()}


def batch(name: str) -> bytes:
    """A batch file as CIFAR-100's author describes it: a pickled dictionary with images by planes and both labels."""
    planes = IMAGES[name].transpose(0, 3, 1, 2).reshape(COUNTS[name], -1)
    labels = {b"fine_labels": FINE[name].tolist(), b"coarse_labels": GROUPS[name].tolist()}
    return pickle.dumps({b"data": planes, **labels, b"batch_label": b"one of two"}, 2)


def archive(**changes: bytes) -> bytes:
    """The archive, the same each time; `changes` are other contents of its files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in BATCHES:
            content = changes.get(name, batch(name))
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 1, mtime=0)


ARCHIVE = archive()


def specs(*mirrors: str, content: bytes = ARCHIVE) -> list[DatasetSpec]:
    """The descriptions of both data sets, with these images, from these addresses only."""
    made = []
    for spec in (CIFAR100, CIFAR100_COARSE):
        sums = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        published = replace(spec.origin.published, original=NOWHERE, mirrors=mirrors, **sums)
        shapes = [(COUNTS[p.name.split("_")[1]], *((8, 8, 3) if p.name[0] == "x" else ())) for p in spec.layout.parts]
        parts = tuple(Part(part.name, shape) for part, shape in zip(spec.layout.parts, shapes, strict=True))
        layout, origin = replace(spec.layout, parts=parts), replace(spec.origin, published=published)
        made.append(replace(spec, layout=layout, origin=origin))
    return made


def register() -> None:
    """Puts both in the place of CIFAR-100 and its groups, with the test's server as their only source."""
    BUILT_IN.update({spec.name: spec for spec in specs(os.environ[SERVER])})
