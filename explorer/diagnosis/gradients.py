"""Rules about gradients: vanishing and exploding gradients, and divergence."""

import itertools
import math

from explorer.activations import ACTIVATIONS
from explorer.config import FIELDS, RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, output
from explorer.diagnosis.finding import PROBLEM, WARNING, Finding, fraction, number
from explorer.diagnosis.thresholds import limit
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause

# optimizers whose step is proportional to the gradient; the others divide by its size
PLAIN = ("sgd", "momentum", "nesterov")


def vanishing(run: Evidence) -> Finding | None:
    """The gradient of the first layer is a tiny fraction of the output layer's."""

    def holds(signals) -> bool:
        first, last = signals.layers[0].gradient_rms, output(signals).gradient_rms
        return 0 < first < limit("vanishing_gradient") and first < limit("vanishing_ratio") * last

    since = run.since(holds)
    if since is None or run.config.depth < 2:
        return None
    first, last = run.now.layers[0].gradient_rms, output(run.now).gradient_rms
    activation, depth = ACTIVATIONS[run.config.activation], run.config.depth
    return Finding(
        "vanishing",
        PROBLEM,
        since,
        f"The gradient of layer 1 is {fraction(first / last)} of the output layer's "
        f"({number(first)} versus {number(last)}, RMS).",
        "On the way back, each layer multiplies the gradient by its weights and by the slope of its activation"
        f"{f', which is small for {activation.title}' if activation.squashing else ''}. Over {depth} layers, "
        "factors below 1 leave almost nothing. The first layers do not learn what to change, so their weights stay as "
        "random as they were at the start.",
        {"batch_norm": "before_activation"} if activation.squashing else {"kernel_initializer": "he_normal"},
    )


def exploding(run: Evidence) -> Finding | None:
    """Gradients so large that a single step would move the weights far away."""
    config = run.config
    if config.depth == 0 or _recovered(run):
        return None
    explosion = plain_explosion(run)
    if explosion is None:
        return _growing_backwards(run)
    norm, share, factor = explosion
    return Finding(
        "exploding",
        PROBLEM,
        0,
        f"Before training, the gradient has norm {number(norm)}. One step at learning rate "
        f"{config.learning_rate:g} changes the weights of a layer by {share:.1%} (median). Over {config.depth + 1} "
        f"layers, this can multiply to a factor of {number(factor)} in the output of the network.",
        _WHY_EXPLODING,
        {"clip_norm": 1.0} if config.clip_norm == 0 else {"optimizer": "nadam"},
    )


def plain_explosion(run: Evidence) -> tuple[float, float, float] | None:
    """The gradient's norm, a layer's median relative step and the effect over all layers; None if harmless.

    One step of plain gradient descent changes the function of a deep network by up to the product of
    (1 + step / weights) over its layers (Bernstein et al. 2020).
    """
    config = run.config
    if run.start is None or config.optimizer not in PLAIN or config.clip_norm > 0:
        return None
    sizes = cost_estimate.layer_sizes(config)
    counts = [inputs * outputs for inputs, outputs in itertools.pairwise(sizes)]
    norms = [layer.gradient_rms * math.sqrt(count) for layer, count in zip(run.start.layers, counts, strict=True)]
    if not all(math.isfinite(norm) for norm in norms):
        return math.inf, math.inf, math.inf
    relative = [
        norm / layer.weight_norm for norm, layer in zip(norms, run.start.layers, strict=True) if layer.weight_norm > 0
    ]
    factor = math.prod(1 + config.learning_rate * r for r in relative)
    if math.prod(1 + r for r in relative) < limit("exploding_gradient") or factor < limit("exploding_step"):
        return None
    return math.hypot(*norms), config.learning_rate * sorted(relative)[len(relative) // 2], factor


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
        {"input_scaling": STANDARDIZED} if config.input_scaling == RAW else {"clip_norm": 1.0},
    )


_WHY_EXPLODING = (
    "On the way back, each layer multiplies the gradient by its weights and by the slope of its activation, and "
    "factors above 1 multiply up; large inputs add to it. A step along such a gradient moves the weights far away from "
    "where they were."
)


def _recovered(run: Evidence) -> bool:
    """Whether training went well all the same: a rule of thumb about its start must not outlive it."""
    return bool(run.last) and run.last.loss < run.chance_loss * limit("stuck_loss")


def diverged(run: Evidence) -> Finding | None:
    """The loss became NaN or infinite, or jumped far above chance level."""
    rate = run.config.learning_rate
    lower = {"learning_rate": float(f"{max(rate / 10, 1e-7):.2g}")}
    why = (
        "Each step overshot the minimum and ended higher up on the other side, so the next gradient and the next step "
        "were even larger. This ends in numbers too large to represent, or in weights that have lost what they had "
        "learned."
    )
    if run.cause == Cause.DIVERGED:
        in_validation = run.last is not None and not math.isfinite(run.last.val_loss)
        since = len(run.records) + (not in_validation)  # an epoch in which the training loss failed has no record
        evidence = (
            f"The {'validation' if in_validation else 'training'} loss became NaN or infinite in epoch {since}, "
            f"at learning rate {rate:g} with {FIELDS['optimizer'].title(run.config.optimizer)}."
        )
        return Finding("diverged", PROBLEM, since, evidence, why, lower)
    lowest, jumped = math.inf, None
    for record in run.records:
        if record.loss > limit("spike_factor") * max(lowest, run.chance_loss) and math.isfinite(lowest):
            jumped = jumped or record.epoch
        elif record.loss <= limit("recovered_factor") * lowest:
            jumped = None  # it has recovered
        lowest = min(lowest, record.loss)
    if jumped is None:
        return None
    worst = max(run.records[jumped - 1 :], key=lambda r: r.loss)
    before = min(r.loss for r in run.records[: jumped - 1])
    evidence = (
        f"The training loss jumped to {number(worst.loss)} in epoch {worst.epoch}. Before, it had been as low as "
        f"{number(before)}; chance level is {run.chance_loss:.2f}."
    )
    return Finding("diverged", PROBLEM, jumped, evidence, why, lower)
