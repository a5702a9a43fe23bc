"""Training from the very start against plain Keras: fresh model, fresh optimizer, equal weights, equal order of images.

Nothing of our optimizer's state reaches the reference, so a wrong start of any variable shows in the first steps.
"""

import keras
import numpy as np
import pytest

from explorer.config import AFTER_ACTIVATION, BEFORE_ACTIVATION, HORIZONTAL, OFF, OPTIMIZERS, PAIRS, TrainingConfig
from explorer.training.augmentation import draws
from explorer.training.compiled_epoch import CompiledNetwork, Totals
from explorer.training.model import build_network
from explorer.training.tensors import TrainingTensors
from explorer.training.trainer import image_order, train

STEPS = 20
BASE = TrainingConfig(
    dataset="digits", activation="elu", depth=3, width=32, input_scaling="standardized", learning_rate=1e-3
)
# Keras's own classes with the arguments that each choice stands for
OPTIMIZER = {
    "nadam": (keras.optimizers.Nadam, {}),
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {}),
    "rmsprop": (keras.optimizers.RMSprop, {}),
    "sgd": (keras.optimizers.SGD, {}),
    "momentum": (keras.optimizers.SGD, {"momentum": 0.9}),
    "nesterov": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
}
# the hidden layers to whose output a skip connection adds what enters the layer before, of networks on 64 features by
# depth, width and width factor; the last one has layers of 5, 4, 4, 4, 3, 3 and 3 units
SKIPS = {(5, 32, 1.0): (3, 5), (4, 64, 1.0): (2, 4), (7, 5, 0.9): (4, 7)}


def one_hot(config: TrainingConfig) -> bool:
    """Whether Keras needs labels as shares of the classes."""
    return config.mixup > 0 or config.label_smoothing > 0


def plain_keras(config: TrainingConfig) -> keras.Model:
    """The network of a configuration as a user of Keras writes it, compiled; for standardized flat images."""
    regularizer = keras.regularizers.L2(config.l2) if config.l2 else None
    values = inputs = keras.Input((64,))
    if config.batch_norm != OFF:
        values = keras.layers.BatchNormalization()(values)
    entered, skips = {}, expected_skips(config)
    for number in range(1, config.depth + 1):
        between = config.batch_norm == BEFORE_ACTIVATION
        activation = None if between else config.activation
        units = max(1, round(config.width * config.width_factor ** (number - 1)))
        entered[number] = values
        values = keras.layers.Dense(units, activation=activation, kernel_regularizer=regularizer)(values)
        if config.batch_norm != OFF:
            values = keras.layers.BatchNormalization()(values)
        if between:
            values = keras.layers.Activation(config.activation)(values)
        if number in skips:
            values = entered[number - 1] + values
    values = keras.layers.Dense(10, activation="softmax", kernel_regularizer=regularizer)(values)
    model = keras.Model(inputs, values)
    kind, arguments = OPTIMIZER[config.optimizer]
    clip = {"global_clipnorm": config.clip_norm} if config.clip_norm else {}
    decay = {"weight_decay": config.weight_decay} if config.weight_decay else {}
    optimizer = kind(learning_rate=config.learning_rate, **arguments, **clip, **decay)
    loss = "sparse_categorical_crossentropy"
    if one_hot(config):
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss=loss, metrics=["accuracy"])
    return model


def expected_skips(config: TrainingConfig) -> tuple[int, ...]:
    return SKIPS[config.depth, config.width, config.width_factor] if config.skip == PAIRS else ()


def scaled(data: TrainingTensors, images: np.ndarray) -> np.ndarray:
    """Images standardized with float64 statistics of the training split, worked out here."""
    training = data.training.images.numpy().astype("float64")
    deviation = training.std(0)
    return ((images - training.mean(0)) / np.where(deviation > 0, deviation, 1)).astype("float32")


def batches(config: TrainingConfig, data: TrainingTensors) -> list[tuple[np.ndarray, np.ndarray]]:
    """The scaled images and the labels of every batch of the first epoch; one-hot labels where they are mixed."""
    images, labels = data.training.images.numpy().reshape(-1, 8, 8), data.training.labels.numpy()
    count, size, seed = len(images), config.batch_size, [config.seed, 1]
    order = image_order(config.seed, 1, count)
    flipped = np.random.default_rng([*seed, 1]).random(count) < (0.5 if config.flip == HORIZONTAL else 0)
    shifts = np.random.default_rng([*seed, 2]).integers(-config.shift, config.shift + 1, (count, 2))
    ordered = np.array([moved(images[i], *how) for i, *how in zip(order, flipped, shifts, strict=True)])
    pixels, labels = scaled(data, ordered.reshape(count, 64)), labels[order]
    if one_hot(config):
        labels = np.eye(10, dtype="float32")[labels]
    steps = -(-count // size)
    made = [(pixels[i * size : (i + 1) * size], labels[i * size : (i + 1) * size]) for i in range(steps)]
    if config.mixup:
        shares = np.random.default_rng([*seed, 3]).beta(config.mixup, config.mixup, steps)
        made = [
            tuple(share * part + (1 - share) * part[::-1] for part in batch)
            for share, batch in zip(shares, made, strict=True)
        ]
    return made


def moved(image: np.ndarray, flipped: bool, shift: np.ndarray) -> np.ndarray:
    """An image seen through a window that lies elsewhere on a black ground."""
    edge = int(np.abs(shift).max())
    ground = np.pad(image[:, ::-1] if flipped else image, edge)
    top, left = edge - shift
    return ground[top : top + 8, left : left + 8]


def trained_weights(network: CompiledNetwork) -> list[np.ndarray]:
    """All weights but those of the input scaling, in the order of the layers."""
    return [
        np.array(weight.numpy())
        for layer in network.network.layers
        if not isinstance(layer, keras.layers.Normalization)
        for weight in layer.weights
    ]


def shifts_taken_out_again(config: TrainingConfig, model: keras.Model) -> list[keras.Variable]:
    """What only adds a constant before batch normalization subtracts the mean, and the moving means of those sums.

    Their gradients are 0 but for rounding, which optimizers such as Adam make large. The epoch's validation loss below
    holds the moving means to Keras's. A skip connection takes the shift of the input past the normalization.
    """
    biases = [layer.bias for layer in model.layers[:-1] if isinstance(layer, keras.layers.Dense)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    first = [] if 2 in expected_skips(config) else [norms[0].beta]
    return [*first, *biases, *(norm.moving_mean for norm in norms[1:])]


CASES = [
    *({"optimizer": name} for name in OPTIMIZERS),
    {"batch_norm": BEFORE_ACTIVATION},
    {"batch_norm": AFTER_ACTIVATION, "optimizer": "adam"},
    {"l2": 0.01},
    {"l2": 0.01, "optimizer": "sgd", "learning_rate": 0.01},
    {"clip_norm": 0.05},
    {"clip_norm": 0.5, "optimizer": "momentum", "learning_rate": 0.01},
    {"l2": 0.001, "clip_norm": 0.5, "batch_norm": AFTER_ACTIVATION},
    {"flip": HORIZONTAL, "shift": 2, "batch_norm": AFTER_ACTIVATION, "optimizer": "adam"},
    {"mixup": 0.4},
    {"label_smoothing": 0.1, "clip_norm": 0.5},
    {"weight_decay": 1.0, "batch_norm": AFTER_ACTIVATION, "optimizer": "momentum", "learning_rate": 0.01},
    {"weight_decay": 0.5, "optimizer": "adamw"},
    {"width_factor": 0.5, "l2": 0.001},
    {"skip": PAIRS, "depth": 5, "l2": 0.001},
    {"skip": PAIRS, "depth": 4, "width": 64, "batch_norm": AFTER_ACTIVATION, "optimizer": "adam"},
    # SGD: the others make much of the rounding errors at pixels that hardly ever differ
    {
        "skip": PAIRS,
        "depth": 4,
        "width": 64,
        "batch_norm": BEFORE_ACTIVATION,
        "optimizer": "sgd",
        "learning_rate": 0.01,
    },
    {"skip": PAIRS, "depth": 7, "width": 5, "width_factor": 0.9},
    {"flip": HORIZONTAL, "shift": 9, "mixup": 1.0, "label_smoothing": 0.3, "weight_decay": 1.0, "l2": 0.001},
]


def test_every_optimizer_is_compared():
    assert set(OPTIMIZER) == set(OPTIMIZERS)


def test_every_case_with_skip_connections_has_the_expected_ones():
    skipping = [BASE.with_(**case) for case in CASES if case.get("skip") == PAIRS]
    assert {expected_skips(config) for config in skipping} == set(SKIPS.values())
    for config in skipping:
        adding = [layer.name for layer in build_network(config).layers if isinstance(layer, keras.layers.Add)]
        assert adding == [f"skip_{number}" for number in expected_skips(config)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: ",".join(map(str, case.values())))
def compiled(request, prepared) -> tuple[TrainingConfig, CompiledNetwork]:
    """A network of ours, compiled once for all tests of its case."""
    config = BASE.with_(**request.param)
    network = CompiledNetwork(config, prepared)
    network.compile()
    assert network.compiled and not network.compile_error
    return config, network


@pytest.fixture
def pair(compiled) -> tuple[TrainingConfig, CompiledNetwork, keras.Model]:
    """A network that trained another run before, at the start of this one, and a new one of Keras, of equal weights."""
    config, network = compiled
    network.start(config.with_(seed=7))
    network.train_steps(image_order(7, 1, network.data.training.size), 0, 3, Totals())
    network.start(config)
    model = plain_keras(config)
    model.set_weights(trained_weights(network))
    return config, network, model


def test_the_first_steps_are_those_of_a_fresh_keras(pair):
    config, network, model = pair
    data = network.data
    order = image_order(config.seed, 1, data.training.size)
    drawn = draws(config, 1, data.training.size, network.steps_per_epoch)
    start = trained_weights(network)
    mine, its = [], []
    for step, batch in zip(range(STEPS), batches(config, data), strict=False):
        mine.append(network.train_steps(order, step, step + 1, Totals(), draws=drawn).loss / config.batch_size)
        its.append(float(model.train_on_batch(*batch)[0]))
        model.reset_metrics()
    np.testing.assert_allclose(mine, its, rtol=1e-4)
    without_effect = shifts_taken_out_again(config, model) if config.batch_norm == BEFORE_ACTIVATION else []
    for weight, before, my in zip(model.weights, start, trained_weights(network), strict=True):
        if any(weight is shift for shift in without_effect):
            continue
        theirs = weight.numpy()
        moved = np.linalg.norm(theirs - before)
        assert moved > 0
        # a hundredth of the way: rounding is far below, the start of an optimizer far above
        assert np.linalg.norm(my - theirs) < 0.01 * moved, weight.path


def test_an_epoch_is_that_of_a_fresh_keras_to_four_digits(pair):
    config, network, model = pair
    data, records = network.data, []
    train(config.with_(epochs=1), network, on_epoch=lambda record, *_: records.append(record))
    images, labels = (np.concatenate(part) for part in zip(*batches(config, data), strict=True))
    truth = data.validation.labels.numpy()
    validation = scaled(data, data.validation.images.numpy()), np.eye(10)[truth] if one_hot(config) else truth
    logs = model.fit(
        images,
        labels,
        batch_size=config.batch_size,
        shuffle=False,
        validation_data=validation,
        verbose=0,
    ).history
    [record] = records
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert getattr(record, name) == pytest.approx(logs[name][0], rel=1e-4), name


def test_the_loss_is_recorded_with_its_penalty(prepared):
    """Loss minus penalty is the cross-entropy of the predictions, worked out here; without L2 there is no penalty."""
    for l2 in (0.0, 0.05):
        config, records = BASE.with_(l2=l2, epochs=2), []
        network = CompiledNetwork(config, prepared)
        train(config, network, on_epoch=lambda record, *_, records=records: records.append(record))
        model, validation = network.network, prepared.validation
        truth = validation.labels.numpy()
        predicted = model.predict(validation.images.numpy().reshape(-1, 8, 8), verbose=0)
        data_loss = -np.log(predicted[np.arange(len(truth)), truth]).mean()
        kernels = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        penalty = l2 * sum(float((kernel.astype("float64") ** 2).sum()) for kernel in kernels)
        assert records[-1].val_penalty == pytest.approx(penalty, rel=1e-5)
        assert records[-1].val_loss - records[-1].val_penalty == pytest.approx(data_loss, rel=1e-4)
        # the penalty shrinks as training goes on, so its mean over an epoch lies between those of its ends
        if l2:
            assert records[1].val_penalty < records[1].penalty < records[0].val_penalty
        else:
            assert [record.penalty for record in records] == [0.0, 0.0]
