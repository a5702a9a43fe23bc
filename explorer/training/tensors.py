"""A data set as tensors for the compiled program: flat images, and the statistics of each input scaling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.data.datasets import Dataset
from explorer.data.spec import DatasetSpec
from explorer.training.frameworks import keras, tf
from explorer.training.scaling import feature_statistics, scaling_statistics


@dataclass(frozen=True)
class Split:
    """Images uint8 or float32 `[N, features]` and labels int32 `[N]`, in TensorFlow's memory."""

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
        return scaling_statistics(kind, self.spec, lambda: self._statistics)

    def scaling_tensors(self, kind: str) -> tuple[tf.Tensor, tf.Tensor]:
        """The offset and divisor of each feature, float32 `[features]`, as in Keras's `Normalization` layer."""
        mean, variance = self.scaling(kind)
        return tf.constant(mean), tf.constant(np.maximum(np.sqrt(variance), keras.config.epsilon()))

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        return feature_statistics(self.training.images.numpy())


def _tensors(images: np.ndarray, labels: np.ndarray) -> Split:
    flat = images.reshape(len(images), -1)
    return Split(tf.constant(flat), tf.constant(labels, tf.int32))
