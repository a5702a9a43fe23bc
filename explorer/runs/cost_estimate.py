"""Estimates of what a configuration costs without building its model: parameters, memory and seconds per epoch."""

import itertools
import math
import socket
from collections.abc import Iterable

from explorer.config import OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.errors import MemoryShortError
from explorer.plain_text import count
from explorer.runs.run_summary import RunSummary

# Copies of the weights during training: weights, gradients, two moments, and XLA's working copies.
WEIGHT_COPIES = 8
BYTES_PER_NUMBER = 4
# TensorFlow itself, with a data set of so many bytes.
BASE_BYTES = 10**9
BASE_DATA_BYTES = 185 * 10**6
# as read from its file, and as TensorFlow's arrays
DATA_COPIES = 2

# The estimate while nothing has been measured, from a 2-core machine: seconds per operation, and the seconds that each
# layer adds to a step however small it is.
SECONDS_PER_OPERATION = 1 / 120e9
SECONDS_PER_LAYER = 50e-6
BATCH_NORM_FACTOR = 1.35
SECONDS_PER_MOVED_VALUE = 0.8e-9  # of an image that is flipped or shifted


def layer_sizes(config: TrainingConfig) -> list[int]:
    """The number of units of every layer, from the input pixels to the output classes."""
    spec = DATASETS[config.dataset]
    hidden = [max(1, round(config.width * config.width_factor**number)) for number in range(config.depth)]
    return [spec.features, *hidden, spec.classes]


def hidden_layers(config: TrainingConfig) -> str:
    """The hidden layers in words, such as "3 hidden layers of 512 to 128 units"."""
    sizes = layer_sizes(config)[1:-1] or [config.width]
    units = count(sizes[0], "unit") if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,} units"
    return f"{count(config.depth, 'hidden layer')} of {units}"


def skips(config: TrainingConfig) -> list[int]:
    """The hidden layers (counted from 1) to whose output a skip connection adds what enters the layer before.

    A pair begins at the input or at a hidden layer, ends two layers later, and has the same size all the way; a layer
    of another size begins anew.
    """
    ends, size, layers = [], DATASETS[config.dataset].features, 0
    for number, units in enumerate(layer_sizes(config)[1:-1] if config.skip != OFF else [], 1):
        layers = layers + 1 if units == size else 0
        size = units
        if layers == 2:
            ends.append(number)
            layers = 0
    return ends


def parameters(config: TrainingConfig) -> int:
    """The number of parameters of the network without input scaling, as Keras counts them."""
    sizes = layer_sizes(config)
    dense = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
    normalized = 0 if config.batch_norm == OFF else sum(sizes[:-1])
    return dense + 4 * normalized


def validation_images(config: TrainingConfig) -> int:
    """The number of validation images of a run of this configuration."""
    return DATASETS[config.dataset].counts(config.validation_split)[1]


def validation_words(config: TrainingConfig) -> str:
    """What a run of this configuration is validated on: 10,000 validation images, 400 validation points."""
    return f"{validation_images(config):,} validation {DATASETS[config.dataset].noun}"


def memory_bytes(config: TrainingConfig) -> int:
    """The estimated peak memory of training, in bytes."""
    activations = 4 * config.batch_size * sum(layer_sizes(config))
    more_data = max(0, DATASETS[config.dataset].layout.bytes - BASE_DATA_BYTES)
    numbers = WEIGHT_COPIES * parameters(config) + activations
    return BASE_BYTES + DATA_COPIES * more_data + BYTES_PER_NUMBER * numbers


def check_memory(config: TrainingConfig, available: int) -> None:
    """Raises `MemoryShortError` when training would need more than the available memory, in bytes."""
    needed = memory_bytes(config)
    if needed > available + BASE_BYTES:
        raise MemoryShortError(
            f"depth and width: {config.depth} layers of {config.width:,} units need about {needed / 1e9:.1f} GB of "
            f"memory but only {available / 1e9:.1f} GB are free; choose fewer layers or units"
        )


def epoch_cost(config: TrainingConfig) -> float:
    """Seconds per epoch by rule of thumb, meant for ratios between configurations."""
    images, _ = DATASETS[config.dataset].counts(config.validation_split)
    steps = math.ceil(images / config.batch_size)
    sizes = layer_sizes(config)
    operations = 6 * sum(a * b for a, b in itertools.pairwise(sizes)) * images
    update = 20 * parameters(config) * steps  # the optimizer touches every weight at every step
    factor = 1.0 if config.batch_norm == OFF else BATCH_NORM_FACTOR
    moving = images * sizes[0] * SECONDS_PER_MOVED_VALUE if config.moves_images else 0.0
    return moving + factor * ((operations + update) * SECONDS_PER_OPERATION + steps * len(sizes) * SECONDS_PER_LAYER)


MOST_DISTANT = 2.0  # an epoch that costs seven times as much; a more distant run predicts less than the rule of thumb


def predicted_seconds(config: TrainingConfig, summaries: Iterable[RunSummary]) -> tuple[float, bool]:
    """Seconds per epoch, and whether they come from a measurement on this machine rather than from the rule of thumb.

    The measurement is that of the most similar run trained on this machine, scaled by the ratio of costs.
    """
    host, nearest = socket.gethostname(), None
    cost = epoch_cost(config)
    for summary in summaries:
        if not summary.outline.epochs or summary.config is None or summary.status.host != host:
            continue
        distance = abs(math.log(epoch_cost(summary.config) / cost))
        distance += (summary.config.batch_norm != config.batch_norm) + (summary.config.dataset != config.dataset)
        if distance < (MOST_DISTANT if nearest is None else nearest[0]):
            nearest = distance, summary
    if nearest is None:
        return cost, False
    return nearest[1].outline.epoch_seconds * cost / epoch_cost(nearest[1].config), True
