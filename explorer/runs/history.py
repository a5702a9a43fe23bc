"""The history of a run: one record per epoch, the best epoch by a named rule, and tidy frames for charts."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from explorer import records as json_records
from explorer.errors import FieldError
from explorer.records import Epoch, Real, Seconds, Share
from explorer.runs.metrics import METRICS, OBJECTIVES, is_penalized
from explorer.runs.thinning import thinned

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch: mean loss and accuracy (0–1) over each split, under Keras's own names.

    `epoch` counts from 1, `seconds` is the wall time of training and validation. As in Keras, the losses include the
    regularization penalty: `penalty` is its mean over the epoch's steps, `val_penalty` its value after the epoch.
    `clipped` is the share of the epoch's steps whose gradient was clipped. These three are NaN where an earlier version
    of the project did not record them.
    """

    epoch: int
    loss: Real
    accuracy: Share
    val_loss: Real
    val_accuracy: Share
    learning_rate: Real
    seconds: Seconds
    penalty: Real = 0.0
    val_penalty: Real = 0.0
    clipped: Share = 0.0

    @property
    def data_loss(self) -> float:
        """The training loss without the penalty."""
        return _without(self.penalty, self.loss)

    @property
    def val_data_loss(self) -> float:
        """The validation loss without the penalty: the cross-entropy alone."""
        return _without(self.val_penalty, self.val_loss)

    @property
    def penalized(self) -> bool:
        """Whether the validation loss includes a penalty."""
        return is_penalized(self.val_penalty)

    def to_json(self) -> str:
        """The record as one line of JSON; NaN and infinite values become null."""
        return json.dumps({k: v if math.isfinite(v) else None for k, v in asdict(self).items()})

    @classmethod
    def from_json(cls, line: str) -> "EpochRecord":
        """The record in a line written by `to_json`; raises `ValueError` for anything else."""
        return _record(json_records.from_json(line.encode(), _Line))


# a value that was NaN or infinite, or that an earlier version did not record, is null in a line and NaN in a record
_Line = msgspec.defstruct(
    "_Line",
    [
        (name, Epoch if name == "epoch" else kind | None, *([] if item.default is MISSING else [None]))
        for (name, item), kind in zip(
            EpochRecord.__dataclass_fields__.items(),
            get_type_hints(EpochRecord, include_extras=True).values(),
            strict=True,
        )
    ],
    gc=False,
)
_NUMBERS = tuple(f.name for f in fields(EpochRecord) if f.name != "epoch")


def _record(line: Any) -> EpochRecord:
    values = [math.nan if (value := getattr(line, name)) is None else value for name in _NUMBERS]
    return EpochRecord(line.epoch, *values)


def _lines(content: bytes) -> list[Any]:
    """The complete lines of a history file; the last line may be unfinished. Raises `ValueError`."""
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = json_records.decoder(_Line).decode_lines(whole)  # one call for all lines
        sound = len(lines) == whole.count(b"\n")
    except (ValueError, RecursionError):
        sound = False
    if not sound:
        lines = [_line(number, line) for number, line in enumerate(whole.split(b"\n")[:-1], 1)]
    for number, (before, line) in enumerate(pairwise(lines), 2):
        if line.epoch <= before.epoch:
            raise ValueError(f"line {number}: epoch {line.epoch:,} follows epoch {before.epoch:,}")
    return lines


def _line(number: int, line: bytes) -> Any:
    try:
        return json_records.from_json(line, _Line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None


def read(content: bytes) -> list[EpochRecord]:
    """The epochs in a history file, without an unfinished last line; raises `ValueError` for a damaged line."""
    return [_record(line) for line in _lines(content)]


@dataclass(frozen=True)
class SelectionRule:
    """How one epoch is selected to represent a run; `criterion` completes "selected by …"."""

    name: str
    criterion: str
    metric: str | None
    higher_is_better: bool = False


RULES: dict[str, SelectionRule] = {
    rule.name: rule
    for rule in (
        *(SelectionRule(name, each.selected_by, name, each.higher_is_better) for name, each in OBJECTIVES.items()),
        SelectionRule("last", "last epoch", None),
    )
}


def best_epoch(records: Sequence[EpochRecord], rule: str = "val_loss") -> EpochRecord | None:
    """The epoch that a rule selects, the earliest of equal ones; None when no epoch has a finite value."""
    if rule not in RULES:
        raise FieldError("selection rule", rule, "one of " + ", ".join(RULES))
    chosen = RULES[rule]
    if chosen.metric is None:
        return records[-1] if records else None
    finite = [r for r in records if math.isfinite(getattr(r, chosen.metric))]
    sign = -1 if chosen.higher_is_better else 1
    return min(finite, key=lambda r: sign * getattr(r, chosen.metric), default=None)


def epochs_without_improvement(records: Sequence[EpochRecord]) -> int:
    """The number of epochs since the lowest validation loss, as Keras's `EarlyStopping` counts them."""
    best = best_epoch(records)
    return records[-1].epoch - best.epoch if best else len(records)


def time_to_accuracy(records: Sequence[EpochRecord], accuracy: float) -> tuple[int, float] | None:
    """The first epoch whose validation accuracy (0–1) reaches a level, and the seconds until its end, or None."""
    seconds = 0.0
    for record in records:
        seconds += record.seconds if math.isfinite(record.seconds) else 0.0
        if record.val_accuracy >= accuracy:
            return record.epoch, seconds
    return None


CURVE_POINTS = 24  # as many as a curve in a table's row can show


@dataclass(frozen=True, slots=True)
class Outline:
    """The part of a history that a list of runs shows, so that it need not hold every epoch of thousands of runs.

    `best` has the lowest validation loss; `seconds` is the total of all epochs, `epoch_seconds` the median; `curve` is
    the validation loss, thinned to at most `CURVE_POINTS` with the last epoch included, NaN where it was not finite.
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
        seconds=sum((r.seconds for r in records), 0.0),
        epoch_seconds=median(r.seconds for r in records) if records else None,
        curve=tuple(thinned([r.val_loss for r in records], CURVE_POINTS)),
    )


def read_outline(content: bytes) -> Outline:
    """The outline of a history file, without a record for each line; raises `ValueError` for a damaged line."""
    lines = _lines(content)
    losses, seconds = (
        [math.nan if (value := getattr(line, name)) is None else value for line in lines]
        for name in ("val_loss", "seconds")
    )
    finite = [place for place, value in enumerate(losses) if math.isfinite(value)]
    best = min(finite, key=losses.__getitem__, default=None)
    return Outline(
        epochs=len(lines),
        best=None if best is None else _record(lines[best]),
        seconds=sum(seconds, 0.0),
        epoch_seconds=median(seconds) if lines else None,
        curve=tuple(thinned(losses, CURVE_POINTS)),
    )


TRAINING, VALIDATION = "training", "validation"


def without_penalty(records: Sequence[EpochRecord]) -> Sequence[EpochRecord]:
    """The records with the losses of the data alone; as they are if the penalty of a loss is not known."""
    sums = [pair for r in records for pair in ((r.loss, r.penalty), (r.val_loss, r.val_penalty))]
    known = all(math.isfinite(penalty) for loss, penalty in sums if math.isfinite(loss))
    if not known or not any(penalty for _, penalty in sums):
        return records
    return [replace(record, loss=record.data_loss, val_loss=record.val_data_loss) for record in records]


def _without(penalty: float, loss: float) -> float:
    # rounding to single precision can leave less than nothing of a large sum; NaN stays NaN
    return max(loss - penalty, 0.0)


def tidy(run_id: str, records: Iterable[EpochRecord]) -> "pd.DataFrame":
    """A long frame `run_id, epoch, split, metric, value` of loss and accuracy, one row per point."""
    import pandas as pd

    rows = [
        (run_id, record.epoch, split, metric.name, getattr(record, name))
        for record in records
        for metric in METRICS.values()
        for split, name in ((TRAINING, metric.name), (VALIDATION, metric.validation))
    ]
    return pd.DataFrame(rows, columns=["run_id", "epoch", "split", "metric", "value"])
