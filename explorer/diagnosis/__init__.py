"""Findings about a run: rules from its settings, history and layer statistics to faults with their suggested changes.

The rules are pure functions.
"""

from explorer.diagnosis import curves, gradients, units
from explorer.diagnosis.evidence import Evidence
from explorer.diagnosis.finding import NOTE, PROBLEM, SEVERITIES, WARNING, Finding

__all__ = ["EXPLAINS", "NOTE", "PROBLEM", "RULES", "SEVERITIES", "WARNING", "Evidence", "Finding", "diagnose"]

RULES = (
    units.symmetric,
    gradients.vanishing,
    gradients.exploding,
    gradients.diverged,
    units.dead,
    units.saturated,
    units.inputs,
    units.initializer,
    units.self_normalisation,
    units.tiny_batches,
    curves.rate_too_high,
    curves.rate_too_low,
    units.stuck,
    units.linear,
    curves.overfitting,
    curves.underfitting,
    curves.patience_too_short,
    curves.validation_better,
)

_NO_PROGRESS = {"stuck", "underfitting", "rate_too_low", "rate_too_high", "patience_too_short", "validation_better"}

# a cause and its consequences, which are not reported beside it
EXPLAINS: dict[str, set[str]] = {
    "symmetric": _NO_PROGRESS | {"vanishing", "initializer", "dead", "self_normalisation", "inputs"},
    "exploding": _NO_PROGRESS | {"diverged", "dead", "saturated", "vanishing"},
    "vanishing": _NO_PROGRESS,
    "inputs": _NO_PROGRESS | {"saturated", "vanishing", "exploding", "diverged"},
    "initializer": _NO_PROGRESS | {"vanishing", "exploding", "dead", "saturated"},
    "dead": _NO_PROGRESS | {"vanishing", "diverged"},
    "saturated": _NO_PROGRESS | {"vanishing", "diverged"},
    "tiny_batches": _NO_PROGRESS | {"overfitting", "diverged"},
    "self_normalisation": {"inputs", "initializer", "exploding"},
    "diverged": _NO_PROGRESS | {"overfitting"},
    "rate_too_high": {"stuck", "underfitting", "patience_too_short", "overfitting"},
    "rate_too_low": {"stuck", "underfitting", "patience_too_short"},
    "stuck": {"underfitting", "patience_too_short"},
    "overfitting": {"validation_better"},
}


def diagnose(run: Evidence) -> list[Finding]:
    """The findings about a run, the most serious first, with causes in place of their consequences."""
    findings = [finding for rule in RULES if (finding := rule(run))]
    # only what is at least as serious explains another: a note about the inputs must not hide a problem
    rank = {finding.name: SEVERITIES.index(finding.severity) for finding in findings}
    explained = {
        name for cause in findings for name in EXPLAINS.get(cause.name, ()) if rank[cause.name] <= rank.get(name, -1)
    }
    remaining = [finding for finding in findings if finding.name not in explained]
    return sorted(remaining, key=lambda finding: rank[finding.name])
