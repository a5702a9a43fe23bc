"""Which fixes of a run are plausible, and how they are trained to be compared with it: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from explorer.config import COSINE, ONE_CYCLE, TrainingConfig
from explorer.diagnosis.finding import Finding
from explorer.diagnosis.suggestions import admissible
from explorer.runs.cause import Cause

Change = Mapping[str, Any]

MOST_EPOCHS = 10
MOST_FIXES = 8
# settings that change only how long a run is trained: at the same epoch it is the same run
LENGTHS = {"epochs", "patience"}


def plausible(config: TrainingConfig, findings: Iterable[Finding]) -> list[Change]:
    """The different fixes that the findings suggest, the most important first, then those of their other causes.

    At most `MOST_FIXES`.
    """
    findings = [*findings]
    suggested = [finding.change for finding in findings]
    others = [change for finding in findings for change in finding.others]
    chosen: list[Change] = []
    for change in map(dict, (*suggested, *others)):
        if admissible(config, change) and change not in chosen:
            chosen.append(change)
    return chosen[:MOST_FIXES]


def reason_of(change: Change, findings: Iterable[Finding]) -> str:
    """Why one setting of a change alone would not be enough, as its finding says; empty for a single setting."""
    fixes = [fix for finding in findings for fix in finding.fixes]
    return next((fix.reason for fix in fixes if fix.reason and dict(fix.change) == dict(change)), "")


def epochs_to_train(
    config: TrainingConfig,
    trained: int,
    cause: Cause | None,
    change: Change,
    most: int = MOST_EPOCHS,
) -> int:
    """For how many epochs to try a change: as many as the run was trained for, at most `most`.

    `cause` is why the run ended, None while it is active. A run that diverged or is still active does not say how long
    it would be; a change of nothing but the length is trained for `most` epochs more.
    """
    if set(change) and set(change) <= LENGTHS:
        return min(config.with_(**change).epochs, trained + most)
    unfinished = not trained or cause in (None, Cause.DIVERGED)
    return min(most, config.epochs if unfinished else trained)


def tried_config(config: TrainingConfig, change: Change, epochs: int) -> TrainingConfig:
    """The configuration of the run that tries a change; the same seed, so the same start where shapes allow."""
    return config.with_(**{**change, "epochs": epochs})


def needs_baseline(config: TrainingConfig, epochs: int) -> bool:
    """Whether the unchanged network has to be trained for so many epochs too, as its schedule depends on them."""
    return config.schedule in (ONE_CYCLE, COSINE) and config.epochs != epochs


def best_pair(config: TrainingConfig, ranked: Sequence[Change], tried: Sequence[Change]) -> Change | None:
    """The two best changes together: the first two of `ranked` (those that help, best first) that do not contradict.

    None when there are no two, or when they were tried together already.
    """
    for place, one in enumerate(ranked):
        for other in ranked[place + 1 :]:
            both = {**one, **other}
            agree = all(both[name] == value for name, value in one.items())
            new = both not in (dict(one), dict(other)) and not set(one) & set(other)
            if agree and new and admissible(config, both):
                return None if any(dict(change) == both for change in tried) else both
    return None
