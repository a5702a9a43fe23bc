"""Rules about gradients: vanishing and exploding gradients, and divergence."""

import math

from explorer.activations import ACTIVATIONS
from explorer.config import BEFORE_ACTIVATION, FIELDS, OFF, PAIRS, RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, gradient_norms, output, step_of
from explorer.diagnosis.finding import PROBLEM, WARNING, Finding, Fix, fraction, number
from explorer.diagnosis.regularization import gentler_dropout, kept_signal
from explorer.diagnosis.suggestions import PLAIN, lower_rates, usual_rate
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import decimal, percent
from explorer.runs.cause import Cause


def vanishing(run: Evidence) -> Finding | None:
    """The gradient of the first layer is a tiny fraction of the output layer's."""

    def holds(signals) -> bool:
        first, last = signals.layers[0].gradient_rms, output(signals).gradient_rms
        return 0 < first < limit("vanishing_gradient") and first < limit("vanishing_ratio") * last

    since = run.since(holds)
    if run.config.depth < 2:
        return None
    deep, faded = run.config.depth >= limit("deep_layers"), run.signal_kept < limit("fading_by_depth")
    if since and deep and faded:
        return None  # the signal had faded before the gradient did: that is the cause
    if since is None:
        return _fading(run)
    first, last = run.now.layers[0].gradient_rms, output(run.now).gradient_rms
    activation, depth = ACTIVATIONS[run.config.activation], run.config.depth
    evidence = (
        f"The gradient of layer 1 is {fraction(first / last)} of the output layer's "
        f"({number(first)} versus {number(last)}, RMS)."
    )
    if _made_by_steps(run, since):
        return _lost_by_steps(run, since, evidence)
    return Finding(
        "vanishing",
        PROBLEM,
        since,
        evidence,
        "On the way back, each layer multiplies the gradient by its weights and by the slope of its activation"
        f"{f', which is small for {activation.title}' if activation.squashing else ''}. Over {depth} layers, "
        "factors below 1 leave almost nothing. The first layers do not learn what to change, so their weights stay as "
        "random as they were at the start.",
        _steeper(run),
    )


def _made_by_steps(run: Evidence, since: int) -> bool:
    """Whether the gradient vanished only after steps that were far too large: it did not before training."""
    if since == 0 or run.start is None:
        return False
    sizes = [step_of(signals) for signals in run.signals if 0 < signals.epoch <= since]
    return max(filter(math.isfinite, sizes), default=0.0) > limit("large_update")


def _lost_by_steps(run: Evidence, since: int, evidence: str) -> Finding:
    before = run.start.layers[0].gradient_rms / output(run.start).gradient_rms
    return Finding(
        "vanishing",
        PROBLEM,
        since,
        f"{evidence} Before training, it was {fraction(before)}.",
        "The initial weights let the gradient through, so they are not the cause: steps that were too large have made "
        "the weights so large that units are on the flat part of their activation, and almost nothing passes back "
        f"through {run.config.depth} layers of such units.",
        lower_rates(run.config),
    )


def _fading(run: Evidence) -> Finding | None:
    """A gradient that a few flat activations have weakened: it does not vanish, but training is slow or levels off."""
    config, activation = run.config, ACTIVATIONS[run.config.activation]
    if not run.start or not activation.squashing or config.batch_norm != OFF or not run.last or run.crawls:
        return None
    first, last = run.start.layers[0].gradient_rms, output(run.start).gradient_rms
    if not 0 < first < limit("fading_gradient") * last or run.last.accuracy >= limit("fading_accuracy"):
        return None
    ended = run.cause is not None or len(run.records) >= config.epochs
    if len(run.records) < limit("slope_epochs") and not ended:
        return None
    return Finding(
        "vanishing",
        PROBLEM if run.beginning else WARNING,
        0,
        f"Before training, the gradient of layer 1 is {fraction(first / last)} of the output layer's. The training "
        f"accuracy is {percent(run.last.accuracy)} after epoch {run.last.epoch}.",
        f"On the way back, each layer multiplies the gradient by the slope of {activation.title}, which is small. Over "
        f"{config.depth} layers the gradient does not vanish, but the first layers learn slowly.",
        [
            Fix({"activation": "elu", "kernel_initializer": "he_normal"}, "ELU needs a matching initializer."),
            Fix({"batch_norm": BEFORE_ACTIVATION}),
        ],
        title="Weak gradients",
    )


def _steeper(run: Evidence) -> list[Fix]:
    """What keeps the factors near 1: batch normalization for flat activations, else a matching initializer, first."""
    activation = ACTIVATIONS[run.config.activation]
    normalized, suited = Fix({"batch_norm": BEFORE_ACTIVATION}), Fix({"kernel_initializer": activation.initializer})
    fixes = [normalized, suited] if activation.squashing else [suited, normalized]
    return [*fixes, Fix({"activation": "elu", "kernel_initializer": "he_normal"}, "ELU needs a matching initializer.")]


def exploding(run: Evidence) -> Finding | None:
    """Gradients so large that a single step would move the weights far away."""
    config = run.config
    if config.depth == 0:
        return None
    if config.batch_norm != OFF and (finding := _by_normalization(run)):
        return finding
    if _recovered(run):
        return None
    explosion = plain_explosion(run)
    if explosion is None:
        return _growing_backwards(run)
    norm, share, factor = explosion
    evidence = "Before training, the gradient is already NaN or infinite."
    if math.isfinite(norm):
        evidence = (
            f"Before training, the gradient has norm {number(norm)}. One step at learning rate "
            f"{decimal(config.learning_rate)} changes the weights of a layer by {share:.1%} (median). "
            f"Over {config.depth + 1} layers, this can compound to a factor of {number(factor)} "
            "in the output of the network."
        )
    return Finding("exploding", PROBLEM, 0, evidence, _WHY_EXPLODING, [Fix({"clip_norm": 1.0}), *lower_rates(config)])


def plain_explosion(run: Evidence) -> tuple[float, float, float] | None:
    """The gradient's norm, a layer's median relative step and the effect over all layers; None if harmless.

    One step of plain gradient descent changes the function of a deep network by up to the product of
    (1 + step / weights) over its layers (Bernstein et al. 2020).
    """
    config = run.config
    if run.start is None or config.optimizer not in PLAIN or config.clip_norm > 0:
        return None
    norms = gradient_norms(run.start, config)
    if not all(math.isfinite(norm) for norm in norms):
        return math.inf, math.inf, math.inf
    relative = [
        norm / layer.weight_norm for norm, layer in zip(norms, run.start.layers, strict=True) if layer.weight_norm > 0
    ]
    factor = math.prod(1 + config.learning_rate * r for r in relative)
    if math.prod(1 + r for r in relative) < limit("exploding_gradient") or factor < limit("exploding_step"):
        return None
    return math.hypot(*norms), config.learning_rate * sorted(relative)[len(relative) // 2], factor


def _by_normalization(run: Evidence) -> Finding | None:
    """Gradients that batch normalization makes grow from layer to layer, before the first step (Yang et al. 2019)."""
    config, start = run.config, run.start
    if start is None or config.depth < 2 or run.learned:
        return None
    first, last, out = start.layers[0].gradient_rms, start.layers[-2].gradient_rms, output(start).gradient_rms
    if not first > limit("exploding_by_normalization") * out or not last > 0:
        return None
    activation, depth = ACTIVATIONS[config.activation], config.depth
    factor = (first / last) ** (1 / (depth - 1))
    after = f" The training accuracy is {percent(run.last.accuracy)} after epoch {run.last.epoch}." if run.last else ""
    highest = max(run.epochs, key=lambda record: record.val_loss, default=None)
    if highest and highest.val_loss > limit("ruinous_start") * run.chance_loss:
        after = f" The validation loss reached {number(highest.val_loss)} in epoch {highest.epoch}.{after}"
    return Finding(
        "exploding",
        WARNING if run.thrives else PROBLEM,
        0,
        f"Before training, the gradient grows from {number(last)} in layer {depth} to {number(first)} in layer 1 "
        f"(RMS): by a factor of {factor:.2f} per layer.{after}",
        f"Batch normalization divides by the standard deviation of each unit. {activation.title} cuts off part of "
        "the signal. On the way forward, dividing by the smaller deviation makes up for that; on the way back, it "
        f"enlarges the gradient at every layer. Over {depth} layers this compounds, and no initial weights prevent "
        "it. The first steps move the first layers far away, and the averages used for validation no longer fit.",
        [
            Fix({"skip": PAIRS}),
            Fix({"activation": "elu", "kernel_initializer": "he_normal"}, "ELU needs a matching initializer."),
            Fix({"depth": min(10, depth // 2)}),
        ],
    )


def _growing_backwards(run: Evidence) -> Finding | None:
    def ratio(signals) -> float:
        first, last = signals.layers[0].gradient_rms, output(signals).gradient_rms
        return first / last if last > 0 else math.nan

    since = run.since(lambda s: ratio(s) > limit("exploding_ratio"), at_least=2)
    if since is None:
        return None
    config = run.config
    return Finding(
        "exploding",
        PROBLEM if config.optimizer in PLAIN else WARNING,
        since,
        f"The gradient of layer 1 is {number(ratio(run.now))} times the output layer's (RMS).",
        _WHY_EXPLODING,
        [Fix({"input_scaling": STANDARDIZED})] * (config.input_scaling == RAW)
        + [Fix({"clip_norm": 1.0}), *lower_rates(config)],
    )


_WHY_EXPLODING = (
    "On the way back, each layer multiplies the gradient by its weights and by the slope of its activation, and "
    "factors above 1 compound; large inputs make it worse. A step along such a gradient moves the weights far from "
    "where they were."
)


def _recovered(run: Evidence) -> bool:
    """Whether training goes well anyway, so that a rule of thumb about its start no longer counts."""
    return run.learned or (bool(run.last) and run.last.loss < run.chance_loss * limit("thriving_loss"))


def diverged(run: Evidence) -> Finding | None:
    """The loss became NaN or infinite, or jumped far above chance level."""
    rate = run.config.learning_rate
    fixes = lower_rates(run.config)
    why = (
        "Each step overshot the minimum and ended higher up on the other side, so the next gradient and the next step "
        "were even larger. This ends in numbers too large to represent, or in weights that have lost what they had "
        "learned."
    )
    if kept_signal(run.config) <= limit("kept_signal") and run.highest_rate <= usual_rate(run.config):
        fixes = [*gentler_dropout(run.config), *fixes]
        why += (
            f" What dropout leaves of a layer is multiplied by {1 / (1 - run.config.dropout_rate):.3g}, which makes a "
            "step that is usual without it too large."
        )
    if run.cause == Cause.DIVERGED:
        in_validation = run.last is not None and not math.isfinite(run.last.val_loss)
        since = len(run.records) + (not in_validation)  # an epoch in which the training loss failed has no record
        evidence = (
            f"The {'validation' if in_validation else 'training'} loss became NaN or infinite in epoch {since}, "
            f"at learning rate {decimal(rate)} with {FIELDS['optimizer'].title(run.config.optimizer)}."
        )
        return Finding("diverged", PROBLEM, since, evidence, why, fixes)
    lowest, jumped = math.inf, None
    for record in run.epochs:
        if record.loss > limit("spike_factor") * max(lowest, run.chance_loss) and math.isfinite(lowest):
            jumped = jumped or record.epoch
        elif record.loss <= limit("recovered_factor") * lowest:
            jumped = None  # it has recovered
        lowest = min(lowest, record.loss)
    if jumped is None:
        return None
    worst = max(run.epochs[jumped - 1 :], key=lambda r: r.loss)
    before = min(r.loss for r in run.epochs[: jumped - 1])
    evidence = (
        f"The training loss jumped to {number(worst.loss)} in epoch {worst.epoch}. Before that, it had been as low as "
        f"{number(before)}; chance level is {run.chance_loss:.2f}."
    )
    return Finding("diverged", PROBLEM, jumped, evidence, why, fixes)
