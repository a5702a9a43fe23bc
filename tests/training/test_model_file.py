"""The file of a network: what Keras itself writes, replaced as a whole or not at all."""

import json
import resource
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from explorer.config import ALPHA, PAIRS, TrainingConfig
from explorer.data.datasets import Dataset
from explorer.presets import PRESETS
from explorer.training.frameworks import set_graph_optimizer
from explorer.training.model import build_network, set_initial_weights
from explorer.training.model_file import save_network
from explorer.training.tensors import TrainingTensors

CONFIGS = {name: preset.config.with_(dataset="digits", depth=3, width=12) for name, preset in PRESETS.items()}
CONFIGS["dropout"] = CONFIGS["selu"].with_(dropout=ALPHA, dropout_rate=0.1)
CONFIGS["no hidden layer"] = CONFIGS["elu"].with_(depth=0)
CONFIGS["skips"] = CONFIGS["bn"].with_(depth=5, skip=PAIRS)
# reads the pictures and every model of a folder, where this project cannot be imported, and writes the predictions
ELSEWHERE = """
import importlib.util
import sys
from pathlib import Path

assert importlib.util.find_spec("explorer") is None

import keras
import numpy as np

folder = Path(sys.argv[1])
images = np.load(folder / "images.npy")
models = {path.stem: keras.saving.load_model(path) for path in folder.glob("*.keras")}
np.savez(folder / "predictions.npz", **{name: model.predict(images, verbose=0) for name, model in models.items()})
assert not {name for name in sys.modules if name.partition(".")[0] == "explorer"}
"""


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


def test_every_file_predicts_the_same_where_this_project_cannot_be_imported(digits: Dataset, tmp_path):
    data, random = TrainingTensors(digits), np.random.default_rng(1)
    set_graph_optimizer(True)  # as it is elsewhere
    images, _ = digits.split("validation")
    np.save(tmp_path / "images.npy", images)
    expected = {}
    for name, config in CONFIGS.items():
        network = build_network(config)
        set_initial_weights(network, config, *data.scaling(config.input_scaling))
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                for variable in layer.weights:
                    variable.assign(random.uniform(0.5, 2, variable.shape))
        save_network(network, tmp_path / f"{name}.keras")
        expected[name] = network.predict(images, verbose=0)
    done = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "predictions.npz") as predicted:
        assert set(predicted) == set(expected)
        for name, shares in expected.items():
            assert shares.std(0).max() > 0.01, name
            np.testing.assert_array_equal(predicted[name], shares)


def test_a_network_with_skip_connections_is_a_functional_one_also_when_it_is_read(tmp_path):
    network = build_network(CONFIGS["skips"])
    save_network(network, tmp_path / "skips.keras")
    for model in (network, keras.saving.load_model(tmp_path / "skips.keras")):
        adding = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
        assert [layer.name for layer in adding] == ["skip_3", "skip_5"]
        assert [[one._keras_history.operation.name for one in layer.input] for layer in adding] == [
            ["batch_norm_1", "batch_norm_3"],
            ["skip_3", "batch_norm_5"],
        ]


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
