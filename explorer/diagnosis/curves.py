"""Rules about the curves: unsuitable learning rates, overfitting, underfitting and early stopping."""

import math
from statistics import median
from typing import Any

from explorer.config import ALPHA, DROPOUT, OFF, TrainingConfig
from explorer.diagnosis.evidence import Evidence
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, number
from explorer.diagnosis.thresholds import limit
from explorer.runs.cause import Cause


def rate_too_high(run: Evidence) -> Finding | None:
    """Steps so large that the loss jumps up and down instead of falling."""
    rate = run.config.learning_rate
    lower = {"learning_rate": float(f"{max(rate / 30, 1e-7):.1g}")}
    if run.suggested_rate:
        lower = {"learning_rate": run.suggested_rate}
    why = (
        "The gradient gives the direction of descent only near the current weights, and a large step ends where it no "
        "longer holds. So the loss jumps up and down, or levels off where smaller steps would still improve it."
    )
    step = _update(run)
    if step is not None and step > limit("large_update") and len(run.records) >= limit("settled_epochs"):
        suggestion = f" The learning-rate finder suggests {run.suggested_rate:g}." if run.suggested_rate else ""
        return Finding(
            "rate_too_high",
            PROBLEM if step > limit("huge_update") and not _learned(run) else WARNING,
            run.since(lambda s: _update_of(s) > limit("large_update") / 2) or run.now.epoch,
            f"One step changes the weights by {step:.1%} of their size (median over layers and recent epochs); about "
            f"0.1% is usual. The learning rate is {rate:g}.{suggestion}",
            why,
            lower,
        )
    rises = [later.loss > earlier.loss for earlier, later in zip(run.records, run.records[1:], strict=False)]
    recent = rises[-int(limit("slope_epochs")) :]
    if len(recent) < limit("slope_epochs") or sum(recent) < limit("rising_share") * len(recent) or _learned(run):
        return None
    if run.last.loss > limit("stuck_loss") * run.chance_loss:
        return None  # it has not begun to learn: another finding
    window = [record.loss for record in run.records[-len(recent) - 1 :]]
    if max(window) < limit("jumping_loss") * min(window):
        return None  # it has levelled off: another finding too
    evidence = f"The training loss rose in {sum(recent)} of the last {len(recent)} epochs, at learning rate {rate:g}."
    return Finding("rate_too_high", WARNING, run.last.epoch - len(recent) + 1, evidence, why, lower)


def rate_too_low(run: Evidence) -> Finding | None:
    """Steps so small that training makes almost no progress."""
    rate = run.config.learning_rate
    step = _update(run)
    if step is None or not run.last:
        return None
    first, last = run.records[0].loss, run.last.loss
    per_epoch = (first - last) / first / max(1, len(run.records) - 1)
    if step >= limit("tiny_update") or per_epoch >= limit("slow_fall") or _learned(run):
        return None
    since = run.since(lambda s: s.epoch > 0 and _update_of(s) < limit("tiny_update"), at_least=2)
    if since is None:
        return None
    suggestion = f" The learning-rate finder suggests {run.suggested_rate:g}." if run.suggested_rate else ""
    return Finding(
        "rate_too_low",
        PROBLEM,
        since,
        f"One step changes the weights by 1/{number(1 / step)} of their size (median over layers); about 1/1,000 is "
        f"usual. The training loss falls by {per_epoch:.1%} per epoch.{suggestion}",
        "The direction is right, but the steps are so short that reaching a minimum would take thousands of epochs. "
        "Nothing looks broken: the curves are smooth and almost flat.",
        {"learning_rate": run.suggested_rate or float(f"{min(max(rate * 1e-3 / step, rate * 10), 1e-2):.1g}")},
    )


def overfitting(run: Evidence) -> Finding | None:
    """The validation loss rises while the training loss keeps falling."""
    best, last = run.best, run.last
    if best is None or last.epoch - best.epoch < limit("overfitting_epochs"):
        return None
    recent = median(r.val_loss for r in run.records[-3:])
    long = last.epoch - best.epoch >= limit("strong_overfitting_epochs")
    rise, fall = recent / best.val_loss, last.loss / best.loss
    if rise < limit("overfitting_rise") or fall > limit("overfitting_fall"):
        return None
    return Finding(
        "overfitting",
        PROBLEM if rise >= limit("strong_overfitting_rise") and long else WARNING,
        best.epoch + 1,
        f"Since epoch {best.epoch}, the validation loss has risen from {best.val_loss:.3f} to {recent:.3f}, while the "
        f"training loss has fallen from {number(best.loss)} to {number(last.loss)}.",
        "The network is now learning details of the training images that do not generalize to other images. "
        f"The weights of epoch {best.epoch} are saved, so only time is lost.",
        _regularized(run.config),
    )


def _regularized(config: TrainingConfig) -> dict[str, Any]:
    if config.dropout == OFF:
        return {"dropout": ALPHA if config.activation == "selu" else DROPOUT}
    return {"l2": 1e-4} if config.l2 == 0 else {"width": max(1, config.width // 2)}


def underfitting(run: Evidence) -> Finding | None:
    """The training loss has levelled off, and even the training images are not learned."""
    window = int(limit("plateau_epochs"))
    if len(run.records) <= window or run.last.accuracy >= limit("learnt_accuracy"):
        return None
    before, last = run.records[-window - 1], run.last
    fall = 1 - last.loss / before.loss
    if fall >= limit("plateau_fall") or last.val_loss > limit("plateau_gap") * last.loss:
        return None
    config = run.config
    change = {"width": min(2048, config.width * 4)} if config.width < 50 else {"depth": max(2, config.depth * 2)}
    since = next((a.epoch for a in run.records if a.loss <= last.loss / (1 - limit("plateau_fall"))), last.epoch)
    return Finding(
        "underfitting",
        WARNING,
        since,
        f"Over the last {window} epochs, the training loss has changed by only {abs(fall):.1%}, to {last.loss:.3f}. "
        f"The training accuracy is {last.accuracy:.1%}, the validation accuracy {last.val_accuracy:.1%}.",
        "The network has learned what it can with these units and these steps. More images would not help, because it "
        "does not even fit the ones it has; more units or another learning rate may.",
        change,
    )


def validation_better(run: Evidence) -> Finding | None:
    """The validation loss is below the training loss, which looks wrong but is normal."""
    count = 0
    for record in reversed(run.records):
        if record.val_loss >= limit("validation_better") * record.loss:
            break
        count += 1
    if count < limit("validation_better_epochs"):
        return None
    if run.config.dropout != OFF and run.config.dropout_rate > 0:
        why = "Dropout switches off units during training only, so predicting is easier during validation."
    elif run.config.batch_norm != OFF:
        why = "During training, batch normalization is subject to the noise of each batch; during validation it is not."
    else:
        why = "The training loss is the mean over an epoch during which the network was still improving."
    return Finding(
        "validation_better",
        NOTE,
        run.last.epoch - count + 1,
        f"In epoch {run.last.epoch}, the validation loss is {run.last.val_loss:.3f} and the training loss "
        f"{run.last.loss:.3f}.",
        f"This is normal. {why}",
    )


def patience_too_short(run: Evidence) -> Finding | None:
    """Early stopping ended the run within the noise of the validation curve."""
    config = run.config
    if run.cause != Cause.EARLY_STOPPING or len(run.records) < 2:
        return None
    before, last = run.records[-config.patience - 1], run.last
    still = 1 - last.loss / before.loss
    rise = last.val_loss / run.best.val_loss - 1
    if config.patience > limit("short_patience") or still < limit("still_falling") or last.accuracy > limit("by_heart"):
        return None
    return Finding(
        "patience_too_short",
        WARNING,
        last.epoch,
        f"Training stopped after {config.patience} epoch{'s' * (config.patience > 1)} without a lower validation loss "
        f"({rise:+.1%} compared with the best), while the training loss still fell by {still:.1%}.",
        "The validation loss fluctuates from epoch to epoch, because steps are noisy and validation images are few. If "
        "the patience is shorter than these fluctuations, the first small rise ends the run.",
        {"patience": 20},
    )


def _update_of(signals) -> float:
    values = [layer.update_ratio for layer in signals.layers if layer.update_ratio is not None]
    values = [value for value in values if math.isfinite(value)]
    return median(values) if values else math.nan


def _update(run: Evidence) -> float | None:
    """The size of a step relative to the weights: the median over the layers and the last three epochs."""
    recent = [_update_of(signals) for signals in run.signals[-3:] if signals.epoch > 0]
    recent = [value for value in recent if math.isfinite(value) and value > 0]
    return median(recent) if recent else None


def _learned(run: Evidence) -> bool:
    return bool(run.last) and run.last.accuracy >= limit("learnt_accuracy")
