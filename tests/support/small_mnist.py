"""A small MNIST for tests: noise in the files and the format of the original, from a server of the test.

`register()` in a `sitecustomize` on the path puts it in the place of MNIST in every process of the explorer.
"""

import gzip
import hashlib
import os
import struct
from dataclasses import replace

import numpy as np

from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import DATASETS
from explorer.data.mnist import FILES, MNIST
from explorer.data.origin import WebFile

SERVER = "SMALL_MNIST_SERVER"  # the environment variable with the address of the server's folder
TRAIN, TEST = 2_000, 400


def arrays() -> dict[str, np.ndarray]:
    """The arrays, always the same."""
    random = np.random.default_rng(1)
    shapes = {"x_train": (TRAIN, 28, 28), "x_test": (TEST, 28, 28), "y_train": (TRAIN,), "y_test": (TEST,)}
    most = {name: 256 if name.startswith("x") else 10 for name in shapes}
    return {name: random.integers(0, most[name], shape, dtype=np.uint8) for name, shape in shapes.items()}


def idx(array: np.ndarray) -> bytes:
    """An IDX file as MNIST's authors describe it: two zeros, the type, the number of axes, their sizes, the bytes."""
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def files() -> dict[str, bytes]:
    """The content of the four files by the names that they have on the original server."""
    return {FILES[name]: gzip.compress(idx(array), 1, mtime=0) for name, array in arrays().items()}


def register() -> None:
    """Puts it in the place of MNIST, with the test's server as its only source."""
    published = replace(
        MNIST.origin.published,
        original=os.environ[SERVER],
        mirrors=(),
        files=tuple(WebFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in files().items()),
    )
    parts = tuple(Part(name, array.shape, hashlib.sha256(array).hexdigest()) for name, array in arrays().items())
    origin = replace(MNIST.origin, published=published)
    DATASETS[MNIST.name] = replace(MNIST, layout=Layout(parts), origin=origin)
