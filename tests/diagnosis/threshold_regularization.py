"""The thresholds of the rules about regularization, clipping, schedules and few steps."""

import math

from made_runs import history
from threshold_case import (
    GUESSING,
    RELU,
    SGD,
    Case,
    down,
    level,
    penalized,
    run,
    seen,
    told,
    whole,
    with_,
)

from explorer.data.datasets import DATASETS
from explorer.diagnosis import NOTE, PROBLEM, WARNING, regularization, schedules, step_size
from explorer.diagnosis.evidence import gradient_norm

STEPS = run(RELU).steps_per_epoch
DECAYED = RELU.with_(l2=1e-3)
DROPPING = RELU.with_(dropout="hidden")
SCHEDULED = RELU.with_(schedule="exponential")
GIANT = RELU.with_(batch_size=8192)
LARGE = GIANT.with_(dataset="mnist")


def decayed(losses, penalties, accuracy: float, squares: float = 1.0):
    """A network without hidden layers, whose squared weights are such a share of those before training."""
    config, records = DECAYED.with_(depth=0), penalized(losses, penalties, accuracy)
    measured = seen(len(records), 0, start={"weight_norm": 1.0}, weight_norm=math.sqrt(squares))
    return run(config, records, measured)


def squared(share: float) -> float:
    return math.sqrt(share) ** 2


def dropping(rate: float, layers: int = 5, count: int = 4, val_accuracy: float = 0.3):
    records = with_(down(count, accuracy=0.3), val_accuracy=val_accuracy)
    return run(DROPPING.with_(depth=layers, dropout_rate=rate), records)


REGULARIZATION = [
    Case(
        "ruling_penalty",
        told(regularization.l2_too_strong),
        lambda v: decayed([1.0] * 3, [v] * 3, 0.7),
        (None, WARNING, WARNING),
        "at the end",
        reached=lambda v: v / ((1 + v) - v),
    ),
    Case(
        "ruling_penalty",
        told(regularization.l2_too_strong),
        lambda v: decayed([1.0] * 3, [v * GUESSING, 0.0, 0.0], 0.3, 0.01),
        (None, PROBLEM, PROBLEM),
        "at the start",
    ),
    Case(
        "shrunk_weights",
        told(regularization.l2_too_strong),
        lambda v: decayed([1.0] * 3, [9.0, 0.0, 0.0], 0.3, v),
        (PROBLEM, PROBLEM, None),
        reached=squared,
    ),
    Case(
        "shrunk_weights",
        told(regularization.l2_too_strong),
        lambda v: decayed([1.0] * 3, [2.0] * 3, 0.92, v),
        (WARNING, WARNING, None),
        "harmless",
        reached=squared,
    ),
    Case(
        "grown_weights",
        told(regularization.l2_too_strong),
        lambda v: decayed([1.0] * 3, [2.0] * 3, 0.7, v),
        (WARNING, WARNING, None),
        reached=squared,
    ),
    Case(
        "well_learnt_accuracy",
        told(regularization.l2_too_strong),
        lambda v: run(DECAYED.with_(depth=0), with_(penalized([1.0] * 3, [2.0] * 3, 0.7), val_accuracy=v), seen(3, 0)),
        (WARNING, None, None),
        "L2",
    ),
    Case(
        "half_learnt",
        told(regularization.l2_too_strong),
        lambda v: run(DECAYED, with_(penalized([1.0] * 3, [2.0] * 3, 0.7), val_accuracy=v), seen(3)),
        (PROBLEM, WARNING, WARNING),
        "L2",
    ),
    Case(
        "costly_start",
        told(regularization.l2_too_strong),
        lambda v: decayed([0.0, 0.5, 0.5], [v * GUESSING, 2.0, 2.0], 0.97),
        (None, NOTE, NOTE),
        "L2",
    ),
    Case(
        "ruling_at_start",
        told(regularization.l2_too_strong),
        lambda v: run(DECAYED.with_(depth=0, l2=v * GUESSING / 256), [], seen(0, 0, weight_norm=16.0)),
        (None, WARNING, WARNING),
    ),
    Case(
        "kept_signal",
        told(regularization.dropout_too_strong),
        lambda v: dropping(1 - v, 1),
        (PROBLEM, PROBLEM, None),
        reached=lambda v: 1 - (1 - v),
    ),
    Case(
        "settled_epochs",
        told(regularization.dropout_too_strong),
        lambda v: dropping(0.9, count=v),
        (None, PROBLEM, PROBLEM),
        "dropout",
    ),
    Case(
        "learnt_accuracy",
        told(regularization.dropout_too_strong),
        lambda v: dropping(0.9, val_accuracy=v),
        (PROBLEM, None, None),
        "dropout",
    ),
]


def shrinking(
    per_epoch: float = 1.0, squares: float = 0.01, val_accuracy: float = 0.3, rate: float = 0.05, depth: int = 0
):
    """Weight decay that takes such a share of the weights per epoch, and has left such a share of their squares."""
    config = SGD.with_(depth=depth, learning_rate=rate, weight_decay=per_epoch / (rate * STEPS))
    measured = seen(4, depth, start={"weight_norm": 1.0}, weight_norm=math.sqrt(squares))
    return run(config, with_(level(4, accuracy=0.98), val_accuracy=val_accuracy), measured)


DECAY = [
    Case(
        "decayed_per_epoch",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(v),
        (None, PROBLEM, PROBLEM),
        reached=lambda v: 0.05 * (v / (0.05 * STEPS)) * STEPS,
    ),
    Case(
        "shrunk_weights",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(0.5, squares=v),
        (PROBLEM, PROBLEM, None),
        "decay",
        reached=squared,
    ),
    Case(
        "decayed_signal",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(0.5, squares=v ** (2 / 7), depth=6),
        (PROBLEM, PROBLEM, None),
        reached=lambda v: math.sqrt(squared(v ** (2 / 7))) ** 7,
    ),
    Case(
        "decayed_within_an_epoch",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(v, squares=1.0),
        (None, PROBLEM, PROBLEM),
        reached=lambda v: 0.05 * (v / (0.05 * STEPS)) * STEPS,
    ),
    Case(
        "well_learnt_accuracy",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(val_accuracy=v),
        (WARNING, None, None),
        "decay",
    ),
    Case(
        "half_learnt",
        told(regularization.weight_decay_too_strong),
        lambda v: shrinking(val_accuracy=v),
        (PROBLEM, WARNING, WARNING),
        "decay",
    ),
]


def shifted(share: float = 0.5, val_accuracy: float = 0.3, count: int = 4):
    """Images of 32 × 32 pixels, shifted by such a share of a side."""
    config = RELU.with_(dataset="cifar10", shift=round(32 * share))
    return run(config, with_(level(count, accuracy=0.2), val_accuracy=val_accuracy))


SHIFTS = [
    Case(
        "large_shift",
        told(regularization.shift_too_strong),
        lambda v: shifted(v),
        (None, PROBLEM, PROBLEM),
        step=1 / 32,
    ),
    Case(
        "settled_epochs",
        told(regularization.shift_too_strong),
        lambda v: shifted(count=v),
        (None, PROBLEM, PROBLEM),
        "shift",
    ),
    Case(
        "half_learnt",
        told(regularization.shift_too_strong),
        lambda v: shifted(val_accuracy=v),
        (PROBLEM, WARNING, WARNING),
        "shift",
    ),
    Case(
        "learnt_accuracy",
        told(regularization.shift_too_strong),
        lambda v: shifted(val_accuracy=v),
        (WARNING, None, None),
        "shift",
    ),
]


def smoothed(by: float = 1.0, val_accuracy: float = 0.3, count: int = 4):
    return run(RELU.with_(label_smoothing=by), with_(level(count, accuracy=0.2), val_accuracy=val_accuracy))


SMOOTHING = [
    Case(
        "strong_smoothing",
        told(regularization.smoothing_too_strong),
        lambda v: smoothed(v),
        (None, WARNING, WARNING),
    ),
    Case(
        "settled_epochs",
        told(regularization.smoothing_too_strong),
        lambda v: smoothed(count=v),
        (None, WARNING, WARNING),
        "smoothing",
    ),
    Case(
        "learnt_accuracy",
        told(regularization.smoothing_too_strong),
        lambda v: smoothed(val_accuracy=v),
        (WARNING, None, None),
        "smoothing",
    ),
]

STILL = seen(4, 0, update_ratio=3e-8)
NORM = gradient_norm(STILL[-1], SGD.with_(depth=0))


def clipped(clip_norm: float, share: float = 1.0, step: float = 3e-8):
    config = SGD.with_(depth=0, clip_norm=clip_norm)
    return run(config, with_(level(4, 3.4, 0.1), clipped=share), seen(4, 0, update_ratio=step))


def unclipped(step: float) -> float:
    """A step as long as it would be without clipping, in floating-point numbers."""
    return step * 1e-3 / NORM * NORM / 1e-3


CLIPPING = [
    Case(
        "usual_clipping",
        told(step_size.clipping_too_strong),
        lambda v: run(
            SGD.with_(depth=0, clip_norm=v),
            with_(level(4, 3.4, 0.1), clipped=1.0),
            seen(4, 0, update_ratio=3e-8, gradient_rms=10.0),
        ),
        (PROBLEM, None, None),
    ),
    Case("clipped_share", told(step_size.clipping_too_strong), lambda v: clipped(1e-3, v), (None, PROBLEM, PROBLEM)),
    Case("clipped_to", told(step_size.clipping_too_strong), lambda v: clipped(v * NORM), (PROBLEM, PROBLEM, None)),
    Case(
        "tiny_update",
        told(step_size.clipping_too_strong, lambda finding: "learning_rate" in finding.fixes[0].change),
        lambda v: clipped(1e-3, step=v * 1e-3 / NORM),
        (True, False, False),
        "without clipping",
        reached=unclipped,
    ),
    Case(
        "little_movement",
        told(step_size.clipping_too_strong),
        lambda v: run(
            SGD.with_(depth=0, clip_norm=1e-3, epochs=1),
            with_(level(1, 3.4, 0.1), clipped=1.0),
            seen(1, 0, update_ratio=v / STEPS),
        ),
        (PROBLEM, None, None),
        "clipping",
        reached=lambda v: v / STEPS * STEPS,
    ),
]


def frozen(count: int, of: int, accuracy: float = 0.5, fall: float = 0.0, share: float = 1e-3):
    """A schedule that leaves a share of the rate in the last epochs, over which the loss falls by so much."""
    losses = [1.0] * (of - 1) + [1 - fall]
    records = history(*losses, accuracy=accuracy)
    low = with_(records[of - count :], learning_rate=share * SCHEDULED.learning_rate)
    return run(SCHEDULED, [*records[: of - count], *low])


SCHEDULES = [
    Case("frozen_rate", told(schedules.schedule_too_low), lambda v: frozen(8, 12, share=v), (PROBLEM, PROBLEM, None)),
    Case("frozen_epochs", told(schedules.schedule_too_low), lambda v: frozen(v, v + 1), (None, PROBLEM, PROBLEM)),
    Case(
        "frozen_share",
        told(schedules.schedule_too_low),
        lambda v: frozen(whole(20 * v), 20),
        (None, PROBLEM, PROBLEM),
        step=1 / 20,
    ),
    Case(
        "by_heart",
        told(schedules.schedule_too_low),
        lambda v: frozen(8, 12, accuracy=v),
        (WARNING, None, None),
        "schedule",
    ),
    Case(
        "learnt_accuracy",
        told(schedules.schedule_too_low),
        lambda v: frozen(8, 12, accuracy=v),
        (PROBLEM, WARNING, WARNING),
        "schedule",
    ),
    Case(
        "plateau_fall",
        told(schedules.schedule_too_low),
        lambda v: frozen(8, 12, fall=1 - (1 - v) ** 8),
        (PROBLEM, None, None),
        "schedule",
    ),
]


def large_data(steps_per_epoch: int, count: int = 4, accuracy: float = 0.5, val_accuracy: float = 0.3):
    """Batches of a large data set that make so many steps per epoch."""
    images, _ = DATASETS[LARGE.dataset].counts(LARGE.validation_split)
    records = with_(level(count, accuracy=accuracy), val_accuracy=val_accuracy)
    return run(LARGE.with_(batch_size=math.ceil(images / steps_per_epoch)), records)


def giant(count: int = 4, accuracy: float = 0.5, val_accuracy: float = 0.3):
    return run(GIANT, with_(level(count, accuracy=accuracy), val_accuracy=val_accuracy))


FEW = [
    Case(
        "giant_batch",
        told(step_size.few_steps),
        lambda v: run(RELU.with_(batch_size=v), level(4, 2.3, 0.1)),
        (None, PROBLEM, PROBLEM),
    ),
    Case("few_steps", told(step_size.few_steps), lambda v: giant(v), (PROBLEM, PROBLEM, None)),
    Case("few_steps_epochs", told(step_size.few_steps), lambda v: giant(v), (None, PROBLEM, PROBLEM)),
    Case(
        "few_steps_per_epoch",
        told(step_size.few_steps),
        lambda v: large_data(v, accuracy=0.92, val_accuracy=0.91),
        (WARNING, WARNING, None),
    ),
    Case(
        "half_learnt",
        told(step_size.few_steps),
        lambda v: large_data(12, accuracy=v),
        (PROBLEM, WARNING, WARNING),
        "few steps",
    ),
    Case(
        "well_learnt_accuracy",
        told(step_size.few_steps),
        lambda v: giant(val_accuracy=v),
        (PROBLEM, None, None),
        "few steps",
    ),
    Case("by_heart", told(step_size.few_steps), lambda v: giant(accuracy=v), (PROBLEM, PROBLEM, None), "few steps"),
]

CASES = [*REGULARIZATION, *DECAY, *SHIFTS, *SMOOTHING, *CLIPPING, *SCHEDULES, *FEW]
