"""The thresholds of the rules about gradients and units."""

from made_runs import DIGITS, history
from threshold_case import (
    FALLING,
    GUESSING,
    RELU,
    SGD,
    TANH,
    Case,
    down,
    falls,
    first_layers,
    level,
    run,
    says,
    seen,
    told,
    whole,
    window_falls,
    with_,
)

from explorer.diagnosis import NOTE, PROBLEM, WARNING, gradients, units
from explorer.diagnosis.thresholds import limit
from explorer.runs.cause import Cause

FADED = TANH.with_(activation="sigmoid")
NORMALIZED = RELU.with_(batch_norm="before_activation")
VANISHED = first_layers("gradient_rms", 1e-9, other=0.01)
ONE = SGD.with_(depth=1)


def first_gradient(first: float, others: float, last: int = 0):
    return seen(last, **first_layers("gradient_rms", first, other=others))


def fading(first: float = 0.01, count: int = 8, accuracy: float = 0.5, loss: float = 1.0, **more):
    """A sigmoid network whose first gradient is that share of the output layer's before training."""
    return run(FADED, level(count, loss, accuracy), first_gradient(first, 1.0, count), **more)


def one_step(relative: float, rate: float, **changes):
    """A network of one hidden layer, whose gradient is so much longer than its weights; the output has none."""
    layers = first_layers("gradient_rms", relative, depth=1, other=0.0)
    return run(ONE.with_(learning_rate=rate, **changes), [], seen(0, 1, weight_norm=80.0, **layers))


def saturated(records, share: float = 0.9, **values):
    return run(TANH, records, seen(len(records), start={}, saturated=share, **values))


def dead(share: float, accuracy: float = 0.5, val_accuracy: float | None = None):
    val_accuracy = accuracy - 0.02 if val_accuracy is None else val_accuracy
    return run(RELU, with_(level(3, accuracy=accuracy), val_accuracy=val_accuracy), seen(3, start={}, dead=share))


def share_falls(share: float) -> list:
    window = int(limit("thriving_epochs"))
    return falls(window, window - 1 - whole(share * (window - 1)))


GRADIENTS = [
    Case(
        "vanishing_gradient",
        told(gradients.vanishing),
        lambda v: run(DIGITS, [], first_gradient(v, 1e3)),
        (PROBLEM, None, None),
    ),
    Case(
        "vanishing_ratio",
        told(gradients.vanishing),
        lambda v: run(DIGITS, [], first_gradient(v * 0.01, 0.01)),
        (PROBLEM, None, None),
    ),
    Case(
        "large_update",
        says(gradients.vanishing, "they are not the cause"),
        lambda v: run(DIGITS, down(2), [*first_gradient(0.01, 0.01)[:1], *seen(2, update_ratio=v, **VANISHED)[1:]]),
        (False, False, True),
        "by steps",
    ),
    Case("fading_gradient", told(gradients.vanishing), fading, (WARNING, None, None)),
    Case("fading_accuracy", told(gradients.vanishing), lambda v: fading(accuracy=v), (WARNING, None, None)),
    Case("slope_epochs", told(gradients.vanishing), lambda v: fading(count=v), (None, WARNING, WARNING), "fading"),
    Case(
        "stuck_accuracy",
        told(gradients.vanishing),
        lambda v: fading(accuracy=0.1 + v, loss=GUESSING),
        (PROBLEM, PROBLEM, WARNING),
        "no better than chance",
    ),
    Case(
        "stuck_loss",
        told(gradients.vanishing),
        lambda v: fading(accuracy=0.1, loss=v * GUESSING),
        (WARNING, PROBLEM, PROBLEM),
        "no better than chance",
    ),
    Case(
        "exploding_by_normalization",
        told(gradients.exploding),
        lambda v: run(NORMALIZED, [], first_gradient(v * 0.01, 0.01)),
        (None, None, PROBLEM),
    ),
    Case(
        "ruinous_start",
        says(gradients.exploding, "validation loss reached"),
        lambda v: run(NORMALIZED, history(2.0, val=[v * GUESSING], accuracy=0.2), first_gradient(1.0, 0.01, 1)),
        (False, False, True),
        "by normalization",
    ),
    Case(
        "exploding_gradient",
        told(gradients.exploding),
        lambda v: one_step(v - 1, 0.05),
        (None, PROBLEM, PROBLEM),
        reached=lambda v: 1 + (v - 1) * 80 / 80,
    ),
    Case(
        "exploding_step",
        told(gradients.exploding),
        lambda v: one_step(1e5, (v - 1) / 1e5),
        (None, PROBLEM, PROBLEM),
        reached=lambda v: 1 + (v - 1) / 1e5 * 1e5,
    ),
    Case(
        "exploding_ratio",
        told(gradients.exploding),
        lambda v: run(DIGITS, level(2, 2.5, 0.2), first_gradient(v, 1.0, 2)),
        (None, None, WARNING),
    ),
    Case(
        "thriving_loss",
        told(gradients.exploding),
        lambda v: run(DIGITS, level(2, v * GUESSING, 0.2), first_gradient(1e3, 1.0, 2)),
        (None, WARNING, WARNING),
        "recovered",
    ),
    Case(
        "kept_signal",
        says(gradients.diverged, "What dropout leaves"),
        lambda v: run(RELU.with_(depth=1, dropout="hidden", dropout_rate=1 - v), [], cause=Cause.DIVERGED),
        (True, True, False),
        "diverged",
        reached=lambda v: 1 - (1 - v),
    ),
    Case(
        "spike_factor",
        told(gradients.diverged),
        lambda v: run(DIGITS, history(1.0, v * GUESSING)),
        (None, None, PROBLEM),
    ),
    Case(
        "recovered_factor",
        told(gradients.diverged),
        lambda v: run(DIGITS, history(1.0, 40.0, v)),
        (None, None, PROBLEM),
    ),
]

UNITS = [
    Case("many_dead_units", told(units.dead), dead, (None, WARNING, WARNING)),
    Case("dead_units", told(units.dead), dead, (WARNING, PROBLEM, PROBLEM)),
    Case("learnt_accuracy", told(units.dead), lambda v: dead(0.9, v), (PROBLEM, WARNING, WARNING), "learned"),
    Case(
        "contradiction", told(units.dead), lambda v: dead(0.9, 0.95, 0.95 - v), (WARNING, WARNING, PROBLEM), "learned"
    ),
    Case("many_saturated_units", told(units.saturated), lambda v: saturated(level(3), v), (None, WARNING, WARNING)),
    Case("saturated_units", told(units.saturated), lambda v: saturated(level(3), v), (WARNING, PROBLEM, PROBLEM)),
    Case(
        "thriving_loss",
        told(units.saturated),
        lambda v: saturated(down(6, v * GUESSING)),
        (NOTE, NOTE, PROBLEM),
        "thrives",
    ),
    Case(
        "thriving_epochs",
        told(units.saturated),
        lambda v: saturated(window_falls(v, "thriving_epochs")),
        (PROBLEM, NOTE, NOTE),
    ),
    Case(
        "thriving_share",
        told(units.saturated),
        lambda v: saturated(share_falls(v)),
        (PROBLEM, NOTE, NOTE),
        step=1 / (limit("thriving_epochs") - 1),
    ),
    Case("settled_epochs", told(units.saturated), lambda v: saturated(down(v)), (PROBLEM, NOTE, NOTE), "thrives"),
    Case(
        "huge_update",
        told(units.saturated),
        lambda v: saturated(FALLING, update_ratio=v),
        (NOTE, NOTE, PROBLEM),
        "saturated",
    ),
    Case("stuck_epochs", told(units.stuck), lambda v: run(DIGITS, level(v, GUESSING, 0.1)), (None, PROBLEM, PROBLEM)),
    Case(
        "stuck_accuracy",
        told(units.stuck),
        lambda v: run(DIGITS, level(4, GUESSING, 0.1 + v)),
        (PROBLEM, PROBLEM, None),
    ),
    Case("stuck_loss", told(units.stuck), lambda v: run(DIGITS, level(4, v * GUESSING, 0.1)), (None, PROBLEM, PROBLEM)),
    Case(
        "same_for_all",
        says(units.stuck, "in the last hidden layer is between images"),
        lambda v: run(DIGITS, level(4, GUESSING, 0.1), seen(4, variance_over_images=v)),
        (True, False, False),
    ),
]

CASES = [*GRADIENTS, *UNITS]
