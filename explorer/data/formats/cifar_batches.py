"""A reader for CIFAR's batch files, pickled by any Python version, that trusts none of their bytes."""

import io
import pickle
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from explorer.data.dataset_file import Layout
from explorer.data.formats import Unusable

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
    SyntaxError,
    TypeError,
    ValueError,
)


LABELS = {"": "labels"}


def from_batches(
    files: Sequence[tuple[str, bytes]], layout: Layout, labels: Mapping[str, str] = LABELS
) -> dict[str, np.ndarray]:
    """Reads the arrays of the layout from the named batch files, of which the last is the test batch.

    `labels` says how the labels are called in the files, by the end of the names of the label arrays. Raises `Unusable`
    for a file that is not a batch.
    """
    batches = [_batch(name, content, layout, tuple(labels.values())) for name, content in files]
    arrays = {}
    for number, end in enumerate(labels):
        arrays |= assembled([images for images, _ in batches], [parts[number] for _, parts in batches], end)
    return arrays


def assembled(images: list[np.ndarray], labels: list[np.ndarray], end: str = "") -> dict[str, np.ndarray]:
    """Joins images [n, height, width, channels] and labels [n] of all batches; the last is the test batch.

    `end` is the end of the names of the label arrays.
    """
    return {
        "x_train": np.concatenate(images[:-1]),
        "x_test": images[-1],
        f"y_train{end}": np.concatenate(labels[:-1]),
        f"y_test{end}": labels[-1],
    }


def _batch(name: str, blob: bytes, layout: Layout, keys: Sequence[str]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Reads one batch file: images uint8 [n, height, width, channels] and each kind of labels [n], in its order."""
    height, width, channels = layout.shape("x_train")[1:]
    try:
        content = _NumpyUnpickler(io.BytesIO(blob), encoding="bytes").load()
        fields = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
        labels, data = [np.asarray(fields[key]).ravel() for key in keys], np.asarray(fields["data"])
        for array in (*labels, data):
            if array.dtype.kind not in "iu":
                raise TypeError(f"its labels and data are {array.dtype}, not whole numbers")
        planes = data.reshape(len(labels[0]), channels, height, width)
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
