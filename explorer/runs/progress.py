"""Progress of a run and estimates of the time it has left, from its records."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from explorer.config import TrainingConfig
from explorer.runs.history import EpochRecord, epochs_without_improvement
from explorer.runs.status import COMPLETED, RunStatus

RECENT_EPOCHS = 5


@dataclass(frozen=True)
class Outlook:
    """The progress of a run: the `fraction` of its maximum epochs, 1 once it is completed.

    Times are in seconds, None before the first epoch: `at_most` is the time left until the last epoch, `at_least` the
    time left if no epoch improves any more, so that early stopping ends the run.
    """

    fraction: float
    epoch: int
    seconds_per_epoch: float | None
    at_most: float | None
    at_least: float | None


def outlook(config: TrainingConfig, status: RunStatus, records: Sequence[EpochRecord]) -> Outlook:
    """The progress of a run and the time it has left."""
    done = len(records)
    within = status.step / status.steps if status.steps and status.epoch == done + 1 else 0.0
    seconds = median(r.seconds for r in records[-RECENT_EPOCHS:]) if records else None
    waited = epochs_without_improvement(records) if records else 0
    left = max(0.0, config.epochs - done - within)
    patience_left = max(0.0, config.patience - waited - within)
    return Outlook(
        fraction=1.0 if status.status == COMPLETED else min(1.0, (done + within) / config.epochs),
        epoch=min(done + 1, config.epochs),
        seconds_per_epoch=seconds,
        at_most=seconds * left if seconds is not None else None,
        at_least=seconds * min(left, patience_left) if seconds is not None else None,
    )


def duration(seconds: float) -> str:
    """Seconds as text: 0.8 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min"
