"""The effect of a fix on a run: both at the same epoch, on the same validation images; pure functions."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.evaluation.mcnemar import SIGNIFICANT, Comparison
from explorer.fixes.plan import LENGTHS, Change
from explorer.plain_text import count, percent
from explorer.runs.cause import Cause
from explorer.runs.history import RULES, EpochRecord, best_epoch
from explorer.runs.twin import describe_new_values, describe_same_start


@dataclass(frozen=True)
class Effect:
    """A fix, and the epochs that are compared: `before` of the run as it is, `after` with the change.

    `after` is None if the run with the change ended without a result, for `cause`; `before` is None if the run as it is
    has no finished epoch. `compared` counts the validation images that only one of the two classifies correctly; None
    where an earlier version did not record them. `run` is the name of the run with the change.
    """

    change: Change
    config: TrainingConfig
    changed: TrainingConfig
    before: EpochRecord | None
    after: EpochRecord | None
    cause: Cause | None = None
    compared: Comparison | None = None
    run: str = ""

    @property
    def difference(self) -> float | None:
        """Validation accuracy with the fix minus that without; None where one of the two is missing."""
        return self.after.val_accuracy - self.before.val_accuracy if self.before and self.after else None

    @property
    def helps(self) -> bool:
        """Whether the fix reaches a higher validation accuracy, or a result where there was none."""
        return self.after is not None and (self.before is None or self.difference > 0)

    @property
    def failed(self) -> bool:
        """Whether the run with the change ended for a reason of its machine, so that another attempt may succeed."""
        return self.after is None and self.cause is not Cause.DIVERGED

    @property
    def is_clear(self) -> bool:
        """Whether equally good networks would rarely differ as much, by McNemar's test."""
        return self.compared is not None and self.compared.p_value < SIGNIFICANT


def compared_epochs(
    before: Sequence[EpochRecord], after: Sequence[EpochRecord], change: Change
) -> tuple[EpochRecord | None, EpochRecord | None]:
    """The last epoch that both have; for a change of nothing but the length, the best epoch of each."""
    if set(change) <= LENGTHS and change:
        return best_epoch(before), best_epoch(after)
    if not before or not after:
        return None, after[-1] if after else None
    last = min(before[-1].epoch, after[-1].epoch)
    return tuple(next((record for record in records if record.epoch == last), None) for records in (before, after))


def effect_of(
    change: Change,
    config: TrainingConfig,
    changed: TrainingConfig,
    before: Sequence[EpochRecord],
    after: Sequence[EpochRecord],
    cause: Cause | None,
    correct: tuple[Callable[[int], np.ndarray | None], Callable[[int], np.ndarray | None]],
    run: str = "",
) -> Effect:
    """The effect of a change; for each run, `correct` gives the images `[N]` classified correctly after an epoch."""
    one, other = compared_epochs(before, after, change)
    if cause not in (Cause.ALL_EPOCHS, Cause.EARLY_STOPPING, Cause.STOPPED_BY_REQUEST, Cause.PAUSED_BY_REQUEST):
        other = None
    compared = None
    if one and other:
        right = correct[0](one.epoch), correct[1](other.epoch)
        if right[0] is not None and right[1] is not None:
            compared = Comparison.of(*right)
    return Effect(change, config, changed, one, other, cause, compared, run)


def ranked(effects: Iterable[Effect]) -> list[Effect]:
    """The effects, the largest gain in validation accuracy first; those without a result come last."""

    def gain(effect: Effect) -> tuple:
        if effect.after is None:
            return -math.inf, -math.inf
        before = effect.before.val_accuracy if effect.before else 0.0
        loss = effect.after.val_loss
        return effect.after.val_accuracy - before, -loss if math.isfinite(loss) else -math.inf

    return sorted(effects, key=gain, reverse=True)


def sentence(effect: Effect) -> str:
    """The effect in one sentence, such as "With learning rate 0.001: 46.93% instead of 43.08% after 8 epochs …"."""
    name = f"With {describe_new_values(effect.config, effect.changed)}"
    start = describe_same_start(effect.config, effect.changed)
    if effect.after is None:
        ended = "training diverges" if effect.cause is Cause.DIVERGED else "training ended without a result"
        return f"{name}, {ended} ({start})."
    after = effect.after
    if effect.before is None:
        reached = f"{percent(after.val_accuracy)} after {count(after.epoch, 'epoch')}"
        return f"{name}: {reached}; without it, no epoch was finished ({start})."
    before = effect.before
    if before.epoch != after.epoch:
        return (
            f"{name}: {percent(after.val_accuracy)} at epoch {after.epoch:,} instead of "
            f"{percent(before.val_accuracy)} at epoch {before.epoch:,} ({RULES['val_loss'].criterion}; {start})."
        )
    reached = f"{percent(after.val_accuracy)} instead of {percent(before.val_accuracy)}"
    return f"{name}: {reached} after {count(after.epoch, 'epoch')} ({start})."


def interval_words(effect: Effect) -> str:
    """The difference with its interval and McNemar's p-value, or why there is none; empty without a result."""
    if effect.difference is None:
        return ""
    noun = DATASETS[effect.config.dataset].noun
    if effect.compared is None:
        reason = f"an earlier version did not record which {noun} were correct"
        return f"{_points(effect.difference)} points (no interval: {reason})"
    low, high = map(_points, effect.compared.interval)
    only = f"{effect.compared.only_b:,} {noun} correct only with it, {effect.compared.only_a:,} only without"
    p_value = effect.compared.p_value
    chance = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"
    return f"{_points(effect.difference)} points (95% interval {low} to {high}; {only}; {chance})"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def verdict(effects: Sequence[Effect]) -> str:
    """Which of the ranked fixes is best, in one sentence; empty without any."""
    if not effects:
        return ""
    best = effects[0]
    name = describe_new_values(best.config, best.changed)
    if not best.helps:
        return "None of these fixes helps."
    if best.compared and not best.is_clear:
        noun = DATASETS[best.config.dataset].noun
        return f"The best fix is {name}, but on these {noun} the difference could be due to chance."
    return f"The best fix is {name}."


def values(effect: Effect) -> dict[str, Any]:
    """The effect for JSON: `before` and `after` with `val_accuracy` and `val_loss`, and the difference."""
    compared = effect.compared
    return {
        "before": _metrics(effect.before),
        "after": _metrics(effect.after),
        "difference": effect.difference,
        "interval": list(compared.interval) if compared else None,
        "p_value": compared.p_value if compared else None,
        "only_before": compared.only_a if compared else None,
        "only_after": compared.only_b if compared else None,
        "tried_by": effect.run,
        "cause": effect.cause,
        "sentence": sentence(effect),
    }


def _metrics(record: EpochRecord | None) -> dict[str, Any]:
    return {
        "val_accuracy": record.val_accuracy if record else None,
        "val_loss": record.val_loss if record else None,
        "epoch": record.epoch if record else None,
    }
