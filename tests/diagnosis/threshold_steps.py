"""The thresholds of the rules about steps that are too large or too small."""

import math

from made_runs import history, signals
from threshold_case import (
    ENDED,
    GUESSING,
    RELU,
    Case,
    down,
    level,
    run,
    says,
    seen,
    told,
    whole,
    window_falls,
    with_,
)

from explorer.diagnosis import NOTE, PROBLEM, WARNING, step_size
from explorer.diagnosis.suggestions import usual_rate
from explorer.diagnosis.thresholds import limit

STEPS = run(RELU).steps_per_epoch
CYCLE = RELU.with_(schedule="one_cycle", peak_factor=100.0, learning_rate=5e-4)


JUMPING = history(*[1.5, 1.9] * 8, accuracy=0.5)


def rising(rises: int, of: int, loss: float = 1.0) -> list:
    """Epochs of which so many of the later ones end higher than the one before, the last one at a loss."""
    factors = [0.5] * (of - rises) + [1.2] * rises
    losses = [loss / math.prod(factors[at:]) for at in range(of)] + [loss]
    return history(*losses, accuracy=0.4)


def at_last(rises: int, pairs: int) -> list:
    """Epochs that fall, but for so many rises, the first of them so many epochs before the last."""
    factors = [0.9] * 20 + [1.2] * rises + [0.9] * (pairs - rises)
    return history(*(math.prod(factors[:at]) for at in range(len(factors) + 1)), accuracy=0.4)


def large_steps(step: float, records=JUMPING[:4], **changes):
    return run(RELU.with_(**changes), records, seen(len(records), update_ratio=step))


def peak(risen: float = 4.0, now: float = 2.0, step: float = 0.03):
    """A cycle whose peak in epoch 3 costs what had been learned."""
    records = history(0.9, 1.0, risen, 0.3, 0.2, val=[1.0, 1.1, 2.0, 2.0, now], accuracy=0.97)
    records[2] = with_(records[2:3], learning_rate=0.05)[0]
    measured = [signals(0), *(signals(at, update_ratio=step if at == 3 else 1e-4) for at in range(1, 6))]
    return run(CYCLE, records, measured, cause=ENDED)


def told_of_the_peak(evidence) -> bool:
    return bool(says(step_size.rate_too_high, "The validation loss was lowest in epoch 1")(evidence))


TOO_HIGH = [
    Case(
        "large_update", told(step_size.rate_too_high), lambda v: large_steps(v), (None, None, WARNING), "constant rate"
    ),
    Case(
        "large_update",
        told(step_size.rate_too_high, lambda finding: finding.since),
        lambda v: run(
            RELU,
            JUMPING[:4],
            [signals(0), *(signals(at, update_ratio=v / 2 if at == 1 else 0.03) for at in range(1, 5))],
        ),
        (2, 2, 1),
        "half of it, since",
    ),
    Case(
        "well_learnt_accuracy",
        told(step_size.rate_too_high),
        lambda v: large_steps(0.03, with_(JUMPING[:4], val_accuracy=v)),
        (PROBLEM, NOTE, NOTE),
        "large steps",
    ),
    Case("huge_update", told(step_size.rate_too_high), lambda v: large_steps(v), (WARNING, WARNING, PROBLEM)),
    Case(
        "settled_epochs",
        told(step_size.rate_too_high),
        lambda v: large_steps(0.03, JUMPING[:v]),
        (None, PROBLEM, PROBLEM),
        "large steps",
    ),
    Case(
        "slope_epochs",
        told(step_size.rate_too_high),
        lambda v: run(RELU, JUMPING[: v + 1]),
        (None, WARNING, WARNING),
        "rises",
    ),
    Case(
        "slope_epochs",
        told(step_size.rate_too_high),
        lambda v: run(RELU, at_last(whole(limit("rising_share") * limit("slope_epochs")), v)),
        (WARNING, WARNING, None),
        "rises before",
    ),
    Case(
        "slope_epochs",
        told(step_size.rate_too_high),
        lambda v: large_steps(0.03, at_last(1, v)),
        (PROBLEM, PROBLEM, None),
        "jumps before",
    ),
    Case(
        "rising_share",
        told(step_size.rate_too_high),
        lambda v: run(RELU, rising(whole(v * limit("slope_epochs")), int(limit("slope_epochs")))),
        (None, WARNING, WARNING),
        step=1 / limit("slope_epochs"),
    ),
    Case(
        "stuck_loss",
        told(step_size.rate_too_high),
        lambda v: run(RELU, rising(7, 8, v * GUESSING)),
        (WARNING, WARNING, None),
        "rises",
    ),
    Case(
        "jumping_loss",
        told(step_size.rate_too_high),
        lambda v: run(RELU, history(*[1.0, v] * 8, accuracy=0.4)),
        (None, WARNING, WARNING),
    ),
    Case("spike_factor", told_of_the_peak, lambda v: peak(risen=v * 0.9), (False, False, True), "peak"),
    Case("strong_overfitting_rise", told_of_the_peak, lambda v: peak(now=v), (False, False, True), "peak"),
    Case("large_update", told_of_the_peak, lambda v: peak(step=v), (False, False, True), "peak"),
]


def slow(step: float, records=None, rate: float = 1e-3, **changes):
    records = down(5) if records is None else records
    config = RELU.with_(learning_rate=rate, epochs=len(records), **changes)
    return run(config, records, seen(len(records), update_ratio=step), cause=ENDED)


def unfinished(share: float) -> list:
    """Four steps from epoch to epoch, of which such a share goes down, first of all the latest."""
    down_ = whole(4 * share)
    factors = [1.01] * (4 - down_) + [0.9] * down_
    return history(*(math.prod(factors[:at]) for at in range(5)), accuracy=0.5)


def moved(distance: float, count: int = 64) -> float:
    """The size of each of the steps of so many epochs that move the weights so far."""
    return distance / STEPS / count


TOO_LOW = [
    Case(
        "little_movement",
        told(step_size.rate_too_low),
        lambda v: slow(moved(v), down(64)),
        (WARNING, None, None),
        "unfinished",
        reached=lambda v: sum([moved(v) * STEPS] * 64),
    ),
    Case("usual_update", told(step_size.rate_too_low), slow, (WARNING, None, None)),
    Case("tiny_update", told(step_size.rate_too_low), lambda v: slow(v, level(5)), (PROBLEM, None, None)),
    Case(
        "slow_fall",
        told(step_size.rate_too_low),
        lambda v: slow(1e-6, history(1.0, 1 - v)),
        (PROBLEM, None, None),
        reached=lambda v: 1 - (1 - v),
    ),
    Case(
        "low_rate",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, down(5, accuracy=0.92), v * usual_rate(RELU)),
        (WARNING, WARNING, None),
    ),
    Case(
        "learnt_accuracy",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, down(5, accuracy=v)),
        (WARNING, None, None),
        "low rate",
    ),
    Case(
        "well_learnt_accuracy",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, down(5, accuracy=v), 1e-5),
        (WARNING, None, None),
        "low rate",
    ),
    Case(
        "stuck_accuracy",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, down(5, last=GUESSING, accuracy=0.1 + v)),
        (PROBLEM, PROBLEM, WARNING),
        "low rate",
    ),
    Case(
        "thriving_share",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, unfinished(v)),
        (None, WARNING, WARNING),
        "unfinished",
        step=1 / 4,
    ),
    Case(
        "slope_epochs",
        told(step_size.rate_too_low),
        lambda v: slow(1e-4, window_falls(v, "slope_epochs")),
        (None, WARNING, WARNING),
        "unfinished",
    ),
]

CASES = [*TOO_HIGH, *TOO_LOW]
