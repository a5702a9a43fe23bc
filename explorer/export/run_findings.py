"""The findings of a run as its exports show them."""

from explorer.diagnosis import Evidence, Finding, diagnose
from explorer.runs.run import Run


def findings_of(run: Run) -> list[Finding]:
    """The findings of a run, the most serious first; raises `RunError` for a run that cannot be read."""
    return diagnose(Evidence(run.config, run.history(), run.signals(), run.status().cause))
