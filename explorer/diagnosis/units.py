"""Rules about units: dead, saturated, all alike, or a signal that dies out or blows up before training has begun."""

import math

from explorer.activations import ACTIVATIONS
from explorer.config import ALPHA, DROPOUT, OFF, RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, hidden, worst
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, number
from explorer.diagnosis.gradients import plain_explosion
from explorer.diagnosis.thresholds import limit

FAMILIES = {"he_normal": ("he_normal", "he_uniform"), "lecun_normal": ("lecun_normal", "lecun_uniform")}
GLOROT = ("glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal")


def dead(run: Evidence) -> Finding | None:
    """Units that are flat for every image, and so have no gradient to come back by."""
    config = run.config
    activation = ACTIVATIONS[config.activation]
    if (activation.bounded or activation.name == "linear") or config.depth == 0:
        return None
    raw = config.input_scaling == RAW and config.batch_norm == OFF
    for severity, name in ((PROBLEM, "dead_units"), (WARNING, "many_dead_units")):
        # raw pixels push the first layer's units to the flat end, and the layers above learn from those that are left:
        # in the notebook's ELU network 73 % of them are there on CIFAR-10, and it learns well
        first = 1 if raw and severity == PROBLEM else 0
        since = _since_a_layer_has(run, "dead", limit(name), first)
        if since is None or run.now.epoch == 0:
            continue
        depth, layer = worst(hidden(run.now)[first:], "dead")
        depth += first
        rectifier = config.activation == "relu"
        lower = {"learning_rate": float(f"{max(config.learning_rate / 30, 1e-7):.1g}")}
        by_pixels = raw and depth == 1
        why = (
            "Raw pixels are large, so a weighted sum of thousands of them is"
            if by_pixels
            else "One large step, mostly at a high learning rate, is"
        )
        return Finding(
            "dead",
            severity,
            since,
            f"In layer {depth}, {layer.dead:.0%} of the {config.width:,} units "
            f"{'give 0' if rectifier else 'lie at the flat end of ' + config.activation} for every image of the probe.",
            f"A unit whose weighted sum is {'negative' if rectifier else 'far below zero'} for every image has slope 0 "
            f"for every image, so no gradient reaches its weights and it stays dead. {why} enough to push it there.",
            {"input_scaling": STANDARDIZED}
            if by_pixels
            else lower
            if since > 0 or config.kernel_initializer in FAMILIES["he_normal"]
            else suiting(config),
        )
    return None


def saturated(run: Evidence) -> Finding | None:
    """Units at the flat ends of a bounded activation."""
    if not ACTIVATIONS[run.config.activation].bounded or run.config.depth == 0:
        return None
    for severity, name in ((PROBLEM, "saturated_units"), (WARNING, "many_saturated_units")):
        since = _since_a_layer_has(run, "saturated", limit(name))
        if since is None:
            continue
        depth, layer = worst(hidden(run.now), "saturated")
        rate = run.config.learning_rate
        # saturated before any step was made: it is the weights as drawn, or the inputs; else it is the steps
        change = {"learning_rate": float(f"{max(rate / 30, 1e-7):.1g}")}
        if since == 0:
            change = {"input_scaling": STANDARDIZED} if run.config.input_scaling == RAW else suiting(run.config)
        return Finding(
            "saturated",
            severity,
            since,
            f"In layer {depth}, {layer.saturated:.0%} of the values of {run.config.activation} lie at its flat ends.",
            f"There {run.config.activation} hardly changes whatever its input does, so its slope and with it the "
            "gradient are close to 0. Weighted sums are that large because the inputs, the first weights or the steps "
            "are too large.",
            change,
        )
    return None


def symmetric(run: Evidence) -> Finding | None:
    """All weights zero: every unit of a layer is and stays the same unit."""
    if run.config.kernel_initializer != "zeros" or run.config.depth == 0:
        return None
    evidence = f"All weights of the {run.config.depth} hidden layers start at 0"
    if run.now and run.now.epoch:
        still = sum(layer.weight_norm == 0 for layer in hidden(run.now))
        evidence += f", and after epoch {run.now.epoch} those of {still} layers still are" if still else ""
    return Finding(
        "symmetric",
        PROBLEM,
        0,
        evidence + ".",
        "Units with equal weights compute the same, get the same gradient and so stay equal for ever: a layer of a "
        "hundred is a layer of one. With zeros it is worse, because nothing passes through them in either direction.",
        suiting(run.config),
    )


def stuck(run: Evidence) -> Finding | None:
    """The network says the same for every image: accuracy at the level of guessing."""
    if not run.last:
        return None
    count = 0
    for record in reversed(run.records):
        if record.accuracy > run.chance + limit("stuck_accuracy") or _below_guessing(run, record.loss):
            break
        count += 1
    if count < limit("stuck_epochs"):
        return None
    told = ""
    if run.now and run.config.depth:
        layer = hidden(run.now)[-1]
        share = layer.variance_over_images / layer.activation_variance if layer.activation_variance > 0 else 0.0
        if share < limit("same_for_all"):
            told = f" Of the variance in the last hidden layer, {share:.1%} is between images."
    return Finding(
        "stuck",
        PROBLEM,
        run.last.epoch - count + 1,
        f"After {run.last.epoch} epochs the training accuracy is {run.last.accuracy:.1%}, and guessing among "
        f"{run.classes} classes reaches {run.chance:.1%}; the loss is {run.last.loss:.3f}, and saying the same for "
        f"every class costs {run.chance_loss:.3f}.{told}",
        "The output does not depend on the image: what tells images apart is lost on its way through the layers, or "
        "the steps are too small to find it, or too large. The best that is left is to learn how frequent each class "
        "is.",
        {"batch_norm": "before_activation"} if run.config.batch_norm == OFF else {"learning_rate": 1e-3},
    )


def initializer(run: Evidence) -> Finding | None:
    """The first weights are drawn for another activation, or for none."""
    config = run.config
    if config.depth < 2 or config.kernel_initializer == "zeros" or config.activation == "selu" or _suits(config):
        return None
    change = suiting(config)
    wanted = change["kernel_initializer"]
    why = (
        f"{config.activation} needs weights whose spread fits the number of inputs ({wanted}), so that a layer's "
        f"values are about as large as its inputs. {config.kernel_initializer} draws them differently, and "
        f"{config.depth} layers multiply what one does wrong."
    )
    start = run.start
    if start is None or config.batch_norm != OFF:
        words = f"The activation is {config.activation} and the weights are drawn by {config.kernel_initializer}."
        return Finding("initializer", NOTE, 0, words, why, change)
    layers = hidden(start)
    first, last = layers[0].activation_variance, layers[-1].activation_variance
    growth = last / first if first > 0 else math.inf
    severity = NOTE
    if not limit("signal_faded") <= growth <= limit("signal_grown"):
        severity = PROBLEM
    elif not limit("signal_fading") <= growth <= limit("signal_growing"):
        severity = WARNING
    seen = f"the variance of the activations goes from {number(first)} in layer 1 to {number(last)} in layer"
    return Finding("initializer", severity, 0, f"Before training {seen} {len(layers)}.", why, change)


def inputs(run: Evidence) -> Finding | None:
    """Pixels far from zero mean and unit variance, where that does harm."""
    config = run.config
    if config.input_scaling != RAW or config.batch_norm != OFF or config.depth == 0:
        return None
    why = (
        "Raw pixels are all positive and up to hundreds, and the first weights are drawn for inputs of mean 0 and "
        "variance 1. So the first layers start with values far too large, and the first epochs go into shrinking them."
    )
    first = hidden(run.start)[0] if run.start else None
    change = {"input_scaling": STANDARDIZED}
    learns = bool(run.last) and _below_guessing(run, run.last.loss)
    if plain_explosion(run) and not learns:
        norm = max(layer.gradient_rms for layer in run.start.layers)
        evidence = (
            f"Before training, the activations of layer 1, which sees the pixels, have a variance of "
            f"{number(first.activation_variance)}, and gradients of up to {number(norm)} (RMS) come back."
        )
        return Finding("inputs", PROBLEM, 0, evidence, why, change)
    if first and ACTIVATIONS[config.activation].bounded and first.saturated >= limit("saturated_by_inputs"):
        evidence = (
            f"Before training, {first.saturated:.0%} of the values of layer 1, the one that sees the pixels, lie at "
            f"the flat ends of {config.activation}."
        )
        return Finding("inputs", WARNING if learns or not run.last else PROBLEM, 0, evidence, why, change)
    if not run.records or run.records[0].loss < limit("costly_start") * run.chance_loss:
        return None
    evidence = (
        f"The first epoch costs a loss of {number(run.records[0].loss)}, and guessing costs {run.chance_loss:.2f}"
        + (f"; the activations of layer 1 have a variance of {number(first.activation_variance)}" if first else "")
        + "."
    )
    return Finding("inputs", WARNING, 1, evidence, why, change)


def self_normalisation(run: Evidence) -> Finding | None:
    """SELU without what it needs to keep mean 0 and variance 1 by itself."""
    config = run.config
    if config.activation != "selu" or config.depth < 2:
        return None
    broken = {
        "input_scaling": (config.input_scaling != STANDARDIZED, "the inputs are not standardised", STANDARDIZED),
        "kernel_initializer": (
            config.kernel_initializer != "lecun_normal",
            f"the weights are drawn by {config.kernel_initializer}, not by lecun_normal",
            "lecun_normal",
        ),
        "batch_norm": (config.batch_norm != OFF, "batch normalization does the same work a second time", OFF),
        "dropout": (config.dropout == DROPOUT, "ordinary dropout shifts mean and variance", ALPHA),
    }
    causes = {name: words for name, (is_so, words, _) in broken.items() if is_so}
    measured, outside = "", False
    if run.start:
        depth, layer = _farthest(hidden(run.start))
        outside = not limit("selu_low") <= layer.activation_variance <= limit("selu_high")
        measured = (
            f" Before training, layer {depth} has mean {number(layer.activation_mean)} and variance "
            f"{number(layer.activation_variance)}."
        )
    if not causes and not outside:
        return None
    severity = NOTE if not causes else PROBLEM if outside and len(hidden(run.start)) > 2 else WARNING
    what = " and ".join(causes.values()) or "the variance drifts with depth"
    return Finding(
        "self_normalisation",
        severity,
        0,
        f"{what[:1].upper()}{what[1:]}.{measured}",
        "SELU's two constants make mean 0 and variance 1 a point to which every layer comes back by itself, "
        "but only for standardised inputs, LeCun normal weights and plain dense layers. With any of them changed there "
        "is another point, or none, and each layer moves farther away.",
        {name: broken[name][2] for name in causes},
    )


def _farthest(layers):
    place = max(range(len(layers)), key=lambda i: abs(math.log(max(layers[i].activation_variance, 1e-300))))
    return place + 1, layers[place]


def linear(run: Evidence) -> Finding | None:
    """Layers without an activation are one layer."""
    if run.config.activation != "linear" or run.config.depth == 0:
        return None
    seen = f" It reaches {run.best.val_accuracy:.1%} on the validation images." if run.best else ""
    return Finding(
        "linear",
        WARNING,
        0,
        f"{run.config.depth} hidden layers, none with an activation.{seen}",
        "Weighted sums of weighted sums are weighted sums: however many layers, the whole is one matrix. It can learn "
        "no more than a network without hidden layers, only with more numbers.",
        {"activation": "elu"},
    )


def tiny_batches(run: Evidence) -> Finding | None:
    """Batch normalization on batches too small to tell mean and variance."""
    size = run.config.batch_size
    if run.config.batch_norm == OFF or size > limit("small_batch"):
        return None
    gap = ""
    if run.last:
        gap = f" Training accuracy is {run.last.accuracy:.1%}, validation accuracy {run.last.val_accuracy:.1%}."
    plural = "image" if size == 1 else "images"
    return Finding(
        "tiny_batches",
        PROBLEM if size <= limit("tiny_batch") else WARNING,
        0,
        f"Mean and variance of each unit are estimated from {size} {plural} at a time.{gap}",
        "Batch normalization measures each unit by the other images of its batch, and so few of them give another "
        "answer every time. The network trains on that noise, and is then judged with the averages of many batches, "
        "which it has never met.",
        {"batch_size": 32},
    )


def _suits(config) -> bool:
    wanted = ACTIVATIONS[config.activation].initializer
    return config.kernel_initializer in FAMILIES.get(wanted, GLOROT)


def suiting(config) -> dict[str, str]:
    return {"kernel_initializer": ACTIVATIONS[config.activation].initializer}


def _below_guessing(run: Evidence, loss: float) -> bool:
    return loss < limit("stuck_loss") * run.chance_loss


def _since_a_layer_has(run: Evidence, signal: str, least: float, first: int = 0) -> int | None:
    return run.since(
        lambda signals: max((getattr(layer, signal) for layer in hidden(signals)[first:]), default=0.0) >= least
    )
