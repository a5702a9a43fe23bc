"""The thresholds of the rules about the start."""

from made_runs import DIGITS, history
from threshold_case import (
    FALLING,
    GUESSING,
    RELU,
    TANH,
    Case,
    level,
    run,
    says,
    seen,
    told,
    with_,
)

from explorer.diagnosis import NOTE, PROBLEM, WARNING, start

RAW, RAW_TANH = DIGITS.with_(input_scaling="raw"), TANH.with_(input_scaling="raw")
NORMALIZED = RELU.with_(batch_norm="before_activation")
SELU = DIGITS.with_(activation="selu", kernel_initializer="lecun_normal")
UNSUITED = RELU.with_(kernel_initializer="random_normal")
DEEP = RELU.with_(depth=40)


def growth(last: float, records=()):
    return run(UNSUITED, records, seen(0, by_depth={"activation_variance": [1.0, 1.0, 1.0, 1.0, last, 1.0]}))


def deep(records=(), depth: int = 40, dead: float = 0.0, last: float = 1.0):
    """A deep ReLU network with dead units and fading variance before training."""
    variance = {"activation_variance": [*[1.0] * (depth - 1), last, 1.0]}
    return run(DEEP.with_(depth=depth), records, seen(len(records), depth, dead=dead, by_depth=variance))


HOT = {"gradient_rms": 1e3}  # so that plain descent would explode
START = [
    Case("signal_faded", told(start.initializer), growth, (PROBLEM, WARNING, WARNING)),
    Case("signal_fading", told(start.initializer), growth, (WARNING, NOTE, NOTE)),
    Case("signal_growing", told(start.initializer), growth, (NOTE, NOTE, WARNING)),
    Case("signal_grown", told(start.initializer), growth, (WARNING, WARNING, PROBLEM)),
    Case(
        "half_learnt",
        told(start.initializer),
        lambda v: growth(1e-6, level(3, accuracy=v)),
        (PROBLEM, WARNING, WARNING),
        "initializer",
    ),
    Case(
        "stuck_loss",
        told(start.inputs),
        lambda v: run(RAW.with_(optimizer="sgd"), level(3, v * GUESSING, 0.3), seen(3, **HOT)),
        (None, PROBLEM, PROBLEM),
        "inputs",
    ),
    Case(
        "saturated_by_inputs",
        told(start.inputs),
        lambda v: run(RAW_TANH, [], seen(0, saturated=v)),
        (None, WARNING, WARNING),
    ),
    Case(
        "costly_start",
        told(start.inputs),
        lambda v: run(RAW, history(v * GUESSING, 1.0)),
        (None, WARNING, WARNING),
        "inputs",
    ),
    Case(
        "ruinous_start",
        told(start.inputs),
        lambda v: run(RAW, history(9.0, v * GUESSING)),
        (WARNING, WARNING, PROBLEM),
        "inputs",
    ),
    Case(
        "large_values",
        told(start.inputs),
        lambda v: run(RAW, [], seen(0, activation_variance=v)),
        (None, WARNING, WARNING),
    ),
    Case(
        "selu_low",
        told(start.self_normalisation),
        lambda v: run(SELU, [], seen(0, by_depth={"activation_variance": [1.0, 1.0, 1.0, 1.0, v, 1.0]})),
        (NOTE, None, None),
        "LeCun",
    ),
    Case(
        "selu_high",
        told(start.self_normalisation),
        lambda v: run(SELU, [], seen(0, by_depth={"activation_variance": [1.0, 1.0, v, 1.0, 1.0, 1.0]})),
        (None, None, NOTE),
        "LeCun",
    ),
    Case(
        "well_learnt_accuracy",
        told(start.self_normalisation),
        lambda v: run(
            SELU.with_(kernel_initializer="he_normal"),
            with_(level(3, 0.3, 0.97), val_accuracy=v),
            seen(3, activation_variance=30.0),
        ),
        (WARNING, NOTE, NOTE),
        "self-normalization",
    ),
    Case("selu_low", says(start.self_normalisation, "initializer is"), lambda v: orthogonal(v), (True, False, False)),
    Case("selu_high", says(start.self_normalisation, "initializer is"), lambda v: orthogonal(v), (False, False, True)),
    Case("deep_layers", told(start.too_deep), lambda v: deep(depth=v, dead=0.5), (None, WARNING, WARNING)),
    Case("many_dead_units", told(start.too_deep), lambda v: deep(dead=v), (None, WARNING, WARNING), "too deep"),
    Case("dead_units", told(start.too_deep), lambda v: deep(FALLING, dead=v), (WARNING, PROBLEM, PROBLEM), "too deep"),
    Case("faded_by_depth", told(start.too_deep), lambda v: deep(FALLING, last=v), (WARNING, None, None)),
    Case("fading_by_depth", told(start.too_deep), lambda v: deep(level(5, 2.3, 0.2), last=v), (PROBLEM, None, None)),
    Case(
        "small_batch", told(start.tiny_batches), lambda v: run(NORMALIZED.with_(batch_size=v)), (WARNING, WARNING, None)
    ),
    Case(
        "tiny_batch",
        told(start.tiny_batches),
        lambda v: run(NORMALIZED.with_(batch_size=v)),
        (PROBLEM, PROBLEM, WARNING),
    ),
]


def orthogonal(variance: float):
    """A SELU network with ordinary dropout, which is told in any case, and the variance of its last hidden layer."""
    config = SELU.with_(kernel_initializer="orthogonal", dropout="hidden")
    return run(config, [], seen(0, by_depth={"activation_variance": [1.0, 1.0, 1.0, 1.0, variance, 1.0]}))


CASES = START
