"""The networks beside the notebook's own, the layer that scales the images, and the first weights."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from explorer.activations import ACTIVATIONS
from explorer.benchmarks.epoch import notebook_model
from explorer.config import BEFORE_ACTIVATION, FIELDS, INITIALIZERS, OPTIMIZERS, TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.presets import PRESETS
from explorer.training.model import build_network, build_optimizer, set_initial_weights
from explorer.training.tensors import TrainingTensors
from explorer.training.trainer import image_order

DIGITS = TrainingConfig(dataset="digits", depth=3, width=20)


def started(config: TrainingConfig) -> keras.Sequential:
    """The network of a configuration with its first weights, on raw pixels."""
    features = DATASETS[config.dataset].features
    network = build_network(config)
    set_initial_weights(network, config, np.zeros(features, "float32"), np.ones(features, "float32"))
    return network


def kernels(config: TrainingConfig) -> dict[str, np.ndarray]:
    return {
        layer.name: layer.kernel.numpy() for layer in started(config).layers if isinstance(layer, keras.layers.Dense)
    }


# --- The notebook's networks --------------------------------------------------------------------------


def described(layers: list[keras.layers.Layer]) -> list[tuple]:
    """What tells layers apart: type, units, activation, and the class that draws the first weights."""
    return [
        (type(layer), layer.units, layer.activation.__name__, type(layer.kernel_initializer))
        if isinstance(layer, keras.layers.Dense)
        else (type(layer),)
        for layer in layers
    ]


def settings(part: keras.layers.Layer | keras.Optimizer) -> dict:
    """What a layer or an optimizer was made with, apart from its name."""
    return {name: value for name, value in part.get_config().items() if name != "name"}


@pytest.fixture(scope="module", params=PRESETS)
def pair(request) -> tuple[TrainingConfig, keras.Sequential, keras.Sequential]:
    """A preset, its network here, and the notebook's."""
    config = PRESETS[request.param].config
    return config, build_network(config), notebook_model(config, flatten=request.param != "selu")


def test_a_preset_has_the_layers_of_the_notebook_behind_its_input_scaling(pair):
    _, ours, notebook = pair
    flatten, scaling, *rest = ours.layers
    assert (type(flatten), type(scaling)) == (keras.layers.Flatten, keras.layers.Normalization)
    theirs = [layer for layer in notebook.layers if not isinstance(layer, keras.layers.Flatten)]
    assert described(rest) == described(theirs)
    assert sum(type(layer) is keras.layers.Dense for layer in rest) == 21


def test_a_preset_has_the_parameters_of_the_notebook(pair):
    _, ours, notebook = pair
    scaling = ours.get_layer("input_scaling")
    assert ours.count_params() - scaling.count_params() == notebook.count_params()
    assert not scaling.trainable_variables
    shapes = [tuple(variable.shape) for variable in notebook.trainable_variables]
    assert [tuple(variable.shape) for variable in ours.trainable_variables] == shapes


def test_batch_normalization_and_the_optimizer_are_set_as_in_the_notebook(pair):
    config, ours, notebook = pair
    norms = [[settings(layer) for layer in model.layers if "batch_norm" in layer.name] for model in (ours, notebook)]
    assert norms[0] == norms[1]
    assert bool(norms[0]) == (config.batch_norm != "off")
    mine = build_optimizer(config.optimizer, config.learning_rate)
    assert isinstance(mine, type(notebook.optimizer))
    assert settings(mine) == settings(notebook.optimizer)


def test_batch_normalization_before_the_activation_stands_between_it_and_the_weights():
    network = build_network(DIGITS.with_(depth=2, activation="tanh", batch_norm=BEFORE_ACTIVATION))
    names = [layer.name for layer in network.layers]
    block = ["hidden_1", "batch_norm_1", "activation_1", "hidden_2", "batch_norm_2", "activation_2"]
    assert names == ["flatten", "input_scaling", "input_batch_norm", *block, "output"]
    assert network.get_layer("hidden_1").activation.__name__ == "linear"
    assert network.get_layer("activation_1").activation.__name__ == "tanh"


def test_skip_connections_are_add_layers_of_an_ordinary_model_that_opens_anywhere(tmp_path):
    config = DIGITS.with_(depth=4, width=64, batch_norm="after_activation", dropout="hidden", skip="pairs")
    network = started(config)
    network.save(tmp_path / "skipping.keras")
    model = keras.models.load_model(tmp_path / "skipping.keras")
    assert type(model) is keras.Model or type(model).__name__ == "Functional"
    adding = {layer.name: [one._keras_history.operation.name for one in layer.input]
              for layer in model.layers if isinstance(layer, keras.layers.Add)}  # fmt: skip
    assert adding == {"skip_2": ["input_batch_norm", "dropout_2"], "skip_4": ["skip_2", "dropout_4"]}
    images = np.random.default_rng(1).integers(0, 16, (9, 8, 8), "uint8")
    np.testing.assert_array_equal(model.predict(images, verbose=0), network.predict(images, verbose=0))


SHAPES = {
    "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
    "cifar100_coarse": ((32, 32, 3), 20),
    "fashion_mnist": ((28, 28), 10),
    "mnist": ((28, 28), 10),
    "digits": ((8, 8), 10),
    "moons": ((2,), 2),
    "circles": ((2,), 2),
    "spirals": ((2,), 2),
    "xor": ((2,), 2),
}


def test_every_data_set_has_its_shape_here():
    assert set(SHAPES) == set(datasets.BUILT_IN)


@pytest.mark.parametrize("depth", [0, 1, 5])
@pytest.mark.parametrize("dataset", SHAPES)
def test_images_of_a_data_set_become_probabilities_of_its_classes(dataset, depth):
    shape, classes = SHAPES[dataset]
    network = started(TrainingConfig(dataset=dataset, depth=depth, width=4))
    images = np.random.default_rng(1).integers(0, 16, (3, *shape)).astype(DATASETS[dataset].layout.dtype)
    predicted = network.predict(images, verbose=0)
    assert predicted.shape == (3, classes)
    np.testing.assert_allclose(predicted.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_keras_own_of_that_name(activation):
    layer = build_network(DIGITS.with_(depth=1, width=2, activation=activation)).get_layer("hidden_1")
    assert layer.activation is keras.activations.get(activation)


@pytest.mark.parametrize(
    ("name", "kind", "others"),
    [
        ("nadam", keras.optimizers.Nadam, {}),
        ("adam", keras.optimizers.Adam, {}),
        ("adamw", keras.optimizers.AdamW, {}),
        ("rmsprop", keras.optimizers.RMSprop, {}),
        ("sgd", keras.optimizers.SGD, {"momentum": 0.0, "nesterov": False}),
        ("momentum", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": False}),
        ("nesterov", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_an_optimizer_is_keras_own_with_its_defaults(name, kind, others):
    assert name in OPTIMIZERS
    optimizer = build_optimizer(name, 0.25)
    assert isinstance(optimizer, kind)
    assert settings(optimizer) == {**settings(kind(0.25)), **others}


# --- The input scaling --------------------------------------------------------------------------------


def scaled(data: TrainingTensors, kind: str, images: np.ndarray) -> np.ndarray:
    """What comes out of the layer that scales raw images `[N, *image_shape]`."""
    config = TrainingConfig(dataset=data.spec.name, depth=0, input_scaling=kind)
    network = build_network(config)
    set_initial_weights(network, config, *data.scaling(kind))
    flatten, scaling = network.layers[:2]
    return scaling(flatten(images)).numpy()


LARGEST = {"cifar10": 255, "digits": 16, "moons": 6}


@pytest.fixture(scope="module", params=LARGEST)
def images(request) -> tuple[TrainingTensors, np.ndarray, np.ndarray]:
    """A data set, all its training images flat, and some of validation as they are."""
    dataset = request.getfixturevalue("cifar10") if request.param == "cifar10" else datasets.load(request.param)
    few = replace(dataset, validation=dataset.validation[:200])
    training = dataset.split("train")[0]
    return TrainingTensors(few), training.reshape(len(training), -1), few.split("validation")[0]


def test_standardized_pixels_are_those_of_scikit_learn(images):
    data, training, some = images
    scaler = StandardScaler()
    for block in np.array_split(training, 10):  # all at once they are a gigabyte of float64
        scaler.partial_fit(block)
    expected = scaler.transform(some.reshape(len(some), -1))
    ours = scaled(data, "standardized", some)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
    assert 0.9 < ours.std() < 1.1


def test_unit_pixels_are_divided_by_the_largest_value_there_is(images):
    data, _, some = images
    ours = scaled(data, "unit", some)
    np.testing.assert_allclose(ours, some.reshape(len(some), -1) / LARGEST[data.spec.name], rtol=1e-6)
    assert (ours.min(), ours.max()) == (0, 1) if data.spec.name != "moons" else -1 < ours.min() < 0 < ours.max() < 1


def test_raw_pixels_are_what_they_were(images):
    data, _, some = images
    np.testing.assert_array_equal(scaled(data, "raw", some), some.reshape(len(some), -1).astype("float32"))


# --- The first weights --------------------------------------------------------------------------------


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def test_the_same_seed_draws_the_same_weights_and_another_seed_others():
    first, again, other = kernels(DIGITS), kernels(DIGITS), kernels(DIGITS.with_(seed=2))
    assert all(same(first[name], again[name]) for name in first)
    assert not any(same(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {"depth": 5},
        {"activation": "tanh"},
        {"batch_norm": "after_activation"},
        {"batch_norm": "before_activation"},
        {"learning_rate": 0.1, "optimizer": "sgd", "batch_size": 7, "epochs": 3, "patience": 2},
        {"input_scaling": "standardized"},
    ],
    ids=str,
)
def test_a_layers_weights_depend_on_seed_layer_and_shape_alone(changes):
    first, other = kernels(DIGITS), kernels(DIGITS.with_(**changes))
    assert list(first) == ["hidden_1", "hidden_2", "hidden_3", "output"]
    assert all(same(first[name], other[name]) for name in first)


HIDDEN = {"hidden_1", "hidden_2", "hidden_3"}
# What starts from other weights when one setting is changed; everything else starts the same.
DRAWN_ANEW = {
    "dataset": {"hidden_1"},  # other images have other pixels
    "kernel_initializer": HIDDEN,
    "width": {*HIDDEN, "output"},
    "width_factor": {"hidden_2", "hidden_3", "output"},  # the first hidden layer is as wide as before
    "seed": {*HIDDEN, "output"},
}
CHANGED = {
    "dataset": "cifar10",
    "activation": "tanh",
    "kernel_initializer": "lecun_normal",
    "batch_norm": "before_activation",
    "depth": 5,
    "width": 21,
    "learning_rate": 0.1,
    "input_scaling": "standardized",
    "optimizer": "sgd",
    "schedule": "one_cycle",
    "peak_factor": 3.0,
    "final_share": 0.5,
    "decay_epochs": 3,
    "warmup_epochs": 1,
    "plateau_patience": 2,
    "plateau_factor": 0.1,
    "dropout": "alpha",
    "dropout_rate": 0.25,
    "l2": 1e-4,
    "clip_norm": 1.0,
    "skip": "pairs",
    "width_factor": 0.5,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "flip": "horizontal",
    "shift": 2,
    "mixup": 0.2,
    "batch_size": 7,
    "epochs": 5,
    "patience": 4,
    "seed": 2,
    "validation_split": "book",
}


@pytest.mark.parametrize("name", FIELDS)
def test_with_one_setting_changed_a_run_starts_from_the_same_weights_and_order(name):
    """Which ones are not the same is named; the order of the images changes with the seed and with their number."""
    twin = DIGITS.with_(**{name: CHANGED[name]})
    first, other = kernels(DIGITS), kernels(twin)
    assert {layer for layer in first if not same(first[layer], other[layer])} == DRAWN_ANEW.get(name, set())
    orders = [
        image_order(config.seed, 3, DATASETS[config.dataset].counts(config.validation_split)[0])
        for config in (DIGITS, twin)
    ]
    assert same(*orders) == (name not in ("seed", "dataset", "validation_split"))


def test_layers_of_one_shape_have_weights_of_their_own():
    drawn = kernels(DIGITS.with_(depth=6))
    of_one_shape = [drawn[f"hidden_{number}"].tobytes() for number in range(2, 7)]
    assert len(set(of_one_shape)) == 5


def test_wider_layers_are_drawn_anew():
    narrow, wide = kernels(DIGITS), kernels(DIGITS.with_(width=21))
    assert not np.array_equal(narrow["hidden_1"], wide["hidden_1"][:, :20])


FAN_IN, FAN_OUT = 64, 1000  # of the first hidden layer below: 64,000 draws


@pytest.mark.parametrize(
    ("initializer", "deviation"),
    [
        ("he_normal", math.sqrt(2 / FAN_IN)),
        ("he_uniform", math.sqrt(2 / FAN_IN)),
        ("lecun_normal", math.sqrt(1 / FAN_IN)),
        ("lecun_uniform", math.sqrt(1 / FAN_IN)),
        ("glorot_normal", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("glorot_uniform", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("orthogonal", math.sqrt(1 / FAN_OUT)),  # 64 rows of length one
        ("random_normal", 0.05),
        ("zeros", 0.0),
    ],
)
def test_weights_are_drawn_at_the_initializers_scale(initializer, deviation):
    assert initializer in INITIALIZERS
    drawn = kernels(DIGITS.with_(depth=1, width=FAN_OUT, kernel_initializer=initializer))
    # the deviation of 64,000 draws is known to a third of a percent
    assert drawn["hidden_1"].std() == pytest.approx(deviation, rel=0.02)
    assert abs(drawn["hidden_1"].mean()) <= 0.02 * deviation
    uniform = np.abs(drawn["hidden_1"]).max() <= math.sqrt(3) * deviation * (1 + 1e-6)
    assert uniform == (initializer.endswith("uniform") or initializer == "zeros")
    # the output layer's is the notebook's, whatever the others' is
    assert drawn["output"].std() == pytest.approx(math.sqrt(2 / (FAN_OUT + 10)), rel=0.05)


def test_orthogonal_weights_are_orthogonal():
    kernel = kernels(DIGITS.with_(depth=2, kernel_initializer="orthogonal"))["hidden_2"]
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(20), atol=1e-5)


@pytest.mark.parametrize("batch_norm", ["after_activation", "before_activation"])
def test_everything_but_the_kernels_starts_as_in_keras(batch_norm):
    config = DIGITS.with_(batch_norm=batch_norm)
    ours, fresh = started(config), build_network(config)
    others = [
        (mine.numpy(), fresh_one.numpy())
        for mine, fresh_one in zip(ours.weights, fresh.weights, strict=True)
        if mine.name in ("bias", "gamma", "beta", "moving_mean", "moving_variance")
    ]
    assert len(others) == 4 + 4 * 4  # a bias a layer, and four a normalization
    for mine, its in others:
        np.testing.assert_array_equal(mine, its)
