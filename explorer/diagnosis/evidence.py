"""What there is to see of a run: settings, history and signals, with the questions that rules ask of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.runs.history import EpochRecord, best_epoch

if TYPE_CHECKING:
    from explorer.runs.signals import EpochSignals, LayerSignals


@dataclass(frozen=True)
class Evidence:
    """One run as the rules see it.

    `signals` come in the order of their epochs, 0 being the network before training; there may be none. `reason` is
    why the run ended, as its status says it; `suggested_rate` what a range test of these settings came to.
    """

    config: TrainingConfig
    records: Sequence[EpochRecord] = ()
    signals: "Sequence[EpochSignals]" = ()
    reason: str = ""
    suggested_rate: float | None = None

    @property
    def classes(self) -> int:
        """How many classes there are to tell apart."""
        return DATASETS[self.config.dataset].classes

    @property
    def chance(self) -> float:
        """The accuracy that guessing reaches."""
        return 1 / self.classes

    @property
    def chance_loss(self) -> float:
        """The loss of saying the same probability for every class."""
        return math.log(self.classes)

    @property
    def last(self) -> EpochRecord | None:
        """The latest epoch."""
        return self.records[-1] if self.records else None

    @cached_property
    def best(self) -> EpochRecord | None:
        """The epoch of the lowest validation loss."""
        return best_epoch(self.records)

    @property
    def now(self) -> "EpochSignals | None":
        """The latest signals."""
        return self.signals[-1] if self.signals else None

    @property
    def start(self) -> "EpochSignals | None":
        """The signals of the network before training."""
        return self.signals[0] if self.signals and self.signals[0].epoch == 0 else None

    def since(self, holds: "Callable[[EpochSignals], bool]", at_least: int = 1) -> int | None:
        """From which epoch on something holds of the signals without a break until now.

        None when it does not hold now, or holds in fewer than `at_least` of the latest epochs.
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
    """The layer of the classes."""
    return signals.layers[-1]


def worst(layers: "Sequence[LayerSignals]", signal: str) -> "tuple[int, LayerSignals]":
    """The layer with the largest value of a signal, and its depth from 1."""
    place = max(range(len(layers)), key=lambda i: _ranked(getattr(layers[i], signal)))
    return place + 1, layers[place]


def _ranked(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
