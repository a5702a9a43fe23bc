"""Rules about an L2 penalty, weight decay, dropout, shifts or label smoothing so strong that they prevent learning."""

import math

from explorer.config import ALPHA, ALPHA_OUTPUT, DROPOUT, OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis.evidence import Evidence, squared_weights
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, fraction, number
from explorer.diagnosis.suggestions import rounded
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import decimal, percent
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
    harmless = (run.learned and shrunk > limit("shrunk_weights")) or run.unharmed
    costly = first.loss + first.penalty >= limit("costly_start") * run.chance_loss
    if harmless and not costly:
        return None
    now = (
        f"The L2 penalty makes up {number(last.penalty)} of the training loss of {number(last.loss + last.penalty)}; "
        f"the loss without it is {number(last.loss)} (chance level is {run.chance_loss:.2f}). In epoch {first.epoch}, "
        f"the penalty was {number(first.penalty)}."
    )
    if not rules:
        now = (
            f"In epoch {first.epoch}, the L2 penalty was {number(first.penalty)}, while chance level is "
            f"{run.chance_loss:.2f}. The loss without the penalty is now {number(last.loss)}."
        )
    return Finding(
        "l2_too_strong",
        NOTE if harmless else PROBLEM if min(last.accuracy, last.val_accuracy) < limit("half_learnt") else WARNING,
        1,
        f"{now} {_shrunk(shrunk)}".strip(),
        "The optimizer lowers the sum of loss and penalty. If the penalty is the larger part, the fastest way down is "
        "to make all weights small, whatever that does to the predictions."
        + (" So far, the network is still learning." if harmless else ""),
        _weaker(run) if not harmless else [],
    )


def _shrunk(squares: float) -> str:
    """How far the weights have shrunk, as a sentence; empty if they have not."""
    if squares >= 0.5:
        return ""
    share = f"{squares:.1%}" if squares >= 1e-3 else fraction(squares)
    return f"The squared weights have shrunk to {share} of what they were before training."


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


def weight_decay_too_strong(run: Evidence) -> Finding | None:
    """Weight decay that shrinks the weights faster than training makes them grow."""
    config, last = run.config, run.last
    per_step = run.highest_rate * config.weight_decay
    per_epoch = per_step * run.steps_per_epoch
    if not last or run.unharmed or per_epoch < limit("decayed_per_epoch"):
        return None
    signal = math.sqrt(min(1.0, run.shrunk)) ** (config.depth + 1)
    shrunk = run.shrunk <= limit("shrunk_weights") or signal <= limit("decayed_signal")
    if not shrunk and per_epoch < limit("decayed_within_an_epoch"):
        return None
    mild = rounded(limit("mild_decay") / (run.highest_rate * run.steps_per_epoch))
    return Finding(
        "weight_decay_too_strong",
        PROBLEM if min(last.accuracy, last.val_accuracy) < limit("half_learnt") else WARNING,
        1,
        f"{_shrunk(run.shrunk)} Without gradients, an epoch at a learning rate of {decimal(run.highest_rate)} would "
        f"multiply the weights by {math.exp(-per_epoch):.2g}. The training accuracy is {percent(last.accuracy)}, the "
        f"validation accuracy {percent(last.val_accuracy)}.".strip(),
        "In every step, weight decay takes a share of each weight: the learning rate times the weight decay, here "
        f"{number(per_step)}. If that is more than gradients add, the weights disappear, whatever that does to the "
        "predictions.",
        [Fix({"weight_decay": min(mild, 0.01)}), Fix({"weight_decay": 0.0})],
    )


def shift_too_strong(run: Evidence) -> Finding | None:
    """Shifts that move so much out of the images that what is left is hard to recognize."""
    config, last, spec = run.config, run.last, DATASETS[run.config.dataset]
    if not last or not config.shift or not spec.pictures or len(run.records) < limit("settled_epochs"):
        return None
    rows, columns = spec.image_shape[:2]
    side = min(rows, columns)
    harmless = run.learned or run.contradicted or last.val_accuracy >= limit("learnt_accuracy")
    if config.shift < limit("large_shift") * side or harmless:
        return None
    if run.beginning and 2 * config.shift < side:
        return None  # half of each image stays in it, from which a network learns more than nothing
    return Finding(
        "shift_too_strong",
        PROBLEM if last.val_accuracy < limit("half_learnt") else WARNING,
        1,
        f"Images of {columns} × {rows} pixels are shifted by up to {config.shift} pixels in each direction. The "
        f"training accuracy is {percent(last.accuracy)}, the validation accuracy {percent(last.val_accuracy)}.",
        "A fully connected network has weights of its own for every pixel, so a shifted image is a different image to "
        "it. With so many of them, it needs many more epochs and units, and what has left an image cannot be learned.",
        [Fix({"shift": math.floor(limit("gentle_shift") * side)}), Fix({"shift": 0})],
    )


def smoothing_too_strong(run: Evidence) -> Finding | None:
    """Label smoothing that leaves hardly any difference between the true class and the others."""
    config, last = run.config, run.last
    smoothing = config.label_smoothing
    if not last or smoothing < limit("strong_smoothing") or len(run.records) < limit("settled_epochs"):
        return None
    if run.learned or last.val_accuracy >= limit("learnt_accuracy"):
        return None
    other = smoothing / run.classes
    return Finding(
        "smoothing_too_strong",
        PROBLEM if run.beginning else WARNING,
        1,
        f"With label smoothing of {smoothing:g}, the network is trained to give the true class a probability of "
        f"{1 - smoothing + other:.2f} and every other class {other:.2f}. The validation accuracy is "
        f"{percent(last.val_accuracy)}.",
        "Label smoothing takes a share of the probability from the true class and divides it among all. If it takes "
        "almost everything, the labels say hardly anything about the image, and there is little to learn.",
        [Fix({"label_smoothing": 0.1}), Fix({"label_smoothing": 0.0})],
    )


def dropout_too_strong(run: Evidence) -> Finding | None:
    """Dropout that leaves so few units, over so many layers, that nothing of the image reaches the output."""
    config, last = run.config, run.last
    layers = dropping_layers(config)
    if layers == 0 or config.dropout_rate == 0 or not last:
        return None
    kept = kept_signal(config)
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
        f"At {'an alpha' if alpha else 'a'} dropout rate of {config.dropout_rate:g}, {units:,} of {narrowest:,} units "
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


def kept_signal(config: TrainingConfig) -> float:
    """The share of the signal that passes all layers that drop units."""
    return (1 - config.dropout_rate) ** dropping_layers(config)


def gentle_rate(config: TrainingConfig) -> float:
    """A dropout rate at which about half of the signal passes all layers that drop units, in steps of 0.01."""
    layers = max(1, dropping_layers(config) or config.depth)
    return max(0.01, math.floor(100 * (1 - limit("gentle_signal") ** (1 / layers))) / 100)


def gentler_dropout(config: TrainingConfig) -> list[Fix]:
    """Less dropout, and none."""
    return [Fix({"dropout_rate": gentle_rate(config)}), Fix({"dropout": OFF})]
