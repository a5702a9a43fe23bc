"""A catalogue of faults to inject into healthy configurations: named changes, each with the findings that name it."""

from typing import Any

from explorer.activations import ACTIVATIONS
from explorer.benchmarks.faults_kind import DOWN, OTHER, UP, Change, Fault, fault
from explorer.config import (
    AFTER_ACTIVATION,
    ALPHA,
    CONSTANT,
    COSINE,
    DROPOUT,
    EXPONENTIAL,
    OFF,
    ONE_CYCLE,
    PLATEAU,
    RAW,
    STANDARDIZED,
    UNIT,
    TrainingConfig,
)
from explorer.data.datasets import DATASETS
from explorer.diagnosis.suggestions import PLAIN

# the initializers that suit an activation, by the one that suits it best
SUITING = {
    "he_normal": ("he_normal", "he_uniform"),
    "lecun_normal": ("lecun_normal",),
    "glorot_normal": ("glorot_uniform", "glorot_normal", "lecun_normal", "lecun_uniform", "orthogonal"),
}


def _set(name: str) -> Change:
    return lambda config, strength: {name: strength}


def _drop(kind: str) -> Change:
    return lambda config, rate: {"dropout": kind, "dropout_rate": rate}


def _times_rate(config: TrainingConfig, factor: float) -> dict[str, Any]:
    return {"learning_rate": config.learning_rate * factor}


def _shifted(config: TrainingConfig, share: float) -> dict[str, Any]:
    return {"shift": round(share * min(DATASETS[config.dataset].image_shape[:2]))}


def _unsuited(config: TrainingConfig, initializer: str) -> str:
    """The initializer, unless it suits the activation; then one of a fixed spread, which suits none."""
    suiting = SUITING[ACTIVATIONS[config.activation].initializer]
    return "random_normal" if initializer in suiting else initializer


def _with_batch_norm(config: TrainingConfig) -> str:
    return AFTER_ACTIVATION if config.batch_norm == OFF else config.batch_norm


def _plain_deep(config: TrainingConfig) -> bool:
    return config.depth >= 2 and config.batch_norm == OFF


def _self_normalizing(config: TrainingConfig) -> bool:
    return ACTIVATIONS[config.activation].self_normalizing and config.depth > 1


# the peak of 1cycle is a multiple of the learning rate
_LOWER_RATE, _HIGHER_RATE = {"learning_rate": DOWN, "peak_factor": DOWN}, {"learning_rate": UP}
_SCALING = {"input_scaling": OTHER}
_DROPOUT = {"dropout": OTHER, "dropout_rate": DOWN}
_SCHEDULE = {"schedule": OTHER}


_ALL = (
    # --- the learning rate --------------------------------------------------------------------------------
    fault("rate_high", "rate × 30 to 1,000", (30, 100, 300, 1000), _times_rate, "rate_too_high", undone_by=_LOWER_RATE),
    fault(
        "rate_low",
        "rate ÷ 30 to 10,000",
        (1 / 30, 1e-2, 1 / 300, 1e-3, 1e-4),
        _times_rate,
        "rate_too_low",
        undone_by=_HIGHER_RATE,
    ),
    fault(
        "sgd_at_adams_rate",
        "SGD at the rate of an adaptive optimizer",
        ("sgd",),
        _set("optimizer"),
        "rate_too_low",
        undone_by={**_HIGHER_RATE, "optimizer": OTHER},
        applies=lambda config: config.optimizer not in PLAIN,
    ),
    fault(
        "adam_at_sgds_rate",
        "Nadam at the rate of SGD",
        ("nadam", "rmsprop"),
        _set("optimizer"),
        "rate_too_high",
        undone_by={**_LOWER_RATE, "optimizer": OTHER},
        applies=lambda config: config.optimizer in PLAIN and config.learning_rate >= 0.02,
        weight=1.5,
    ),
    # --- initial weights, activation, size ------------------------------------------------------------------
    fault(
        "zeros",
        "all weights start at zero",
        ("zeros",),
        _set("kernel_initializer"),
        "symmetric",
        undone_by={"kernel_initializer": OTHER},
    ),
    fault(
        "initializer",
        "an initializer for another activation",
        ("random_normal", "glorot_normal", "lecun_normal", "he_normal"),
        lambda config, name: {"kernel_initializer": _unsuited(config, name)},
        "initializer self_normalisation",
        undone_by={"kernel_initializer": OTHER},
        applies=lambda config: config.depth >= 3 and config.batch_norm == OFF,
    ),
    fault(
        "too_deep",
        "20 or 30 layers, with an initializer that does not carry so far",
        (20, 30),
        lambda config, depth: {"depth": depth, "kernel_initializer": "random_normal"},
        "initializer self_normalisation too_deep vanishing exploding",
        undone_by={"depth": DOWN, "kernel_initializer": OTHER},
        applies=lambda config: config.depth >= 2 and config.batch_norm == OFF and config.width <= 128,
        weight=0.5,
    ),
    fault(
        "sigmoid",
        "sigmoid in every hidden layer",
        ("sigmoid",),
        lambda config, name: {"activation": name, "kernel_initializer": "glorot_uniform"},
        "vanishing saturated",
        undone_by={"activation": OTHER},
        applies=lambda config: _plain_deep(config) and config.activation != "sigmoid",
    ),
    fault(
        "linear",
        "no activation",
        ("linear",),
        lambda config, name: {"activation": name, "kernel_initializer": "glorot_uniform"},
        "linear",
        undone_by={"activation": OTHER},
        weight=0.5,
    ),
    fault(
        "narrow",
        "layers of 1 to 4 units",
        (1, 2, 3, 4),
        _set("width"),
        "bottleneck underfitting",
        undone_by={"width": UP},
    ),
    # --- inputs and batches ------------------------------------------------------------------------------------
    fault(
        "raw_inputs",
        "raw pixels",
        (RAW,),
        _set("input_scaling"),
        "inputs self_normalisation",
        undone_by=_SCALING,
        applies=lambda config: config.batch_norm == OFF and config.input_scaling == STANDARDIZED,
    ),
    fault(
        "raw_inputs_sgd",
        "raw pixels with plain gradient descent",
        (RAW,),
        _set("input_scaling"),
        "inputs self_normalisation",
        undone_by=_SCALING,
        applies=lambda config: (
            _plain_deep(config) and config.input_scaling == STANDARDIZED and config.optimizer in PLAIN
        ),
    ),
    fault(
        "unit_inputs",
        "pixels from 0 to 1",
        (UNIT,),
        _set("input_scaling"),
        "inputs self_normalisation",
        undone_by=_SCALING,
        applies=lambda config: config.batch_norm == OFF and config.input_scaling == STANDARDIZED,
        weight=0.5,
    ),
    fault(
        "tiny_batches",
        "batch normalization over 1 or 2 images",
        (1, 2),
        lambda config, size: {"batch_size": size, "batch_norm": _with_batch_norm(config)},
        "tiny_batches",
        undone_by={"batch_size": UP},
        weight=0.7,
    ),
    fault(
        "giant_batch",
        "hardly any steps per epoch",
        (1024, 4096, 8192),
        _set("batch_size"),
        "few_steps",
        undone_by={"batch_size": DOWN},
        applies=lambda config: True,
    ),
    # --- regularization and clipping ----------------------------------------------------------------------------
    fault(
        "l2",
        "an L2 penalty of 0.03 to 1",
        (0.03, 0.1, 0.3, 1.0),
        _set("l2"),
        "l2_too_strong",
        undone_by={"l2": DOWN},
        applies=lambda config: True,
    ),
    fault(
        "weight_decay",
        "a weight decay of 0.1 to 1 with SGD",
        (0.1, 0.3, 1.0),
        _set("weight_decay"),
        "weight_decay_too_strong",
        undone_by={"weight_decay": DOWN},
        applies=lambda config: config.optimizer in PLAIN,
    ),
    fault(
        "shift",
        "images shifted by a quarter or half of a side",
        (0.25, 0.5),
        _shifted,
        "shift_too_strong",
        undone_by={"shift": DOWN},
        applies=lambda config: DATASETS[config.dataset].pictures,
    ),
    fault(
        "smoothing",
        "label smoothing of 0.98 or 1",
        (0.98, 1.0),
        _set("label_smoothing"),
        "smoothing_too_strong",
        undone_by={"label_smoothing": DOWN},
        applies=lambda config: True,
    ),
    fault(
        "dropout",
        "dropout of 0.7 to 0.95 in the hidden layers",
        (0.7, 0.8, 0.9, 0.95),
        _drop(DROPOUT),
        "dropout_too_strong",
        undone_by=_DROPOUT,
        applies=lambda config: config.depth > 0 and not ACTIVATIONS[config.activation].self_normalizing,
    ),
    fault(
        "alpha_dropout",
        "alpha dropout of 0.3 to 0.6 in SELU layers",
        (0.3, 0.45, 0.6),
        _drop(ALPHA),
        "dropout_too_strong",
        undone_by=_DROPOUT,
        applies=_self_normalizing,
        weight=2,
    ),
    fault(
        "clipping",
        "gradients clipped to 0.00001 to 0.001 with SGD",
        (1e-5, 1e-4, 1e-3),
        _set("clip_norm"),
        "clipping_too_strong",
        undone_by={"clip_norm": OTHER},
        applies=lambda config: config.optimizer in PLAIN,
        weight=1.5,
    ),
    fault(
        "selu_dropout",
        "ordinary dropout of 0.2 to 0.5 in SELU layers",
        (0.2, 0.35, 0.5),
        _drop(DROPOUT),
        "self_normalisation dropout_too_strong",
        undone_by=_DROPOUT,
        applies=_self_normalizing,
        weight=2,
    ),
    fault(
        "selu_batch_norm",
        "batch normalization in SELU layers",
        (AFTER_ACTIVATION,),
        _set("batch_norm"),
        "self_normalisation",
        undone_by={"batch_norm": OTHER},
        applies=lambda config: _self_normalizing(config) and config.batch_norm == OFF,
    ),
    # --- schedules and early stopping ---------------------------------------------------------------------------
    fault(
        "exponential",
        "a rate that falls to a tenth every epoch",
        (1,),
        lambda config, epochs: {"schedule": EXPONENTIAL, "decay_epochs": epochs},
        "schedule_too_low",
        undone_by={**_SCHEDULE, "decay_epochs": UP},
        applies=lambda config: True,
    ),
    fault(
        "one_cycle",
        "1cycle with a peak of 30 to 100 times the rate",
        (30, 100),
        lambda config, peak: {"schedule": ONE_CYCLE, "peak_factor": peak},
        "rate_too_high",
        undone_by={**_SCHEDULE, **_LOWER_RATE},
    ),
    fault(
        "cosine",
        "a warm-up of hundreds of epochs",
        (300, 1000, 10_000),
        lambda config, epochs: {"schedule": COSINE, "warmup_epochs": epochs},
        "schedule_too_low",
        undone_by={**_SCHEDULE, "warmup_epochs": DOWN},
        applies=lambda config: True,
    ),
    fault(
        "plateau",
        "a rate that falls to a hundredth at the first epoch without progress",
        (0.01,),
        # at a rate at which the loss is noisy, as it usually is where such a schedule is used
        lambda config, factor: {
            "schedule": PLATEAU,
            "plateau_patience": 1,
            "plateau_factor": factor,
            "learning_rate": config.learning_rate * 3,
        },
        "schedule_too_low",
        undone_by={**_SCHEDULE, "plateau_patience": UP, "plateau_factor": UP},
    ),
    fault(
        "patience",
        "early stopping at the first epoch without progress",
        (1,),
        lambda config, epochs: {"patience": epochs, "schedule": CONSTANT, "learning_rate": config.learning_rate * 3},
        "patience_too_short",
        undone_by={"patience": UP},
    ),
)

CATALOGUE: dict[str, Fault] = {kind.name: kind for kind in _ALL}
