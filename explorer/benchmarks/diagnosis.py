"""The report of a diagnosis campaign: recall, precision, localization, fixes and harm, from the measured groups.

A group is one healthy network and the faults injected into it, as `diagnosis_trials` measures it. Pure functions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from explorer.benchmarks.faults import CATALOGUE
from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE
from explorer.evaluation.metrics import wilson_interval
from explorer.plain_text import columns

SEEDS = 3
# a network is healthy if it is at most this much less accurate than the reference of its size
HEALTHY_WITHIN = 0.02
# a fault costs at least this much accuracy, and this many standard errors
LEAST_LOSS, LEAST_ERRORS = 0.05, 3.0
# a suggestion fixes a fault if it recovers this share of the loss, and harms if accuracy falls by more than this
FIXED_SHARE, HARM = 0.8, 0.02
ROUNDING = 1e-9

Group = Mapping[str, Any]


def is_healthy(accuracies: Sequence[float], reference: float) -> bool:
    """Whether a network learns, over the seeds, what the reference of its size learns, but for two points."""
    return len(accuracies) == SEEDS and fmean(accuracies) + ROUNDING >= reference - HEALTHY_WITHIN


def first_suggestion(findings: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The change of the first finding that suggests one; empty if none does."""
    return next((finding["change"] for finding in findings if finding["change"]), {})


def is_fault(healthy: Sequence[float], faulty: Sequence[float], images: int) -> bool:
    """Whether the accuracies of a network with an injected change are so far below its twin's, seed by seed.

    The standard error is the larger of two: that of the mean difference over the seeds, and the binomial one of two
    accuracies over the same number of validation `images`.
    """
    if len(faulty) < SEEDS:
        return False
    before, after = fmean(healthy), fmean(faulty)
    spread = stdev(a - b for a, b in zip(healthy, faulty, strict=True)) / math.sqrt(SEEDS)
    binomial = math.sqrt((before * (1 - before) + after * (1 - after)) / images)
    return before - after + ROUNDING >= max(LEAST_LOSS, LEAST_ERRORS * max(spread, binomial))


@dataclass(frozen=True)
class Verdict:
    """What the diagnosis made of one injected fault; `by_name` if a finding of its name, not only its fix, names it."""

    fault: str
    named: bool
    first: bool
    fixed: bool
    harmed: bool
    findings: tuple[str, ...]
    by_name: bool


def verdict(healthy: Sequence[float], faulty: Group) -> Verdict:
    """The verdict on a fault that was kept; findings that are only notes name nothing."""
    fault, config = CATALOGUE[faulty["fault"]], TrainingConfig.from_dict(faulty["config"])
    findings = [finding for finding in faulty["findings"] if finding["severity"] != NOTE]
    named = [fault.named_by(finding["name"], finding["change"], config) for finding in findings]
    before, after = fmean(healthy), fmean(faulty["accuracies"])
    gain = fmean(faulty["fixed"]) - after if faulty["fixed"] else 0.0
    return Verdict(
        fault.name,
        any(named),
        named[:1] == [True],
        gain + ROUNDING >= FIXED_SHARE * (before - after),
        gain < -HARM,
        tuple(finding["name"] for finding in findings),
        any(finding["name"] in fault.causes for finding in findings),
    )


def needed(groups: Iterable[Group], configurations: int) -> list[Group] | None:
    """The first groups that together hold that many kept faults, the last one cut after it; None if there are fewer."""
    chosen, kept = [], 0
    for group in groups:
        places = [place for place, each in enumerate(group["faulty"], 1) if each["kept"]][: configurations - kept]
        kept += len(places)
        enough = kept == configurations
        chosen.append({**group, "faulty": group["faulty"][: places[-1]] if enough else group["faulty"]})
        if enough:
            return chosen
    return None


def report(groups: Sequence[Group]) -> dict[str, Any]:
    """The measures of a campaign over the groups that `needed` chose."""
    healthy = [group["healthy"] for group in groups if group["healthy"]]
    alarms = [[f["name"] for f in network["findings"] if f["severity"] != NOTE] for network in healthy]
    pairs = [(group["healthy"], faulty) for group in groups for faulty in group["faulty"]]
    verdicts = [verdict(twin["accuracies"], faulty) for twin, faulty in pairs if faulty["kept"]]
    drawn = Counter(faulty["fault"] for _, faulty in pairs)
    return {
        "configurations": len(verdicts),
        "healthy_networks": len(healthy),
        "drawn_faults": len(pairs),
        "recall": _share(v.named for v in verdicts),
        "named_by_name": _share(v.by_name for v in verdicts if v.named),
        "precision_on_healthy": _share(not names for names in alarms),
        "localisation": _share(v.first for v in verdicts),
        "fix_rate": _share(v.fixed for v in verdicts),
        "harm_rate": _share(v.harmed for v in verdicts),
        "faults": [_of_kind(name, drawn[name], [v for v in verdicts if v.fault == name]) for name in CATALOGUE],
        "false_alarms": dict(Counter(name for names in alarms for name in names).most_common()),
    }


def _share(outcomes: Iterable[bool]) -> dict[str, Any]:
    outcomes = list(outcomes)
    hits, count = sum(outcomes), len(outcomes)
    low, high = wilson_interval(hits, count)
    return {"hits": hits, "of": count, "share": hits / count if count else None, "low": low, "high": high}


def _of_kind(name: str, drawn: int, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    first = Counter(v.findings[0] if v.findings else "none" for v in verdicts if not v.first)
    return {
        "fault": name,
        "title": CATALOGUE[name].title,
        "drawn": drawn,
        "kept": len(verdicts),
        "named": sum(v.named for v in verdicts),
        "by_name": sum(v.by_name for v in verdicts),
        "first": sum(v.first for v in verdicts),
        "fixed": sum(v.fixed for v in verdicts),
        "harmed": sum(v.harmed for v in verdicts),
        "other_first_findings": dict(sorted(first.items())),
    }


MEASURES = {
    "recall": "recall: a finding above note names the injected fault",
    "precision_on_healthy": "healthy networks without a finding above note",
    "localisation": "localization: the first finding names it",
    "fix_rate": "fix rate: the first suggestion recovers 80% of the loss",
    "harm_rate": "harm rate: the first suggestion costs over 2 points more",
}


BY_NAME = "of the recalled faults, those named by a finding's name alone"


def lines(values: Mapping[str, Any]) -> list[str]:
    """The report as lines of text."""
    rows = [["fault", "drawn", "kept", "named", "by name", "first", "fixed", "harmed", "otherwise first"]]
    for kind in values["faults"]:
        numbers = [str(kind[name]) for name in ("drawn", "kept", "named", "by_name", "first", "fixed", "harmed")]
        others = ", ".join(f"{name} {count}" for name, count in kind["other_first_findings"].items())
        rows.append([kind["fault"], *numbers, others])
    measures = [_measure(text, values[name]) for name, text in MEASURES.items()]
    alarms = ", ".join(f"{name} {count}" for name, count in values["false_alarms"].items()) or "none"
    return [
        f"{values['dataset']}, seed {values['seed']}, {values['epochs']} epochs: {values['configurations']} faults in "
        f"{values['healthy_networks']} healthy networks, of {values['drawn_faults']} drawn",
        *columns([*measures, _measure(BY_NAME, values["named_by_name"])], right="12"),
        *columns(rows, right="1234567"),
        f"false alarms on healthy networks: {alarms}",
        f"drawn and never kept, as they cost too little: {_never_kept(values['faults'])}",
        f"not drawn: {', '.join(kind['fault'] for kind in values['faults'] if not kind['drawn']) or 'none'}",
    ]


def _never_kept(kinds: Iterable[Mapping[str, Any]]) -> str:
    return (
        ", ".join(f"{kind['fault']} {kind['drawn']}" for kind in kinds if kind["drawn"] and not kind["kept"]) or "none"
    )


def _measure(text: str, share: Mapping[str, Any]) -> list[str]:
    percent = "-" if share["share"] is None else f"{share['share']:.1%}"
    return [text, percent, f"{share['hits']}/{share['of']}", f"{share['low']:.1%} to {share['high']:.1%}"]
