"""Augmentation of training images: flips and shifts of each image, and mixup of each batch.

All random numbers are drawn outside the compiled program from seed and epoch, as the order of the images is, so a
resumed run, another machine and a Keras script train on the same images.
"""

from dataclasses import dataclass

import numpy as np

from explorer.config import OFF, TrainingConfig
from explorer.data.spec import DatasetSpec
from explorer.training.frameworks import tf

# what follows seed and epoch in a generator's seed; 0 would give the order of the images
_FLIPS, _SHIFTS, _SHARES = 1, 2, 3


@dataclass(frozen=True)
class Draws:
    """What happens to the training images of an epoch.

    `moves` is int32 `[N, 3]`, in the order of the epoch: whether an image is flipped (1 or 0), and by how many pixels
    it is shifted down and to the right. `shares` is float32 `[steps]`: the share of each image in its mixture.
    """

    moves: np.ndarray
    shares: np.ndarray


def draws(config: TrainingConfig, epoch: int, images: int, steps: int) -> Draws:
    """The random numbers of an epoch (counted from 1) of so many training images and steps."""

    def generator(kind: int) -> np.random.Generator:
        return np.random.default_rng([config.seed, epoch, kind])

    drawn = unchanged(images, steps)
    if config.flip != OFF:
        drawn.moves[:, 0] = generator(_FLIPS).random(images) < 0.5
    if config.shift:
        drawn.moves[:, 1:] = generator(_SHIFTS).integers(-config.shift, config.shift + 1, (images, 2))
    if config.mixup:
        drawn.shares[:] = generator(_SHARES).beta(config.mixup, config.mixup, steps)
    return drawn


def unchanged(images: int, steps: int) -> Draws:
    """The draws with which every image stays as it is."""
    return Draws(np.zeros((images, 3), np.int32), np.ones(steps, np.float32))


def augmented(
    pixels: tf.Tensor,
    labels: tf.Tensor,
    changes: tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]],
    step: tf.Tensor,
    present: tf.Tensor | None,
    spec: DatasetSpec,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The pixels `[batch, features]` of a step after all changes, and its labels: with mixup `[batch, classes]`.

    `changes` are the moves and the shares of all steps, each only if the network is trained with them.
    """
    moves, shares = changes
    if moves:
        pixels = moved(pixels, moves[0][step], spec.image_shape)
    if shares:
        pixels, labels = tf.cast(pixels, tf.float32), tf.one_hot(labels, spec.classes)
        pixels, labels = (mixed(values, shares[0][step], present) for values in (pixels, labels))
    return pixels, labels


def moved(pixels: tf.Tensor, moves: tf.Tensor, image_shape: tuple[int, ...]) -> tf.Tensor:
    """Pixels `[batch, features]` after their moves, int32 `[batch, 3]`: first the flip, then the shift.

    What comes in at an edge is 0, which is black, as where raw images are padded before they are scaled.
    """
    height, width, *channels = image_shape
    channels = channels[0] if channels else 1
    flips, down, right = (moves[:, number, None] for number in range(3))
    rows, columns = tf.range(height) - down, tf.range(width) - right
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None, :]
    columns = tf.where(flips > 0, width - 1 - columns, columns)
    # one gather over whole pixels and channels: several small ones take longer
    places = (
        tf.clip_by_value(rows, 0, height - 1)[:, :, None] * width + tf.clip_by_value(columns, 0, width - 1)[:, None, :]
    )
    features = tf.reshape(places[..., None] * channels + tf.range(channels), [-1, height * width * channels])
    kept = tf.reshape(tf.repeat(inside[..., None], channels, -1), [-1, height * width * channels])
    return tf.where(kept, tf.gather(pixels, features, batch_dims=1), tf.zeros([], pixels.dtype))


def _within(places: tf.Tensor, size: int) -> tf.Tensor:
    return (places >= 0) & (places < size)


def mixed(values: tf.Tensor, share: tf.Tensor, present: tf.Tensor | None) -> tf.Tensor:
    """Rows `[batch, …]`, each mixed with its partner: the first image of the batch with the last, and so on inwards.

    The order of the images is random already. Only images that are `present` (1 or 0) are partners of one another.
    Zhang et al., mixup: Beyond Empirical Risk Minimization (2018), with one share per batch as in their code.
    """
    if present is None:
        partners = tf.reverse(values, [0])
    else:
        count = tf.cast(tf.reduce_sum(present), tf.int32)
        partners = tf.gather(values, tf.maximum(count - 1 - tf.range(tf.shape(values)[0]), 0))
    return share * values + (1 - share) * partners
