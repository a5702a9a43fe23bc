"""Rules about units, initial weights and inputs: dead, saturated or identical units, a signal that fades or grows."""

import math

from explorer.activations import ACTIVATIONS
from explorer.config import ALPHA, DROPOUT, FIELDS, OFF, RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, hidden, worst
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, number
from explorer.diagnosis.gradients import plain_explosion
from explorer.diagnosis.thresholds import limit

FAMILIES = {"he_normal": ("he_normal", "he_uniform"), "lecun_normal": ("lecun_normal", "lecun_uniform")}
GLOROT = ("glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal")


def dead(run: Evidence) -> Finding | None:
    """Units whose slope is 0 for every image, so that no gradient can revive them."""
    config = run.config
    activation = ACTIVATIONS[config.activation]
    if (activation.bounded or activation.name == "linear") or config.depth == 0:
        return None
    raw = config.input_scaling == RAW and config.batch_norm == OFF
    for severity, name in ((PROBLEM, "dead_units"), (WARNING, "many_dead_units")):
        # raw pixels push units of the first layer to the flat end, and the layers above learn from the remaining ones:
        # in the notebook's ELU network on CIFAR-10 these are only 27 %, and it learns well
        first = 1 if raw and severity == PROBLEM else 0
        since = _since_a_layer_has(run, "dead", limit(name), first)
        if since is None or run.now.epoch == 0:
            continue
        depth, layer = worst(hidden(run.now)[first:], "dead")
        depth += first
        rectifier = config.activation == "relu"
        lower = {"learning_rate": float(f"{max(config.learning_rate / 30, 1e-7):.1g}")}
        by_pixels = raw and depth == 1
        cause = (
            "Raw pixels are large, and so are their weighted sums, which"
            if by_pixels
            else "A single large step, usually from a high learning rate,"
        )
        return Finding(
            "dead",
            severity,
            since,
            f"In layer {depth}, {layer.dead:.0%} of the {config.width:,} units "
            f"{'output 0' if rectifier else f'are on the flat part of {activation.title}'} for every probe image.",
            f"A unit whose weighted sum is {'negative' if rectifier else 'far below zero'} for every image has slope 0 "
            f"for every image, so no gradient reaches its weights and it stays dead. {cause} can push a unit there.",
            {"input_scaling": STANDARDIZED}
            if by_pixels
            else lower
            if since > 0 or config.kernel_initializer in FAMILIES["he_normal"]
            else suiting(config),
            "Dying ReLU" if rectifier else "",
        )
    return None


def saturated(run: Evidence) -> Finding | None:
    """Units at the limits of a bounded activation, where it is flat."""
    activation = ACTIVATIONS[run.config.activation]
    if not activation.bounded or run.config.depth == 0:
        return None
    for severity, name in ((PROBLEM, "saturated_units"), (WARNING, "many_saturated_units")):
        since = _since_a_layer_has(run, "saturated", limit(name))
        if since is None:
            continue
        depth, layer = worst(hidden(run.now), "saturated")
        rate = run.config.learning_rate
        # saturated before the first step: initial weights or inputs are to blame, otherwise the steps
        change = {"learning_rate": float(f"{max(rate / 30, 1e-7):.1g}")}
        if since == 0:
            change = {"input_scaling": STANDARDIZED} if run.config.input_scaling == RAW else suiting(run.config)
        return Finding(
            "saturated",
            severity,
            since,
            f"In layer {depth}, {layer.saturated:.0%} of the outputs are close to the limits of {activation.title}.",
            f"There {activation.title} is almost flat, so its slope, and with it the gradient, is close to 0. Weighted "
            "sums become that large if the inputs, the initial weights or the steps are too large.",
            change,
        )
    return None


def symmetric(run: Evidence) -> Finding | None:
    """All initial weights are zero, so all units of a layer are and stay identical."""
    if run.config.kernel_initializer != "zeros" or run.config.depth == 0:
        return None
    evidence = f"All weights of {_hidden_layers(run)} start at 0"
    if run.now and run.now.epoch:
        still = sum(layer.weight_norm == 0 for layer in hidden(run.now))
        evidence += f", and after epoch {run.now.epoch} those of {still} layers are still 0" if still else ""
    return Finding(
        "symmetric",
        PROBLEM,
        0,
        evidence + ".",
        "Units with equal weights compute the same output and get the same gradient, so they stay equal: a layer of "
        "100 units acts like a single unit. Zeros are even worse, because nothing passes through them in either "
        "direction.",
        suiting(run.config),
    )


def stuck(run: Evidence) -> Finding | None:
    """The network predicts the same for every image: its accuracy stays at chance level."""
    if not run.last:
        return None
    count = 0
    for record in reversed(run.records):
        if record.accuracy > run.chance + limit("stuck_accuracy") or _below_chance_loss(run, record.loss):
            break
        count += 1
    if count < limit("stuck_epochs"):
        return None
    between = ""
    if run.now and run.config.depth:
        layer = hidden(run.now)[-1]
        share = layer.variance_over_images / layer.activation_variance if layer.activation_variance > 0 else 0.0
        if share < limit("same_for_all"):
            between = f" Only {share:.1%} of the variance in the last hidden layer is between images."
    return Finding(
        "stuck",
        PROBLEM,
        run.last.epoch - count + 1,
        f"After {run.last.epoch} epochs, the training accuracy is {run.last.accuracy:.1%}; guessing among "
        f"{run.classes} classes reaches {run.chance:.1%}. The training loss is {run.last.loss:.3f}; equal "
        f"probabilities for all classes give {run.chance_loss:.3f}.{between}",
        "The output does not depend on the image: the differences between images are lost on the way through the "
        "layers, or the steps are too small or too large. All the network can learn is how frequent each class is.",
        {"batch_norm": "before_activation"} if run.config.batch_norm == OFF else {"learning_rate": 1e-3},
    )


def initializer(run: Evidence) -> Finding | None:
    """The initializer does not suit the activation."""
    config = run.config
    if config.depth < 2 or config.kernel_initializer == "zeros" or config.activation == "selu" or _suits(config):
        return None
    change = suiting(config)
    title = FIELDS["kernel_initializer"].title
    activation = "a linear activation" if config.activation == "linear" else ACTIVATIONS[config.activation].title
    why = (
        f"With {activation}, weights drawn by {title(change['kernel_initializer'])} keep the outputs of a layer about "
        f"as large as its inputs. {title(config.kernel_initializer)} draws weights of another size, and the effect "
        f"multiplies over {config.depth} layers."
    )
    start = run.start
    if start is None or config.batch_norm != OFF:
        evidence = f"The initializer is {title(config.kernel_initializer)}, used with {activation}."
        return Finding("initializer", NOTE, 0, evidence, why, change)
    layers = hidden(start)
    first, last = layers[0].activation_variance, layers[-1].activation_variance
    growth = last / first if first > 0 else math.inf
    severity = NOTE
    if not limit("signal_faded") <= growth <= limit("signal_grown"):
        severity = PROBLEM
    elif not limit("signal_fading") <= growth <= limit("signal_growing"):
        severity = WARNING
    evidence = (
        f"Before training, the variance of the activations goes from {number(first)} in layer 1 to {number(last)} in "
        f"layer {len(layers)}."
    )
    return Finding("initializer", severity, 0, evidence, why, change)


def inputs(run: Evidence) -> Finding | None:
    """Inputs far from mean 0 and variance 1, where that does harm."""
    config = run.config
    if config.input_scaling != RAW or config.batch_norm != OFF or config.depth == 0:
        return None
    why = (
        "Raw pixels are large and never negative, but initializers assume inputs of mean 0 and variance 1. So the "
        "values in the first layers start far too large, and the first epochs are spent on shrinking them."
    )
    first = hidden(run.start)[0] if run.start else None
    change = {"input_scaling": STANDARDIZED}
    learns = bool(run.last) and _below_chance_loss(run, run.last.loss)
    if plain_explosion(run) and not learns:
        norm = max(layer.gradient_rms for layer in run.start.layers)
        evidence = (
            f"Before training, the activations of layer 1 have a variance of {number(first.activation_variance)}, and "
            f"the gradients of a layer reach {number(norm)} (RMS)."
        )
        return Finding("inputs", PROBLEM, 0, evidence, why, change)
    if first and ACTIVATIONS[config.activation].bounded and first.saturated >= limit("saturated_by_inputs"):
        evidence = (
            f"Before training, {first.saturated:.0%} of the outputs of layer 1 are close to the limits of "
            f"{ACTIVATIONS[config.activation].title}."
        )
        return Finding("inputs", WARNING if learns or not run.last else PROBLEM, 0, evidence, why, change)
    if not run.records or run.records[0].loss < limit("costly_start") * run.chance_loss:
        return None
    evidence = (
        f"The training loss of the first epoch is {number(run.records[0].loss)}; chance level is {run.chance_loss:.2f}"
        + (f". The activations of layer 1 have a variance of {number(first.activation_variance)}" if first else "")
        + "."
    )
    return Finding("inputs", WARNING, 1, evidence, why, change)


def self_normalisation(run: Evidence) -> Finding | None:
    """SELU without the conditions under which it keeps mean 0 and variance 1."""
    config = run.config
    if config.activation != "selu" or config.depth < 2:
        return None
    broken = {
        "input_scaling": (config.input_scaling != STANDARDIZED, "the inputs are not standardized", STANDARDIZED),
        "kernel_initializer": (
            config.kernel_initializer != "lecun_normal",
            f"the initializer is {FIELDS['kernel_initializer'].title(config.kernel_initializer)}, not LeCun normal",
            "lecun_normal",
        ),
        "batch_norm": (config.batch_norm != OFF, "batch normalization does the same work again", OFF),
        "dropout": (config.dropout == DROPOUT, "ordinary dropout shifts mean and variance", ALPHA),
    }
    causes = {name: cause for name, (is_broken, cause, _) in broken.items() if is_broken}
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
        "The two constants of SELU make the values of each layer return to mean 0 and variance 1, but only with "
        "standardized inputs, LeCun normal weights and plain dense layers. If one of these is missing, mean and "
        "variance can drift further with each layer.",
        {name: broken[name][2] for name in causes},
    )


def _farthest(layers):
    place = max(range(len(layers)), key=lambda i: abs(math.log(max(layers[i].activation_variance, 1e-300))))
    return place + 1, layers[place]


def linear(run: Evidence) -> Finding | None:
    """Layers without an activation are equivalent to a single layer."""
    if run.config.activation != "linear" or run.config.depth == 0:
        return None
    accuracy = f" The validation accuracy at the best epoch is {run.best.val_accuracy:.1%}." if run.best else ""
    return Finding(
        "linear",
        WARNING,
        0,
        f"{_hidden_layers(run)} without an activation.{accuracy}",
        "A weighted sum of weighted sums is a weighted sum: however many layers there are, together they are one "
        "matrix. The network can learn no more than one without hidden layers; it only has more weights.",
        {"activation": "elu"},
    )


def tiny_batches(run: Evidence) -> Finding | None:
    """Batch normalization with batches too small to estimate mean and variance."""
    size = run.config.batch_size
    if run.config.batch_norm == OFF or size > limit("small_batch"):
        return None
    gap = ""
    if run.last:
        gap = f" The training accuracy is {run.last.accuracy:.1%}, the validation accuracy {run.last.val_accuracy:.1%}."
    plural = "image" if size == 1 else "images"
    return Finding(
        "tiny_batches",
        PROBLEM if size <= limit("tiny_batch") else WARNING,
        0,
        f"The mean and variance of each unit are estimated from {size} {plural} at a time.{gap}",
        "Batch normalization scales each unit by the mean and variance of the batch, which vary a lot with so few "
        "images. The network trains with this noise, but is validated with moving averages over many batches, which it "
        "has never seen in training.",
        {"batch_size": 32},
    )


def _suits(config) -> bool:
    wanted = ACTIVATIONS[config.activation].initializer
    return config.kernel_initializer in FAMILIES.get(wanted, GLOROT)


def suiting(config) -> dict[str, str]:
    """The change to the initializer that suits the activation."""
    return {"kernel_initializer": ACTIVATIONS[config.activation].initializer}


def _hidden_layers(run: Evidence) -> str:
    return "1 hidden layer" if run.config.depth == 1 else f"{run.config.depth} hidden layers"


def _below_chance_loss(run: Evidence, loss: float) -> bool:
    return loss < limit("stuck_loss") * run.chance_loss


def _since_a_layer_has(run: Evidence, signal: str, least: float, first: int = 0) -> int | None:
    return run.since(
        lambda signals: max((getattr(layer, signal) for layer in hidden(signals)[first:]), default=0.0) >= least
    )
