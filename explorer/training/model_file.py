"""Saving of a network to a `.keras` file again and again while it trains."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np

from explorer.files import replace_file
from explorer.runs.history import EpochRecord
from explorer.runs.model_mark import METADATA, marked
from explorer.training.frameworks import keras

_WEIGHTS = "model.weights.h5"


class ModelFile:
    """The file that Keras's own `save` writes for a network, with only the numbers replaced after the first time.

    Keras goes through all layers for each file, which takes several times as long.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._members: dict[str, bytes | bytearray] = {}
        self._places: list[slice] = []

    def save(self, path: Path, record: EpochRecord | None = None) -> None:
        """Saves the current network atomically. Raises `OSError`.

        With a record, the file states which epoch of its run it holds (`model_mark`).
        """
        if not self._members:
            self._let_keras_write(path.with_name(f".{path.stem}.marked.keras"))
        for variable, place in zip(self._network.weights, self._places, strict=True):
            self._members[_WEIGHTS][place] = variable.numpy().tobytes()
        written = {**json.loads(self._members[METADATA]), "date_saved": f"{datetime.now():%Y-%m-%d@%H:%M:%S}"}
        self._members[METADATA] = json.dumps(marked(written, record) if record else written).encode()
        with replace_file(path) as stream, zipfile.ZipFile(stream, "w") as archive:
            for name, content in self._members.items():
                archive.writestr(name, content)

    def _let_keras_write(self, path: Path) -> None:
        try:
            with _marked(self._network.weights):
                self._network.save(path)
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
        finally:
            path.unlink(missing_ok=True)
        places = _places(members[_WEIGHTS])
        self._places = [places[number] for number in range(len(self._network.weights))]
        self._members = {METADATA: members[METADATA], **members, _WEIGHTS: bytearray(members[_WEIGHTS])}


@contextmanager
def _marked(variables: list[keras.Variable]) -> Iterator[None]:
    """Sets each variable to its number in the list, so that its position in a file can be found."""
    before = [np.array(variable.numpy()) for variable in variables]
    try:
        for number, variable in enumerate(variables):
            variable.assign(np.full(variable.shape, number, variable.dtype))
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _places(content: bytes) -> dict[int, slice]:
    """The byte range of each variable in an HDF5 file, by the number that it is marked with."""
    places = {}

    def note(_: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            start = item.id.get_offset()
            places[int(item[()].flat[0])] = slice(start, start + item.id.get_storage_size())

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(note)
    return places
