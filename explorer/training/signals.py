"""Measures every layer of a network on one fixed batch: the first training images, in the split's own order.

Nothing is changed by measuring. The batch passes as in a training step, batch normalization with the batch's own
statistics, but without dropout, so that two epochs are measured alike; the gradient is of the cross-entropy alone.
"""

import math
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from explorer.signals import HISTOGRAM_BINS, SIGNALS, EpochSignals, LayerSignals

PROBE_IMAGES = 256
UPDATE_RATIO = SIGNALS.index("update_ratio")

# Where an activation is flat, by what goes into it: below the first bound or above the second its slope is under
# 0.01 in size and stays so (ReLU: 0). For tanh, sigmoid and softsign that is the last hundredth before each end.
_FLAT_TANH, _FLAT_SIGMOID = math.atanh(0.99), math.log(99)
FLAT = {
    "relu": (0.0, math.inf),
    "elu": (math.log(0.01), math.inf),
    "selu": (math.log(0.01 / 1.7581), math.inf),
    "gelu": (-3.06, math.inf),
    "silu": (-6.27, math.inf),
    "mish": (-6.26, math.inf),
    "tanh": (-_FLAT_TANH, _FLAT_TANH),
    "sigmoid": (-_FLAT_SIGMOID, _FLAT_SIGMOID),
    "softplus": (-_FLAT_SIGMOID, math.inf),
    "softsign": (-99.0, 99.0),
    "leaky_relu": (-math.inf, math.inf),
    "linear": (-math.inf, math.inf),
}


class Probe:
    """A batch and the layers that it goes through: those of a network from its input scaling on.

    `images` is uint8 `[N, features]`, `labels` int32 `[N]`; the first `PROBE_IMAGES` of them are used.
    """

    def __init__(self, network_layers: Sequence[keras.layers.Layer], images: tf.Tensor, labels: tf.Tensor):
        self._layers = network_layers
        self._images, self._labels = images[:PROBE_IMAGES], labels[:PROBE_IMAGES]
        self._loss = keras.losses.SparseCategoricalCrossentropy()
        self.names = [layer.name for layer in network_layers if isinstance(layer, keras.layers.Dense)]
        vector, kernels = tf.TensorSpec([images.shape[1]]), [tf.TensorSpec(k.shape) for k in self._kernels()]
        self._program = tf.function(self._measure, input_signature=[vector, vector, kernels], autograph=False)

    def kernels(self) -> list[tf.Tensor]:
        """Copies of all kernels as they are now, for `measure` to compare with."""
        return [tf.identity(kernel) for kernel in self._kernels()]

    def compile(self) -> None:
        """Traces and optimizes now what the first measurement would; changes no variable."""
        features = self._images.shape[1]
        self._program(tf.zeros(features), tf.ones(features), self._kernels())

    def measure(
        self, epoch: int, mean: tf.Tensor, deviation: tf.Tensor, before: Sequence[tf.Tensor] | None
    ) -> EpochSignals:
        """The signals of all layers; `before` are the kernels before the epoch's last step, None in epoch 0."""
        figures, counts = self._program(mean, deviation, list(before or self._kernels()))
        return _as_signals(epoch, self.names, figures.numpy(), counts.numpy(), updated=before is not None)

    def measure_once(self, mean: tf.Tensor, deviation: tf.Tensor) -> EpochSignals:
        """The signals in epoch 0 without tracing anything: slower than `measure`, but for its first time."""
        figures, counts = self._measure(mean, deviation, self._kernels())
        return _as_signals(0, self.names, figures.numpy(), counts.numpy(), updated=False)

    def _kernels(self) -> list[tf.Tensor]:
        return [layer.kernel.value for layer in self._layers if isinstance(layer, keras.layers.Dense)]

    def _measure(self, mean: tf.Tensor, deviation: tf.Tensor, before: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        kernels = self._kernels()
        with tf.GradientTape() as tape:
            seen = _forward(self._layers, (tf.cast(self._images, tf.float32) - mean) / deviation)
            loss = self._loss(self._labels, seen[-1][2])
        gradients = tape.gradient(loss, kernels)
        figures, counts = [], []
        for (activation, entering, leaving), kernel, gradient, old in zip(
            seen, kernels, gradients, before, strict=True
        ):
            flat = _is_flat(activation, entering, leaving)
            low, high = tf.reduce_min(leaving), tf.reduce_max(leaving)
            size = _rms(kernel)
            figures.append(
                [
                    tf.reduce_mean(leaving),
                    tf.math.reduce_variance(leaving),
                    tf.reduce_mean(tf.math.reduce_variance(leaving, 0)),
                    tf.reduce_mean(tf.cast(tf.reduce_all(flat, 0), tf.float32)),
                    tf.reduce_mean(tf.cast(flat, tf.float32)),
                    _rms(gradient),
                    _rms(kernel - old) / size,
                    size * math.sqrt(math.prod(kernel.shape)),
                    low,
                    high,
                ]
            )
            counts.append(_histogram(leaving, low, high))
        return tf.stack([tf.stack(row) for row in figures]), tf.stack(counts)


def _forward(network_layers: Iterable[keras.layers.Layer], values: tf.Tensor) -> list[tuple[str, tf.Tensor, tf.Tensor]]:
    """For each dense layer its activation's name, what goes into that and what it gives, both `[N, units]`."""
    seen = []
    for layer in network_layers:
        if isinstance(layer, keras.layers.Dense):
            entering = values @ layer.kernel.value + layer.bias.value
            values = layer.activation(entering)
            seen.append((layer.activation.__name__, entering, values))
        elif isinstance(layer, keras.layers.Activation):
            entering, values = values, layer.activation(values)
            seen[-1] = layer.activation.__name__, entering, values
        elif isinstance(layer, keras.layers.BatchNormalization):
            # not the layer itself, which would move its averages
            mean, variance = tf.nn.moments(values, [0])
            offset, scale = layer.beta.value, layer.gamma.value
            values = tf.nn.batch_normalization(values, mean, variance, offset, scale, layer.epsilon)
    return seen


def _is_flat(activation: str, entering: tf.Tensor, leaving: tf.Tensor) -> tf.Tensor:
    if activation == "softmax":
        return (leaving < 0.01) | (leaving > 0.99)
    low, high = FLAT[activation]
    return (entering <= low) | (entering >= high)


def _rms(values: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(values)))


def _histogram(values: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Counts `[HISTOGRAM_BINS]` between the smallest and the largest value; of no use when one is not finite."""
    place = (values - low) * (HISTOGRAM_BINS / tf.where(high > low, high - low, 1.0))
    place = tf.cast(tf.clip_by_value(tf.where(tf.math.is_finite(place), place, 0.0), 0, HISTOGRAM_BINS - 1), tf.int32)
    return tf.math.bincount(tf.reshape(place, [-1]), minlength=HISTOGRAM_BINS, maxlength=HISTOGRAM_BINS)


def _as_signals(
    epoch: int, names: Sequence[str], figures: np.ndarray, counts: np.ndarray, *, updated: bool
) -> EpochSignals:
    found = []
    for name, row, bins in zip(names, figures.tolist(), counts.tolist(), strict=True):
        *row, low, high = [value if math.isfinite(value) else math.nan for value in row]
        if not updated:
            row[UPDATE_RATIO] = None
        whole = math.isfinite(low) and math.isfinite(high)
        found.append(LayerSignals(name, *row, *((tuple(bins), (low, high)) if whole else ())))
    return EpochSignals(epoch, tuple(found))
