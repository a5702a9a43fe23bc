"""Dropout, L2 and clipping against Keras; randomness that is a function of the seed; Monte-Carlo predictions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from explorer.config import TrainingConfig
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause
from explorer.training.compiled_epoch import CompiledNetwork, Totals
from explorer.training.dropout import dropped, noise_of, predict_samples
from explorer.training.model import build_network, set_initial_weights
from explorer.training.program_shape import Shape
from explorer.training.step import forward
from explorer.training.tensors import TrainingTensors
from explorer.training.trainer import PAUSE, image_order, train

CONFIG = TrainingConfig(
    dataset="digits", depth=2, width=20, input_scaling="unit", learning_rate=0.1, optimizer="sgd", epochs=3
)
DROPOUTS = ["hidden", "alpha", "alpha_output"]


def plain(config: TrainingConfig, data: TrainingTensors) -> CompiledNetwork:
    """A started network whose programs are not compiled by XLA: the same code, and at once."""
    network = CompiledNetwork(config, data, jit_compile=False)
    network.start(config)
    return network


def weights(network: CompiledNetwork) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in network.network.weights]


# --- L2 and clipping ----------------------------------------------------------------------------------


def keras_step(config: TrainingConfig, data: TrainingTensors, **optimizer) -> tuple[float, list[np.ndarray], tuple]:
    """Loss, weights and evaluation after Keras's own first step of plain SGD."""
    model = build_network(config)
    set_initial_weights(model, config, *data.scaling(config.input_scaling))
    model.compile(
        keras.optimizers.SGD(config.learning_rate, **optimizer),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    chosen = image_order(config.seed, 1, data.training.size)[: config.batch_size]
    images, labels = (part.numpy() for part in (data.training.images, data.training.labels))
    loss = float(model.train_on_batch(images[chosen].reshape(-1, 8, 8), labels[chosen])[0])
    validation = data.validation.images.numpy().reshape(-1, 8, 8), data.validation.labels.numpy()
    return loss, [w.numpy().copy() for w in model.weights], model.evaluate(*validation, verbose=0)


@pytest.mark.parametrize(
    ("settings", "optimizer"),
    [
        ({"l2": 0.01}, {}),
        ({"clip_norm": 0.05}, {"global_clipnorm": 0.05}),
        ({"clip_norm": 100.0}, {"global_clipnorm": 100.0}),
        ({"l2": 0.1, "clip_norm": 0.5, "batch_norm": "before_activation"}, {"global_clipnorm": 0.5}),
    ],
    ids=str,
)
def test_a_step_is_the_step_of_keras(settings, optimizer, prepared):
    config = CONFIG.with_(**settings)
    network = plain(config, prepared)
    before = weights(network)
    totals = network.train_steps(image_order(config.seed, 1, prepared.training.size), 0, 1, Totals())
    loss, after, evaluation = keras_step(config, prepared, **optimizer)
    assert totals.loss / config.batch_size == pytest.approx(loss, rel=1e-5)
    for mine, its in zip(weights(network), after, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    # validation too says the loss with the penalty, as `evaluate` does
    mine = network.evaluate(prepared.validation)
    assert (mine.loss, mine.accuracy) == pytest.approx(tuple(evaluation), rel=1e-4)
    kernels = [(old, new) for old, new in zip(before, weights(network), strict=True) if old.ndim == 2]
    assert all(not np.array_equal(old, new) for old, new in kernels)


def test_clipping_makes_the_step_as_long_as_it_says(prepared):
    lengths = []
    for clip_norm in (0.0, 0.05, 100.0):
        network = plain(CONFIG.with_(clip_norm=clip_norm), prepared)
        before = weights(network)
        network.train_steps(image_order(1, 1, prepared.training.size), 0, 1, Totals())
        moved = [(new - old).ravel() for old, new in zip(before, weights(network), strict=True)]
        lengths.append(np.linalg.norm(np.concatenate(moved)) / CONFIG.learning_rate)
    assert lengths[1] == pytest.approx(0.05, rel=1e-3)
    assert lengths[2] == pytest.approx(lengths[0], rel=1e-4) and lengths[0] > 0.06


@pytest.mark.parametrize(("norm", "share"), [(1e-6, 1.0), (1e3, 0.0)])
def test_the_share_of_clipped_steps_is_measured(norm, share, everything):
    records, _ = told(ALL.with_(clip_norm=norm), everything)
    assert [record[6] for record in records] == [share] * len(records)


def test_a_step_counts_as_clipped_where_keras_shortens_its_gradient(prepared):
    """With a limit between the norms of two steps, one of them is clipped; and nothing is measured without one."""
    network = plain(CONFIG.with_(clip_norm=1.0), prepared)
    order = image_order(1, 1, prepared.training.size)
    images, labels = (part.numpy() for part in (prepared.training.images, prepared.training.labels))
    chosen = order[: CONFIG.batch_size]
    with tf.GradientTape() as tape:
        predicted = network.network(images[chosen].reshape(-1, 8, 8), training=True)
        loss = keras.losses.SparseCategoricalCrossentropy()(labels[chosen], predicted)
    gradients = tape.gradient(loss, [v.value for v in network.network.trainable_variables])
    norm = float(tf.linalg.global_norm(gradients))
    for factor, clipped in ((0.99, 1), (1.01, 0)):
        network = plain(CONFIG.with_(clip_norm=norm * factor), prepared)
        assert network.train_steps(order, 0, 1, Totals()).clipped == clipped
    network = plain(CONFIG, prepared)
    assert network.train_steps(order, 0, 1, Totals()).clipped == 0


# --- Dropout ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [keras.layers.Dropout, keras.layers.AlphaDropout])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_a_unit_becomes_one_of_the_two_values_that_keras_gives(kind, rate):
    """On equal values a dropout layer has two answers: one for what it keeps, one for what it drops."""
    layer, values = kind(rate, seed=1), tf.fill((100, 100), 0.7)
    theirs = np.unique(layer(values, training=True).numpy())
    mine = dropped(layer, values, tf.constant(rate), tf.constant([3, 4])).numpy()
    assert len(theirs) == 2
    np.testing.assert_allclose(np.unique(mine), theirs, rtol=1e-6)
    share = np.mean(np.abs(mine - mine.max()) > 1e-3)
    assert share == pytest.approx(rate, abs=0.02)  # four standard deviations of 10,000 draws


def test_alpha_dropout_keeps_mean_and_variance():
    values = tf.random.stateless_normal((400, 1000), [1, 2])
    after = dropped(keras.layers.AlphaDropout(0.3), values, tf.constant(0.3), tf.constant([5, 6])).numpy()
    assert abs(after.mean()) < 0.01 and after.var() == pytest.approx(1, abs=0.01)


def drops(network: CompiledNetwork, noise: int, step: int) -> bytes:
    """The predictions of a training step on the same ten images, which differ when other units are silenced."""
    dropout = tf.constant(0.5), tf.constant(noise), tf.constant(step)
    images, scaling = network.data.training.images[:10], network.data.scaling_tensors(CONFIG.input_scaling)
    return forward(network.scaled_layers, images, scaling, dropout).numpy().tobytes()


@pytest.mark.parametrize("dropout", DROPOUTS)
def test_what_is_dropped_follows_from_seed_epoch_and_step(dropout, prepared):
    network = plain(CONFIG.with_(dropout=dropout), prepared)
    seen = {drops(network, noise_of(seed, epoch), step) for seed in (1, 2) for epoch in (1, 2) for step in (0, 1)}
    assert len(seen) == 8
    assert drops(network, noise_of(2, 1), 1) in seen


def test_each_layer_drops_units_of_its_own(prepared):
    """The seeds of the layers of one step, and those of all steps, are different ones."""
    network = plain(CONFIG.with_(dropout="hidden", depth=4), prepared)
    layers = [layer for layer in network.network.layers if isinstance(layer, keras.layers.Dropout)]
    assert len(layers) == 4
    found = [np.unique(dropped(layers[0], tf.ones((1, 400)), tf.constant(0.5), tf.constant([7, n])).numpy() > 0, axis=0)
             for n in range(4)]  # fmt: skip
    assert len({f.tobytes() for f in found}) == 4


def test_a_rate_of_nothing_is_no_dropout(prepared):
    order = image_order(1, 1, prepared.training.size)
    results = []
    for changes in ({}, {"dropout": "hidden", "dropout_rate": 0.0}):
        network = plain(CONFIG.with_(**changes), prepared)
        network.train_steps(order, 0, 5, Totals(), None, 3)
        results.append(weights(network))
    for mine, its in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("dropout", DROPOUTS)
def test_dropout_is_inert_where_it_is_only_predicted(dropout, prepared):
    """Validation, and the saved model in Keras's own hands, give what the network without dropout gives."""
    network, without = plain(CONFIG.with_(dropout=dropout), prepared), plain(CONFIG, prepared)
    assert network.evaluate(prepared.validation) == without.evaluate(prepared.validation)
    images = prepared.validation.images.numpy().reshape(-1, 8, 8)
    np.testing.assert_array_equal(
        network.network.predict(images, verbose=0), without.network.predict(images, verbose=0)
    )


def test_a_network_used_again_saves_the_rate_and_the_penalty_of_its_run(tmp_path, prepared):
    network = plain(CONFIG.with_(dropout="alpha", dropout_rate=0.1, l2=0.1), prepared)
    network.start(CONFIG.with_(dropout="alpha", dropout_rate=0.3, l2=0.01))
    network.network.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", compile=False)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.AlphaDropout)]
    penalties = [float(layer.kernel_regularizer.l2) for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert rates == [0.3, 0.3] and penalties == pytest.approx([0.01] * 3)


# --- Resuming -----------------------------------------------------------------------------------------

ALL = CONFIG.with_(
    optimizer="nadam",
    learning_rate=1e-3,
    dropout="hidden",
    l2=1e-4,
    clip_norm=1.0,
    schedule="one_cycle",
    weight_decay=0.01,
    label_smoothing=0.1,
    depth=3,
    skip="pairs",
    flip="horizontal",
    shift=1,
    mixup=0.4,
)


@pytest.fixture(scope="module")
def everything(prepared) -> CompiledNetwork:
    network = CompiledNetwork(ALL, prepared)
    network.compile()
    assert network.compiled and not network.compile_error
    return network


def told(config: TrainingConfig, network: CompiledNetwork, stops: int = 0) -> tuple[list, list[bytes]]:
    """The records of a run that is paused and resumed as often as asked, in the middle of its epochs; its variables."""
    records, checkpoint = [], None
    for number in range(stops + 1):
        asked = iter([None] * 2)  # an epoch has three calls at least
        outcome = train(
            config,
            network,
            on_epoch=lambda record, *_: records.append(record),
            on_signals=lambda signals: None,
            control=(lambda asked=asked: next(asked, PAUSE)) if number < stops else (lambda: None),
            history=list(records),
            checkpoint=checkpoint,
        )
        checkpoint = outcome.checkpoint
        assert outcome.cause == (Cause.PAUSED_BY_REQUEST if number < stops else Cause.ALL_EPOCHS)
    found = [(r.epoch, r.loss, r.accuracy, r.val_loss, r.val_accuracy, r.learning_rate, r.clipped) for r in records]
    return found, [variable.numpy().tobytes() for variable in network.variables]


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "exponential", "plateau"])
def test_a_resumed_run_drops_augments_and_steps_as_if_it_had_not_been_paused(schedule, everything):
    config = ALL.with_(schedule=schedule, warmup_epochs=1, decay_epochs=2, plateau_patience=1, epochs=4)
    whole = told(config, everything)
    assert told(config, everything, stops=4) == whole
    assert len({record[5] for record in whole[0]}) > 1 or schedule == "plateau"


@pytest.mark.parametrize("changes", [{}, {"depth": 4, "width": 5, "width_factor": 0.9}], ids=["equal", "shrinking"])
def test_a_resumed_run_with_batch_normalization_goes_on_as_if_it_had_not_been_paused(changes, prepared):
    """With all the rest; the moving averages are variables too. The widths shrink to 5, 4, 4 and 4 units."""
    config = ALL.with_(batch_norm="after_activation", epochs=4, **changes)
    assert cost_estimate.skips(config) == [config.depth]
    network = CompiledNetwork(config, prepared)
    network.compile()
    assert network.compiled and not network.compile_error
    whole = told(config, network)
    assert told(config, network, stops=4) == whole


def test_the_record_has_the_rate_of_the_epochs_last_step(everything):
    from explorer.training.schedules import rates

    records, _ = told(ALL, everything)
    steps = everything.steps_per_epoch
    expected = [rates(ALL, steps, epoch)[-1] for epoch in (1, 2, 3)]
    assert [record[5] for record in records] == pytest.approx(expected, rel=1e-5)


def test_another_seed_or_rate_is_another_run(everything):
    whole = told(ALL, everything)
    assert told(ALL, everything) == whole
    strengths = [{"dropout_rate": 0.2}, {"l2": 1e-3}, {"clip_norm": 0.1}, {"schedule": "constant"}]
    strengths += [{"weight_decay": 0.1}, {"label_smoothing": 0.2}, {"flip": "off"}, {"shift": 2}, {"mixup": 1.0}]
    for changes in strengths:
        changed = ALL.with_(**changes)
        assert Shape.of(changed) == Shape.of(ALL)  # and so compiles nothing
        assert told(changed, everything)[1] != whole[1]


# --- Monte-Carlo dropout ------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"depth": 3, "skip": "pairs"}], ids=str)
def test_samples_differ_and_their_seed_repeats_them(changes, prepared):
    model = plain(CONFIG.with_(dropout="alpha", dropout_rate=0.2, **changes), prepared).network
    images = prepared.validation.images.numpy()[:50].reshape(-1, 8, 8)
    samples = predict_samples(model, images, 60)
    assert samples.shape == (60, 50, 10) and samples.dtype == np.float32
    np.testing.assert_allclose(samples.sum(-1), 1, rtol=1e-5)
    assert samples.std(0).max() > 0.01 and len({sample.tobytes() for sample in samples}) == 60
    np.testing.assert_array_equal(predict_samples(model, images, 3), samples[:3])
    assert not np.array_equal(predict_samples(model, images, 3, seed=1), samples[:3])
    # their mean is that of Keras's own model in training mode
    theirs = np.mean([model(images, training=True).numpy() for _ in range(60)], 0)
    assert np.abs(samples.mean(0) - theirs).max() < 6 * samples.std(0).max() * np.sqrt(2 / 60)


@pytest.mark.parametrize("changes", [{}, {"dropout": "hidden", "dropout_rate": 0.0}], ids=str)
def test_without_dropout_every_sample_is_the_prediction(changes, prepared):
    network = plain(CONFIG.with_(batch_norm="after_activation", **changes), prepared)
    network.train_steps(image_order(1, 1, prepared.training.size), 0, 20, Totals())
    images = prepared.validation.images.numpy()[:50].reshape(-1, 8, 8)
    averages = [v.numpy().copy() for v in network.network.non_trainable_variables]
    samples = predict_samples(network.network, images, 2)
    np.testing.assert_allclose(samples[0], network.network.predict(images, verbose=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(samples[0], samples[1])
    for variable, before in zip(network.network.non_trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)
