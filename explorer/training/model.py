"""The Keras model, initial weights and optimizer of a configuration."""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np

from explorer.config import ALPHA, ALPHA_OUTPUT, BEFORE_ACTIVATION, DROPOUT, OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.runs import cost_estimate
from explorer.training.fast_math import Nadam
from explorer.training.frameworks import keras, tf

layers = keras.layers
NORM_EPSILON = 1e-3  # Keras's default for batch normalization


def build_network(config: TrainingConfig) -> keras.Model:
    """The network of a configuration, from raw images `[N, *image_shape]` to class probabilities `[N, classes]`.

    Its second layer holds the input scaling, so the saved model takes raw pixels; `set_initial_weights` sets weights.
    It is a `Sequential` model, with skip connections a functional one with `Add` layers.
    """
    spec, sizes, skips = DATASETS[config.dataset], cost_estimate.layer_sizes(config), cost_estimate.skips(config)
    chain = [
        keras.Input(spec.image_shape),
        layers.Flatten(name="flatten"),
        layers.Normalization(name="input_scaling"),
    ]
    if config.batch_norm != OFF:
        chain.append(layers.BatchNormalization(name="input_batch_norm"))
    for number in range(1, config.depth + 1):
        chain += _hidden_layer(config, number, sizes[number])
        if number in skips:
            chain.append(layers.Add(name=f"skip_{number}"))
    if config.dropout == ALPHA_OUTPUT:
        chain.append(layers.AlphaDropout(config.dropout_rate, name="dropout_output"))
    chain.append(
        layers.Dense(
            spec.classes,
            activation="softmax",
            kernel_initializer=_kernel_initializer(config, "output"),
            kernel_regularizer=_regularizer(config),
            name="output",
        )
    )
    # all at once: each `add` would have Keras rebuild the whole network
    return _functional(chain) if skips else keras.Sequential(chain, name="network")


def _functional(chain: list) -> keras.Model:
    inputs, *others = chain
    return keras.Model(inputs, through(others, inputs), name="network")


def through(chain: Iterable[layers.Layer], values, call: Callable = lambda layer, values: layer(values)):
    """What comes out of layers in their order, each called by `call(layer, values)`.

    An `Add` layer adds what entered the dense layer before the last one.
    """
    entered = []
    for layer in chain:
        if isinstance(layer, layers.Dense):
            entered.append(values)
        values = layer([entered[-2], values]) if isinstance(layer, layers.Add) else call(layer, values)
    return values


def chain_of(network: keras.Model) -> list[layers.Layer]:
    """The layers of a network after its input, in their order."""
    return [layer for layer in network.layers if not isinstance(layer, layers.InputLayer)]


def _hidden_layer(config: TrainingConfig, number: int, units: int) -> list[layers.Layer]:
    name = f"hidden_{number}"
    dense = layers.Dense(
        units,
        activation=None if config.batch_norm == BEFORE_ACTIVATION else config.activation,
        kernel_initializer=_kernel_initializer(config, name),
        kernel_regularizer=_regularizer(config),
        name=name,
    )
    chain = [dense]
    if config.batch_norm != OFF:
        chain.append(layers.BatchNormalization(name=f"batch_norm_{number}"))
    if config.batch_norm == BEFORE_ACTIVATION:
        chain.append(layers.Activation(config.activation, name=f"activation_{number}"))
    if config.dropout in (DROPOUT, ALPHA):
        kind = layers.Dropout if config.dropout == DROPOUT else layers.AlphaDropout
        chain.append(kind(config.dropout_rate, name=f"dropout_{number}"))
    return chain


def _regularizer(config: TrainingConfig) -> keras.Regularizer | None:
    return keras.regularizers.L2(config.l2) if config.l2 else None


def _kernel_initializer(config: TrainingConfig, layer: str) -> keras.Initializer:
    """An initializer whose values depend only on the seed, the layer and the shape."""
    # the notebook leaves the output layer at Keras's default
    name = "glorot_uniform" if layer == "output" else config.kernel_initializer
    if name == "zeros":
        return keras.initializers.Zeros()
    digest = hashlib.sha256(f"{config.seed}/{layer}".encode()).digest()
    layer_seed = int.from_bytes(digest[:4], "little") >> 1
    return keras.initializers.get({"class_name": name, "config": {"seed": layer_seed}})


def initial_kernel(config: TrainingConfig, layer: str, shape: tuple[int, int]) -> tf.Tensor:
    """The initial kernel of a layer (`hidden_1` … `output`), float32 `[inputs, units]`."""
    return _kernel_initializer(config, layer)(shape)


def set_initial_weights(network: keras.Model, config: TrainingConfig, mean: np.ndarray, variance: np.ndarray) -> None:
    """Sets every weight of a network of this shape to the initial weights of a configuration.

    Also gives its layers the configuration's initializers, dropout rate and L2 penalty, so that a network reused for
    another run is saved as if it had been built for it. `mean` and `variance` are those of the input scaling, float32
    `[features]`.
    """
    for layer in network.layers:
        if isinstance(layer, layers.Dense):
            layer.kernel_initializer = _kernel_initializer(config, layer.name)
            layer.kernel_regularizer = layer.kernel.regularizer = _regularizer(config)
            layer.kernel.assign(layer.kernel_initializer(layer.kernel.shape))
            layer.bias.assign(np.zeros(layer.bias.shape, "float32"))
        elif isinstance(layer, layers.BatchNormalization):
            for variable, value in (
                (layer.gamma, 1.0),
                (layer.beta, 0.0),
                (layer.moving_mean, 0.0),
                (layer.moving_variance, 1.0),
            ):
                variable.assign(np.full(variable.shape, value, "float32"))
        elif isinstance(layer, layers.Dropout | layers.AlphaDropout):
            layer.rate = config.dropout_rate
        elif isinstance(layer, layers.Normalization):
            layer.adapt_mean.assign(mean)
            layer.adapt_variance.assign(variance)
            layer.finalize_state()


def build_optimizer(name: str, learning_rate: float, weight_decay: float = 0.0) -> keras.Optimizer:
    """A Keras optimizer with its defaults; with a `weight_decay` of 0 also with its own of that.

    Learning rate and weight decay are variables, so changing them needs no recompilation.
    """
    optimizers = keras.optimizers
    optimizer = {
        "nadam": Nadam,
        "adam": optimizers.Adam,
        "adamw": optimizers.AdamW,
        "rmsprop": optimizers.RMSprop,
        "sgd": optimizers.SGD,
        "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9),
        "nesterov": lambda rate: optimizers.SGD(rate, momentum=0.9, nesterov=True),
    }[name](learning_rate)
    if weight_decay:
        optimizer.weight_decay = tf.Variable(weight_decay, trainable=False)
    return optimizer


def initial_state(optimizer: keras.Optimizer) -> list[np.ndarray]:
    """Copies of a freshly built optimizer's variables: the state that `reset_optimizer` restores."""
    return [np.array(variable.numpy()) for variable in optimizer.variables]


def reset_optimizer(
    optimizer: keras.Optimizer, state: list[np.ndarray], learning_rate: float, weight_decay: float = 0.0
) -> None:
    """Restores the variables of an optimizer from `initial_state`, and sets its learning rate and weight decay."""
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)
    optimizer.learning_rate = learning_rate
    if weight_decay:
        optimizer.weight_decay.assign(weight_decay)
