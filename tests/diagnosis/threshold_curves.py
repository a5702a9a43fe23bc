"""The thresholds of the rules about the curves."""

from made_runs import DIGITS, history
from threshold_case import RELU, Case, level, run, told, whole, with_

from explorer.diagnosis import NOTE, PROBLEM, WARNING, curves
from explorer.runs.cause import Cause


def rising(count: int = 20, rise: float = 1.1, accuracy: float = 0.8, left: float = 0.5, frozen: float = 1.0) -> list:
    """So many epochs after the best one: the validation loss is higher by a factor, the training loss lower by one."""
    records = history(1.2, *[1.0] * (count - 1), left, val=[1.0, *[rise] * count], accuracy=accuracy)
    return [records[0], *with_(records[1:], learning_rate=frozen * 1e-3)]


def narrow(width: int = 2, count: int = 5, accuracy: float = 0.4):
    return run(RELU.with_(width=width), level(count, accuracy=accuracy))


def better(count: int, ratio: float = 0.9):
    """The validation loss is such a share of the training loss in the last epochs, and no smaller in those before."""
    return run(DIGITS, history(*[1.0] * 8, val=[*[1.0] * (8 - count), *[ratio] * count]))


def stopped(patience: int = 1, still: float = 0.1, accuracy: float = 0.6):
    """A run that ended after so many epochs of patience, over which the training loss fell by such a share."""
    records = history(*[1.0] * (patience + 1), 1 - still, val=[1.1, 0.9, *[0.95] * patience], accuracy=accuracy)
    return run(DIGITS.with_(patience=patience), records, cause=Cause.EARLY_STOPPING)


OVERFITTING = [
    Case("overfitting_epochs", told(curves.overfitting), lambda v: run(DIGITS, rising(v)), (None, NOTE, NOTE)),
    Case(
        "strong_overfitting_epochs",
        told(curves.overfitting),
        lambda v: run(DIGITS, rising(v)),
        (NOTE, WARNING, WARNING),
    ),
    Case(
        "overfitting_accuracy",
        told(curves.overfitting),
        lambda v: run(DIGITS, rising(accuracy=0.1 + v)),
        (None, None, WARNING),
    ),
    Case("overfitting_rise", told(curves.overfitting), lambda v: run(DIGITS, rising(rise=v)), (None, WARNING, WARNING)),
    Case(
        "strong_overfitting_rise",
        told(curves.overfitting),
        lambda v: run(DIGITS, rising(rise=v)),
        (WARNING, PROBLEM, PROBLEM),
    ),
    Case(
        "well_learnt_accuracy",
        told(curves.overfitting),
        lambda v: run(DIGITS, with_(rising(), val_accuracy=v)),
        (WARNING, NOTE, NOTE),
        "overfitting",
    ),
    Case(
        "overfitting_cost",
        told(curves.overfitting),
        lambda v: run(DIGITS, [*with_(rising()[:1], val_accuracy=0.96 + v), *with_(rising()[1:], val_accuracy=0.96)]),
        (NOTE, NOTE, WARNING),
        reached=lambda v: (0.96 + v) - 0.96,
    ),
    Case("overfitting_fall", told(curves.overfitting), lambda v: run(DIGITS, rising(left=v)), (WARNING, WARNING, None)),
    Case(
        "frozen_rate",
        told(curves.overfitting),
        lambda v: run(DIGITS, rising(frozen=v)),
        (None, None, WARNING),
        "overfitting",
    ),
]

UNDERFITTING = [
    Case("plateau_epochs", told(curves.underfitting), lambda v: run(DIGITS, level(v)), (None, None, WARNING)),
    Case(
        "plateau_fall",
        told(curves.underfitting),
        lambda v: run(DIGITS, history(*[1.0] * 11, 1 - v)),
        (WARNING, None, None),
        reached=lambda v: 1 - (1 - v),
    ),
    Case(
        "plateau_fall",
        told(curves.underfitting, lambda finding: finding.since),
        lambda v: run(DIGITS, history(1.0 / (1 - v), *[1.0] * 12)),
        (1, 1, 2),
        "since",
    ),
    Case(
        "plateau_gap",
        told(curves.underfitting),
        lambda v: run(DIGITS, history(*[1.0] * 12, val=[v] * 12)),
        (WARNING, WARNING, None),
    ),
    Case(
        "learnt_accuracy",
        told(curves.underfitting),
        lambda v: run(DIGITS, level(12, accuracy=v)),
        (WARNING, None, None),
        "underfitting",
    ),
    Case("narrow", told(curves.bottleneck), lambda v: narrow(whole(10 * v)), (PROBLEM, None, None), step=1 / 10),
    Case("narrow_epochs", told(curves.bottleneck), lambda v: narrow(count=v), (None, PROBLEM, PROBLEM)),
    Case(
        "half_learnt", told(curves.bottleneck), lambda v: narrow(accuracy=v), (PROBLEM, WARNING, WARNING), "bottleneck"
    ),
    Case("learnt_accuracy", told(curves.bottleneck), lambda v: narrow(accuracy=v), (WARNING, None, None), "bottleneck"),
]

VALIDATION = [
    Case("validation_better", told(curves.validation_better), lambda v: better(8, v), (NOTE, None, None)),
    Case(
        "validation_better_by",
        told(curves.validation_better),
        lambda v: run(DIGITS, history(*[2 * v] * 8, val=[v] * 8)),
        (None, NOTE, NOTE),
    ),
    Case("validation_better_epochs", told(curves.validation_better), better, (None, NOTE, NOTE)),
    Case("short_patience", told(curves.patience_too_short), stopped, (WARNING, WARNING, None)),
    Case(
        "still_falling",
        told(curves.patience_too_short),
        lambda v: stopped(still=v),
        (None, WARNING, WARNING),
        reached=lambda v: 1 - (1 - v),
    ),
    Case(
        "by_heart", told(curves.patience_too_short), lambda v: stopped(accuracy=v), (WARNING, WARNING, None), "patience"
    ),
]

CASES = [*OVERFITTING, *UNDERFITTING, *VALIDATION]
