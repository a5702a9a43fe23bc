"""A third data set, for tests: three classes of grey images that are neither square nor of ten classes.

`register()` in a `sitecustomize` on the path makes it known to every process of the explorer.
"""

import hashlib

import numpy as np

from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import DATASETS
from explorer.data.origin import Archive, Downloaded
from explorer.data.spec import DatasetSpec

HEIGHT, WIDTH = 20, 30
NOWHERE = "http://127.0.0.1:9/shapes.tar.gz"  # the discard port: nobody answers


def _images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bar at the top, at the bottom, or upright at the left, one class each."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count, dtype=np.uint8)
    images = random.integers(0, 100, (count, HEIGHT, WIDTH, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[(slice(0, 3), slice(-3, None), slice(None))[label], : WIDTH if label < 2 else 3] += 120
    return images, labels


def arrays() -> dict[str, np.ndarray]:
    """The arrays of the data set, always the same."""
    (x_train, y_train), (x_test, y_test) = _images(500, 1), _images(100, 2)
    return {"x_train": x_train, "x_test": x_test, "y_train": y_train, "y_test": y_test}


def _read(files, layout):
    raise NotImplementedError("no server has the archive")


def spec() -> DatasetSpec:
    """The complete description."""
    parts = tuple(Part(name, a.shape, hashlib.sha256(a).hexdigest()) for name, a in arrays().items())
    archive = Archive(NOWHERE, (), 500_000, "0" * 64, "shapes", ("all",), _read)
    return DatasetSpec(
        name="shapes",
        title="Three shapes (20×30)",
        class_names=("top", "bottom", "left"),
        max_value=219,
        dark_background=False,
        licence="CC0",
        source="https://example.org/shapes",
        citation="nobody",
        layout=Layout(parts),
        origin=Downloaded(archive),
        loading='shapes = np.load("shapes.npz")\nx, y = shapes["x_train"], shapes["y_train"]',
    )


def register() -> None:
    """Adds the data set to the table; before any module reads it."""
    DATASETS["shapes"] = spec()
