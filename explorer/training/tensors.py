"""A data set as tensors for the compiled program: flat uint8 images, and the statistics of each input scaling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.config import RAW, STANDARDIZED, UNIT
from explorer.data.datasets import Dataset, DatasetSpec
from explorer.training.frameworks import keras, tf


@dataclass(frozen=True)
class Split:
    """Images uint8 `[N, features]` and labels int32 `[N]`, in TensorFlow's memory."""

    images: tf.Tensor
    labels: tf.Tensor

    @property
    def size(self) -> int:
        """The number of images."""
        return self.labels.shape[0]


class TrainingTensors:
    """The training and validation images of a data set, ready for any number of runs."""

    def __init__(self, dataset: Dataset):
        self.spec: DatasetSpec = dataset.spec
        self.training = _tensors(*dataset.split("train"))
        self.validation = _tensors(*dataset.split("validation"))

    def scaling(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance, float32 `[features]`, of an input scaling; the network computes (x - mean) / √variance."""
        features = self.spec.features
        if kind == STANDARDIZED:
            return self._statistics
        variance = {RAW: 1.0, UNIT: self.spec.max_value**2}[kind]
        return np.zeros(features, "float32"), np.full(features, variance, "float32")

    def scaling_tensors(self, kind: str) -> tuple[tf.Tensor, tf.Tensor]:
        """The offset and divisor of each feature, float32 `[features]`, as in Keras's `Normalization` layer."""
        mean, variance = self.scaling(kind)
        return tf.constant(mean), tf.constant(np.maximum(np.sqrt(variance), keras.config.epsilon()))

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        return feature_statistics(self.training.images.numpy())


def _tensors(images: np.ndarray, labels: np.ndarray) -> Split:
    flat = images.reshape(len(images), -1)
    return Split(tf.constant(flat, tf.uint8), tf.constant(labels, tf.int32))


def feature_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every feature of uint8 `[N, features]`, as float32, equal to `StandardScaler`'s.

    The sums are integers and therefore exact. A constant feature gets variance 1, as in `StandardScaler`: otherwise
    the first image that differs in it would be scaled without bound.
    """
    count = len(images)
    total = np.zeros(images.shape[1], np.int64)
    squares = np.zeros(images.shape[1], np.int64)
    for start in range(0, count, 1000):
        block = images[start : start + 1000].astype(np.int32)
        total += block.sum(0)
        squares += (block * block).sum(0)
    mean = total / count
    variance = squares / count - mean**2
    constant = count * squares == total**2
    return mean.astype("float32"), np.where(constant, 1.0, variance).astype("float32")
