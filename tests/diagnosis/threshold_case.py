"""A case of a threshold: a run made up around its value, and what a rule makes of it below, at and above."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from made_runs import DIGITS, history, signals

from explorer.config import TrainingConfig
from explorer.diagnosis import Evidence
from explorer.diagnosis.thresholds import limit
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord

GUESSING = math.log(10)
ENDED = Cause.ALL_EPOCHS
RELU = DIGITS.with_(activation="relu")
TANH = DIGITS.with_(activation="tanh", kernel_initializer="glorot_uniform")
SGD = RELU.with_(optimizer="sgd", learning_rate=0.05)
FALLING = history(*[1.9, 1.5, 1.2, 1.0, 0.9, 0.8], accuracy=0.5)

Rule = Callable[[Evidence], Any]


@dataclass(frozen=True)
class Case:
    """What `rule` makes of the runs that `make` returns for a quantity below, at and above the threshold.

    Counts are one off, other quantities one percent, or `step` where only some values are possible. `reached` is the
    quantity as floating-point numbers yield it for a wanted one. `about` tells the cases of a threshold apart.
    """

    name: str
    rule: Rule
    make: Callable[[Any], Evidence]
    expected: tuple[Any, Any, Any]
    about: str = ""
    step: float = 0.0
    reached: Callable[[Any], float] = lambda wanted: wanted

    def around(self) -> tuple[Any, Any, Any]:
        """The quantities below, at and above the threshold, as the table has it."""
        value = limit(self.name)
        if isinstance(value, int):
            return value - 1, value, value + 1
        off = self.step or value / 100
        return value - off, value, value + off


def told(rule: Rule, ask: Callable[[Any], Any] = lambda finding: finding.severity) -> Rule:
    """What is asked of a rule's finding, its severity by default; None where it finds nothing."""

    def asked(run: Evidence) -> Any:
        finding = rule(run)
        return ask(finding) if finding else None

    return asked


def says(rule: Rule, words: str) -> Rule:
    """Whether a rule's finding says some words."""
    return told(rule, lambda finding: words in finding.evidence + finding.why)


def whole(share: float) -> int:
    """The least whole number that is no smaller than a quantity, whatever its last digits are."""
    return math.ceil(share - 1e-9)


def with_(records: Sequence[EpochRecord], **changes) -> list[EpochRecord]:
    """The records with a field changed in all of them."""
    return [dataclasses.replace(record, **changes) for record in records]


def penalized(losses: Sequence[float], penalties: Sequence[float], accuracy: float) -> list[EpochRecord]:
    """A history whose losses include these penalties."""
    both = list(map(sum, zip(losses, penalties, strict=True)))
    records = history(*both, val=both, accuracy=accuracy)
    return [
        dataclasses.replace(record, penalty=penalty, val_penalty=penalty)
        for record, penalty in zip(records, penalties, strict=True)
    ]


def level(count: int, loss: float = 1.0, accuracy: float = 0.5) -> list[EpochRecord]:
    """So many epochs with the same loss."""
    return history(*[loss] * count, accuracy=accuracy)


def down(count: int, last: float = 1.0, accuracy: float = 0.5) -> list[EpochRecord]:
    """So many epochs in which the loss falls."""
    return history(*(last + 0.2 * left for left in range(count - 1, -1, -1)), accuracy=accuracy)


def falls(of_last: int, rises: int) -> list[EpochRecord]:
    """Losses that rise until the last epochs, between which they fall, but for the latest so many times."""
    losses = [0.5 + 0.01 * at for at in range(20)]
    for at in range(of_last - 1):
        losses.append(losses[-1] * (0.9 if at < of_last - 1 - rises else 1.01))
    return history(*losses, accuracy=0.5)


def window_falls(of_last: int, window: str) -> list[EpochRecord]:
    """The same, with as many rises as the share of falls allows in a window of so many epochs as a threshold says."""
    return falls(of_last, math.floor((limit(window) - 1) * (1 - limit("thriving_share"))))


def seen(last: int, depth: int = 5, start: dict | None = None, **values) -> list:
    """The layer statistics from before training to an epoch; `start` are those before training."""
    return [
        signals(0, depth, **(values if start is None else start)),
        *(signals(epoch, depth, **values) for epoch in range(1, last + 1)),
    ]


def first_layers(signal: str, *values: float, depth: int = 5, other: float = 1.0) -> dict[str, Any]:
    """A statistic of the first layers, with another value in those above."""
    return {"by_depth": {signal: [*values, *[other] * (depth + 1 - len(values))]}}


def run(config: TrainingConfig, records: Sequence[EpochRecord] = (), measured: Sequence = (), **more) -> Evidence:
    """The evidence of a run."""
    return Evidence(config, list(records), list(measured), **more)
