"""What is wrong inside a network, in plain words with the run's own numbers, and what to try.

Pure rules: settings, history and signals in, findings out.
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

_LEARNS_NOTHING = {"stuck", "underfitting", "rate_too_low", "rate_too_high", "patience_too_short", "validation_better"}

# a cause and what it brings about: who sees the cause is not told its consequences as well
EXPLAINS: dict[str, set[str]] = {
    "symmetric": _LEARNS_NOTHING | {"vanishing", "initializer", "dead", "self_normalisation", "inputs"},
    "exploding": _LEARNS_NOTHING | {"diverged", "dead", "saturated", "vanishing"},
    "vanishing": _LEARNS_NOTHING,
    "inputs": _LEARNS_NOTHING | {"saturated", "vanishing", "exploding", "diverged"},
    "initializer": _LEARNS_NOTHING | {"vanishing", "exploding", "dead", "saturated"},
    "dead": _LEARNS_NOTHING | {"vanishing", "diverged"},
    "saturated": _LEARNS_NOTHING | {"vanishing", "diverged"},
    "tiny_batches": _LEARNS_NOTHING | {"overfitting", "diverged"},
    "self_normalisation": {"inputs", "initializer", "exploding"},
    "diverged": _LEARNS_NOTHING | {"overfitting"},
    "rate_too_high": {"stuck", "underfitting", "patience_too_short", "overfitting"},
    "rate_too_low": {"stuck", "underfitting", "patience_too_short"},
    "stuck": {"underfitting", "patience_too_short"},
    "overfitting": {"validation_better"},
}


def diagnose(run: Evidence) -> list[Finding]:
    """Everything the rules find in a run, the gravest first and causes instead of their consequences."""
    found = [finding for rule in RULES if (finding := rule(run))]
    # only what is at least as grave explains: inputs that could be better are no reason to be silent about a problem
    grave = {finding.name: SEVERITIES.index(finding.severity) for finding in found}
    explained = {
        name for cause in found for name in EXPLAINS.get(cause.name, ()) if grave[cause.name] <= grave.get(name, -1)
    }
    left = [finding for finding in found if finding.name not in explained]
    return sorted(left, key=lambda finding: SEVERITIES.index(finding.severity))
