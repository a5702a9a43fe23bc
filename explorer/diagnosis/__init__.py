"""Findings about a run: rules from its settings, history and layer statistics to faults with their suggested changes.

The rules are pure functions.
"""

import logging

from explorer.data.datasets import DATASETS
from explorer.diagnosis import curves, gradients, regularization, schedules, start, step_size, units
from explorer.diagnosis.evidence import Evidence
from explorer.diagnosis.finding import NOTE, PROBLEM, SEVERITIES, WARNING, Finding, Fix
from explorer.diagnosis.suggestions import checked
from explorer.diagnosis.wording import worded

__all__ = ["EXPLAINS", "NOTE", "PROBLEM", "RULES", "SEVERITIES", "WARNING", "Evidence", "Finding", "Fix", "diagnose"]

# of equally serious findings, the earlier one is the cause
RULES = (
    units.symmetric,
    regularization.l2_too_strong,
    regularization.weight_decay_too_strong,
    regularization.dropout_too_strong,
    regularization.shift_too_strong,
    regularization.smoothing_too_strong,
    step_size.clipping_too_strong,
    start.tiny_batches,
    step_size.few_steps,
    curves.bottleneck,
    start.self_normalisation,
    start.initializer,
    start.inputs,
    gradients.exploding,
    gradients.vanishing,
    start.too_deep,
    gradients.diverged,
    schedules.schedule_too_low,
    units.dead,
    units.saturated,
    step_size.rate_too_high,
    step_size.rate_too_low,
    start.linear,
    units.stuck,
    curves.overfitting,
    curves.underfitting,
    curves.patience_too_short,
    curves.validation_better,
)

_NO_PROGRESS = {
    *("stuck", "underfitting", "rate_too_low", "rate_too_high", "schedule_too_low", "few_steps"),
    *("patience_too_short", "validation_better"),
}
_SIGNAL = {"vanishing", "exploding", "dead", "saturated", "too_deep"}

# a cause and its consequences, which are not reported beside it
EXPLAINS: dict[str, set[str]] = {
    "symmetric": _NO_PROGRESS | _SIGNAL | {"initializer", "self_normalisation", "inputs", "linear"},
    "l2_too_strong": _NO_PROGRESS | _SIGNAL | {"inputs", "diverged", "overfitting"},
    "weight_decay_too_strong": _NO_PROGRESS | _SIGNAL | {"inputs", "diverged", "overfitting"},
    "shift_too_strong": _NO_PROGRESS | {"dead"},
    "smoothing_too_strong": _NO_PROGRESS | {"dead", "saturated", "vanishing"},
    "dropout_too_strong": _NO_PROGRESS | _SIGNAL | {"self_normalisation", "overfitting"},
    "clipping_too_strong": _NO_PROGRESS | {"overfitting", "dead"},
    "tiny_batches": _NO_PROGRESS | {"overfitting", "diverged"},
    "bottleneck": (_NO_PROGRESS | _SIGNAL | {"overfitting"}) - {"few_steps", "schedule_too_low", "rate_too_low"},
    "self_normalisation": _NO_PROGRESS | {"inputs", "initializer", "exploding", "too_deep"},
    "initializer": _NO_PROGRESS | _SIGNAL,
    "inputs": (_NO_PROGRESS | _SIGNAL | {"diverged", "overfitting"}) - {"few_steps"},
    "exploding": (_NO_PROGRESS | _SIGNAL | {"diverged", "overfitting"}) - {"exploding"},
    "vanishing": _NO_PROGRESS | {"dead", "too_deep"},
    "too_deep": _NO_PROGRESS | {"dead", "overfitting"},
    "diverged": _NO_PROGRESS | {"overfitting", "dead", "saturated"},
    "dead": {"stuck", "underfitting", "rate_too_low", "rate_too_high", "patience_too_short", "validation_better"},
    "saturated": {"stuck", "underfitting", "rate_too_low", "rate_too_high", "patience_too_short", "validation_better"},
    "schedule_too_low": {*_NO_PROGRESS, "overfitting", "dead"} - {"schedule_too_low"},
    "few_steps": {*_NO_PROGRESS, "overfitting"} - {"few_steps", "schedule_too_low"},
    "rate_too_high": {"stuck", "underfitting", "patience_too_short", "overfitting", "validation_better"},
    "rate_too_low": {"stuck", "underfitting", "patience_too_short", "validation_better"},
    "linear": {"stuck", "underfitting"},
    "stuck": {"underfitting", "patience_too_short", "validation_better"},
    "overfitting": {"underfitting", "validation_better"},
}


def diagnose(run: Evidence) -> list[Finding]:
    """The findings about a run, the most serious first, with causes in place of their consequences."""
    findings = [finding for rule in RULES if (finding := _judged(rule, run))]
    # only what is at least as serious explains another: a note about the inputs must not hide a problem
    rank = {finding.name: SEVERITIES.index(finding.severity) for finding in findings}
    explained = {
        name for cause in findings for name in EXPLAINS.get(cause.name, ()) if rank[cause.name] <= rank.get(name, -1)
    }
    remaining = [finding for finding in findings if finding.name not in explained]
    return sorted(remaining, key=lambda finding: rank[finding.name])


def _judged(rule, run: Evidence) -> Finding | None:
    """What a rule finds, with a checked suggestion; an error in it is logged and costs its finding, not the page."""
    try:
        finding = rule(run)
        if finding is None:
            return None
        return worded(checked(finding, run.config, run.crawls), DATASETS[run.config.dataset].one)
    except Exception:
        logging.getLogger(__name__).exception("the rule %s failed", rule.__name__)
        return None
