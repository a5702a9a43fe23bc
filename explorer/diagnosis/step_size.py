"""Rules about the steps: too large, too small, and what keeps them small: clipping, or few steps per epoch."""

import itertools
import math
from dataclasses import replace

from explorer.config import (
    FIELDS,
    ONE_CYCLE,
    STANDARDIZED,
    TrainingConfig,
)
from explorer.data.datasets import DATASETS
from explorer.diagnosis.evidence import Evidence, fall, gradient_norm, step_of
from explorer.diagnosis.finding import NOTE, PROBLEM, WARNING, Finding, Fix, fraction, number
from explorer.diagnosis.gradients import plain_explosion
from explorer.diagnosis.suggestions import PLAIN, lower_rates, needs_standardized, rounded, usual_rate
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import count, decimal, percent

FEW_IMAGES = 10_000  # a smaller data set needs smaller batches for enough steps


def _suggestion(run: Evidence) -> str:
    """What the learning-rate finder suggests, as a sentence after another; empty if it was not used."""
    return f" The learning-rate finder suggests {decimal(run.suggested_rate, 3)}." if run.suggested_rate else ""


def rate_too_high(run: Evidence) -> Finding | None:
    """Steps so large that the loss jumps up and down instead of falling."""
    if finding := _ruinous_peak(run):
        return finding
    if not run.last or (run.thrives and not _jumps(run)):
        return None
    peak = max(record.learning_rate for record in run.records)
    rate = f"The learning rate is {decimal(run.last.learning_rate, 3)}" + (
        f", after a peak of {decimal(peak, 3)}." if peak > 2 * run.last.learning_rate else "."
    )
    step, when = run.step_size, "layers and recent epochs"
    since = run.since(lambda s: step_of(s) > limit("large_update") / 2)
    if run.config.schedule == ONE_CYCLE and (at_peak := _largest_step(run)):
        step, since = at_peak
        when = f"layers, the last step of epoch {since}"
    if step and (run.config.l2 or run.config.weight_decay):
        step *= min(1.0, math.sqrt(run.shrunk))  # weights that were made small make any step look long
    if step is not None and step > limit("large_update") and len(run.records) >= limit("settled_epochs"):
        suggestion = _suggestion(run)
        return Finding(
            "rate_too_high",
            NOTE if run.unharmed else PROBLEM if step > limit("huge_update") and not run.learned else WARNING,
            since or run.now.epoch,
            f"One step changes the weights by {step:.1%} of their size (median over {when}); about 0.1% is "
            f"usual. {rate}{suggestion}",
            _WHY_TOO_HIGH,
            _lower(run),
        )
    rises = [later.loss > earlier.loss for earlier, later in zip(run.epochs, run.epochs[1:], strict=False)]
    recent = rises[-int(limit("slope_epochs")) :]
    if len(recent) < limit("slope_epochs") or sum(recent) < limit("rising_share") * len(recent) or run.learned:
        return None
    if run.last.loss > limit("stuck_loss") * run.chance_loss or not _jumps(run):
        return None  # it has not begun to learn, or has levelled off: other findings
    evidence = f"The training loss rose in {sum(recent)} of the last {len(recent)} epochs. {rate}"
    return Finding("rate_too_high", WARNING, run.last.epoch - len(recent) + 1, evidence, _WHY_TOO_HIGH, _lower(run))


_WHY_TOO_HIGH = (
    "The gradient points downhill only near the current weights, and a large step ends where that direction no longer "
    "leads down. The loss then jumps up and down, or levels off where smaller steps would still lower it."
)


def _ruinous_peak(run: Evidence) -> Finding | None:
    """A cycle whose peak undid what had been learned: the training loss has recovered, the validation loss has not."""
    best, last = run.lowest, run.last
    if run.config.schedule != ONE_CYCLE or best is None:
        return None
    peak = max(run.records, key=lambda record: record.learning_rate)
    later = [record for record in run.epochs if record.epoch > best.epoch and math.isfinite(record.loss)]
    worst = max(later, key=lambda record: record.loss, default=best)
    largest, _ = _largest_step(run) or (0.0, 0)
    risen = worst.loss > limit("spike_factor") * best.loss
    below = last.val_loss > limit("strong_overfitting_rise") * best.val_loss
    if not (peak.epoch > best.epoch and risen and below and largest > limit("large_update")):
        return None
    return Finding(
        "rate_too_high",
        WARNING if run.learned else PROBLEM,
        best.epoch + 1,
        f"The validation loss was lowest in epoch {best.epoch}: {best.val_loss:.3f}, at a learning rate of "
        f"{decimal(best.learning_rate, 3)}. While the rate rose to {decimal(peak.learning_rate, 3)}, "
        f"steps changed the weights by up to {largest:.1%} and the training loss rose to {number(worst.loss)}; "
        f"the validation loss is now {number(last.val_loss)}.",
        _WHY_TOO_HIGH,
        _lower(run),
    )


def _largest_step(run: Evidence) -> tuple[float, int] | None:
    """The largest step of a cycle relative to the weights, and its epoch; None where none was measured."""
    sizes = [(step_of(signals), signals.epoch) for signals in run.signals]
    return max(((size, epoch) for size, epoch in sizes if math.isfinite(size)), default=None)


def _jumps(run: Evidence) -> bool:
    """Whether the training loss of the last epochs goes up and down by more than one that has levelled off."""
    window = [record.loss for record in run.epochs[-int(limit("slope_epochs")) - 1 :]]
    rose = any(later > earlier for earlier, later in itertools.pairwise(window))
    return rose and max(window) >= limit("jumping_loss") * min(window)


def _lower(run: Evidence) -> list[Fix]:
    """Lower rates: what the finder suggests, then what usually works."""
    return [Fix({"learning_rate": run.suggested_rate})] * bool(run.suggested_rate) + lower_rates(run.config)


def clipping_too_strong(run: Evidence) -> Finding | None:
    """Gradient clipping that shortens every step to almost nothing."""
    config = run.config
    if (
        not 0 < config.clip_norm < limit("usual_clipping")
        or not run.last
        or not run.now
        or run.learned
        or not run.moved_little
    ):
        return None
    norm = gradient_norm(run.now, config)
    clipped = run.last.clipped
    acts = clipped >= limit("clipped_share") if math.isfinite(clipped) else norm > config.clip_norm
    if not acts or not math.isfinite(norm) or config.clip_norm > limit("clipped_to") * norm:
        return None
    in_steps = f" in {clipped:.0%} of the steps of epoch {run.last.epoch}" if math.isfinite(clipped) else ""
    fixes = [Fix({"clip_norm": 1.0})] if _would_explode(run) else [Fix({"clip_norm": 0.0}), Fix({"clip_norm": 1.0})]
    step = run.step_size
    if config.optimizer in PLAIN and step and step * norm / config.clip_norm < limit("tiny_update"):
        reason = "Without clipping, the steps would still be too small, so the learning rate has to rise too."
        fixes.insert(0, Fix({**fixes[0].change, "learning_rate": usual_rate(config)}, reason))
    return Finding(
        "clipping_too_strong",
        WARNING if run.thrives else PROBLEM,
        next((record.epoch for record in run.records if record.clipped > 0), run.last.epoch),
        f"The gradient has norm {number(norm)} and is clipped to {decimal(config.clip_norm)}{in_steps}. "
        f"One step changes the weights by {fraction(step or 0.0)} of their size (median over layers); "
        "about 1/1,000 is usual.",
        "Clipping is meant for the rare gradient that is far too large. Here it shortens every step, by a factor of "
        f"{number(norm / config.clip_norm)}, so the weights hardly move, whatever the learning rate is.",
        fixes,
    )


def _would_explode(run: Evidence) -> bool:
    return plain_explosion(replace(run, config=run.config.with_(clip_norm=0.0))) is not None


def few_steps(run: Evidence) -> Finding | None:
    """Batches so large that there are hardly any weight updates per epoch."""
    config, steps = run.config, run.steps_per_epoch
    if not run.last or config.batch_size < limit("giant_batch"):
        return None
    well = run.unharmed or run.last.accuracy > limit("by_heart")
    enough = steps > limit("few_steps_per_epoch")
    if well or (run.learned and enough):
        return None
    taken = steps * len(run.records)
    if taken > limit("few_steps") or (len(run.records) < limit("few_steps_epochs") and not run.beginning):
        return None
    if run.thrives and enough:
        return None
    raised, highest = 10 * config.learning_rate, 3 * usual_rate(config)
    size = 32 if DATASETS[config.dataset].train_images < FEW_IMAGES else 64
    each = "one weight update" if steps == 1 else f"{steps:,} weight updates"
    return Finding(
        "few_steps",
        WARNING if run.learned or (enough and run.last.accuracy >= limit("half_learnt")) else PROBLEM,
        1,
        f"With a batch size of {config.batch_size:,}, each epoch has {each}: {taken:,} so far, in "
        f"{count(len(run.records), 'epoch')}. The training accuracy is {percent(run.last.accuracy)}.",
        "A network learns step by step, not epoch by epoch. Averaging over thousands of images makes each step more "
        "accurate but not larger, so it gets less far in the same number of epochs. It is not stuck; it has hardly "
        "begun.",
        [
            Fix({"batch_size": size, "learning_rate": highest}, _MORE_STEPS)
            if config.learning_rate > highest
            else Fix({"batch_size": size}),
            *[Fix({"learning_rate": raised})] * (raised <= highest),
        ],
    )


_MORE_STEPS = "Smaller batches make more steps, for which the learning rate is too high."


def rate_too_low(run: Evidence) -> Finding | None:
    """Steps so small that training makes almost no progress, or is far from done when the run ends."""
    step = run.step_size
    if step is None or not run.last or len(run.epochs) < 2 or (run.narrow and not run.crawls):
        return None
    # a rate far below the usual one costs accuracy wherever the usual one would leave nothing to learn
    enough = limit("well_learnt_accuracy" if run.crawls else "learnt_accuracy")
    if max(run.last.accuracy, run.last.val_accuracy) >= enough:
        return None
    first, last = run.epochs[0].loss, run.last.loss
    per_epoch = fall(first, last) / (len(run.epochs) - 1)
    severity = PROBLEM
    slow = per_epoch < limit("slow_fall")
    if step >= limit("tiny_update") or not slow:
        if not run.moved_little or not (run.crawls or _unfinished(run)):
            return None
        severity = PROBLEM if run.beginning else WARNING
    since = run.since(lambda s: s.epoch > 0 and not step_of(s) >= limit("usual_update"), at_least=2)
    if since is None:
        return None
    suggestion = _suggestion(run)
    rate = run.config.learning_rate
    usual = usual_rate(run.config)
    raised = min(rounded(rate * min(max(limit("usual_update") / step, 3), 1e4)), max(usual, 3 * rate))
    rates = [run.suggested_rate, usual if usual >= 3 * rate else raised, raised, rounded(3 * rate)]
    return Finding(
        "rate_too_low",
        severity,
        since,
        f"One step changes the weights by 1/{number(1 / step)} of their size (median over layers); about 1/1,000 is "
        f"usual. The training loss falls by {per_epoch:.1%} per epoch.{suggestion}",
        "The direction is right, but the steps are so short that reaching a minimum would take "
        f"{'thousands of' if severity == PROBLEM else 'many more'} epochs. "
        f"Nothing looks broken: {'the curves are smooth and almost flat' if slow else 'the loss keeps falling'}.",
        [*_standardized_too(run.config, usual), *(Fix({"learning_rate": value}) for value in rates if value)],
    )


def _standardized_too(config: TrainingConfig, rate: float) -> list[Fix]:
    """A higher rate and standardized inputs, where the gradients of raw pixels would make that rate too high."""
    if not needs_standardized(config):
        return []
    reason = (
        "With raw pixels, gradients grow with the values of the pixels, so the usual rate for "
        f"{FIELDS['optimizer'].title(config.optimizer)} would be too high; it needs standardized inputs."
    )
    return [Fix({"learning_rate": rate, "input_scaling": STANDARDIZED}, reason)]


def _unfinished(run: Evidence) -> bool:
    """Whether the training loss still falls in almost every epoch, as it does where steps are short."""
    recent = run.epochs[-int(limit("slope_epochs")) :]
    falls = [later.loss < earlier.loss for earlier, later in itertools.pairwise(recent)]
    ended = run.cause is not None or len(run.records) >= run.config.epochs
    return len(falls) >= (2 if ended else 4) and sum(falls) >= limit("thriving_share") * len(falls)
