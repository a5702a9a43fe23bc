"""Statistics of every layer of a network on one fixed batch: the first training images, in the order of the split.

Measuring changes nothing. The batch passes as in a training step, batch normalization using the batch's statistics, but
without dropout, so that epochs are comparable; the gradient is that of the cross-entropy, without the L2 penalty.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.activations import ACTIVATIONS
from explorer.config import BEFORE_ACTIVATION, OFF, TrainingConfig
from explorer.runs import cost_estimate
from explorer.runs.signals import HISTOGRAM_BINS, SIGNALS, EpochSignals, LayerSignals
from explorer.training.frameworks import keras, tf
from explorer.training.model import NORM_EPSILON, initial_kernel
from explorer.training.stored_programs import StoredPrograms

PROBE_IMAGES = 256
STACKED_NUMBERS = 2**22  # in layers computed at once: wide ones are computed one by one, or memory would double
UPDATE_RATIO = SIGNALS.index("update_ratio")


@dataclass(frozen=True)
class Norm:
    """The trainable variables of a batch normalization layer, each `[units]`."""

    scale: tf.Tensor
    offset: tf.Tensor
    epsilon: float


@dataclass(frozen=True)
class Block:
    """A dense layer with its activation, and the batch normalization before or after the activation.

    With `skip`, what entered the block before is added to what leaves this one.
    """

    name: str
    kernel: tf.Tensor
    bias: tf.Tensor
    activation: Callable[[tf.Tensor], tf.Tensor]
    before: Norm | None = None
    after: Norm | None = None
    skip: bool = False


def blocks_of(network_layers: Iterable[keras.layers.Layer]) -> tuple[Norm | None, list[Block]]:
    """The normalization of the input, and the blocks formed by a network's layers after its input scaling."""
    entry: Norm | None = None
    blocks: list[Block] = []
    for layer in network_layers:
        if isinstance(layer, keras.layers.Dense):
            blocks.append(Block(layer.name, layer.kernel.value, layer.bias.value, layer.activation))
        elif isinstance(layer, keras.layers.Activation):
            # a batch normalization since the dense layer comes before the activation
            blocks[-1] = replace(blocks[-1], activation=layer.activation, before=blocks[-1].after, after=None)
        elif isinstance(layer, keras.layers.Add):
            blocks[-1] = replace(blocks[-1], skip=True)
        elif isinstance(layer, keras.layers.BatchNormalization):
            norm = Norm(layer.gamma.value, layer.beta.value, layer.epsilon)
            if blocks:
                blocks[-1] = replace(blocks[-1], after=norm)
            else:
                entry = norm
    return entry, blocks


def initial_blocks(config: TrainingConfig) -> tuple[Norm | None, list[Block]]:
    """The blocks of a configuration with its initial weights, without the time that building a Keras model takes."""
    sizes, skips = cost_estimate.layer_sizes(config), cost_estimate.skips(config)
    blocks = []
    for number, (above, size) in enumerate(itertools.pairwise(sizes), 1):
        name = f"hidden_{number}" if number <= config.depth else "output"
        activation = keras.activations.get("softmax" if name == "output" else config.activation)
        kernel = initial_kernel(config, name, (above, size))
        blocks.append(Block(name, kernel, tf.zeros(size), activation, skip=number in skips))
    if config.batch_norm == OFF:
        return None, blocks
    place = "before" if config.batch_norm == BEFORE_ACTIVATION else "after"
    hidden = [replace(block, **{place: _initial_norm(block.bias.shape[0])}) for block in blocks[:-1]]
    return _initial_norm(sizes[0]), [*hidden, blocks[-1]]


def _initial_norm(units: int) -> Norm:
    return Norm(tf.ones(units), tf.zeros(units), NORM_EPSILON)


class Probe:
    """The batch on which layers are measured, and the blocks that it passes through.

    `images` is uint8 `[N, features]`, `labels` int32 `[N]`; the first `PROBE_IMAGES` of them are used.
    """

    def __init__(self, entry: Norm | None, blocks: Sequence[Block], images: tf.Tensor, labels: tf.Tensor):
        self._entry, self._blocks = entry, blocks
        self._images, self._labels = images[:PROBE_IMAGES], labels[:PROBE_IMAGES]
        self._loss = keras.losses.SparseCategoricalCrossentropy()
        batch = (tf.TensorSpec(part.shape, part.dtype) for part in (self._images, self._labels))
        vector = tf.TensorSpec([images.shape[1]])
        kernels = [tf.TensorSpec(block.kernel.shape) for block in blocks]
        self._program = tf.function(self._measure, input_signature=[*batch, vector, vector, kernels], autograph=False)

    def kernels(self) -> list[tf.Tensor]:
        """Copies of the current kernels, for `measure` to compare with."""
        return [tf.identity(block.kernel) for block in self._blocks]

    def compile(self, stored: StoredPrograms | None = None) -> None:
        """Traces ahead of time what the first measurement needs, or takes it from disk; changes no variable."""
        if stored:
            self._program = stored.function("measure", self._program)
        features = self._images.shape[1]
        self._program(self._images, self._labels, tf.zeros(features), tf.ones(features), self.kernels())

    def measure(
        self, epoch: int, mean: tf.Tensor, deviation: tf.Tensor, before: Sequence[tf.Tensor] | None
    ) -> EpochSignals:
        """The signals of all layers; `before` holds the kernels before the epoch's last step, None in epoch 0."""
        measured = self._program(self._images, self._labels, mean, deviation, before or self.kernels())
        return self._signals(epoch, measured, before is not None)

    def measure_once(self, mean: tf.Tensor, deviation: tf.Tensor) -> EpochSignals:
        """The signals of epoch 0 without tracing: faster than a first `measure`, slower than later ones."""
        return self._signals(0, self._measure(self._images, self._labels, mean, deviation, self.kernels()), False)

    def _signals(self, epoch: int, measured: tuple[tf.Tensor, ...], updated: bool) -> EpochSignals:
        layers = []
        for block, *parts, bins in zip(self._blocks, *(part.numpy().tolist() for part in measured), strict=True):
            *row, low, high = [value if math.isfinite(value) else math.nan for part in parts for value in part]
            if not updated:
                row[UPDATE_RATIO] = None
            whole = math.isfinite(low) and math.isfinite(high)
            layers.append(LayerSignals(block.name, *row, *((tuple(bins), (low, high)) if whole else ())))
        return EpochSignals(epoch, tuple(layers))

    def _measure(
        self, images: tf.Tensor, labels: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor, before: list[tf.Tensor]
    ) -> tuple[tf.Tensor, ...]:
        # one row per layer in each part: the first two hold the signals in a record's order, then come range and bins
        kernels = [block.kernel for block in self._blocks]
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            values = _normalized((tf.cast(images, tf.float32) - mean) / deviation, self._entry)
            left, flat, entered = [], [], []
            for block in self._blocks:
                entered.append(values)
                entering = _normalized(values @ block.kernel + block.bias, block.before)
                leaving = block.activation(entering)
                left.append(leaving)
                flat.append(_is_flat(block.activation.__name__, entering, leaving))
                values = _normalized(leaving, block.after)
                if block.skip:
                    values = entered[-2] + values
            loss = self._loss(labels, values)
        gradients = tape.gradient(loss, kernels)
        of_units, ranges, counts = _together(_of_units, left, flat)
        [of_kernels] = _together(_of_kernels, kernels, gradients, before)
        return of_units, of_kernels, ranges, counts


def _together(statistics: Callable[..., tuple[tf.Tensor, ...]], *columns: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The result of `statistics` for each layer, one row per layer; layers of equal shape are stacked.

    A few large operations take less time to trace and to run than many small ones.
    """
    groups = defaultdict(list)
    for number, tensor in enumerate(columns[0]):
        groups[tuple(tensor.shape)].append(number)
    order, results = [], []
    for shape, members in groups.items():
        at_once = max(1, STACKED_NUMBERS // math.prod(shape))
        for start in range(0, len(members), at_once):
            chosen = members[start : start + at_once]
            order += chosen
            results.append(statistics(*(tf.stack([column[number] for number in chosen]) for column in columns)))
    places = np.argsort(order)
    return [tf.gather(tf.concat(parts, 0), places) for parts in zip(*results, strict=True)]


def _of_units(leaving: tf.Tensor, flat: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Statistics `[layers, 5]`, minimum and maximum `[layers, 2]` and histogram of `[layers, images, units]`."""
    low, high = tf.reduce_min(leaving, [1, 2]), tf.reduce_max(leaving, [1, 2])
    statistics = [
        tf.reduce_mean(leaving, [1, 2]),
        tf.math.reduce_variance(leaving, [1, 2]),
        tf.reduce_mean(tf.math.reduce_variance(leaving, 1), 1),
        tf.reduce_mean(tf.cast(tf.reduce_all(flat, 1), tf.float32), 1),
        tf.reduce_mean(tf.cast(flat, tf.float32), [1, 2]),
    ]
    values = tf.reshape(leaving, [leaving.shape[0], -1])
    return tf.stack(statistics, 1), tf.stack([low, high], 1), _histogram(values, low[:, None], high[:, None])


def _of_kernels(kernels: tf.Tensor, gradients: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor]:
    """Statistics `[layers, 3]` of kernels `[layers, inputs, units]`."""
    size = _rms(kernels)
    norm = size * math.sqrt(math.prod(kernels.shape[1:]))
    return (tf.stack([_rms(gradients), _rms(kernels - before) / size, norm], 1),)


def _normalized(values: tf.Tensor, norm: Norm | None) -> tf.Tensor:
    if norm is None:
        return values
    mean, variance = tf.nn.moments(values, [0])
    return tf.nn.batch_normalization(values, mean, variance, norm.offset, norm.scale, norm.epsilon)


def _is_flat(activation: str, entering: tf.Tensor, leaving: tf.Tensor) -> tf.Tensor:
    if activation == "softmax":
        return (leaving < 0.01) | (leaving > 0.99)
    known = ACTIVATIONS[activation]
    return (entering <= known.flat_below) | (entering >= known.flat_above)


def _rms(kernels: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(kernels), [1, 2]))


def _histogram(values: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Counts `[layers, HISTOGRAM_BINS]` of each row from minimum to maximum; meaningless unless both are finite."""
    place = (values - low) * (HISTOGRAM_BINS / tf.where(high > low, high - low, 1.0))
    place = tf.cast(tf.clip_by_value(tf.where(tf.math.is_finite(place), place, 0.0), 0, HISTOGRAM_BINS - 1), tf.int32)
    return tf.math.bincount(place, minlength=HISTOGRAM_BINS, maxlength=HISTOGRAM_BINS, axis=-1)
