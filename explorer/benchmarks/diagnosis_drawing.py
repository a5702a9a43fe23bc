"""Drawing of the configurations of a campaign: sensible ones over the whole range of settings, and faults for them.

Sizes are drawn from a short list, because networks of one shape share a compiled program.
"""

import random
from typing import Any

from explorer.activations import ACTIVATIONS
from explorer.benchmarks.faults import CATALOGUE, SUITING
from explorer.benchmarks.faults_kind import Fault
from explorer.config import (
    AFTER_ACTIVATION,
    ALPHA,
    ALPHA_OUTPUT,
    BEFORE_ACTIVATION,
    CONSTANT,
    COSINE,
    DROPOUT,
    EXPONENTIAL,
    OFF,
    ONE_CYCLE,
    OPTIMIZERS,
    PLATEAU,
    RAW,
    STANDARDIZED,
    UNIT,
    TrainingConfig,
)
from explorer.data.datasets import spec_of
from explorer.diagnosis.suggestions import PLAIN

# for data sets below and from so many labelled images on: epochs, and the batch sizes
LARGE = 10_000
EPOCHS, BATCHES = (15, 4), ((16, 32, 64), (64, 128, 256))
# hidden layers and their width, with the relative frequency
SIZES = {
    (0, 100): 1,
    (1, 64): 3,
    (2, 64): 3,
    (3, 100): 4,
    (4, 64): 3,
    (5, 100): 3,
    (6, 50): 2,
    (8, 64): 2,
    (12, 100): 1,
    (20, 64): 0.5,
}
# what each optimizer learns well with at batch size 32: at most 0.6 points below the best of nine rates from 0.03 to 30
# times as high (digits, ReLU 1 × 64 and ELU 2 × 64, standardized, 15 epochs, seeds 1 to 3)
RATES = {
    "nadam": 1e-3,
    "adam": 1e-3,
    "adamw": 1e-3,
    "rmsprop": 5e-4,
    "sgd": 0.05,
    "momentum": 0.01,
    "nesterov": 0.01,
}
NONLINEAR = tuple(name for name, activation in ACTIVATIONS.items() if not activation.linear)


def epochs_of(dataset: str) -> int:
    """The number of epochs of each run on a data set, unless another is asked for."""
    return EPOCHS[_is_large(dataset)]


def batch_sizes(dataset: str) -> tuple[int, ...]:
    """The batch sizes of healthy networks on a data set."""
    return BATCHES[_is_large(dataset)]


def _is_large(dataset: str) -> bool:
    return spec_of(dataset).labelled_images >= LARGE


def reference(dataset: str, epochs: int, size: tuple[int, int]) -> TrainingConfig:
    """The network that a healthy one of a size is measured against: ELU, He, standardized pixels and Nadam."""
    depth, width = size
    return TrainingConfig(
        dataset=dataset,
        depth=depth,
        width=width,
        epochs=epochs,
        learning_rate=_rate_for(depth, 1e-3),
        input_scaling=STANDARDIZED,
        batch_size=batch_sizes(dataset)[1],
        seed=0,
    )


def draw(rng: random.Random, dataset: str, epochs: int) -> TrainingConfig:
    """A configuration that should learn: whether it does is measured."""
    depth, width = _pick(rng, SIZES)
    activation = rng.choice(NONLINEAR)
    kind = ACTIVATIONS[activation]
    batch_norm = OFF if kind.self_normalizing or depth == 0 else _batch_norm(rng, activation, depth)
    optimizer = rng.choice(OPTIMIZERS)
    rate = _rate_for(depth, RATES[optimizer]) * rng.choice((0.5, 1.0, 2.0))
    values: dict[str, Any] = {
        "dataset": dataset,
        "activation": activation,
        "kernel_initializer": rng.choice(SUITING[kind.initializer]),
        "batch_norm": batch_norm,
        "depth": depth,
        "width": width,
        "input_scaling": _scaling(rng, activation, batch_norm, kind.squashing or optimizer in PLAIN),
        "optimizer": optimizer,
        "learning_rate": float(f"{rate:.2g}"),
        "batch_size": rng.choice(batch_sizes(dataset)),
        "l2": rng.choice((0.0, 0.0, 0.0, 1e-5, 1e-4)),
        "clip_norm": rng.choice((0.0, 0.0, 0.0, 1.0, 5.0)),
        "epochs": epochs,
        "seed": rng.randrange(2**30),
    }
    values |= _dropout(rng, activation, depth)
    values |= _schedule(rng, values["learning_rate"], epochs)
    return TrainingConfig(**values)


def draw_faults(rng: random.Random, config: TrainingConfig, count: int) -> list[tuple[Fault, Any]]:
    """Up to `count` different kinds of fault that apply to a healthy configuration, each with a strength."""
    remaining = [kind for kind in CATALOGUE.values() if kind.applies(config)]
    drawn: list[tuple[Fault, Any]] = []
    while remaining and len(drawn) < count:
        kind = rng.choices(remaining, [kind.weight for kind in remaining])[0]
        remaining.remove(kind)
        drawn.append((kind, rng.choice(kind.strengths)))
    return drawn


def _pick(rng: random.Random, weights: dict[Any, float]) -> Any:
    return rng.choices(list(weights), list(weights.values()))[0]


def _rate_for(depth: int, rate: float) -> float:
    """The rate for networks of some depth: deep ones need smaller steps."""
    return rate if depth <= 4 else rate / 2 if depth <= 8 else rate / 4


def _batch_norm(rng: random.Random, activation: str, depth: int) -> str:
    if activation in ("sigmoid", "softplus") and depth > 2:  # these learn in no other way
        return BEFORE_ACTIVATION
    return _pick(rng, {OFF: 6, AFTER_ACTIVATION: 2, BEFORE_ACTIVATION: 2})


def _scaling(rng: random.Random, activation: str, batch_norm: str, sensitive: bool) -> str:
    if ACTIVATIONS[activation].self_normalizing:
        return STANDARDIZED
    if batch_norm == OFF and sensitive:
        return _pick(rng, {STANDARDIZED: 4, UNIT: 1})
    return _pick(rng, {STANDARDIZED: 4, UNIT: 1, RAW: 2})


def _dropout(rng: random.Random, activation: str, depth: int) -> dict[str, Any]:
    if depth == 0 or rng.random() < 0.7:
        return {}
    if ACTIVATIONS[activation].self_normalizing:
        return {"dropout": rng.choice((ALPHA, ALPHA_OUTPUT)), "dropout_rate": rng.choice((0.02, 0.05))}
    return {"dropout": DROPOUT, "dropout_rate": rng.choice((0.05, 0.1, 0.2)) if depth <= 4 else 0.05}


def _schedule(rng: random.Random, rate: float, epochs: int) -> dict[str, Any]:
    kind = _pick(rng, {CONSTANT: 6, ONE_CYCLE: 1, EXPONENTIAL: 1, COSINE: 1, PLATEAU: 1})
    settings: dict[str, dict[str, Any]] = {
        CONSTANT: {},
        ONE_CYCLE: {"peak_factor": 4.0, "learning_rate": float(f"{rate / 2:.2g}")},
        EXPONENTIAL: {"decay_epochs": 2 * epochs},
        COSINE: {"warmup_epochs": 1, "final_share": 0.01},
        PLATEAU: {"plateau_patience": 3, "plateau_factor": 0.5},
    }
    return {"schedule": kind, **settings[kind]}
