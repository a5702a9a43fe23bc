"""What is measured inside a network, against Keras's own sub-models and gradients; the record and its file."""

import json
import math
from dataclasses import fields

import keras
import numpy as np
import pytest
import tensorflow as tf

from explorer.activations import ACTIVATIONS
from explorer.config import TrainingConfig
from explorer.errors import InputError
from explorer.runs import signals_log
from explorer.runs.signals import HISTOGRAM_BINS, SIGNALS, EpochSignals, LayerSignals, tidy
from explorer.training.compiled_epoch import CompiledNetwork, Totals
from explorer.training.layer_statistics import PROBE_IMAGES
from explorer.training.tensors import TrainingTensors
from explorer.training.trainer import image_order, train
from explorer.workers.tasks import signals_at_start

CONFIG = TrainingConfig(dataset="digits", depth=3, width=12, input_scaling="unit", learning_rate=3e-3, epochs=2)


def without_xla(config: TrainingConfig, data: TrainingTensors) -> CompiledNetwork:
    """A network whose weights are a little trained; XLA would only make the test slower."""
    network = CompiledNetwork(config, data, jit_compile=False)
    network.start(config)
    network.train_steps(image_order(1, 1, data.training.size), 0, 10, Totals())
    return network


def by_keras(network: CompiledNetwork, activation: str) -> list[dict[str, float]]:
    """The same figures from functional sub-models of the network, in training mode, and a tape around it."""
    spec, model = network.data.spec, network.network
    images = network.data.training.images.numpy()[:PROBE_IMAGES].reshape(-1, *spec.image_shape)
    labels = network.data.training.labels.numpy()[:PROBE_IMAGES]
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    names = {layer.name for layer in model.layers}
    after = [layer.name.replace("hidden", "activation") for layer in dense]
    activated = [model.get_layer(name) if name in names else layer for name, layer in zip(after, dense, strict=True)]
    outputs = keras.Model(model.inputs[0], [layer.output for layer in activated])
    averages = [weight.numpy().copy() for weight in model.non_trainable_variables]
    with tf.GradientTape() as tape:
        values = outputs(images, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy()(labels, values[-1])
    gradients = tape.gradient(loss, [layer.kernel.value for layer in dense])
    for weight, value in zip(model.non_trainable_variables, averages, strict=True):
        weight.assign(value)
    found = []
    for number, (value, layer, gradient) in enumerate(zip(values, dense, gradients, strict=True)):
        y, kernel = value.numpy().astype("float64"), layer.kernel.numpy().astype("float64")
        flat = (y < 0.01) | (y > 0.99) if number == len(dense) - 1 else flat_by_slope(activation, value.numpy())
        found.append(
            {
                "activation_mean": y.mean(),
                "activation_variance": y.var(),
                "variance_over_images": y.var(0).mean(),
                "dead": flat.all(0).mean(),
                "saturated": flat.mean(),
                "gradient_rms": np.sqrt(np.mean(np.square(gradient.numpy().astype("float64")))),
                "weight_norm": np.linalg.norm(kernel),
                "histogram_counts": tuple(np.histogram(value.numpy(), HISTOGRAM_BINS)[0]),
            }
        )
    return found


def flat_by_slope(activation: str, y: np.ndarray) -> np.ndarray:
    """What the outputs themselves say of being at a flat end."""
    return {
        "relu": y <= 0,
        "elu": y < -0.99,
        "tanh": np.abs(y) > 0.99,
        "sigmoid": (y < 0.01) | (y > 0.99),
    }[activation]


# two skip connections, from the input and from the second hidden layer
SKIPPING = {"depth": 4, "width": 64, "skip": "pairs"}


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh", "sigmoid"])
@pytest.mark.parametrize("batch_norm", ["off", "after_activation", "before_activation"])
@pytest.mark.parametrize("changes", [{"depth": 2}, SKIPPING], ids=["plain", "skipping"])
def test_the_figures_are_those_that_keras_works_out(activation, batch_norm, changes, prepared):
    # raw pixels and a wide initializer: some units are dead and some saturated
    config = CONFIG.with_(activation=activation, batch_norm=batch_norm, input_scaling="raw", **changes)
    network = without_xla(config, prepared)
    before = [np.array(variable.numpy()) for variable in network.variables]
    measured = network.signals(1, network.probe.kernels())
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    names = [*(f"hidden_{number}" for number in range(1, config.depth + 1)), "output"]
    assert [layer.layer for layer in measured.layers] == names
    for layer, expected in zip(measured.layers, by_keras(network, activation), strict=True):
        assert layer.update_ratio == 0
        counts, theirs = np.array(layer.histogram_counts), np.array(expected.pop("histogram_counts"))
        assert counts.sum() == theirs.sum() and np.abs(counts - theirs).sum() <= 4  # on an edge, rounding decides
        for name, value in expected.items():
            off = 2 / 12 / PROBE_IMAGES if name in ("dead", "saturated") else 1e-6
            assert getattr(layer, name) == pytest.approx(value, rel=1e-4, abs=off), (layer.layer, name)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_flat_is_where_the_slope_is_under_a_hundredth_and_stays_so(activation):
    low, high = ACTIVATIONS[activation].flat_below, ACTIVATIONS[activation].flat_above
    x = np.linspace(-200, 200, 400_001, dtype="float64")
    with tf.GradientTape() as tape:
        points = tf.constant(x)
        tape.watch(points)
        y = keras.activations.get(activation)(points)
    slope = np.abs(tape.gradient(y, points).numpy())
    flat = (x <= low) | (x >= high)
    assert np.all(slope[flat] < (0.02 if activation == "tanh" else 0.0101))
    # just outside a flat end it is steeper; softsign alone ends by its value, where its slope is long tiny
    steep = 5e-5 if activation == "softsign" else 0.0098
    if np.isfinite(low):
        assert slope[(x > low) & (x < low + 0.02 * abs(low) + 0.01)].max() > steep
    else:
        assert slope.min() > 0.01
    if np.isfinite(high):
        assert slope[(x < high) & (x > 0.98 * high - 0.01)].max() > steep


def test_the_update_ratio_is_of_the_epochs_last_step(prepared):
    network = without_xla(CONFIG, prepared)
    told, weights = [], {}
    train(CONFIG, network, on_epoch=lambda *_: None, on_signals=told.append)
    assert [signals.epoch for signals in told] == [0, 1, 2]
    assert all(layer.update_ratio is None for layer in told[0].layers)
    network.start(CONFIG)
    order = image_order(CONFIG.seed, 1, prepared.training.size)
    totals = network.train_steps(order, 0, network.steps_per_epoch - 1, Totals())
    weights = [kernel.numpy().astype("float64") for kernel in network.probe.kernels()]
    network.train_steps(order, network.steps_per_epoch - 1, network.steps_per_epoch, totals)
    for layer, old, new in zip(told[1].layers, weights, network.probe.kernels(), strict=True):
        ratio = np.sqrt(np.mean((new.numpy() - old) ** 2) / np.mean(new.numpy().astype("float64") ** 2))
        assert layer.update_ratio == pytest.approx(ratio, rel=1e-3)
        assert 1e-5 < layer.update_ratio < 0.1


def test_measuring_changes_no_bit_of_the_run(prepared):
    network = CompiledNetwork(CONFIG, prepared)
    network.compile()
    found = []
    for on_signals in (None, lambda signals: None):
        records = []
        train(CONFIG, network, on_epoch=lambda r, *_, records=records: records.append(r), on_signals=on_signals)
        found.append(([(r.loss, r.val_loss) for r in records], [v.numpy().tobytes() for v in network.variables]))
    assert found[0] == found[1]


def test_a_network_out_of_bounds_is_told_as_such(prepared):
    network = without_xla(CONFIG, prepared)
    for layer in network.network.layers:
        if layer.name == "hidden_2":
            layer.kernel.assign(np.full(layer.kernel.shape, np.inf, "float32"))
    first, second, *_ = network.signals(3, network.probe.kernels()).layers
    assert math.isfinite(first.activation_mean) and sum(first.histogram_counts) == 12 * PROBE_IMAGES
    assert math.isnan(second.activation_mean) and math.isnan(second.weight_norm)
    assert second.histogram_counts == () == second.histogram_edges


def test_equal_activations_are_one_bin(prepared):
    network = CompiledNetwork(CONFIG.with_(kernel_initializer="zeros"), prepared, jit_compile=False)
    network.start(CONFIG.with_(kernel_initializer="zeros", activation="relu"))
    layer = network.signals(0, None).layers[0]
    assert max(layer.histogram_counts) == 12 * PROBE_IMAGES
    assert (layer.weight_norm, layer.gradient_rms, layer.variance_over_images) == (0, 0, 0)


# --- The record ---------------------------------------------------------------------------------------


def made(epoch: int, value: float = 0.5) -> EpochSignals:
    layers = [
        LayerSignals(
            name, value, 2.0, 1.0, 0.25, 0.125, 1e-9, None if epoch == 0 else 1e-3, 14.0, (3, 1, 2), (-1.0, 5.0)
        )
        for name in ("hidden_1", "output")
    ]
    return EpochSignals(epoch, tuple(layers))


@pytest.mark.parametrize("epoch", [0, 1, 1000])
def test_a_line_gives_back_the_record(epoch):
    line = made(epoch).to_json()
    assert "\n" not in line and EpochSignals.from_json(line) == made(epoch)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null_and_comes_back_as_nan(value):
    line = made(1, value).to_json()
    assert json.loads(line)["activation_mean"] == [None, None]
    assert math.isnan(EpochSignals.from_json(line).layers[0].activation_mean)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "3", "null", "{}", '{"epoch": 1}', made(1).to_json().replace("1", '"a"'), made(1).to_json()[:-20]],
)
def test_anything_else_is_refused(line):
    with pytest.raises(ValueError):
        EpochSignals.from_json(line)


def test_the_edges_bound_the_bins():
    assert made(1).layers[0].histogram_edges == (-1.0, 1.0, 3.0, 5.0)


def test_the_tidy_frame_has_a_row_a_figure():
    frame = tidy("run", [made(0), made(1)])
    assert list(frame.columns) == ["run_id", "epoch", "layer", "depth", "signal", "value"]
    assert len(frame) == 2 * (len(SIGNALS) - 1) + 2 * len(SIGNALS)
    assert set(SIGNALS) == {f.name for f in fields(LayerSignals)} - {"layer", "histogram_counts", "histogram_range"}
    [value] = frame.query("epoch == 1 and depth == 2 and signal == 'update_ratio'")["value"]
    assert value == 1e-3 and not len(frame.query("epoch == 0 and signal == 'update_ratio'"))
    assert len(tidy("run", [made(1)], ["dead"])) == 2


# --- The file -----------------------------------------------------------------------------------------


def test_a_missing_file_has_no_signals(tmp_path):
    assert signals_log.read(tmp_path / "none") == []
    signals_log.keep(tmp_path / "none", 3)
    assert not (tmp_path / "none").exists()


def test_only_what_is_new_is_read(tmp_path):
    path = tmp_path / "signals.jsonl"
    for epoch in range(3):
        signals_log.append(path, made(epoch))
    first = signals_log.read(path)
    signals_log.append(path, made(3))
    again = signals_log.read(path)
    assert [s.epoch for s in again] == [0, 1, 2, 3]
    assert all(a is b for a, b in zip(first, again, strict=False))  # the very objects: not parsed a second time
    again.clear()
    assert len(signals_log.read(path)) == 4  # what a caller does with the list is its own affair


def test_a_line_half_written_waits_and_a_damaged_one_is_left_out(tmp_path):
    path = tmp_path / "signals.jsonl"
    signals_log.append(path, made(0))
    with path.open("a") as stream:
        stream.write("damaged\n" + made(1).to_json()[:30])
    assert [s.epoch for s in signals_log.read(path)] == [0]
    with path.open("a") as stream:
        stream.write(made(1).to_json()[30:] + "\n")
    assert [s.epoch for s in signals_log.read(path)] == [0, 1]


@pytest.mark.parametrize(("last", "kept"), [(-1, []), (0, [0]), (2, [0, 1, 2]), (9, [0, 1, 2, 3])])
def test_cutting_back_is_seen_by_whoever_reads_on(tmp_path, last, kept):
    path = tmp_path / "signals.jsonl"
    for epoch in range(4):
        signals_log.append(path, made(epoch))
    with path.open("a") as stream:
        stream.write('{"epoch"')  # of a killed process
    assert len(signals_log.read(path)) == 4
    signals_log.keep(path, last)
    assert [s.epoch for s in signals_log.read(path)] == kept
    for epoch in range(7, 12):  # longer than before, and another file all the same
        signals_log.append(path, made(epoch, 0.25))
    assert [s.epoch for s in signals_log.read(path)] == [*kept, *range(7, 12)]


# --- Before training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", ["off", "after_activation", "before_activation"])
@pytest.mark.parametrize("changes", [{"depth": 0}, {"depth": 3, "width_factor": 0.5}, SKIPPING], ids=str)
def test_before_training_the_page_is_told_what_a_run_records_first(batch_norm, changes, prepared):
    config = CONFIG.with_(batch_norm=batch_norm, input_scaling="standardized", seed=5, **changes)
    network = CompiledNetwork(config, prepared, jit_compile=False)
    network.start(config)
    asked, recorded = signals_at_start(config.to_dict()), network.signals(0, None)
    assert [layer.layer for layer in asked.layers] == [layer.layer for layer in recorded.layers]
    assert asked.epoch == recorded.epoch == 0
    for mine, its in zip(asked.layers, recorded.layers, strict=True):
        assert mine.update_ratio is its.update_ratio is None
        for name in set(SIGNALS) - {"update_ratio"}:
            assert getattr(mine, name) == pytest.approx(getattr(its, name), rel=1e-4, abs=1e-9), (mine.layer, name)


def test_a_network_too_large_to_look_into_at_once_is_refused():
    with pytest.raises(InputError, match=r"depth and width: 20 layers of 2,048 units have [\d,]+ parameters; at most"):
        signals_at_start(CONFIG.with_(depth=20, width=2048).to_dict())
