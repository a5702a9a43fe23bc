"""What a rule says about a run, and how its numbers are put into words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROBLEM, WARNING, NOTE = "problem", "warning", "note"
SEVERITIES = (PROBLEM, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """One thing that a run shows.

    `since` is the epoch from which on it is seen (0: before training), `evidence` says so in the run's own numbers,
    `why` in two sentences why it happens. `change` holds the settings to try, by field name; empty when none helps.
    """

    name: str
    severity: str
    since: int
    evidence: str
    why: str
    change: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""


def fraction(ratio: float) -> str:
    """A ratio below one as a person says it: 1/4,000; one part in 2.7 · 10¹²; 0 and what is not finite as they are."""
    if not math.isfinite(ratio) or ratio <= 0:
        return f"{ratio:g}"
    if ratio < 1e-6:
        return f"one part in {number(1 / ratio)}"
    return f"{ratio:.2g}" if ratio > 0.3 else f"1/{number(1 / ratio)}"


def number(value: float) -> str:
    """A number to two digits, with thousands separated while it is readable that way: 4,000; 3.2 · 10⁸."""
    if not math.isfinite(value):
        return "infinite" if math.isinf(value) else "not a number"
    if value == 0 or 1e-3 <= abs(value) < 10:
        return f"{value:.2g}"
    if 10 <= abs(value) < 1e7:
        digits = 1 - math.floor(math.log10(abs(value)))
        return f"{round(value, digits):,.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} · 10{str(int(exponent)).translate(_RAISED)}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
