"""The file of a network: what Keras itself writes, replaced as a whole or not at all."""

import json
import resource
import zipfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from explorer.config import ALPHA, TrainingConfig
from explorer.presets import PRESETS
from explorer.training.model import build_network
from explorer.training.model_file import save_network

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
    random = np.random.default_rng(1)
    for _ in range(2):
        for variable in network.weights:
            variable.assign(random.integers(0, 100, variable.shape).astype(variable.dtype) / 7)
        before = [variable.numpy().copy() for variable in network.weights]
        save_network(network, tmp_path / "ours.keras")
        for variable, value in zip(network.weights, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
        network.save(tmp_path / "theirs.keras")
        assert content(tmp_path / "ours.keras") == content(tmp_path / "theirs.keras")
    assert isinstance(keras.saving.load_model(tmp_path / "ours.keras"), keras.Model)


@contextmanager
def full_disk():
    """No file of this process may grow beyond a kilobyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_the_network(tmp_path):
    network = build_network(CONFIGS["bn"])
    path = tmp_path / "best.keras"
    save_network(network, path)
    content, weights = path.read_bytes(), network.get_weights()
    with full_disk(), pytest.raises(OSError):
        save_network(network, path)
    assert path.read_bytes() == content and [path.name for path in tmp_path.iterdir()] == ["best.keras"]
    for now, before in zip(network.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)
    save_network(network, path)
    assert isinstance(keras.saving.load_model(path), keras.Model)
