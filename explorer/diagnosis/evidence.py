"""The evidence that rules judge a run by: its settings, history and layer statistics."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

from explorer.config import ONE_CYCLE, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis.suggestions import usual_rate
from explorer.diagnosis.thresholds import limit
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord, best_epoch, without_penalty

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

    @cached_property
    def epochs(self) -> list[EpochRecord]:
        """The records with both losses without the penalty: what says how well the network predicts.

        Where an earlier version recorded no penalty, it follows from the measured weights.
        """
        if self.config.l2 == 0:
            return list(self.records)
        measured = {signals.epoch: self.config.l2 * squared_weights(signals) for signals in self.signals}
        return list(without_penalty([_with_penalty(record, measured) for record in self.records]))

    @property
    def last(self) -> EpochRecord | None:
        """The latest epoch, its losses without the penalty."""
        return self.epochs[-1] if self.epochs else None

    @cached_property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights are saved, its losses without the penalty: the recorded loss was the lowest."""
        chosen = best_epoch(self.records)
        return next((record for record in self.epochs if record.epoch == chosen.epoch), None) if chosen else None

    @cached_property
    def lowest(self) -> EpochRecord | None:
        """The epoch with the lowest validation loss without the penalty."""
        return best_epoch(self.epochs)

    @property
    def now(self) -> "EpochSignals | None":
        """The latest layer statistics."""
        return self.signals[-1] if self.signals else None

    @property
    def start(self) -> "EpochSignals | None":
        """The layer statistics of the network before training."""
        return self.signals[0] if self.signals and self.signals[0].epoch == 0 else None

    @property
    def steps_per_epoch(self) -> int:
        """The number of weight updates per epoch."""
        images, _ = DATASETS[self.config.dataset].counts(self.config.validation_split)
        return math.ceil(images / self.config.batch_size)

    @property
    def learned(self) -> bool:
        """Whether most training images are classified correctly, and validation does not contradict it."""
        last = self.last
        return bool(last) and last.accuracy >= limit("learnt_accuracy") and not self.contradicted

    @property
    def unharmed(self) -> bool:
        """Whether the validation accuracy is so high that no harm is seen."""
        return bool(self.last) and self.last.val_accuracy >= limit("well_learnt_accuracy")

    @property
    def contradicted(self) -> bool:
        """Whether the validation images are classified far worse than the training images."""
        return bool(self.last) and self.last.val_accuracy < self.last.accuracy - limit("contradiction")

    @property
    def thrives(self) -> bool:
        """Whether training goes well: it has learned, or its loss is far below chance level and still falls."""
        if self.learned or self.last is None:
            return self.learned
        if self.contradicted or self.last.loss > limit("thriving_loss") * self.chance_loss:
            return False
        recent = self.epochs[-int(limit("thriving_epochs")) :]
        falls = sum(b.loss < a.loss for a, b in itertools.pairwise(recent))
        return len(recent) >= limit("settled_epochs") and falls >= (len(recent) - 1) * limit("thriving_share")

    @property
    def beginning(self) -> bool:
        """Whether the network predicts no better than chance."""
        last = self.last
        return bool(last) and (
            last.accuracy <= self.chance + limit("stuck_accuracy")
            and last.loss >= limit("stuck_loss") * self.chance_loss
        )

    @property
    def frozen(self) -> int:
        """The number of latest epochs in which the schedule left a tiny share of the learning rate that is set."""
        low = limit("frozen_rate") * self.config.learning_rate
        return sum(1 for _ in itertools.takewhile(lambda record: record.learning_rate <= low, reversed(self.records)))

    @property
    def step_size(self) -> float | None:
        """The size of a step relative to the weights: the median over the layers and the last three epochs."""
        recent = [value for value in map(step_of, self.signals[-3:]) if math.isfinite(value) and value > 0]
        return median(recent) if recent else None

    def movement(self) -> float | None:
        """How far the weights have moved relative to their size: the sum of the sizes of all steps; None if unknown."""
        sizes = {signals.epoch: step_of(signals) for signals in self.signals}
        parts = [
            sizes[record.epoch] * self.steps_per_epoch
            for record in self.records
            if math.isfinite(sizes.get(record.epoch, math.nan))
        ]
        return sum(parts) if parts else None

    @cached_property
    def moved_little(self) -> bool:
        """Whether all steps that the run has taken, or will have at this pace, move the weights by little."""
        movement = self.movement()
        if movement is None:
            return False
        planned = 1.0 if self.cause is not None else max(1.0, self.config.epochs / len(self.records))
        return movement * planned < limit("little_movement")

    @property
    def highest_rate(self) -> float:
        """The highest learning rate that is set: the peak of 1cycle."""
        return self.config.learning_rate * (self.config.peak_factor if self.config.schedule == ONE_CYCLE else 1.0)

    @property
    def crawls(self) -> bool:
        """Whether the weights hardly move because of the learning rate: it is far below what the optimizer needs.

        Whatever else is wrong has had no chance to show, and correcting it alone would change nothing.
        """
        return self.highest_rate <= limit("low_rate") * usual_rate(self.config) and self.moved_little

    @property
    def narrow(self) -> bool:
        """Whether so few units are in a hidden layer that what distinguishes the classes does not fit through."""
        hidden = cost_estimate.layer_sizes(self.config)[1:-1]
        return self.config.depth > 0 and min(hidden) < limit("narrow") * self.classes

    @property
    def signal_kept(self) -> float:
        """The last hidden layer's activation variance before training, relative to the first's; 1 where unknown."""
        layers = hidden(self.start) if self.start else ()
        if not layers or not layers[0].activation_variance > 0:
            return 1.0
        return layers[-1].activation_variance / layers[0].activation_variance

    @cached_property
    def shrunk(self) -> float:
        """The squared weights now, relative to those before training; 1 where they were not measured."""
        if not self.start or not self.now or not squared_weights(self.start) > 0:
            return 1.0
        ratio = squared_weights(self.now) / squared_weights(self.start)
        return ratio if math.isfinite(ratio) else math.inf

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


def fall(before: float, after: float) -> float:
    """The share by which a value has fallen; 0 where there was nothing to fall."""
    return 1 - after / before if before > 0 else 0.0


def step_of(signals: "EpochSignals") -> float:
    """The size of an epoch's last step relative to the weights: the median over the layers, NaN before training."""
    values = [layer.update_ratio for layer in signals.layers if layer.update_ratio is not None]
    values = [value for value in values if math.isfinite(value)]
    return median(values) if values and signals.epoch > 0 else math.nan


def squared_weights(signals: "EpochSignals") -> float:
    """The sum of all squared kernel weights, which the L2 penalty multiplies."""
    return sum(layer.weight_norm**2 for layer in signals.layers)


def gradient_norm(signals: "EpochSignals", config: TrainingConfig) -> float:
    """The norm of the gradient over all kernels, on the probe images."""
    return math.hypot(*gradient_norms(signals, config))


def gradient_norms(signals: "EpochSignals", config: TrainingConfig) -> list[float]:
    """The norm of the gradient of each layer's kernel."""
    counts = [inputs * outputs for inputs, outputs in itertools.pairwise(cost_estimate.layer_sizes(config))]
    return [layer.gradient_rms * math.sqrt(count) for layer, count in zip(signals.layers, counts, strict=False)]


def between_images(layer: "LayerSignals") -> float:
    """The share of a layer's variance that is between images: near 0 where it gives the same output for all."""
    return layer.variance_over_images / layer.activation_variance if layer.activation_variance > 0 else 0.0


def output(signals: "EpochSignals") -> "LayerSignals":
    """The output layer."""
    return signals.layers[-1]


def worst(layers: "Sequence[LayerSignals]", signal: str) -> "tuple[int, LayerSignals]":
    """The depth, from 1, of the layer with the largest value of a statistic, and that layer."""
    place = max(range(len(layers)), key=lambda i: _ranked(getattr(layers[i], signal)))
    return place + 1, layers[place]


def _ranked(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _with_penalty(record: EpochRecord, measured: dict[int, float]) -> EpochRecord:
    """The record with what was measured after its epoch where its own penalty is not known."""
    after = measured.get(record.epoch, 0.0)
    halfway = (measured.get(record.epoch - 1, after) + after) / 2
    return replace(
        record,
        penalty=record.penalty if math.isfinite(record.penalty) else halfway,
        val_penalty=record.val_penalty if math.isfinite(record.val_penalty) else after,
    )
