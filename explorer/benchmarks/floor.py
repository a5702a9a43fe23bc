"""The floor of an epoch on a machine: the arithmetic that no epoch of a network can do without, and nothing else.

One compiled program does the matrix products of every step, forward and backward, those of the validation, and Adam's
update of all weights, which reads and writes each weight and its two moments once. It leaves out activations, losses,
normalization, biases, and reading the images.
"""

import itertools
from collections.abc import Callable

import numpy as np

from explorer.config import TrainingConfig
from explorer.data.datasets import Dataset
from explorer.runs import cost_estimate
from explorer.training.frameworks import tf

VALIDATED_AT_ONCE = 500  # images per product, so that the products are as large as a core's cache holds


def floor_epoch(config: TrainingConfig, dataset: Dataset) -> Callable[[], None]:
    """A function that does the floor of one epoch; its first call compiles."""
    draw = np.random.default_rng(1)
    sizes = cost_estimate.layer_sizes(config)
    shapes = itertools.pairwise(sizes)
    weights = [tf.constant(draw.normal(0, rows**-0.5, (rows, columns)), tf.float32) for rows, columns in shapes]
    moments = [tf.zeros_like(weight) for weight in weights]
    images, validation = (
        tf.constant(draw.normal(size=(count, sizes[0])), tf.float32)
        for count in (config.batch_size, min(VALIDATED_AT_ONCE, len(dataset.validation)))
    )
    steps = tf.constant(-(-len(dataset.train) // config.batch_size))
    validations = tf.constant(-(-len(dataset.validation) // len(validation)))

    @tf.function(jit_compile=True)
    def epoch(images, validation, steps, validations, weights, first, second):
        def step(number, weights, first, second):
            updated = [_adam(*each) for each in zip(weights, gradients(images, weights), first, second, strict=True)]
            return (number + 1, *(list(part) for part in zip(*updated, strict=True)))

        def validate(number, total):  # the images depend on the sum, so that the loop cannot do all products at once
            return number + 1, total + tf.reduce_sum(_outputs(validation + 1e-30 * total, weights)[-1])

        zero = tf.constant(0)
        _, weights, *_ = tf.while_loop(lambda number, *_: number < steps, step, (zero, weights, first, second))
        return tf.while_loop(lambda number, _: number < validations, validate, (zero, tf.constant(0.0)))[1]

    return lambda: epoch(images, validation, steps, validations, weights, moments, moments).numpy()


def _outputs(images: tf.Tensor, weights: list[tf.Tensor]) -> list[tf.Tensor]:
    outputs = [images]
    for weight in weights:
        outputs.append(outputs[-1] @ weight)
    return outputs


def gradients(images: tf.Tensor, weights: list[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients of half the sum of the squared outputs: two products per layer, and one for the first."""
    *inputs, gradient = _outputs(images, weights)
    gradients = []
    for weight, below in zip(reversed(weights), reversed(inputs), strict=True):
        gradients.append(tf.matmul(below, gradient, transpose_a=True))
        gradient = tf.matmul(gradient, weight, transpose_b=True)
    return gradients[::-1]


def _adam(weight: tf.Tensor, gradient: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, ...]:
    first, second = first + 0.1 * (gradient - first), second + 0.001 * (gradient**2 - second)
    return weight - 1e-6 * first / (tf.sqrt(second) + 1e-7), first, second
