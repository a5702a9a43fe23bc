"""Metrics of an evaluation from probabilities and labels: pure functions over arrays.

`probabilities` are float `[N, classes]` with rows that sum to 1, `labels` integers `[N]`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from explorer.runs.metrics import is_penalized

# the normal quantile of a two-sided 95 % interval
Z_95 = 1.959963984540054
CALIBRATION_BINS = 10


def wilson_interval(hits: int, count: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson score interval of a share of which `hits` of `count` were observed, 95 % by default.

    Wilson, Probable inference, the law of succession, and statistical inference (1927). It is (0, 1) without
    observations. Written out here because importing scipy.stats takes over half a second; a test compares the two.
    """
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def top_k_accuracy(probabilities: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of images whose true class has fewer than `k` more probable classes."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(((probabilities > true[:, None]).sum(axis=1) < k).mean())


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts `[true class, predicted class]`."""
    pairs = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def row_shares(matrix: np.ndarray) -> np.ndarray:
    """Each count as a share of its row, the true class; 0 where a class has no image."""
    support = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)


@dataclass(frozen=True)
class ClassFigures:
    """The metrics of one class; 0 where the divisor is 0, like scikit-learn with `zero_division=0`."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def per_class(matrix: np.ndarray, names: tuple[str, ...]) -> list[ClassFigures]:
    """Precision, recall, F1 and support of every class, from its counts."""
    hits, predicted, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    rows = []
    for number, name in enumerate(names):
        precision = hits[number] / predicted[number] if predicted[number] else 0.0
        recall = hits[number] / support[number] if support[number] else 0.0
        f1 = 2 * hits[number] / (predicted[number] + support[number]) if predicted[number] + support[number] else 0.0
        rows.append(ClassFigures(name, float(precision), float(recall), float(f1), int(support[number])))
    return rows


@dataclass(frozen=True)
class CalibrationBin:
    """The images whose confidence lies in (low, high]: their count, mean confidence and accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def calibration_bins(confidence: np.ndarray, right: np.ndarray, bins: int = CALIBRATION_BINS) -> list[CalibrationBin]:
    """The images by confidence, in bins of equal width; an empty bin has confidence and accuracy NaN.

    Guo et al., On calibration of modern neural networks (2017).
    """
    number = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    result = []
    for index in range(bins):
        inside = number == index
        count = int(inside.sum())
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if count else (math.nan, math.nan)
        result.append(CalibrationBin(index / bins, (index + 1) / bins, count, *means))
    return result


def calibration_error(bins: list[CalibrationBin]) -> float:
    """Expected calibration error: the mean distance between confidence and accuracy, weighted by images."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.confidence - b.accuracy) for b in bins if b.count) / total if total else math.nan


class ConfidenceVerdict(StrEnum):
    """How the mean confidence of a model compares with its accuracy, in words."""

    OVERCONFIDENT = "overconfident"
    UNDERCONFIDENT = "underconfident"
    CALIBRATED = "well calibrated"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The predictions of a model for labelled images, and the metrics computed from them.

    `losses` `[N]` are the cross-entropies of the images, computed from the logits, because a probability that has
    rounded to 0 has lost them. `penalty` is what the model's regularizers add to their mean.
    """

    probabilities: np.ndarray
    losses: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    penalty: float = 0.0

    @property
    def images(self) -> int:
        """The number of images."""
        return len(self.labels)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class of each image, the first in a tie."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class."""
        return self.probabilities.max(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        """Whether each prediction is the true class."""
        return self.predicted == self.labels

    @cached_property
    def accuracy(self) -> float:
        """Share of images that are classified correctly."""
        return float(self.right.mean())

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy."""
        return wilson_interval(int(self.right.sum()), self.images)

    @property
    def confidence_verdict(self) -> ConfidenceVerdict:
        """How the mean confidence compares with the accuracy; within its interval, the two cannot be told apart."""
        low, high = self.accuracy_interval
        mean = float(self.confidence.mean())
        if low <= mean <= high:
            return ConfidenceVerdict.CALIBRATED
        return ConfidenceVerdict.OVERCONFIDENT if mean > high else ConfidenceVerdict.UNDERCONFIDENT

    @cached_property
    def data_loss(self) -> float:
        """Mean cross-entropy."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def loss(self) -> float:
        """Data loss plus penalty, as Keras's `evaluate` returns."""
        return self.data_loss + self.penalty

    @property
    def penalized(self) -> bool:
        """Whether the loss includes a penalty."""
        return is_penalized(self.penalty)

    @cached_property
    def top_2_accuracy(self) -> float:
        """Share of images whose true class is among the two most probable."""
        return top_k_accuracy(self.probabilities, self.labels, 2)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Counts `[true class, predicted class]`."""
        return confusion_matrix(self.labels, self.predicted, len(self.class_names))

    @cached_property
    def classes(self) -> list[ClassFigures]:
        """Precision, recall, F1 and support of every class."""
        return per_class(self.matrix, self.class_names)

    @cached_property
    def calibration(self) -> list[CalibrationBin]:
        """The calibration bins of the images."""
        return calibration_bins(self.confidence, self.right)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error over ten bins."""
        return calibration_error(self.calibration)

    def to_dict(self) -> dict[str, Any]:
        """The metrics as plain values for JSON."""
        return {
            "images": self.images,
            "loss": self.loss,
            "data_loss": self.data_loss,
            "penalty": self.penalty,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top_2_accuracy": self.top_2_accuracy,
            "calibration_error": self.calibration_error,
            "class_names": list(self.class_names),
            "per_class": [vars(row) for row in self.classes],
            "confusion_matrix": self.matrix.tolist(),
            "calibration": [
                {
                    **vars(b),
                    "confidence": b.confidence if b.count else None,
                    "accuracy": b.accuracy if b.count else None,
                }
                for b in self.calibration
            ],
        }
