"""How the images of an epoch come in batches, of which the last may be incomplete."""

from dataclasses import dataclass

import numpy as np

from explorer.training.frameworks import tf


@dataclass(frozen=True)
class Batches:
    """Batches of `size` images, which together are `images`; the last one has what is left."""

    images: int
    size: int

    @property
    def steps(self) -> int:
        """The number of batches."""
        return -(-self.images // self.size)

    def images_of(self, step: int) -> int:
        """The number of images in a batch (counted from 0)."""
        return min(self.size, self.images - step * self.size)

    def divided(self, rows: np.ndarray) -> np.ndarray:
        """A row for each image, `[images, …]`, as `[steps, size, …]`; any rows pad the last batch."""
        return np.resize(rows, (self.steps, self.size, *rows.shape[1:]))

    def present(self, number: tf.Tensor) -> tf.Tensor | None:
        """1 for the images of a batch and 0 for its padding, float32 `[size]`; None when every batch is full.

        With it, one program trains on full batches and on the incomplete last one; a second program for that would
        take longer to compile than the first.
        """
        last = self.images_of(self.steps - 1)
        if last == self.size:
            return None
        images = tf.where(number == self.steps - 1, last, self.size)
        return tf.cast(tf.range(self.size) < images, tf.float32)
