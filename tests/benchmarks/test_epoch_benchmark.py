"""`python -m explorer benchmark` on the digits: that it measures, and that its figures belong together."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import keras
import numpy as np
import pytest
import tensorflow as tf

from explorer.benchmarks import epoch, floor
from explorer.presets import PRESETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told() -> dict:
    command = [sys.executable, "-m", "explorer", "benchmark", "--json", "--dataset", "digits", "--epochs", "3"]
    done = subprocess.run([*command, "--preset", "selu"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "selu: a separate worker process …",
        "selu: epochs interleaved with model.fit …",
        "selu: the cost of layer statistics …",
        "selu: evaluations interleaved with model.evaluate …",
    ]
    return json.loads(done.stdout)


def test_the_ratio_is_that_of_the_epochs_it_tells(told):
    (row,) = told["presets"]
    fit, ours = row["fit_seconds_per_epoch"], row["seconds_per_epoch"]
    assert len(fit) == len(ours) == told["epochs"] == 3
    assert row["fit_seconds"] == median(fit) and row["seconds"] == median(ours)
    assert row["ratio"] == median(a / b for a, b in zip(fit, ours, strict=True))


def test_the_floor_is_measured_in_turns_with_the_epochs(told):
    (row,) = told["presets"]
    ours, floor = row["seconds_per_epoch"], row["floor_seconds_per_epoch"]
    assert len(floor) == 3 and row["floor_seconds"] == median(floor)
    assert row["above_floor"] == median(a / b for a, b in zip(ours, floor, strict=True))


def test_the_products_of_the_floor_are_those_of_a_network_without_activations():
    draw = np.random.default_rng(1)
    weights = [tf.Variable(draw.normal(size=shape), dtype=tf.float32) for shape in ((64, 20), (20, 20), (20, 10))]
    images = tf.constant(draw.normal(size=(32, 64)), tf.float32)
    with tf.GradientTape() as tape:
        outputs = images @ weights[0] @ weights[1] @ weights[2]
        loss = tf.reduce_sum(outputs**2) / 2
    for expected, gradient in zip(tape.gradient(loss, weights), floor.gradients(images, weights), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4)


def test_a_worker_process_of_its_own_is_measured(told):
    (row,) = told["presets"]
    assert all(row[name] > 0 for name in ("compile_seconds", "later_compile_seconds", "second_start_seconds"))
    # TensorFlow alone takes more than the smaller, and this very process is no part of it
    assert 300e6 < row["peak_memory_bytes"] < 1.6e9


def test_evaluations_are_measured_beside_keras_own(told):
    (row,) = told["presets"]
    assert row["keras_evaluate_seconds"] > 0 and row["evaluation_seconds"] > 0 and row["open_seconds"] > 0
    # medians of five pairs: their ratio lies within what the pairs allow, so a mixed-up column shows
    assert 0.2 < row["evaluation_ratio"] * row["evaluation_seconds"] / row["keras_evaluate_seconds"] < 5


def test_what_looking_inside_costs_is_measured(told):
    (row,) = told["presets"]
    assert row["signals_seconds"] > 0 and row["signals_share"] > 0
    assert f"{row['signals_share']:.1%}" in epoch.lines(told)[-1].split()


def test_it_names_the_machine_and_the_data(told):
    assert told["dataset"] == "digits" and told["images"] == {"train": 1437, "validation": 360}
    assert told["machine"]["cores"] >= 1 and told["machine"]["processor"]
    assert {"python", "keras", "numpy"} <= set(told["machine"]["versions"])
    assert told["presets"][0]["preset"] == "selu"


def test_the_table_has_a_row_a_preset(told):
    lines = epoch.lines(told)
    assert lines[-2].split()[:3] == ["preset", "model.fit", "explorer"]
    assert lines[-1].startswith("selu ") and f"{told['presets'][0]['ratio']:.2f}×" in lines[-1]


@pytest.mark.parametrize(("name", "layers"), [("elu", 22), ("bn", 43), ("selu", 21)])
def test_the_notebooks_model_is_built_layer_by_layer(name, layers):
    model = epoch.notebook_model(PRESETS[name].config, flatten=name != "selu")
    assert len(model.layers) == layers
    kinds = {type(layer) for layer in model.layers}
    assert (keras.layers.Flatten in kinds) == (name != "selu")
    assert (keras.layers.BatchNormalization in kinds) == (name == "bn")
    assert type(model.optimizer) is keras.optimizers.Nadam
    assert np.isclose(float(model.optimizer.learning_rate), PRESETS[name].config.learning_rate)
    weights = 3072 * 100 + 100 + 19 * (100 * 100 + 100) + 100 * 10 + 10
    assert model.count_params() == weights + (4 * (3072 + 20 * 100) if name == "bn" else 0)
