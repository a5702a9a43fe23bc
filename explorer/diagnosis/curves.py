"""Rules about the curves: overfitting, underfitting, early stopping, and validation that seems too good."""

from statistics import median

from explorer.activations import ACTIVATIONS
from explorer.config import ALPHA, DROPOUT, OFF
from explorer.diagnosis.evidence import Evidence, fall
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, number
from explorer.diagnosis.regularization import gentle_rate
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import count, percent
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause


def overfitting(run: Evidence) -> Finding | None:
    """The validation loss rises while the training loss keeps falling."""
    best, last = run.lowest, run.last
    if best is None or last.epoch - best.epoch < limit("overfitting_epochs"):
        return None
    if last.accuracy <= run.chance + limit("overfitting_accuracy"):
        return None  # it knows hardly any training image, so none by its details
    # the training loss of an epoch is a mean over it: the next one's says more about the weights at its end
    following = next(record for record in run.epochs if record.epoch > best.epoch)
    if not (best.val_loss > 0 and following.loss > 0) or 2 * run.frozen > last.epoch - best.epoch:
        return None  # weights that no longer move learn no details either
    recent = median(r.val_loss for r in run.epochs[-3:])
    long = last.epoch - best.epoch >= limit("strong_overfitting_epochs")
    rise, remaining = recent / best.val_loss, last.loss / following.loss
    if rise < limit("overfitting_rise") or remaining > limit("overfitting_fall"):
        return None
    unharmed = run.unharmed and best.val_accuracy - last.val_accuracy <= limit("overfitting_cost")
    return Finding(
        "overfitting",
        NOTE if not long or unharmed else PROBLEM if rise >= limit("strong_overfitting_rise") else WARNING,
        best.epoch + 1,
        f"Since epoch {best.epoch}, the validation loss has risen from {best.val_loss:.3f} to {recent:.3f}, while the "
        f"training loss has fallen from {number(following.loss)} to {number(last.loss)}.",
        "The network is now learning details of the training images that do not generalize to other images. "
        f"The weights of epoch {run.best.epoch} are saved"
        f"{', so only time is lost' if run.best is best else ': its loss with the L2 penalty is the lowest'}."
        + f" The validation accuracy was {percent(best.val_accuracy)} in epoch {best.epoch} and is "
        f"{percent(last.val_accuracy)} now." * unharmed,
        [] if unharmed else _regularized(run),
    )


def _regularized(run: Evidence) -> list[Fix]:
    config = run.config
    kind = ALPHA if ACTIVATIONS[config.activation].self_normalizing else DROPOUT
    rate = min(0.1, gentle_rate(config))
    reason = f"The dropout rate that is set, {config.dropout_rate:g}, has had no effect yet; a mild one comes first."
    if config.depth > 1:
        reason = f"Over {config.depth} layers, a higher rate would drop too much."
    fixes = [Fix({"dropout": kind, "dropout_rate": rate}, reason)]
    if config.dropout != OFF or config.depth == 0:
        fixes = []
    fixes += [Fix({"l2": max(1e-4, min(3 * config.l2, 1e-3))})]
    return [*fixes, Fix({"width": max(1, config.width // 2)}), Fix({"depth": config.depth // 2})]


def underfitting(run: Evidence) -> Finding | None:
    """The training loss has levelled off, and even the training images are not learned."""
    window = int(limit("plateau_epochs"))
    if len(run.epochs) <= window or run.last.accuracy >= limit("learnt_accuracy"):
        return None
    before, last = run.epochs[-window - 1], run.last
    fell = fall(before.loss, last.loss)
    if fell >= limit("plateau_fall") or last.val_loss > limit("plateau_gap") * last.loss:
        return None
    since = next((a.epoch for a in run.epochs if a.loss <= last.loss / (1 - limit("plateau_fall"))), last.epoch)
    return Finding(
        "underfitting",
        WARNING,
        since,
        f"Over the last {window} epochs, the training loss has changed by only {abs(fell):.1%}, to {last.loss:.3f}. "
        f"The training accuracy is {percent(last.accuracy)}, the validation accuracy {percent(last.val_accuracy)}.",
        "The network has learned what it can with these units and these steps. More images would not help, because it "
        "does not even fit the ones it has; more units or another learning rate may.",
        _larger(run),
    )


def bottleneck(run: Evidence) -> Finding | None:
    """Layers so narrow that what distinguishes the classes does not fit through them."""
    config, last = run.config, run.last
    if not run.narrow or not last:
        return None
    if len(run.epochs) < min(limit("narrow_epochs"), config.epochs) or last.accuracy >= limit("learnt_accuracy"):
        return None
    narrowest = min(cost_estimate.layer_sizes(config)[1:-1])
    layers = "the hidden layer" if config.depth == 1 else f"each of the {config.depth} hidden layers"
    layers = "the narrowest hidden layer" if narrowest < config.width else layers
    units = count(narrowest, "unit")
    return Finding(
        "bottleneck",
        WARNING if last.accuracy >= limit("half_learnt") else PROBLEM,
        1,
        f"There {'is' if narrowest == 1 else 'are'} {units} in {layers}, and {run.classes} classes to tell apart. "
        f"The training accuracy is {percent(last.accuracy)}, the validation accuracy {percent(last.val_accuracy)}.",
        "All information about an image passes through so few units that the classes overlap in them. "
        "More images or more epochs do not help; more units do.",
        [Fix({"width_factor": 1.0}), Fix({"width": 64}), Fix({"width": 100})],
    )


def _larger(run: Evidence) -> list[Fix]:
    config = run.config
    if config.depth == 0:
        return [Fix({"depth": 2})]
    # regularization off first; then a network that is larger where it is small, and steps of another size
    fixes = [Fix({"dropout": OFF})] * (config.dropout != OFF) + [Fix({"l2": 0.0}), Fix({"weight_decay": 0.0})]
    fixes += [Fix({"width": max(64, 4 * config.width)})] * (config.width < 50)
    fixes += [Fix({"depth": 2 * config.depth})] * (config.depth < 8)
    return [*fixes, Fix({"width": 2 * config.width}), Fix({"learning_rate": 3 * config.learning_rate})]


def validation_better(run: Evidence) -> Finding | None:
    """The validation loss is below the training loss, which looks wrong but is normal."""
    count = 0
    for record in reversed(run.epochs):
        if record.val_loss >= limit("validation_better") * record.loss or record.loss - record.val_loss < limit(
            "validation_better_by"
        ):
            break
        count += 1
    if count < limit("validation_better_epochs"):
        return None
    config = run.config
    if config.mixup or config.moves_images:
        why = "Augmentation makes the training images harder; the validation images stay as they are."
    elif config.dropout != OFF and config.dropout_rate > 0:
        why = "Dropout switches off units during training only, so predicting is easier during validation."
    elif config.batch_norm != OFF:
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
    if run.cause != Cause.EARLY_STOPPING or len(run.epochs) < 2:
        return None
    before, last = run.epochs[max(0, len(run.epochs) - config.patience - 1)], run.last
    still = fall(before.loss, last.loss)
    rise = -fall(run.best.val_loss, last.val_loss) if run.best else 0.0
    if config.patience > limit("short_patience") or still < limit("still_falling") or last.accuracy > limit("by_heart"):
        return None
    return Finding(
        "patience_too_short",
        WARNING,
        last.epoch,
        f"Training stopped after {count(config.patience, 'epoch')} without a lower validation loss "
        f"({rise:+.1%} compared with the best), while the training loss still fell by {still:.1%}.",
        "The validation loss fluctuates from epoch to epoch, because steps are noisy and validation images are few. If "
        "the patience is shorter than these fluctuations, the first small rise ends the run.",
        [Fix({"patience": 20})],
    )
