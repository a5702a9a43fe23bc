"""The file of a network that is saved again and again: at any time what Keras itself would write."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from explorer.config import ALPHA, TrainingConfig
from explorer.presets import PRESETS
from explorer.training.model_file import ModelFile
from explorer.training.network import build_network

CONFIGS = {name: preset.config.with_(dataset="digits", depth=3, width=12) for name, preset in PRESETS.items()}
CONFIGS["dropout"] = CONFIGS["selu"].with_(dropout=ALPHA, dropout_rate=0.1)
CONFIGS["no hidden layer"] = CONFIGS["elu"].with_(depth=0)


def content(path: Path) -> tuple[list[str], dict, bytes, str]:
    """The names in an archive, its configuration, its weights, and the version of Keras that wrote it."""
    with zipfile.ZipFile(path) as archive:
        versions = json.loads(archive.read("metadata.json"))
        assert len(versions.pop("date_saved")) == len("2026-01-01@00:00:00")
        return archive.namelist(), json.loads(archive.read("config.json")), archive.read("model.weights.h5"), versions


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_file_is_the_one_that_keras_writes(config: TrainingConfig, tmp_path):
    network = build_network(config)
    file, random = ModelFile(network), np.random.default_rng(1)
    for _ in range(3):
        for variable in network.weights:
            variable.assign(random.integers(0, 100, variable.shape).astype(variable.dtype) / 7)
        before = [variable.numpy().copy() for variable in network.weights]
        file.save(tmp_path / "ours.keras")
        for variable, value in zip(network.weights, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
        network.save(tmp_path / "theirs.keras")
        assert content(tmp_path / "ours.keras") == content(tmp_path / "theirs.keras")
    assert isinstance(keras.saving.load_model(tmp_path / "ours.keras"), keras.Model)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    file = ModelFile(build_network(CONFIGS["elu"]))
    file.save(tmp_path / "best.keras")
    before = (tmp_path / "best.keras").read_bytes()

    def refuse(*_):
        raise OSError("no space left")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", refuse)
    with pytest.raises(OSError):
        file.save(tmp_path / "best.keras")
    assert (tmp_path / "best.keras").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["best.keras"]
