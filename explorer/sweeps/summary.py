"""Reports of studies: as values for JSON, and as lines of text."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from explorer.errors import RunError
from explorer.plain_text import columns
from explorer.runs.history import RULES
from explorer.runs.progress import duration
from explorer.sweeps.pruning import better
from explorer.sweeps.study import (
    ACTIVE,
    COMPLETED,
    TRIAL_COMPLETED,
    TRIAL_RUNNING,
    TRIAL_STATES,
    Study,
    StudyStatus,
    TrialRecord,
)
from explorer.sweeps.study_spec import StudySpec

LEADERS = 10
OPEN = "open"


@dataclass(frozen=True)
class Outlook:
    """Progress of a study: trials by state, the finished share, seconds so far and seconds left."""

    counts: dict[str, int]
    through: int
    planned: int
    fraction: float
    seconds: float
    seconds_left: float | None


def outlook(spec: StudySpec, status: StudyStatus, trials: Sequence[TrialRecord], now: float) -> Outlook:
    """Computes the progress of a study; `now` is in seconds since 1970."""
    counts = {state: sum(trial.state == state for trial in trials) for state in TRIAL_STATES}
    through = len(trials) - counts[TRIAL_RUNNING]
    seconds = status.seconds + (max(0.0, now - status.seen) if status.status in ACTIVE else 0.0)
    fraction = through / spec.planned
    left = seconds / through * (spec.planned - through) if through else None
    if spec.minutes is not None:
        fraction = max(fraction, min(1.0, seconds / 60 / spec.minutes))
        until = max(0.0, 60 * spec.minutes - seconds)
        left = until if left is None else min(left, until)
    if status.status == COMPLETED:
        fraction, left = 1.0, 0.0
    return Outlook(counts, through, spec.planned, fraction, seconds, left)


def trial_word(state: str, status: str) -> str:
    """The state of a trial to display: no trial is running while nobody drives the study."""
    return OPEN if state == TRIAL_RUNNING and status not in ACTIVE else state


def leaders(spec: StudySpec, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The completed trials, best first; ties in the order of their numbers."""
    sign = 1 if better(spec, 0, 1) else -1
    done = [trial for trial in trials if trial.state == TRIAL_COMPLETED]
    return sorted(done, key=lambda trial: (sign * trial.value, trial.trial))


def best_so_far(spec: StudySpec, trials: Sequence[TrialRecord]) -> list[tuple[int, float, float]]:
    """The best value after each completed trial, in the order of completion.

    Each is (number completed, value, best so far): time would have the pauses of a study in it.
    """
    done = sorted((t for t in trials if t.state == TRIAL_COMPLETED), key=lambda t: t.ended or 0.0)
    bests: list[tuple[int, float, float]] = []
    for place, trial in enumerate(done, 1):
        best = trial.value if not bests or better(spec, trial.value, bests[-1][2]) else bests[-1][2]
        bests.append((place, trial.value, best))
    return bests


def result(study: Study) -> dict[str, Any]:
    """A study for JSON: its status, its best trial and every trial."""
    spec, status, trials = study.spec, study.status(), study.trials()
    view, best = outlook(spec, status, trials, time.time()), leaders(spec, trials)
    return {
        "study": study.name,
        "path": str(study.path),
        "status": status.status,
        "reason": status.reason,
        "objective": spec.objective,
        "selected_by": RULES[spec.objective].criterion,
        "planned": spec.planned,
        "trials_by_state": view.counts,
        "seconds": view.seconds,
        "seconds_left": view.seconds_left,
        "workers": status.workers,
        "problems": status.problems,
        "best": asdict(best[0]) if best else None,
        "trials": [asdict(trial) for trial in trials],
        "spec": spec.to_dict(),
    }


def lines(values: dict[str, Any]) -> list[str]:
    """The values of `result` as text: the status of the study and its best trials."""
    spec = StudySpec.from_dict(values["spec"])
    by_word = {trial_word(state, values["status"]): count for state, count in values["trials_by_state"].items()}
    counts = ", ".join(f"{count:,} {word}" for word, count in by_word.items() if count)
    reason = f": {values['reason']}" if values["reason"] else ""
    report = [
        f"{values['study']} is {values['status']}{reason}",
        f"trials: {counts or 'none yet'}; {values['planned']:,} planned; {duration(values['seconds'])} so far",
        *values["problems"],
    ]
    best = leaders(spec, [TrialRecord(**trial) for trial in values["trials"]])[:LEADERS]
    if best:
        fields = spec.space.fields()
        head = ["trial", values["objective"], *fields, "run"]
        cells = [[_cell(trial.settings.get(name)) for name in fields] for trial in best]
        rows = [[str(t.trial), f"{t.value:.4f}", *cell, t.runs[-1]] for t, cell in zip(best, cells, strict=True)]
        seeds = f", mean of {spec.seeds} seeds" if spec.seeds > 1 else ""
        report += [f"best trials ({values['selected_by']}{seeds}):", *columns([head, *rows], right="01")]
        report += [spec.caution] * bool(spec.caution)
    return report


def row(study: Study) -> dict[str, Any]:
    """One study of a list, for JSON; an unreadable study has its reason and no metrics."""
    try:
        values = result(study)
    except RunError as error:
        return {"study": study.name, "status": "unreadable", "reason": str(error)}
    names = ("study", "status", "reason", "objective", "planned", "trials_by_state", "seconds", "best")
    return {name: values[name] for name in names}


def lines_of_studies(values: dict[str, Any]) -> list[str]:
    """The rows of a list as a table."""
    head = ["study", "status", "finished", "planned", "objective", "best"]
    rows = []
    for each in values["studies"]:
        if "planned" not in each:
            rows.append([each["study"], each["status"], "-", "-", "-", "-"])
            continue
        through = sum(each["trials_by_state"].values()) - each["trials_by_state"][TRIAL_RUNNING]
        best = f"{each['best']['value']:.4f}" if each["best"] else "-"
        rows.append([each["study"], each["status"], f"{through:,}", f"{each['planned']:,}", each["objective"], best])
    return columns([head, *rows], right="235") if rows else []


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
