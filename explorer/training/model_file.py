"""The `.keras` file of a network that is saved again and again while it trains."""

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
    """What Keras's own `save` writes for a network, of which after the first time only the numbers are replaced.

    Keras walks through all layers for each file: for the notebook's networks that takes eight times as long.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._members: dict[str, bytes | bytearray] = {}
        self._places: list[slice] = []

    def save(self, path: Path, record: EpochRecord | None = None) -> None:
        """Saves the network as it is now; the file is there whole or not at all. Raises `OSError`.

        With a record the file says which epoch of its run it is (`model_mark`).
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
    """Gives each variable its number in the list for a value, so that its place in a file can be found."""
    before = [np.array(variable.numpy()) for variable in variables]
    try:
        for number, variable in enumerate(variables):
            variable.assign(np.full(variable.shape, number, variable.dtype))
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _places(content: bytes) -> dict[int, slice]:
    """Where in an HDF5 file the numbers of each variable stand, by what it is marked with."""
    found = {}

    def note(_: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            start = item.id.get_offset()
            found[int(item[()].flat[0])] = slice(start, start + item.id.get_storage_size())

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(note)
    return found
