"""Early stopping of bad trials by Optuna's pruners, which get a trial's curve epoch by epoch.

A decision depends on the curve and on the completed trials, never on when the driver looked.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explorer.runs.history import RULES, EpochRecord
from explorer.runs.metrics import OBJECTIVES
from explorer.sweeps.study_spec import HYPERBAND, MEDIAN, StudySpec

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import Trial

# a median of fewer trials is unreliable
STARTUP_TRIALS = 4
REDUCTION_FACTOR = 3
REASONS = {
    MEDIAN: "worse than the median of the other trials after epoch {epoch}",
    HYPERBAND: "not in the best third of its bracket after epoch {epoch}",
}


def pruner(spec: StudySpec, most_epochs: int) -> "BasePruner":
    """Optuna's pruner for a study whose trials have at most `most_epochs` epochs."""
    from optuna import pruners

    if spec.pruner == MEDIAN:
        return pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=max(1, most_epochs // 5))
    if spec.pruner == HYPERBAND:
        return pruners.HyperbandPruner(1, max(1, most_epochs), REDUCTION_FACTOR)
    return pruners.NopPruner()


def verdict(
    spec: StudySpec, trial: "Trial", records: Sequence[EpochRecord], reported: int, last_epoch: int
) -> tuple[int, str]:
    """Reports a trial's epochs after the first `reported` to the pruner; returns the number reported and why to prune.

    The reason is empty while the trial continues. A trial that has reached `last_epoch` is not pruned.
    """
    if spec.pruner not in REASONS:
        return len(records), ""
    metric = RULES[spec.objective].metric
    for record in records[reported:]:
        value = getattr(record, metric)
        if not math.isfinite(value):
            continue  # the run has diverged and is about to fail
        trial.report(value, record.epoch)
        if record.epoch < last_epoch and trial.should_prune():
            why = REASONS[spec.pruner].format(epoch=record.epoch)
            return record.epoch, f"pruned by {spec.pruner}: {why}"
    return len(records), ""


def better(spec: StudySpec, value: float, other: float) -> bool:
    """Whether a value of the objective is better than another."""
    return OBJECTIVES[spec.objective].better(value, other)
