"""A reader for the batch files of CIFAR-10, pickled by any Python version, that trusts none of their bytes."""

import io
import pickle
import re
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explorer.data import datasets
from explorer.data.download.archive import BATCHES, Arrays
from explorer.data.download.errors import Unusable

FAULTS_OF_BYTES = (  # what decoding arbitrary bytes with pickle or numpy is known to raise
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def from_batches(blobs: Mapping[str, bytes], layout: datasets.Layout) -> Arrays:
    """Reads the arrays of the layout from all batch files; raises `Unusable` for a file that is not a batch."""
    batches = [_batch(name, blobs[name], layout) for name in BATCHES]
    return assembled([images for images, _ in batches], [labels for _, labels in batches])


def assembled(images: list[np.ndarray], labels: list[np.ndarray]) -> Arrays:
    """Joins images [n, height, width, channels] and labels [n] of all batches; the last is the test batch."""
    return {
        "x_train": np.concatenate(images[:-1]),
        "x_test": images[-1],
        "y_train": np.concatenate(labels[:-1]),
        "y_test": labels[-1],
    }


def _batch(name: str, blob: bytes, layout: datasets.Layout) -> tuple[np.ndarray, np.ndarray]:
    """Reads one batch file: images uint8 [n, height, width, channels] and labels [n], in the file's order."""
    height, width, channels = layout.shape("x_train")[1:]
    try:
        content = _NumpyUnpickler(io.BytesIO(blob), encoding="bytes").load()
        fields = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
        labels, data = np.asarray(fields["labels"]).ravel(), np.asarray(fields["data"])
        if labels.dtype.kind not in "iu" or data.dtype.kind not in "iu":
            raise TypeError(f"its labels are {labels.dtype}, its data {data.dtype}")
        planes = data.reshape(len(labels), channels, height, width)
    except FAULTS_OF_BYTES as error:
        raise Unusable(f"{name} is not a CIFAR batch: {error}") from error
    return planes.transpose(0, 2, 3, 1), labels


def _latin1(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"requests the encoding {encoding!r}")
    return text.encode("latin1")


class _NumpyUnpickler(pickle.Unpickler):
    """An unpickler for arrays, numbers, text and containers that refuses everything that could run code."""

    ALLOWED: ClassVar = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numeric", "_frombuffer"): np.empty(0).__reduce_ex__(5)[0],
        ("_codecs", "encode"): _latin1,  # how Python 3 writes bytes for Python 2
    }

    def find_class(self, module: str, name: str) -> object:
        known = re.sub(r"^numpy\._?core\.", "", module), name
        if known not in self.ALLOWED:
            raise pickle.UnpicklingError(f"requests {module}.{name}, which a data file never needs")
        return self.ALLOWED[known]
