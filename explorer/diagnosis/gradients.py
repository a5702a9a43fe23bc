"""Rules about gradients: too small to teach the first layers, too large to survive, and training that blew up."""

import itertools
import math

from explorer.activations import ACTIVATIONS
from explorer.config import RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, output
from explorer.diagnosis.finding import PROBLEM, WARNING, Finding, fraction, number
from explorer.diagnosis.thresholds import limit
from explorer.runs import cost_estimate

# those whose slope is far below one for most inputs, so that each layer shrinks what passes it backwards
# those whose step is as long as the gradient; the others divide by its size
PLAIN = ("sgd", "momentum", "nesterov")


def vanishing(run: Evidence) -> Finding | None:
    """The first layer's gradient is a tiny part of the last one's."""

    def holds(signals) -> bool:
        first, last = signals.layers[0].gradient_rms, output(signals).gradient_rms
        return 0 < first < limit("vanishing_gradient") and first < limit("vanishing_ratio") * last

    since = run.since(holds)
    if since is None or run.config.depth < 2:
        return None
    first, last = run.now.layers[0].gradient_rms, output(run.now).gradient_rms
    squashing = ACTIVATIONS[run.config.activation].squashing
    return Finding(
        "vanishing",
        PROBLEM,
        since,
        f"Layer 1's gradient is {fraction(first / last)} of the output layer's "
        f"({number(first)} against {number(last)}).",
        f"Going backwards, every layer multiplies the gradient by the slope of {run.config.activation}"
        f"{', which is small,' if squashing else ''} and by its weights; {run.config.depth} factors below one leave "
        "next to nothing. The first layers get no word of what to change, so they stay as random as they were drawn.",
        {"batch_norm": "before_activation"} if squashing else {"kernel_initializer": "he_normal"},
    )


def exploding(run: Evidence) -> Finding | None:
    """Gradients so large that one step along them would throw the network far away."""
    config = run.config
    if config.depth == 0 or _recovered(run):
        return None
    found = plain_explosion(run)
    if found is None:
        return _growing_backwards(run)
    length, share, factor = found
    return Finding(
        "exploding",
        PROBLEM,
        0,
        f"Before training, the gradient has length {number(length)}. One step at learning rate "
        f"{config.learning_rate:g} changes the weights of a layer by {share:.1%}; through {config.depth + 1} layers "
        f"that multiplies to a factor of up to {number(factor)} in what the network computes.",
        _WHY_EXPLODING,
        {"clip_norm": 1.0} if config.clip_norm == 0 else {"optimizer": "nadam"},
    )


def plain_explosion(run: Evidence) -> tuple[float, float, float] | None:
    """Length of the gradient, median step of a layer and what all layers make of it; None when that is harmless.

    One step of plain descent changes the function of a deep network by up to the product of (1 + step / weights) over
    its layers (Bernstein et al. 2020). Exploding are gradients of which even a rate of 1 could be no fair one.
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
        f"Layer 1's gradient is {number(ratio(run.now))} times that of the output layer.",
        _WHY_EXPLODING,
        {"input_scaling": STANDARDIZED} if config.input_scaling == RAW else {"clip_norm": 1.0},
    )


_WHY_EXPLODING = (
    "Going backwards, every layer multiplies the gradient by its weights and inputs, and factors above one multiply "
    "up. A step as long as such a gradient throws the weights far away from where they were."
)


def _recovered(run: Evidence) -> bool:
    """Whether training went well all the same: a rule of thumb about its beginning must not outlive it."""
    return bool(run.last) and run.last.loss < run.chance_loss * limit("stuck_loss")


def diverged(run: Evidence) -> Finding | None:
    """The loss is no number any more, or jumped far above that of guessing."""
    rate = run.config.learning_rate
    lower = {"learning_rate": float(f"{max(rate / 10, 1e-7):.2g}")}
    why = (
        "Each step overshot the valley it aimed at and landed higher on the other side, so that the next gradient and "
        "the next step were larger still. That ends in numbers too large to hold, or in weights that have forgotten "
        "what they had learnt."
    )
    if run.reason.startswith("diverged"):
        since = len(run.records) + (0 if run.last and not math.isfinite(run.last.val_loss) else 1)
        told = run.reason.removeprefix("diverged: ").split(";")[0]
        evidence = f"{told[:1].upper()}{told[1:]}, at learning rate {rate:g} with {run.config.optimizer}."
        return Finding("diverged", PROBLEM, since, evidence, why, lower)
    lowest, jumped = math.inf, None
    for record in run.records:
        if record.loss > limit("spike_factor") * max(lowest, run.chance_loss) and math.isfinite(lowest):
            jumped = jumped or record.epoch
        elif record.loss <= limit("recovered_factor") * lowest:
            jumped = None  # it found its way back
        lowest = min(lowest, record.loss)
    if jumped is None:
        return None
    worst = max(run.records[jumped - 1 :], key=lambda r: r.loss)
    before = min(r.loss for r in run.records[: jumped - 1])
    evidence = (
        f"The training loss jumped to {number(worst.loss)} in epoch {worst.epoch}; it had been {number(before)}, "
        f"and guessing costs {run.chance_loss:.2f}."
    )
    return Finding("diverged", PROBLEM, jumped, evidence, why, lower)
