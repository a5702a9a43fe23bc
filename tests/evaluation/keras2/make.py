"""Writes `models.zip`: models saved by Keras 2 in both of its formats, and what Keras 2 says they answer.

To be run where Keras 2 is: `pip install tensorflow==2.18.* tf-keras==2.18.*`, then `python make.py`.
"""

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tf_keras as keras
from tf_keras import layers, regularizers
from tf_keras.src.layers.normalization.batch_normalization_v1 import BatchNormalization as BatchNormalizationV1

PLACE = Path(__file__).parent / "models.zip"
# four images, whose pixels are whole numbers from 0 to 16
IMAGES = (np.arange(4 * 64).reshape(4, 8, 8) * 7919 % 17).astype("float32")
LABELS = np.arange(4)
ACTIVATIONS = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh"),
)


def dense(units=6, **arguments):
    return layers.Dense(units, **arguments)


def chain(*inner):
    """A Sequential whose first layer says the shape, as most old files have it."""
    return keras.Sequential([layers.Flatten(input_shape=(8, 8)), *inner, layers.Dense(10, "softmax")])


def whole(*inner):
    """A Sequential with an input, whose layers see images of two dimensions."""
    return keras.Sequential([keras.Input((8, 8)), *inner, layers.Flatten(), layers.Dense(10, "softmax")])


def activations():
    given = keras.Input((8, 8))
    flat = layers.Flatten()(given)
    sides = [dense(2, activation=name)(flat) for name in ACTIVATIONS]
    sides += [layers.Activation(name)(dense(2)(flat)) for name in ("hard_sigmoid", "swish")]
    sides.append(dense(2, activation=layers.LeakyReLU(0.4))(flat))
    return keras.Model(given, layers.Dense(10, "softmax")(layers.Concatenate()(sides)))


def merged():
    given = keras.Input((8, 8))
    flat = layers.Flatten()(given)
    two = [dense(activation="tanh")(flat), dense(activation="hard_sigmoid")(flat)]
    kinds = (layers.Add, layers.Average, layers.Maximum, layers.Minimum, layers.Multiply, layers.Subtract)
    return keras.Model(given, layers.Dense(10, "softmax")(layers.Concatenate()([kind()(two) for kind in kinds])))


def shared():
    given = keras.Input((8, 8))
    twice = dense(64, activation="tanh", name="twice")
    return keras.Model(given, layers.Dense(10, "softmax")(twice(twice(layers.Flatten()(given)))))


def model_in_a_model():
    given, inside = keras.Input((8, 8)), keras.Input((64,))
    inner = keras.Model(inside, dense(activation="hard_sigmoid")(inside), name="inner")
    flat = layers.Flatten()(given)
    both = layers.Concatenate()([inner(flat), inner(layers.ReLU()(flat))])
    return keras.Model(given, layers.Dense(10, "softmax")(both))


def sequential_in_a_sequential():
    inner = keras.Sequential([dense(activation="hard_sigmoid"), layers.ThresholdedReLU(0.4)])
    return chain(keras.Sequential([inner, layers.BatchNormalization()]), layers.LeakyReLU(0.2))


def frozen():
    inner = keras.Sequential([dense(), layers.BatchNormalization(), dense()])
    inner.layers[0].trainable = False
    return chain(inner)


def normalized(axis):
    layer = layers.Normalization(axis=axis)
    layer.adapt(IMAGES)
    return whole(layer)


def regularized():
    return chain(
        dense(
            kernel_regularizer=regularizers.L1L2(0.01, 0.02),
            bias_regularizer="l2",
            activity_regularizer=regularizers.L1(0.01),
        ),
        dense(kernel_regularizer=regularizers.OrthogonalRegularizer(0.01)),
        layers.ActivityRegularization(0.1, 0.2),
    )


def initialized():
    kinds = (
        "random_uniform",
        "he_normal",
        "lecun_uniform",
        "orthogonal",
        "identity",
        "variance_scaling",
        "random_normal",
    )
    return chain(*(dense(kernel_initializer=kind, bias_initializer="ones") for kind in (*kinds, "truncated_normal")))


def dropping():
    noise = {"noise_shape": (None, 6), "seed": 3}
    dropouts = layers.Dropout(0.5, **noise), layers.AlphaDropout(0.1, **noise), layers.GaussianDropout(0.2, seed=3)
    return chain(dense(), *dropouts, layers.GaussianNoise(0.1, seed=1))


MODELS = {
    "activations": activations,
    "hard_sigmoid": lambda: chain(dense(activation="hard_sigmoid")),
    "hard_sigmoid at the end": lambda: keras.Sequential(
        [layers.Flatten(input_shape=(8, 8)), dense(10, activation="hard_sigmoid")]
    ),
    "LeakyReLU": lambda: chain(dense(), layers.LeakyReLU(0.25), dense(), layers.LeakyReLU()),
    "PReLU": lambda: chain(dense(), layers.PReLU(alpha_initializer="random_normal")),
    "ELU": lambda: chain(dense(), layers.ELU(0.5)),
    "ThresholdedReLU": lambda: chain(dense(), layers.ThresholdedReLU(0.3)),
    "ThresholdedReLU of pixels": lambda: chain(layers.ThresholdedReLU(1.0), dense()),
    "ReLU": lambda: chain(dense(), layers.ReLU(0.5, 0.1, 0.05)),
    "Softmax": lambda: chain(dense(), layers.Softmax()),
    "Softmax over one axis": lambda: whole(layers.Softmax(axis=1)),
    "Softmax over two axes": lambda: whole(layers.Softmax(axis=[1, 2])),
    "BatchNormalization": lambda: chain(dense(), layers.BatchNormalization()),
    "BatchNormalization of an axis": lambda: whole(layers.BatchNormalization(axis=[1], scale=False, epsilon=0.01)),
    "BatchNormalization version 1": lambda: chain(dense(), BatchNormalizationV1()),
    "renorm": lambda: chain(dense(), BatchNormalizationV1(renorm=True)),
    "virtual batches": lambda: chain(dense(), BatchNormalizationV1(virtual_batch_size=2)),
    "LayerNormalization": lambda: chain(dense(), layers.LayerNormalization()),
    "LayerNormalization of an axis": lambda: whole(layers.LayerNormalization(axis=[2])),
    "UnitNormalization": lambda: chain(dense(), layers.UnitNormalization()),
    "Normalization": lambda: normalized(-1),
    "Normalization of nothing apart": lambda: normalized(None),
    "Normalization that is given": lambda: chain(layers.Normalization(mean=8.0, variance=16.0)),
    "Normalization that is given for all": lambda: chain(layers.Normalization(axis=None, mean=8.0, variance=16.0)),
    "Normalization that is inverted": lambda: chain(layers.Normalization(mean=0.1, variance=0.01, invert=True)),
    "Rescaling": lambda: chain(layers.Rescaling(1 / 16, offset=-0.5), dense()),
    "Rescaling by a list": lambda: whole(layers.Rescaling([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])),
    "mixed precision": lambda: chain(dense(dtype="mixed_float16", activation="relu")),
    "float64": lambda: chain(dense(dtype="float64")),
    "shapes": lambda: whole(
        layers.Permute((2, 1)), layers.Reshape((4, 16)), layers.Flatten(data_format="channels_first")
    ),
    "merged": merged,
    "shared": shared,
    "model in a model": model_in_a_model,
    "Sequential in a Sequential": sequential_in_a_sequential,
    "frozen": frozen,
    "dropping": dropping,
    "regularized": regularized,
    "constrained": lambda: chain(dense(kernel_constraint="max_norm", bias_constraint="non_neg")),
    "initialized": initialized,
    "input_dim": lambda: keras.Sequential(
        [layers.Dense(6, input_dim=64, activation="tanh"), layers.Dense(10, "softmax")]
    ),
    "Identity": lambda: chain(dense(), layers.Identity()),
    "a name with a stroke": lambda: chain(dense(name="a/b")),
}


def set_weights(model) -> None:
    """Round numbers, which leave small files, and which no two layers share."""
    draw = np.random.default_rng(len(model.weights))
    for weight in model.weights:
        name = weight.name.split(":")[0]
        if name in ("mean", "variance", "count"):
            continue  # what Normalization has adapted to
        low, high = (0.3, 1.3) if "normalization" in name else (-0.03, 0.03) if weight.shape[0] == 64 else (-0.7, 0.7)
        weight.assign(np.round(draw.uniform(low, high, weight.shape) * 128) / 128)


def main() -> None:
    expected = {}
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(PLACE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, make in MODELS.items():
            keras.backend.clear_session()
            keras.utils.set_random_seed(7)
            model = make()
            set_weights(model)
            images = IMAGES.reshape(4, *model.input_shape[1:])
            for suffix in (".h5", ".keras"):
                path = Path(folder) / f"model{suffix}"
                model.save(path)
                archive.write(path, name + suffix)
            model.compile(loss="sparse_categorical_crossentropy")
            loss = float(model.evaluate(images, LABELS, verbose=0))
            outputs = model.predict(images, verbose=0).astype("float64").round(7).tolist()
            expected[name] = {"outputs": outputs, "loss": loss}
        archive.writestr("expected.json", json.dumps(expected))


if __name__ == "__main__":
    main()
