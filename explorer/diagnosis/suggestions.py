"""The one place where suggested changes are checked: each is possible, new, has an effect and fits its finding."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from explorer.config import FIELDS, OFF, ONE_CYCLE, RAW, STANDARDIZED, TrainingConfig
from explorer.diagnosis.finding import NOTE, Finding, Fix
from explorer.errors import FieldError

# settings of the hidden layers: without such layers they have no effect
OF_HIDDEN_LAYERS = ("activation", "kernel_initializer", "width", "width_factor", "skip", "dropout", "dropout_rate")

# optimizers whose step is proportional to the gradient; the others divide by its size
PLAIN = ("sgd", "momentum", "nesterov")

DOWN, UP = -1, 1
# the direction in which a finding's own words allow a setting to go
DIRECTIONS: dict[str, dict[str, int]] = {
    "rate_too_high": {"learning_rate": DOWN, "peak_factor": DOWN},
    "rate_too_low": {"learning_rate": UP},
    "schedule_too_low": {"decay_epochs": UP, "warmup_epochs": DOWN, "plateau_patience": UP, "plateau_factor": UP},
    "clipping_too_strong": {"learning_rate": UP, "clip_norm": UP},
    "few_steps": {"batch_size": DOWN},
    "diverged": {"learning_rate": DOWN, "peak_factor": DOWN, "clip_norm": DOWN},
    "exploding": {"learning_rate": DOWN, "clip_norm": DOWN},
    "dead": {"learning_rate": DOWN, "depth": DOWN},
    "saturated": {"learning_rate": DOWN},
    "too_deep": {"depth": DOWN},
    "l2_too_strong": {"l2": DOWN},
    "weight_decay_too_strong": {"weight_decay": DOWN},
    "dropout_too_strong": {"dropout_rate": DOWN},
    "shift_too_strong": {"shift": DOWN},
    "smoothing_too_strong": {"label_smoothing": DOWN},
    "tiny_batches": {"batch_size": UP},
    "overfitting": {"width": DOWN, "depth": DOWN, "l2": UP},
    "underfitting": {"width": UP, "depth": UP, "l2": DOWN, "dropout_rate": DOWN},
    "bottleneck": {"width": UP},
    "patience_too_short": {"patience": UP},
}


def admissible(config: TrainingConfig, change: Mapping[str, Any], finding: str = "") -> bool:
    """Whether a change is allowed, every setting of it is new and has an effect, and none contradicts the finding."""
    try:
        changed = config.with_(**change)
    except FieldError:
        return False
    new = all(getattr(changed, name) != getattr(config, name) for name in change)
    return (
        bool(change) and new and all(_has_effect(name, changed, config) and _fits(finding, name, changed, config)
                                     for name in change)
    )  # fmt: skip


def _has_effect(name: str, changed: TrainingConfig, config: TrainingConfig) -> bool:
    if not FIELDS[name].matters(vars(changed)):
        return False
    # switching off what already does nothing changes nothing either
    if name == "dropout" and 0 in (config.dropout_rate, changed.dropout_rate):
        return config.dropout_rate != changed.dropout_rate
    if name in OF_HIDDEN_LAYERS:
        return changed.depth > 0 or config.depth > 0
    return True


def _fits(finding: str, name: str, changed: TrainingConfig, config: TrainingConfig) -> bool:
    direction = DIRECTIONS.get(finding, {}).get(name)
    before, after = getattr(config, name), getattr(changed, name)
    if name == "clip_norm":  # 0 is no limit at all
        before, after = before or math.inf, after or math.inf
    return direction is None or (after - before) * direction > 0


def checked(finding: Finding, config: TrainingConfig, crawls: bool = False) -> Finding:
    """The finding with its admissible fixes: the first as its change, and the others.

    A setting of a fix that has the suggested value already is left out of it; numbers are brought within bounds. Where
    the run `crawls`, as its learning rate is far too low, each fix raises the rate too.
    """
    usable = _usable(finding, config)
    if crawls and finding.severity != NOTE:
        usable = _usable(replace(finding, fixes=[_with_usual_rate(fix, config) for fix in usable]), config) or usable
    if not usable:
        return replace(finding, fixes=[])
    chosen, *others = usable
    why = f"{finding.why} {chosen.reason}" if chosen.reason else finding.why
    return replace(finding, why=why, fixes=usable, change=chosen.change, others=[other.change for other in others])


def _usable(finding: Finding, config: TrainingConfig) -> list[Fix]:
    usable: list[Fix] = []
    for fix in finding.fixes:
        change = {name: value for name, given in fix.change.items()
                  if (value := within_bounds(name, given)) != getattr(config, name)}  # fmt: skip
        known = [dict(other.change) for other in usable]
        if admissible(config, change, finding.name) and change not in known:
            usable.append(Fix(change, fix.reason if len(change) > 1 else ""))
    return usable


def _with_usual_rate(fix: Fix, config: TrainingConfig) -> Fix:
    """A fix that raises the learning rate to the usual one as well."""
    if "learning_rate" in fix.change:
        return fix
    peak = config.peak_factor if config.schedule == ONE_CYCLE else 1.0
    raised = {"learning_rate": usual_rate(config) * min(1.0, _USUAL_PEAK / peak)}
    reason = f"{fix.reason} {RATE_TOO}".strip()
    if needs_standardized(config):
        raised["input_scaling"] = STANDARDIZED
        reason += _INPUTS_TOO
    return Fix(raised | dict(fix.change), reason)


RATE_TOO = "The learning rate is so low that nothing else would show an effect, so it has to rise too."
_INPUTS_TOO = " With gradient descent, that needs standardized inputs."


def within_bounds(name: str, value: Any) -> Any:
    """A value, brought within the bounds of its field and to three digits; choices stay as they are."""
    field = FIELDS[name]
    if field.choices:
        return value
    value = min(max(value, field.minimum), field.maximum)
    return field.check(float(f"{value:.3g}") if isinstance(value, float) else value)


def rounded(value: float) -> float:
    """A value rounded to one significant digit, as in suggestions."""
    return float(f"{value:.1g}")


# what optimizers usually work with: the adaptive ones as in Keras's defaults, gradient descent ten times that and more
_USUAL_RATES = {"sgd": 0.03, "momentum": 0.01, "nesterov": 0.01}
_ADAPTIVE_RATE, _DEEP = 1e-3, 8
_USUAL_PEAK = 4  # the highest rate of a cycle / the usual constant one


def usual_rate(config: TrainingConfig) -> float:
    """A learning rate that usually works for the optimizer; deep networks need smaller steps."""
    rate = _USUAL_RATES.get(config.optimizer, _ADAPTIVE_RATE)
    return rounded(rate / 3) if config.depth > _DEEP else rate


def needs_standardized(config: TrainingConfig) -> bool:
    """Whether the usual rate is too high for these inputs: the gradients of raw ones grow with their values."""
    return config.optimizer in PLAIN and config.input_scaling == RAW and config.batch_norm == OFF


def lower_rates(config: TrainingConfig) -> list[Fix]:
    """Lower learning rates, the most promising first: the usual one, or a tenth of one that is about usual already."""
    rate, usual = config.learning_rate, usual_rate(config)
    first = usual if usual <= rate / 3 else rounded(rate / 10)
    fixes = [Fix({"learning_rate": value}) for value in (first, rounded(first / 10), rounded(first / 100))]
    if config.schedule == ONE_CYCLE and rate <= 3 * usual and config.peak_factor * rate > _USUAL_PEAK * usual:
        fixes.insert(0, Fix({"peak_factor": rounded(min(max(_USUAL_PEAK * usual / rate, 2.0), 10.0))}))
    return fixes
