"""Input scaling: the mean and the variance of every feature by which the pixels are scaled, (x - mean) / √variance."""

from collections.abc import Callable

import numpy as np

from explorer.config import RAW, STANDARDIZED, UNIT
from explorer.data.spec import DatasetSpec

Statistics = tuple[np.ndarray, np.ndarray]


def scaling_statistics(kind: str, spec: DatasetSpec, of_training: Callable[[], Statistics]) -> Statistics:
    """Mean and variance, float32 `[features]`, of an input scaling; `of_training` returns those of the training images.

    It is called only where they are needed.
    """
    if kind == STANDARDIZED:
        return of_training()
    variance = {RAW: 1.0, UNIT: spec.max_value**2}[kind]
    return np.zeros(spec.features, "float32"), np.full(spec.features, variance, "float32")


def feature_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every feature of `[N, features]`, as float32, equal to `StandardScaler`'s.

    The sums of uint8 are integers and therefore exact. A constant feature gets variance 1, as in `StandardScaler`:
    otherwise the first image that differs in it would be scaled without bound.
    """
    count = len(images)
    if images.dtype != np.uint8:
        mean, variance = images.mean(0, np.float64), images.var(0, np.float64)
        return mean.astype("float32"), np.where(variance == 0, 1.0, variance).astype("float32")
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
