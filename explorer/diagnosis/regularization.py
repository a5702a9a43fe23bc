"""Rules about regularization that leaves nothing to learn with: an L2 penalty or dropout that is too strong."""

import math

from explorer.config import ALPHA, ALPHA_OUTPUT, DROPOUT, OFF, TrainingConfig
from explorer.diagnosis.evidence import Evidence, squared_weights
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, number
from explorer.diagnosis.suggestions import rounded
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import percent
from explorer.runs import cost_estimate


def l2_too_strong(run: Evidence) -> Finding | None:
    """An L2 penalty larger than the loss itself, so that training shrinks the weights instead of fitting the images."""
    config = run.config
    if config.l2 == 0:
        return None
    if not run.last:
        return _before_training(run)
    first, last = run.epochs[0], run.last
    shrunk = run.shrunk
    rules = last.penalty >= limit("ruling_penalty") * max(last.loss, 1e-9)
    ruled = first.penalty >= limit("ruling_penalty") * run.chance_loss and shrunk <= limit("shrunk_weights")
    # weights that have grown make a penalty large too, but then it is a consequence
    if not ruled and not (rules and shrunk <= limit("grown_weights")):
        return None
    harmless = (run.learned and shrunk > limit("shrunk_weights")) or last.val_accuracy >= limit("well_learnt_accuracy")
    costly = first.loss + first.penalty >= limit("costly_start") * run.chance_loss
    if harmless and not costly:
        return None
    weights = f" The squared weights have shrunk to {shrunk:.1%} of what they were before training." * (shrunk < 0.5)
    return Finding(
        "l2_too_strong",
        NOTE if harmless else PROBLEM if min(last.accuracy, last.val_accuracy) < limit("half_learnt") else WARNING,
        1,
        f"The L2 penalty makes up {number(last.penalty)} of the training loss of {number(last.loss + last.penalty)}; "
        f"the loss without it is {number(last.loss)} (chance level is {run.chance_loss:.2f}). In epoch {first.epoch}, "
        f"the penalty was {number(first.penalty)}.{weights}",
        "The optimizer lowers the sum of loss and penalty. If the penalty is the larger part, the fastest way down is "
        "to make all weights small, whatever that does to the predictions."
        + (" So far, the network is still learning." if harmless else ""),
        _weaker(run) if not harmless else [],
    )


def _before_training(run: Evidence) -> Finding | None:
    penalty = run.config.l2 * squared_weights(run.start) if run.start else 0.0
    if not penalty >= limit("ruling_at_start") * run.chance_loss:
        return None
    return Finding(
        "l2_too_strong",
        WARNING,
        0,
        f"Before training, the L2 penalty is {number(penalty)}; chance level is {run.chance_loss:.2f}.",
        "The optimizer lowers the sum of loss and penalty. If the penalty is by far the larger part, the fastest way "
        "down is to make all weights small, whatever that does to the predictions.",
        _weaker(run),
    )


def _weaker(run: Evidence) -> list[Fix]:
    """A penalty that starts at a twentieth of the loss of guessing, and none."""
    start = squared_weights(run.start) if run.start else 0.0
    least = rounded(limit("mild_penalty") * run.chance_loss / start) if start > 0 and math.isfinite(start) else 1e-5
    return [Fix({"l2": min(least, 1e-4)}), Fix({"l2": 0.0})]


def dropout_too_strong(run: Evidence) -> Finding | None:
    """Dropout that leaves so few units, over so many layers, that nothing of the image reaches the output."""
    config, last = run.config, run.last
    layers = dropping_layers(config)
    if layers == 0 or config.dropout_rate == 0 or not last:
        return None
    kept = (1 - config.dropout_rate) ** layers
    if kept > limit("kept_signal") or len(run.records) < limit("settled_epochs"):
        return None
    if last.val_accuracy >= limit("learnt_accuracy") or run.learned:
        return None
    narrowest = min(cost_estimate.layer_sizes(config)[1:-1], default=config.width)
    units = max(1, round(narrowest * (1 - config.dropout_rate)))
    alpha = config.dropout == ALPHA
    where = "the last hidden layer" if layers == 1 else f"each of {layers} layers"
    return Finding(
        "dropout_too_strong",
        PROBLEM,
        1,
        f"At a {'alpha ' if alpha else ''}dropout rate of {config.dropout_rate:g}, {units:,} of {narrowest:,} units "
        f"remain per step in {where}. The training accuracy is {percent(last.accuracy)}, the validation accuracy "
        f"{percent(last.val_accuracy)}.",
        "Every layer adds its own noise to what is left of the signal. With "
        f"{config.dropout_rate:.0%} of the units dropped in {where}, {_percent(kept)} of the variation in the output "
        "still depends on the image; the rest is noise, and the network cannot learn from it.",
        gentler_dropout(config),
    )


def _percent(share: float) -> str:
    return f"about {share:.0%}" if share >= 0.01 else "less than 1%"


def dropping_layers(config: TrainingConfig) -> int:
    """The number of layers whose units are dropped."""
    if config.dropout == ALPHA_OUTPUT:
        return 1
    return config.depth if config.dropout in (DROPOUT, ALPHA) else 0


def gentle_rate(config: TrainingConfig) -> float:
    """A dropout rate at which about half of the signal passes all layers that drop units, in steps of 0.01."""
    layers = max(1, dropping_layers(config) or config.depth)
    return max(0.01, math.floor(100 * (1 - limit("gentle_signal") ** (1 / layers))) / 100)


def gentler_dropout(config: TrainingConfig) -> list[Fix]:
    """Less dropout, and none."""
    return [Fix({"dropout_rate": gentle_rate(config)}), Fix({"dropout": OFF})]
