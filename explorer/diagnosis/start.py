"""Rules about the start: initial weights, inputs, depth and self-normalization, and batches too small to normalize."""

import math

from explorer.activations import ACTIVATIONS
from explorer.config import ALPHA, BEFORE_ACTIVATION, DROPOUT, FIELDS, OFF, PAIRS, RAW, STANDARDIZED
from explorer.data.datasets import DATASETS
from explorer.diagnosis.evidence import Evidence, hidden, worst
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, number
from explorer.diagnosis.gradients import plain_explosion
from explorer.diagnosis.regularization import gentle_rate
from explorer.diagnosis.suggestions import PLAIN, usual_rate
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import count, percent
from explorer.runs.cause import Cause

FAMILIES = {"he_normal": ("he_normal", "he_uniform"), "lecun_normal": ("lecun_normal", "lecun_uniform")}
GLOROT = ("glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal")


def initializer(run: Evidence) -> Finding | None:
    """The initializer does not suit the activation."""
    config = run.config
    activation = ACTIVATIONS[config.activation]
    if config.depth < 2 or config.kernel_initializer == "zeros" or activation.self_normalizing or _suits(config):
        return None
    change = suiting(config)
    title = FIELDS["kernel_initializer"].title
    name = "a linear activation" if activation.linear else activation.title
    why = (
        f"With {name}, weights drawn by {title(change['kernel_initializer'])} keep the outputs of a layer about "
        f"as large as its inputs. {title(config.kernel_initializer)} draws larger or smaller ones, and the effect "
        f"compounds over {config.depth} layers."
    )
    start = run.start
    if start is None or config.batch_norm != OFF:
        evidence = f"The initializer is {title(config.kernel_initializer)}, used with {activation}."
        return Finding("initializer", NOTE, 0, evidence, why, [Fix(change)])
    layers = hidden(start)
    first, last = layers[0].activation_variance, layers[-1].activation_variance
    growth = last / first if first > 0 else math.inf
    severity = NOTE
    if not limit("signal_faded") <= growth <= limit("signal_grown"):
        severity = PROBLEM
    elif not limit("signal_fading") <= growth <= limit("signal_growing"):
        severity = PROBLEM if run.last and not run.thrives and run.last.accuracy < limit("half_learnt") else WARNING
    evidence = (
        f"Before training, the variance of the activations goes from {number(first)} in layer 1 to {number(last)} in "
        f"layer {len(layers)}."
    )
    return Finding("initializer", severity, 0, evidence, why, [Fix(change), Fix({"batch_norm": BEFORE_ACTIVATION})])


_ASSUMED = (
    "but initializers assume inputs of mean 0 and variance 1. The values in the first layers therefore start far too "
    "large, and the first epochs are spent shrinking them."
)


def inputs(run: Evidence) -> Finding | None:
    """Inputs far from mean 0 and variance 1, where that does harm."""
    config = run.config
    if config.input_scaling != RAW or config.batch_norm != OFF:
        return None
    pictures = DATASETS[config.dataset].pictures
    what = "Raw pixels are large and never negative" if pictures else "Raw inputs may have any mean and scale"
    why = f"{what}, {_ASSUMED}"
    change = [Fix({"input_scaling": STANDARDIZED})]
    learns = bool(run.last) and not run.beginning and run.last.loss < limit("stuck_loss") * run.chance_loss
    severity = NOTE if run.crawls else WARNING if learns or not run.last else PROBLEM
    # a rate that is usual elsewhere diverges here, because gradients grow with the values of the pixels
    ruined = (
        run.cause == Cause.DIVERGED and config.optimizer in PLAIN and config.learning_rate <= 3 * usual_rate(config)
    )
    if run.start and (plain_explosion(run) or ruined) and not learns:
        return Finding("inputs", PROBLEM, 0, f"{_at_the_start(run)}.", why, change)
    first = hidden(run.start)[0] if run.start and config.depth else None
    if first and ACTIVATIONS[config.activation].bounded and first.saturated >= limit("saturated_by_inputs"):
        evidence = (
            f"Before training, {first.saturated:.0%} of the outputs of layer 1 are close to the limits of "
            f"{ACTIVATIONS[config.activation].title}."
        )
        return Finding("inputs", NOTE if run.thrives else severity, 0, evidence, why, change)
    if not run.records:
        return _large_from_the_start(run, why, change)
    costly = run.epochs[0].loss >= limit("costly_start") * run.chance_loss
    if not costly:
        return None
    evidence = (
        f"The training loss of the first epoch is {number(run.epochs[0].loss)}; chance level is {run.chance_loss:.2f}"
        + (f". {_at_the_start(run)}" if run.start else "")
        + "."
    )
    severe = run.last.loss > limit("ruinous_start") * run.chance_loss
    if not run.crawls:  # else it is the rate that keeps the loss where it started
        severity = PROBLEM if severe else NOTE if run.learned else WARNING
    return Finding("inputs", severity, 1, evidence, why, change)


def _large_from_the_start(run: Evidence, why: str, change: list[Fix]) -> Finding | None:
    """The same finding before the first epoch, as far as it can be seen that early."""
    if not run.start:
        return None
    largest = max((layer.activation_variance for layer in hidden(run.start)), default=0.0)
    if not largest >= limit("large_values"):
        return None
    return Finding("inputs", WARNING, 0, f"{_at_the_start(run)}.", why, change)


def _at_the_start(run: Evidence) -> str:
    norm = max((layer.gradient_rms for layer in run.start.layers), default=0.0)
    gradients = f"the gradients of a layer reach {number(norm)} (RMS)"
    if run.config.depth == 0:
        return f"Before training, {gradients}"
    variance = hidden(run.start)[0].activation_variance
    return f"Before training, the activations of layer 1 have a variance of {number(variance)}, and {gradients}"


def self_normalisation(run: Evidence) -> Finding | None:
    """SELU without the conditions under which it keeps mean 0 and variance 1."""
    config = run.config
    if not ACTIVATIONS[config.activation].self_normalizing or config.depth < 2:
        return None
    broken = _broken_conditions(run)
    measured, outside = "", False
    if run.start:
        depth, layer = _farthest(hidden(run.start))
        outside = not limit("selu_low") <= layer.activation_variance <= limit("selu_high")
        measured = (
            f" Before training, layer {depth} has mean {number(layer.activation_mean)} and variance "
            f"{number(layer.activation_variance)}."
        )
    if not broken and not outside:
        return None
    severity = NOTE if not broken or run.learned or run.crawls else WARNING
    if broken and outside and len(hidden(run.start)) > 2 and not run.crawls:
        severity = PROBLEM if not run.learned else NOTE if run.unharmed else WARNING
    what = " and ".join(cause for cause, _ in broken.values()) or "the variance drifts with depth"
    return Finding(
        "self_normalisation",
        severity,
        0,
        f"{what[:1].upper()}{what[1:]}.{measured}",
        "The two constants of SELU pull the values of each layer back to mean 0 and variance 1, but only with "
        "standardized inputs, LeCun normal weights and plain dense layers. If one of these is missing, mean and "
        "variance can drift further with each layer.",
        [Fix(*_conditions({name: needed for name, (_, needed) in broken.items()}, run))],
    )


def _broken_conditions(run: Evidence) -> dict[str, tuple[str, str]]:
    """The settings that keep SELU from normalizing: for each, what is wrong with it, and the value that it needs."""
    config = run.config
    initializer = FIELDS["kernel_initializer"].title(config.kernel_initializer)
    dropout = config.dropout == DROPOUT and config.dropout_rate > 0
    broken = {
        "input_scaling": (config.input_scaling != STANDARDIZED, "the inputs are not standardized", STANDARDIZED),
        "kernel_initializer": (
            not _normalizing(run),
            f"the initializer is {initializer}, not LeCun normal",
            "lecun_normal",
        ),
        "batch_norm": (config.batch_norm != OFF, "batch normalization makes self-normalization redundant", OFF),
        "dropout": (dropout, "ordinary dropout shifts mean and variance", ALPHA),
    }
    return {name: (cause, needed) for name, (is_broken, cause, needed) in broken.items() if is_broken}


def _normalizing(run: Evidence) -> bool:
    """Whether the initial weights have mean 0 and variance 1 / inputs, as measured or by their initializer's name."""
    name = run.config.kernel_initializer
    if name == "lecun_normal" or name == "zeros":
        return name == "lecun_normal"
    if name not in GLOROT or run.start is None:
        return False
    last = hidden(run.start)[-1]
    return limit("selu_low") <= last.activation_variance <= limit("selu_high")


def _conditions(change: dict[str, object], run: Evidence) -> tuple[dict[str, object], str]:
    """The change, with a dropout rate that is low enough for so many layers, and the reason for it."""
    rate = gentle_rate(run.config)
    if "dropout" not in change or run.config.dropout_rate <= rate:
        return change, "Self-normalization needs all of these conditions."
    reason = (
        f"Alpha dropout sets units to a large negative value, so over {run.config.depth} layers its rate must be low."
    )
    return {**change, "dropout_rate": rate}, reason


def _farthest(layers):
    place = max(range(len(layers)), key=lambda i: abs(math.log(max(layers[i].activation_variance, 1e-300))))
    return place + 1, layers[place]


def too_deep(run: Evidence) -> Finding | None:
    """So many layers that units die or the signal fades before the first step, even with suitable initial weights."""
    config = run.config
    if config.depth < limit("deep_layers") or config.batch_norm != OFF or config.kernel_initializer == "zeros":
        return None
    if not run.start or ACTIVATIONS[config.activation].linear or run.learned:
        return None
    if not _suits(config) or (config.input_scaling == RAW and plain_explosion(run)):
        return None  # its initial weights or inputs come first
    layers = hidden(run.start)
    dead_depth, deadest = worst(layers, "dead")
    first, last = layers[0].activation_variance, layers[-1].activation_variance
    # a network that learns shows that it can make up for a loss of a factor of ten
    enough = limit("faded_by_depth") if not run.last or run.thrives else limit("fading_by_depth")
    fading, dying = last < enough * first, deadest.dead >= limit("many_dead_units")
    if not fading and not dying:
        return None
    parts = [
        f"the activations have a variance of {number(first)} in layer 1 and of {number(last)} in layer {len(layers)}"
    ] * fading
    parts += [f"{deadest.dead:.0%} of the units in layer {dead_depth} have the same output for every image"] * dying
    reason = "Batch normalization keeps the units alive, and fewer layers leave it less to do."
    fewer = int(limit("deep_layers")) // 2
    thrives = run.thrives and deadest.dead < limit("dead_units") if run.last else True
    return Finding(
        "too_deep",
        WARNING if thrives else PROBLEM,
        0,
        f"Before training, {' and '.join(parts)}.{_accuracy(run)}",
        f"Each layer of {ACTIVATIONS[config.activation].title} loses a little of what the layer below passes on, and "
        f"over {config.depth} layers this compounds. Initial weights that preserve the variance over a few layers do "
        "not prevent this, and neither does any learning rate.",
        [
            Fix({"depth": fewer}),
            Fix({"batch_norm": BEFORE_ACTIVATION, "skip": PAIRS}, _WHY_BOTH),
            Fix({"batch_norm": BEFORE_ACTIVATION, "depth": fewer}, reason),
        ],
    )


def _accuracy(run: Evidence) -> str:
    return f" The training accuracy is {percent(run.last.accuracy)} after epoch {run.last.epoch}." if run.last else ""


_WHY_BOTH = (
    "Batch normalization keeps the units alive, but over so many layers it makes gradients explode; skip connections "
    "prevent that."
)


def linear(run: Evidence) -> Finding | None:
    """Layers without an activation are equivalent to a single layer."""
    if not ACTIVATIONS[run.config.activation].linear or run.config.depth == 0:
        return None
    accuracy = f" The validation accuracy at the best epoch is {percent(run.best.val_accuracy)}." if run.best else ""
    return Finding(
        "linear",
        PROBLEM if run.beginning else WARNING,
        0,
        f"{hidden_layers(run)} without an activation.{accuracy}",
        "A weighted sum of weighted sums is a weighted sum: however many layers there are, together they are one "
        "matrix. The network can learn no more than one without hidden layers; it only has more weights.",
        [Fix({"activation": "elu"})],
    )


def tiny_batches(run: Evidence) -> Finding | None:
    """Batch normalization with batches too small to estimate mean and variance."""
    size = run.config.batch_size
    if run.config.batch_norm == OFF or size > limit("small_batch"):
        return None
    gap = ""
    if run.last:
        both = percent(run.last.accuracy), percent(run.last.val_accuracy)
        gap = " The training accuracy is {}, the validation accuracy {}.".format(*both)
    return Finding(
        "tiny_batches",
        PROBLEM if size <= limit("tiny_batch") else WARNING,
        0,
        f"The mean and variance of each unit are estimated from {count(size, 'image')} at a time.{gap}",
        "Batch normalization scales each unit by the mean and variance of the batch, which vary a lot with so few "
        "images. The network trains with this noise, but is validated with moving averages over many batches, which it "
        "has never seen in training.",
        [Fix({"batch_size": 32})],
    )


def _suits(config) -> bool:
    wanted = ACTIVATIONS[config.activation].initializer
    return config.kernel_initializer in FAMILIES.get(wanted, GLOROT)


def suiting(config) -> dict[str, str]:
    """The change to the initializer that suits the activation."""
    return {"kernel_initializer": ACTIVATIONS[config.activation].initializer}


def hidden_layers(run: Evidence) -> str:
    return count(run.config.depth, "hidden layer")
