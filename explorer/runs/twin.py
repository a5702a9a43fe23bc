"""Two runs that differ in one setting: what differs, and which of their weights start equal.

First weights are functions of the seed, the layer's name, its initializer and its shape; the order of the images is one
of the seed and their number.
"""

import itertools
from dataclasses import fields
from typing import Any

from explorer.config import FIELDS, TrainingConfig
from explorer.runs import cost_estimate


def differences(one: TrainingConfig, other: TrainingConfig) -> dict[str, tuple[Any, Any]]:
    """The settings in which two configurations differ: both values by field name."""
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(TrainingConfig)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def equal_layers(one: TrainingConfig, other: TrainingConfig) -> list[str]:
    """The dense layers, `hidden_1` … `output`, whose first weights are equal number by number."""
    if one.seed != other.seed:
        return []
    of_one, of_other = _draws(one), _draws(other)
    return [name for name, draw in of_one.items() if of_other.get(name) == draw]


def _draws(config: TrainingConfig) -> dict[str, tuple]:
    """For each dense layer, by name, what its first weights follow from beside the seed."""
    sizes = cost_estimate.layer_sizes(config)
    names = [*(f"hidden_{number}" for number in range(1, config.depth + 1)), "output"]
    shapes = itertools.pairwise(sizes)
    return {
        # the output layer is always drawn by Glorot, as in the notebook
        name: (shape, "" if name == "output" else config.kernel_initializer)
        for name, shape in zip(names, shapes, strict=True)
    }


def same_order(one: TrainingConfig, other: TrainingConfig) -> bool:
    """Whether both runs see the training images in the same order."""
    return all(getattr(one, name) == getattr(other, name) for name in ("seed", "dataset", "validation_split"))


def start_words(one: TrainingConfig, other: TrainingConfig) -> str:
    """What two runs have in common at their start, in a sentence or two."""
    equal, all_layers = equal_layers(one, other), list(_draws(one))
    order = "The images come in the same order" if same_order(one, other) else "The images come in another order"
    batches = "" if one.batch_size == other.batch_size else ", in batches of another size"
    if set(equal) == set(all_layers) == set(_draws(other)):
        weights = "All weights start equal, number by number."
    elif not equal:
        weights = "No weights start equal: they are drawn in another way or for another shape."
    else:
        weights = f"The first weights of {_layer_words(equal)} are equal, number by number; the others can't be."
    return f"{weights} {order}{batches}."


def _layer_words(names: list[str]) -> str:
    numbers = [int(name.rpartition("_")[2]) for name in names if name != "output"]
    parts = []
    if numbers:
        whole = numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
        parts.append(f"layers {numbers[0]} to {numbers[-1]}" if whole else f"layer {', '.join(map(str, numbers))}")
    if "output" in names:
        parts.append("the output layer")
    return " and ".join(parts)


def change_words(one: TrainingConfig, other: TrainingConfig) -> str:
    """The settings that differ, as a person says it: activation sigmoid → elu."""
    return ", ".join(
        f"{FIELDS[name].label.lower()} {shown(name, old)} → {shown(name, new)}"
        for name, (old, new) in differences(one, other).items()
    )


def new_words(one: TrainingConfig, other: TrainingConfig) -> str:
    """The settings that differ as the second has them, in few words: activation elu."""
    return ", ".join(
        f"{FIELDS[name].label.lower()} {shown(name, new)}" for name, (_, new) in differences(one, other).items()
    )


def shown(name: str, value: Any) -> str:
    """A setting's value as a person reads it."""
    return FIELDS[name].title(value) if isinstance(value, str) else f"{value:,g}"
