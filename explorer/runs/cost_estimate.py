"""What a configuration will cost, worked out without building it: weights, memory, seconds an epoch."""

import itertools
import math
import socket
from collections.abc import Iterable

from explorer.config import OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.errors import MemoryShortError
from explorer.runs.run import RunSummary

# Copies of the weights during training: weights, gradients, two moments, and XLA's working copies.
WEIGHT_COPIES = 8
BYTES_A_NUMBER = 4
# TensorFlow itself with a data set loaded.
BASE_BYTES = 10**9

# A first guess where nothing was measured yet, from a 2-core machine: seconds an operation, and seconds that each
# layer costs a step however small it is.
SECONDS_AN_OPERATION = 1 / 120e9
SECONDS_A_LAYER = 50e-6
BATCH_NORM_FACTOR = 1.35


def layer_sizes(config: TrainingConfig) -> list[int]:
    """Units of every layer, from the pixels to the classes."""
    spec = DATASETS[config.dataset]
    return [spec.features, *[config.width] * config.depth, spec.classes]


def parameters(config: TrainingConfig) -> int:
    """All numbers in the network but those of the input scaling, as Keras counts a model without it."""
    sizes = layer_sizes(config)
    dense = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
    normalized = 0 if config.batch_norm == OFF else sum(sizes[:-1])
    return dense + 4 * normalized


def validation_images(config: TrainingConfig) -> int:
    """How many images a run of this configuration is validated on."""
    return DATASETS[config.dataset].counts(config.validation_split)[1]


def memory_bytes(config: TrainingConfig) -> int:
    """About how much memory training takes at its peak."""
    activations = 4 * config.batch_size * sum(layer_sizes(config))
    return BASE_BYTES + BYTES_A_NUMBER * (WEIGHT_COPIES * parameters(config) + activations)


def check_memory(config: TrainingConfig, available: int) -> None:
    """Raises `MemoryShortError` when training would need more than the memory that is there, in bytes."""
    needed = memory_bytes(config)
    if needed > available + BASE_BYTES:
        raise MemoryShortError(
            f"depth and width: {config.depth} layers of {config.width:,} units need about {needed / 1e9:.1f} GB of "
            f"memory and {available / 1e9:.1f} GB are free; choose fewer layers or units"
        )


def epoch_cost(config: TrainingConfig) -> float:
    """Seconds an epoch by rule of thumb: good for ratios between configurations."""
    images, _ = DATASETS[config.dataset].counts(config.validation_split)
    steps = math.ceil(images / config.batch_size)
    sizes = layer_sizes(config)
    operations = 6 * sum(a * b for a, b in itertools.pairwise(sizes)) * images
    update = 20 * parameters(config) * steps  # the optimizer touches every weight at every step
    factor = 1.0 if config.batch_norm == OFF else BATCH_NORM_FACTOR
    return factor * ((operations + update) * SECONDS_AN_OPERATION + steps * len(sizes) * SECONDS_A_LAYER)


MOST_DISTANT = 2.0  # as of an epoch that costs seven times as much; what is further says less than the rule of thumb


def predicted_seconds(config: TrainingConfig, summaries: Iterable[RunSummary]) -> tuple[float, bool]:
    """Seconds an epoch, and whether that was measured on this machine rather than guessed.

    The most similar run trained here counts, scaled by the ratio of costs; one that is nothing like it does not.
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
