"""The evidence that rules judge a run by: its settings, history and layer statistics."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord, best_epoch

if TYPE_CHECKING:
    from explorer.runs.signals import EpochSignals, LayerSignals


@dataclass(frozen=True)
class Evidence:
    """One run as the rules see it.

    `signals` are the layer statistics in the order of their epochs, 0 being the network before training; there may be
    none. `cause` is why the run ended, None while it has not; `suggested_rate` is what the learning-rate finder
    suggests for these settings.
    """

    config: TrainingConfig
    records: Sequence[EpochRecord] = ()
    signals: "Sequence[EpochSignals]" = ()
    cause: Cause | None = None
    suggested_rate: float | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return DATASETS[self.config.dataset].classes

    @property
    def chance(self) -> float:
        """The accuracy of guessing at random."""
        return 1 / self.classes

    @property
    def chance_loss(self) -> float:
        """The loss of predicting equal probabilities for all classes."""
        return math.log(self.classes)

    @property
    def last(self) -> EpochRecord | None:
        """The latest epoch."""
        return self.records[-1] if self.records else None

    @cached_property
    def best(self) -> EpochRecord | None:
        """The epoch with the lowest validation loss."""
        return best_epoch(self.records)

    @property
    def now(self) -> "EpochSignals | None":
        """The latest layer statistics."""
        return self.signals[-1] if self.signals else None

    @property
    def start(self) -> "EpochSignals | None":
        """The layer statistics of the network before training."""
        return self.signals[0] if self.signals and self.signals[0].epoch == 0 else None

    def since(self, holds: "Callable[[EpochSignals], bool]", at_least: int = 1) -> int | None:
        """The first epoch from which a condition on the layer statistics has held without a break until now.

        None if it does not hold now, or has held for fewer than `at_least` epochs.
        """
        first, count = None, 0
        for signals in reversed(self.signals):
            if not holds(signals):
                break
            first, count = signals.epoch, count + 1
        return first if count >= at_least else None


def hidden(signals: "EpochSignals") -> "Sequence[LayerSignals]":
    """The hidden layers, from the first to the last."""
    return signals.layers[:-1]


def output(signals: "EpochSignals") -> "LayerSignals":
    """The output layer."""
    return signals.layers[-1]


def worst(layers: "Sequence[LayerSignals]", signal: str) -> "tuple[int, LayerSignals]":
    """The depth, from 1, of the layer with the largest value of a statistic, and that layer."""
    place = max(range(len(layers)), key=lambda i: _ranked(getattr(layers[i], signal)))
    return place + 1, layers[place]


def _ranked(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
