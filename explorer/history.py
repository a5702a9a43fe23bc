"""What a run measured: one record an epoch, the best epoch under a named rule, and tidy frames for charts."""

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from statistics import median
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


_NUMBERS = tuple(f.name for f in fields(EpochRecord) if f.name != "epoch")
_NUMERIC = frozenset((float, int, type(None)))


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


def time_to_accuracy(records: Sequence[EpochRecord], accuracy: float) -> tuple[int, float] | None:
    """The first epoch whose validation accuracy (0–1) reaches a level, and the seconds until its end; None without."""
    seconds = 0.0
    for record in records:
        seconds += record.seconds if math.isfinite(record.seconds) else 0.0
        if record.val_accuracy >= accuracy:
            return record.epoch, seconds
    return None


CURVE_POINTS = 24  # as many as a curve in a table's row can show


@dataclass(frozen=True, slots=True)
class Outline:
    """What a list shows of a history, so that it need not hold every epoch of thousands of runs.

    `best` is by lowest validation loss; `seconds` are those of all epochs, `epoch_seconds` their median; `curve` is the
    validation loss, thinned out to at most `CURVE_POINTS`, the last epoch included, NaN where it was not finite.
    """

    epochs: int = 0
    best: EpochRecord | None = None
    seconds: float = 0.0
    epoch_seconds: float | None = None
    curve: tuple[float, ...] = ()


NO_EPOCHS = Outline()


def outline(records: Sequence[EpochRecord]) -> Outline:
    """The outline of a history."""
    return Outline(
        epochs=len(records),
        best=best_epoch(records),
        seconds=sum(r.seconds for r in records),
        epoch_seconds=median(r.seconds for r in records) if records else None,
        curve=_thinned([r.val_loss for r in records]),
    )


def outline_of_lines(lines: Sequence[str]) -> Outline:
    """The outline of a history's lines, without a record of each; raises `ValueError` when one may be damaged."""
    rows = json.loads(f"[{','.join(lines)}]")  # one call for all lines is several times as fast as one for each
    try:
        columns = [[row[name] for row in rows] for name in _NUMBERS]
        sound = len(rows) == len(lines) and all(type(row["epoch"]) is int for row in rows)
    except (KeyError, TypeError):
        sound = False
    if not sound or not all(_NUMERIC.issuperset(map(type, column)) for column in columns):
        raise ValueError("not a history of epoch records")
    loss, seconds = _NUMBERS.index("val_loss"), _NUMBERS.index("seconds")
    columns = [[math.nan if value is None else float(value) for value in column] for column in columns]
    finite = [place for place, value in enumerate(columns[loss]) if math.isfinite(value)]
    best = min(finite, key=columns[loss].__getitem__, default=None)
    return Outline(
        epochs=len(rows),
        best=None if best is None else EpochRecord(rows[best]["epoch"], *(column[best] for column in columns)),
        seconds=sum(columns[seconds]),
        epoch_seconds=median(columns[seconds]) if rows else None,
        curve=_thinned(columns[loss]),
    )


def _thinned(values: Sequence[float]) -> tuple[float, ...]:
    step = max(1, -(-len(values) // CURVE_POINTS))
    return tuple(values[::-1][::step][::-1])  # counted from the end, so that the last one is among them


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
