"""The Keras code of a configuration's network, layer by layer."""

from explorer.config import (
    ALPHA,
    ALPHA_OUTPUT,
    BEFORE_ACTIVATION,
    DROPOUT,
    OFF,
    RAW,
    STANDARDIZED,
    UNIT,
    TrainingConfig,
)
from explorer.data.datasets import DATASETS

INITIALIZERS = {
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "orthogonal": "Orthogonal",
    "random_normal": "RandomNormal",
    "zeros": "Zeros",
}

_DENSE = '''
def dense(units, activation, initializer, name):
    """A dense layer whose initial weights depend on the seed and its name alone."""
    seed = int.from_bytes(sha256(f"{SEED}/{name}".encode()).digest()[:4], "little") >> 1
    return layers.Dense(units, activation, kernel_initializer=initializer(seed=seed), name=name)'''
_PENALIZED = """
    given = {{"kernel_initializer": initializer(seed=seed), "kernel_regularizer": keras.regularizers.L2({l2!r})}}
    return layers.Dense(units, activation, **given, name=name)"""
_SCALER = """
scaler = StandardScaler().fit(x_train.reshape(len(x_train), -1).astype("float32"))"""


def explanation(config: TrainingConfig) -> str:
    """A sentence about the network; empty where there is nothing to say."""
    taken = "pixels" if DATASETS[config.dataset].pictures else "inputs"
    return "" if config.input_scaling == RAW else f"The input scaling is a layer of the model, which takes raw {taken}."


def network(config: TrainingConfig) -> tuple[str, ...]:
    """The code in blocks: the function `dense`, and the model."""
    spec = DATASETS[config.dataset]
    *head, plain = _DENSE.splitlines()
    dense = "\n".join(head) + (_PENALIZED.format(l2=config.l2) if config.l2 else f"\n{plain}")
    first = [*["layers.Flatten()"] * spec.pictures, *_scaling(config)]
    first += ["layers.BatchNormalization()"] * (config.batch_norm != OFF)
    last = ["layers.AlphaDropout(DROPOUT, seed=SEED)"] * (config.dropout == ALPHA_OUTPUT)
    last += [f'dense({spec.classes}, "softmax", keras.initializers.GlorotUniform, "output")']
    scaler = [_SCALER.strip()] * (config.input_scaling == STANDARDIZED)
    build = _functional if config.skip != OFF else _sequential
    lines = [*scaler, *build(config, f"keras.Input({spec.image_shape})", first, last), "model.summary()"]
    return dense, "\n".join(lines)


def _sequential(config: TrainingConfig, inputs: str, first: list[str], last: list[str]) -> list[str]:
    return [
        "network = [",
        *(f"    {layer}," for layer in (inputs, *first)),
        "]",
        "for number in range(1, DEPTH + 1):",
        *_units(config),
        *(f"    network.append({layer})" for layer in _hidden_layers(config)),
        *(f"network.append({layer})" for layer in last),
        "model = keras.Sequential(network)",
    ]


def _functional(config: TrainingConfig, inputs: str, first: list[str], last: list[str]) -> list[str]:
    return [
        f"values = inputs = {inputs}",
        *(f"values = {layer}(values)" for layer in first),
        "entered, alike = [], 0  # what enters each hidden layer, and how many are as wide as what enters them",
        "for number in range(1, DEPTH + 1):",
        "    entered.append(values)",
        *_units(config),
        *(f"    values = {layer}(values)" for layer in _hidden_layers(config)),
        "    alike = alike + 1 if values.shape == entered[-1].shape else 0",
        "    if alike == 2:  # a skip connection",
        "        values, alike = layers.Add()([entered[-2], values]), 0",
        *(f"values = {layer}(values)" for layer in last),
        "model = keras.Model(inputs, values)",
    ]


def _units(config: TrainingConfig) -> list[str]:
    shrinks = config.width_factor < 1
    return [f"    units = max(1, round(WIDTH * {config.width_factor!r} ** (number - 1)))"] * shrinks


def _scaling(config: TrainingConfig) -> list[str]:
    return {
        RAW: [],
        UNIT: [f"layers.Rescaling(1 / {DATASETS[config.dataset].max_value})"],
        STANDARDIZED: ["layers.Normalization(mean=scaler.mean_, variance=scaler.scale_**2)"],
    }[config.input_scaling]


def _hidden_layers(config: TrainingConfig) -> list[str]:
    """The layers of one turn of the loop."""
    activation = "None" if config.batch_norm == BEFORE_ACTIVATION else f'"{config.activation}"'
    name = INITIALIZERS[config.kernel_initializer]
    # the only one that takes no seed
    initializer = "lambda seed: keras.initializers.Zeros()" if name == "Zeros" else f"keras.initializers.{name}"
    units = "units" if config.width_factor < 1 else "WIDTH"
    chain = [f'dense({units}, {activation}, {initializer}, f"hidden_{{number}}")']
    if config.batch_norm != OFF:
        chain.append("layers.BatchNormalization()")
    if config.batch_norm == BEFORE_ACTIVATION:
        chain.append(f'layers.Activation("{config.activation}")')
    if config.dropout in (DROPOUT, ALPHA):
        chain.append(
            f"layers.{'Dropout' if config.dropout == DROPOUT else 'AlphaDropout'}(DROPOUT, seed=SEED + number)"
        )
    return chain
