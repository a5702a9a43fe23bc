"""What a run measured: one record an epoch, the best epoch under a named rule, and tidy frames for charts."""

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from explorer.errors import FieldError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch: mean loss and accuracy (0–1) over each split, under Keras's own names.

    `epoch` counts from 1, `seconds` is the wall time of training and validation.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float

    def to_json(self) -> str:
        """One line of JSON; a value that is not finite becomes null."""
        return json.dumps({k: v if math.isfinite(v) else None for k, v in asdict(self).items()})

    @classmethod
    def from_json(cls, line: str) -> "EpochRecord":
        """The record of `to_json`'s line; raises `ValueError` for anything else."""
        values = json.loads(line)
        with suppress(KeyError, TypeError, OverflowError):  # the last one: a whole number too large for a float
            known = {f.name: math.nan if values[f.name] is None else values[f.name] for f in fields(cls)}
            epoch = known.pop("epoch")
            if type(epoch) is int and all(type(value) in (int, float) for value in known.values()):
                return cls(epoch, **{name: float(value) for name, value in known.items()})
        raise ValueError(f"not an epoch record: {line[:80]!r}")


@dataclass(frozen=True)
class SelectionRule:
    """How one epoch is chosen to stand for a run; `words` completes "selected by …"."""

    name: str
    words: str
    metric: str | None
    sign: int = 1


RULES: dict[str, SelectionRule] = {
    rule.name: rule
    for rule in (
        SelectionRule("val_loss", "lowest validation loss", "val_loss"),
        SelectionRule("val_accuracy", "highest validation accuracy", "val_accuracy", -1),
        SelectionRule("last", "last epoch", None),
    )
}


def best_epoch(records: Sequence[EpochRecord], rule: str = "val_loss") -> EpochRecord | None:
    """The epoch that a rule selects, the earlier one of equals; None when no epoch has a finite value."""
    if rule not in RULES:
        raise FieldError("selection rule", rule, "one of " + ", ".join(RULES))
    chosen = RULES[rule]
    if chosen.metric is None:
        return records[-1] if records else None
    finite = [r for r in records if math.isfinite(getattr(r, chosen.metric))]
    return min(finite, key=lambda r: chosen.sign * getattr(r, chosen.metric), default=None)


def epochs_without_improvement(records: Sequence[EpochRecord]) -> int:
    """How many epochs have passed since the lowest validation loss, as Keras's EarlyStopping counts them."""
    best = best_epoch(records)
    return records[-1].epoch - best.epoch if best else len(records)


METRICS = {"loss": ("loss", "val_loss"), "accuracy": ("accuracy", "val_accuracy")}
TRAINING, VALIDATION = "training", "validation"


def tidy(run_id: str, records: Iterable[EpochRecord]) -> "pd.DataFrame":
    """A long frame `run_id, epoch, split, metric, value` of loss and accuracy, one row a point."""
    import pandas as pd

    rows = [
        (run_id, record.epoch, split, metric, getattr(record, name))
        for record in records
        for metric, names in METRICS.items()
        for split, name in zip((TRAINING, VALIDATION), names, strict=True)
    ]
    return pd.DataFrame(rows, columns=["run_id", "epoch", "split", "metric", "value"])
