"""Settings as short texts: one value, one setting, and a whole configuration."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from explorer.config import (
    AFTER_ACTIVATION,
    ALPHA,
    ALPHA_OUTPUT,
    BEFORE_ACTIVATION,
    CONSTANT,
    COSINE,
    DROPOUT,
    FIELDS,
    HORIZONTAL,
    OFF,
    ONE_CYCLE,
    PAIRS,
    RAW,
    STANDARDIZED,
    UNIT,
    TrainingConfig,
)
from explorer.data.datasets import BUILT_IN, DATASETS
from explorer.data.spec import DatasetSpec
from explorer.data.split import BOOK, NOTEBOOK
from explorer.plain_text import decimal

_FIRST = ("dataset", "activation", "depth", "width")  # what every configuration's text begins with
_SHORT_LABELS = {"learning_rate": "rate", "batch_size": "batch", "epochs": "max epochs", "dropout_rate": "drop"}
# values that are told without the name of their field, in short texts and in sentences
IDIOMS = {
    ("input_scaling", RAW): "raw inputs",
    ("dropout", OFF): "no dropout",
    ("dropout", ALPHA_OUTPUT): "alpha dropout before the output",
    ("flip", OFF): "no flips",
    ("flip", HORIZONTAL): "flips",
    ("shift", 0): "no shifts",
    ("mixup", 0.0): "no mixup",
    ("skip", OFF): "no skip connections",
    ("skip", PAIRS): "skip connections",
    ("weight_decay", 0.0): "no weight decay",
    ("label_smoothing", 0.0): "no label smoothing",
}
_SHORT_VALUES = IDIOMS | {
    ("batch_norm", OFF): "no batch norm",
    ("batch_norm", AFTER_ACTIVATION): "batch norm",
    ("batch_norm", BEFORE_ACTIVATION): "batch norm before",
    ("input_scaling", STANDARDIZED): "standardized",
    ("input_scaling", UNIT): "scaled to 0–1",
    ("dropout", DROPOUT): "dropout",
    ("dropout", ALPHA): "alpha dropout",
    ("schedule", ONE_CYCLE): "1cycle",
    ("schedule", COSINE): "cosine decay",
    ("schedule", CONSTANT): "constant rate",
    ("validation_split", NOTEBOOK): "the notebook's split",
    ("validation_split", BOOK): "the book's split",
}


def display_value(field: str, value: Any) -> str:
    """A field's value as display text."""
    if FIELDS[field].choices:
        return FIELDS[field].title(value)
    return decimal(value)


def in_short(field: str, value: Any) -> str:
    """One setting in a few words, such as "rate 0.001" or "batch norm"."""
    if short := _SHORT_VALUES.get((field, value)):
        return short
    if FIELDS[field].choices:
        return display_value(field, value)
    return f"{_SHORT_LABELS.get(field, FIELDS[field].lower_label)} {display_value(field, value)}"


def label(row: Mapping[str, Any], fields: Sequence[str]) -> str:
    """A short label of a run or a group: the given fields of its configuration, or "the same settings" without any."""
    return ", ".join(in_short(name, row[name]) for name in fields) or "the same settings"


@lru_cache(maxsize=16_384)  # as many as a list of runs may have
def settings_in_short(config: TrainingConfig) -> str:
    """A configuration in short: its data set and network, then every other setting that is not the default.

    Such as "CIFAR-10 ELU+BN 20×100, rate 0.001, seed 2".
    """
    values = vars(config)
    in_head = (*_FIRST, "batch_norm") if config.batch_norm == AFTER_ACTIVATION else _FIRST
    norm = "+BN" if "batch_norm" in in_head else ""
    activation = FIELDS["activation"].title(config.activation)
    head = f"{_dataset(DATASETS[config.dataset])} {activation}{norm} {config.depth}×{config.width}"
    others = [
        in_short(name, values[name])
        for name, field in FIELDS.items()
        if name not in in_head and values[name] != field.default and field.matters(values)
    ]
    return ", ".join([head, *others])


def _dataset(spec: DatasetSpec) -> str:
    """The short title of a data set, unless it is another one's title: that of "CIFAR-100 (20 groups)" is."""
    short = spec.short_title
    return spec.title if any(other.title == short for other in BUILT_IN.values()) else short
