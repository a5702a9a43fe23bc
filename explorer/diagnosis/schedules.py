"""Rules about schedules whose learning rate has fallen too low, or does not rise in time."""

from explorer.config import CONSTANT, COSINE, EXPONENTIAL, PLATEAU
from explorer.diagnosis.evidence import Evidence, fall
from explorer.diagnosis.finding import PROBLEM, WARNING, Finding, Fix, fraction, number
from explorer.diagnosis.thresholds import limit
from explorer.plain_text import decimal


def schedule_too_low(run: Evidence) -> Finding | None:
    """A schedule whose rate has fallen to almost nothing, or does not rise, before the network has learned."""
    config = run.config
    if config.schedule == CONSTANT or not run.last:
        return None
    if config.schedule == COSINE and config.warmup_epochs >= config.epochs:
        return None if run.learned else _slow_warmup(run)
    low, frozen = limit("frozen_rate") * config.learning_rate, run.frozen
    if frozen < max(limit("frozen_epochs"), limit("frozen_share") * len(run.records)):
        return None
    if run.last.accuracy >= limit("by_heart"):
        return None
    fell = fall(run.epochs[-frozen].loss, run.last.loss)
    if fell >= 1 - (1 - limit("plateau_fall")) ** frozen:
        return None  # slow as it is, it still learns
    return Finding(
        "schedule_too_low",
        WARNING if run.last.accuracy >= limit("learnt_accuracy") else PROBLEM,
        run.last.epoch - frozen + 1,
        f"Since epoch {run.last.epoch - frozen + 1}, the learning rate has been at most {decimal(low, 3)}, "
        f"{limit('frozen_rate'):.0%} of the configured {decimal(config.learning_rate)}, and it is now "
        f"{number(run.last.learning_rate)}. Over these {frozen} epochs, the training loss has changed by "
        f"{abs(fell):.1%}, to {run.last.loss:.3f}.",
        "A falling rate lets the network settle, but here it has fallen to almost nothing while there was still much "
        "to learn. The curves are flat because the weights no longer move, not because the network can do no better.",
        _slower_schedule(run),
    )


def _slow_warmup(run: Evidence) -> Finding:
    config = run.config
    reached = run.last.learning_rate / config.learning_rate
    return Finding(
        "schedule_too_low",
        PROBLEM if not run.thrives else WARNING,
        1,
        f"The warm-up of {config.warmup_epochs:,} epochs is longer than the run of {config.epochs:,}: after epoch "
        f"{run.last.epoch}, the learning rate is {fraction(reached)} of the "
        f"configured {decimal(config.learning_rate)}.",
        "Warm-up is meant for the first few epochs, so that steps are small while the weights are still random. "
        "Here the run ends before the rate has risen.",
        [Fix({"warmup_epochs": max(1, config.epochs // 10)}), Fix({"schedule": CONSTANT})],
    )


def _slower_schedule(run: Evidence) -> list[Fix]:
    config = run.config
    constant = Fix({"schedule": CONSTANT})
    if config.schedule == EXPONENTIAL:
        return [Fix({"decay_epochs": max(20, 2 * min(len(run.records), config.epochs))}), constant]
    if config.schedule == PLATEAU:
        reason = (
            "A longer patience alone would only delay the fall to almost nothing, and a milder factor alone would be "
            "applied too often."
        )
        return [Fix({"plateau_patience": 5, "plateau_factor": 0.5}, reason), constant]
    return [constant]
