"""A finding, and the formatting of numbers in its sentences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

IMAGE = "image"
PROBLEM, WARNING, NOTE = "problem", "warning", "note"
SEVERITIES = (PROBLEM, WARNING, NOTE)


@dataclass(frozen=True)
class Fix:
    """A change that may help, as values by field name; `reason` says why one setting alone would not be enough."""

    change: Mapping[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that a rule has noticed about a run.

    `since` is the first epoch at which it holds (0: before training), `evidence` states it with the run's own numbers,
    and `why` explains the cause. `fixes` are the changes that the rule considers, the best first;
    `suggestions.checked` leaves those that can be suggested. `change` is the first of them, as values by field name;
    empty if there is none. `others` may help too. `title` replaces the lesson's title where networks of this kind have
    a name of their own for it. `one` is what an image of the run's data set is called.
    """

    name: str
    severity: str
    since: int
    evidence: str
    why: str
    fixes: Sequence[Fix] = ()
    title: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    others: Sequence[Mapping[str, Any]] = ()
    one: str = IMAGE


def milder(severity: str) -> str:
    """The severity below one; a note stays a note."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]


def since(epoch: int) -> str:
    """Since when a finding holds, as text: since an epoch, or before training (0)."""
    return "before training" if epoch == 0 else f"since epoch {epoch:,}"


def fraction(ratio: float) -> str:
    """A ratio below one as text: 1/4,000; one part in 2.7 · 10¹²; zero and non-finite values unchanged."""
    if not math.isfinite(ratio) or ratio <= 0:
        return f"{ratio:g}"
    if ratio < 1e-6:
        return f"one part in {number(1 / ratio)}"
    return f"{ratio:.2g}" if ratio > 0.3 else f"1/{number(1 / ratio)}"


def number(value: float) -> str:
    """A number with two significant digits: 0.0012; 4,300; 3.2 · 10⁸."""
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
