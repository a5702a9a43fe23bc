"""Comparison of two configurations: the settings that differ, and which initial weights are identical.

Initial weights depend on the seed and on the name, initializer and shape of their layer; the order of the images
depends on the seed and their number.
"""

import itertools
from dataclasses import fields
from typing import Any

from explorer.config import (
    AFTER_ACTIVATION,
    ALPHA,
    BEFORE_ACTIVATION,
    CONSTANT,
    DROPOUT,
    FIELDS,
    OFF,
    STANDARDIZED,
    UNIT,
    TrainingConfig,
)
from explorer.data.datasets import DATASETS
from explorer.runs import cost_estimate
from explorer.runs.settings_text import IDIOMS, display_value


def differences(one: TrainingConfig, other: TrainingConfig) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, with both values, by field name."""
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(TrainingConfig)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def equal_layers(one: TrainingConfig, other: TrainingConfig) -> list[str]:
    """The dense layers, `hidden_1` … `output`, whose initial weights are identical."""
    if one.seed != other.seed:
        return []
    draws, other_draws = _draws(one), _draws(other)
    return [name for name, draw in draws.items() if other_draws.get(name) == draw]


def _draws(config: TrainingConfig) -> dict[str, tuple]:
    """What the initial weights of each dense layer depend on besides the seed, by name."""
    sizes = cost_estimate.layer_sizes(config)
    names = [*(f"hidden_{number}" for number in range(1, config.depth + 1)), "output"]
    shapes = itertools.pairwise(sizes)
    return {
        # the output layer always uses Glorot, as in the notebook
        name: (shape, "" if name == "output" else config.kernel_initializer)
        for name, shape in zip(names, shapes, strict=True)
    }


def same_order(one: TrainingConfig, other: TrainingConfig) -> bool:
    """Whether both runs see the training images in the same order."""
    return all(getattr(one, name) == getattr(other, name) for name in ("seed", "dataset", "validation_split"))


def describe_common_start(one: TrainingConfig, other: TrainingConfig) -> str:
    """What two runs have in common before training, in two sentences."""
    equal, all_layers = equal_layers(one, other), list(_draws(one))
    noun = DATASETS[one.dataset].noun
    order = f"The {noun} come in {'the same' if same_order(one, other) else 'a different'} order"
    batches = "" if one.batch_size == other.batch_size else ", but in batches of a different size"
    if set(equal) == set(all_layers) == set(_draws(other)):
        weights = "All initial weights are identical."
    elif not equal:
        weights = "No initial weights are identical, because the seed or the sizes of the layers differ."
    else:
        weights = f"The initial weights of {_layer_names(equal)} are identical; those of the other layers are not."
    return f"{weights} {order}{batches}."


def _layer_names(names: list[str]) -> str:
    numbers = [int(name.rpartition("_")[2]) for name in names if name != "output"]
    parts = []
    if numbers:
        whole = numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
        parts.append(f"layers {numbers[0]} to {numbers[-1]}" if whole else f"layer {', '.join(map(str, numbers))}")
    if "output" in names:
        parts.append("the output layer")
    return " and ".join(parts)


def describe_changes(one: TrainingConfig, other: TrainingConfig) -> str:
    """The settings that differ, such as "activation Sigmoid → ELU"."""
    return ", ".join(
        f"{FIELDS[name].lower_label} {display_value(name, old)} → {display_value(name, new)}"
        for name, (old, new) in differences(one, other).items()
    )


def describe_new_values(one: TrainingConfig, other: TrainingConfig) -> str:
    """The settings that differ, as the second configuration has them, such as "activation ELU, no dropout"."""
    return ", ".join(
        _IDIOMS.get((name, new)) or f"{FIELDS[name].lower_label} {display_value(name, new)}"
        for name, (_, new) in differences(one, other).items()
    )


_IDIOMS = IDIOMS | {
    ("input_scaling", STANDARDIZED): "standardized inputs",
    ("input_scaling", UNIT): "inputs scaled to 0–1",
    ("batch_norm", OFF): "no batch normalization",
    ("batch_norm", BEFORE_ACTIVATION): "batch normalization before each activation",
    ("batch_norm", AFTER_ACTIVATION): "batch normalization after each hidden layer",
    ("dropout", DROPOUT): "dropout after each hidden layer",
    ("dropout", ALPHA): "alpha dropout after each hidden layer",
    ("l2", 0.0): "no L2 penalty",
    ("clip_norm", 0.0): "no gradient clipping",
    ("schedule", CONSTANT): "a constant learning rate",
}


def describe_same_start(one: TrainingConfig, other: TrainingConfig) -> str:
    """What two runs of the same seed have in common, in a few words such as "same start, seed 1"."""
    layers, others = list(_draws(one)), list(_draws(other))
    if one.seed != other.seed:
        return f"seeds {one.seed} and {other.seed}"
    if equal_layers(one, other) == layers == others:
        return f"same start, seed {one.seed}"
    return f"seed {one.seed} for both, different initial weights"
