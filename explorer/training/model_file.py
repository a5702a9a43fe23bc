"""Saving of a network to a `.keras` file while it trains, marked with the epoch that it holds."""

import json
import zipfile
from pathlib import Path

from explorer.files import replace_file
from explorer.runs.history import EpochRecord
from explorer.runs.model_mark import METADATA, marked
from explorer.training.frameworks import keras


def save_network(network: keras.Model, path: Path, record: EpochRecord | None = None) -> None:
    """Saves a network atomically, by Keras's own `save`. Raises `OSError`.

    With a record, the file states which epoch of its run it holds (`model_mark`).
    """
    written = path.with_name(f".{path.stem}.marked.keras")
    try:
        network.save(written)
        with zipfile.ZipFile(written) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    finally:
        written.unlink(missing_ok=True)
    metadata = json.loads(members.pop(METADATA))
    first = {METADATA: json.dumps(marked(metadata, record) if record else metadata).encode()}
    with replace_file(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name, content in {**first, **members}.items():
            archive.writestr(name, content)
