"""Rules about units: dead, saturated or identical ones, and outputs that do not depend on the image."""

from explorer.activations import ACTIVATIONS
from explorer.config import BEFORE_ACTIVATION, OFF, RAW, STANDARDIZED
from explorer.diagnosis.evidence import Evidence, between_images, hidden, worst
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, milder
from explorer.diagnosis.start import FAMILIES, hidden_layers, suiting
from explorer.diagnosis.suggestions import lower_rates
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import percent
from explorer.runs import cost_estimate


def dead(run: Evidence) -> Finding | None:
    """Units whose slope is 0 for every image, so that no gradient can revive them."""
    config = run.config
    activation = ACTIVATIONS[config.activation]
    if activation.bounded or activation.linear or config.depth == 0:
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
        by_pixels, rectifier = raw and depth == 1, activation.rectifier
        return Finding(
            "dead",
            milder(severity) if run.learned else severity,
            since,
            f"In layer {depth}, {layer.dead:.0%} of the {cost_estimate.layer_sizes(config)[depth]:,} units "
            f"{'output 0' if rectifier else f'are on the flat part of {activation.title}'} for every probe image.",
            f"A unit whose weighted sum is {'negative' if rectifier else 'far below zero'} for every image has slope 0 "
            f"for every image, so no gradient reaches its weights and it stays dead. {_killer(run, since, by_pixels)}",
            _revival(run, since, by_pixels),
            "Dying ReLU" if rectifier else "",
        )
    return None


def _killer(run: Evidence, since: int, by_pixels: bool) -> str:
    if by_pixels:
        return "Raw pixels are large, and so are their weighted sums, which can push a unit there."
    if since == 0:
        return (
            "Here the units are dead before the first step, so the cause is not the steps but the initial weights and "
            "the depth."
        )
    return "A single large step, usually from a high learning rate, can push a unit there."


def _revival(run: Evidence, since: int, by_pixels: bool) -> list[Fix]:
    config = run.config
    standardized, normalized = Fix({"input_scaling": STANDARDIZED}), Fix({"batch_norm": BEFORE_ACTIVATION})
    if by_pixels:
        return [standardized, normalized]
    lower = lower_rates(config)
    if since > 0:
        return lower
    return (
        [Fix(suiting(config)), normalized] if config.kernel_initializer not in FAMILIES["he_normal"] else [normalized]
    )


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
        # a loss that falls for some epochs between jumps is no sign of health while the steps are huge
        harmless = run.learned or (run.thrives and (run.step_size or 0.0) <= limit("huge_update"))
        return Finding(
            "saturated",
            NOTE if harmless else severity,
            since,
            f"In layer {depth}, {layer.saturated:.0%} of the outputs are close to the limits of {activation.title}.",
            f"There {activation.title} is almost flat, so its slope, and with it the gradient, is close to 0. Weighted "
            "sums become that large if the inputs, the initial weights or the steps are too large."
            + (" So far, the network is still learning." if harmless else ""),
            [] if harmless else _desaturation(run, since),
        )
    return None


def _desaturation(run: Evidence, since: int) -> list[Fix]:
    """Before the first step, the cause is the inputs or the initial weights; later, it is the steps."""
    lower = lower_rates(run.config)
    if since > 0:
        return lower
    inputs = [Fix({"input_scaling": STANDARDIZED})] if run.config.input_scaling == RAW else []
    return [*inputs, Fix(suiting(run.config)), Fix({"batch_norm": BEFORE_ACTIVATION}), *lower]


def symmetric(run: Evidence) -> Finding | None:
    """All initial weights are zero, so all units of a layer are and stay identical."""
    if run.config.kernel_initializer != "zeros" or run.config.depth == 0:
        return None
    evidence = f"All weights of {hidden_layers(run)} start at 0"
    if run.now and run.now.epoch:
        still = sum(layer.weight_norm == 0 for layer in hidden(run.now))
        evidence += f", and after epoch {run.now.epoch} those of {still} layers are still 0" if still else ""
    why = (
        "Units with equal weights compute the same output and get the same gradient, so they stay equal: a layer of "
        "100 units acts like a single unit. Zeros are even worse, because nothing passes through them in either "
        "direction."
    )
    if run.learned and run.config.depth == 1:  # as it does with an activation that has a slope at 0
        why = (
            "Units with equal weights stay equal unless something tells them apart. Here the random weights of the "
            "output layer do, so the network is learning; with another hidden layer, its units would stay equal."
        )
    elif run.learned:
        why = "The units of a layer get the same gradient and stay equal; for these images, one per layer is enough."
    return Finding("symmetric", NOTE if run.learned else PROBLEM, 0, evidence + ".", why, [Fix(suiting(run.config))])


def stuck(run: Evidence) -> Finding | None:
    """The network predicts the same for every image: its accuracy stays at chance level."""
    if not run.last:
        return None
    count = 0
    for record in reversed(run.epochs):
        if (
            record.accuracy > run.chance + limit("stuck_accuracy")
            or record.loss < limit("stuck_loss") * run.chance_loss
        ):
            break
        count += 1
    if count < limit("stuck_epochs"):
        return None
    between = ""
    why, fixes = _loss_of_differences(run)
    if run.now and run.config.depth:
        layer = hidden(run.now)[-1]
        share = between_images(layer)
        if share < limit("same_for_all"):
            between = f" Only {share:.1%} of the variance in the last hidden layer is between images."
    return Finding(
        "stuck",
        PROBLEM,
        run.last.epoch - count + 1,
        f"After {run.last.epoch} epochs, the training accuracy is {percent(run.last.accuracy)}; guessing among "
        f"{run.classes} classes reaches {percent(run.chance)}. The training loss is {run.last.loss:.3f}; equal "
        f"probabilities for all classes give {run.chance_loss:.3f}.{between}",
        why,
        fixes,
    )


def _loss_of_differences(run: Evidence) -> tuple[str, list[Fix]]:
    """Why the output does not depend on the image, and what may help."""
    if run.config.depth == 0:
        why = (
            "Without hidden layers, the output depends on weighted sums of the inputs alone. Where these cannot tell "
            "the classes apart, no learning rate and no number of epochs helps; hidden layers do."
        )
        return why, [Fix({"depth": 2})]
    why = (
        "The output does not depend on the image: the differences between images are lost on the way through the "
        "layers, or the steps are too small or too large. All the network can learn is how frequent each class is."
    )
    return why, [Fix({"batch_norm": BEFORE_ACTIVATION}), Fix({"learning_rate": 1e-3}), Fix({"learning_rate": 1e-4})]


def _since_a_layer_has(run: Evidence, signal: str, least: float, first: int = 0) -> int | None:
    return run.since(
        lambda signals: max((getattr(layer, signal) for layer in hidden(signals)[first:]), default=0.0) >= least
    )
