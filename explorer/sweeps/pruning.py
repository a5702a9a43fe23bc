"""Which trials end early: Optuna's pruners, fed with a trial's curve epoch by epoch.

A decision depends on the curve and on the trials that are completed, never on when the driver looked.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explorer.runs.history import RULES, EpochRecord
from explorer.sweeps.study_spec import HYPERBAND, MEDIAN, OBJECTIVES, StudySpec

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import Trial

# the median of fewer trials says little
STARTUP_TRIALS = 4
REDUCTION_FACTOR = 3
WORDS = {
    MEDIAN: "worse than the median of the other trials after epoch {epoch}",
    HYPERBAND: "not among the best third of its bracket after epoch {epoch}",
}


def pruner(spec: StudySpec, most_epochs: int) -> "BasePruner":
    """Optuna's pruner of a study whose trials have at most so many epochs."""
    from optuna import pruners

    if spec.pruner == MEDIAN:
        return pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=max(1, most_epochs // 5))
    if spec.pruner == HYPERBAND:
        return pruners.HyperbandPruner(1, max(1, most_epochs), REDUCTION_FACTOR)
    return pruners.NopPruner()


def verdict(
    spec: StudySpec, trial: "Trial", records: Sequence[EpochRecord], told: int, last_epoch: int
) -> tuple[int, str]:
    """Tells a trial's pruner the epochs after the first `told`; returns how many it knows then, and why to end it.

    The reason is empty while the trial goes on. After `last_epoch` there is nothing left to save.
    """
    if spec.pruner not in WORDS:
        return len(records), ""
    metric = RULES[spec.objective].metric
    for record in records[told:]:
        value = getattr(record, metric)
        if not math.isfinite(value):
            continue  # its run is about to be told as diverged
        trial.report(value, record.epoch)
        if record.epoch < last_epoch and trial.should_prune():
            why = WORDS[spec.pruner].format(epoch=record.epoch)
            return record.epoch, f"pruned by {spec.pruner}: {why}"
    return len(records), ""


def better(spec: StudySpec, value: float, other: float) -> bool:
    """Whether a value of the objective is better than another."""
    return value < other if OBJECTIVES[spec.objective] == "minimize" else value > other
