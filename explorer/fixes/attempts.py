"""The runs that try fixes: creating them, finding those of a run again, and what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from explorer.config import TrainingConfig
from explorer.fixes import effect, plan
from explorer.fixes.effect import Effect
from explorer.fixes.plan import Change
from explorer.runs.fix_mark import NAMED, FixMark, read_fix_mark
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE
from explorer.runs.store import RunStore

AS_IS: Change = {}  # the unchanged network, trained again to be compared with


@dataclass(frozen=True)
class Attempt:
    """A run that tries a change of another run."""

    mark: FixMark
    summary: RunSummary

    @property
    def change(self) -> Change:
        """The changed settings."""
        return self.mark.change

    @property
    def is_active(self) -> bool:
        """Whether it waits or is in training."""
        return self.summary.state in ACTIVE


def attempts_of(origin: RunSummary, listing: Iterable[RunSummary]) -> dict[tuple, Attempt]:
    """The newest attempt of each change of a run, among all runs, newest first; by `key` of the change.

    Only those that differ from the run in nothing else but their length.
    """
    newest: dict[tuple, Attempt] = {}
    for summary in listing:
        if f"{NAMED}_" not in summary.name or summary.config is None:
            continue
        mark = read_fix_mark(str(summary.run.path))
        if mark is None or mark.origin != origin.name or key(mark.change) in newest:
            continue
        if summary.config == plan.tried_config(origin.config, mark.change, summary.config.epochs):
            newest[key(mark.change)] = Attempt(mark, summary)
    return newest


def is_tried_now(origin: Run, listing: Iterable[RunSummary]) -> bool:
    """Whether a fix of a run waits or is in training."""
    return any(
        summary.state in ACTIVE
        and f"{NAMED}_" in summary.name
        and (mark := read_fix_mark(str(summary.run.path)))
        and mark.origin == origin.name
        for summary in listing
    )


def key(change: Change) -> tuple:
    """A change as something that can be looked up."""
    return tuple(sorted(change.items()))


def wanted(origin: RunSummary, changes: Sequence[Change], most: int = plan.MOST_EPOCHS) -> list[tuple[Change, int]]:
    """The changes to train with their epochs, with the unchanged network before them where it has to be trained too.

    That is where its schedule depends on the number of epochs, and where an earlier version did not record which
    images it classifies correctly, which the interval of several fixes needs.
    """
    active = origin.state in ACTIVE
    cause = None if active else origin.status.cause
    records = origin.records
    planned = [(change, plan.epochs_to_train(origin.config, len(records), cause, change, most)) for change in changes]
    lengths = sorted({epochs for change, epochs in planned if not set(change) <= plan.LENGTHS})
    unknown = len(changes) > 1 and bool(records) and origin.run.correct(records[-1].epoch) is None
    again = [epochs for epochs in lengths if unknown or plan.needs_baseline(origin.config, epochs)]
    return [*((AS_IS, epochs) for epochs in again), *planned]


def planned(
    origin: RunSummary, wanted: Sequence[tuple[Change, int]], *, compared: bool = False
) -> list[tuple[TrainingConfig, FixMark]]:
    """What to train for the changes, with the mark that names the run that it is compared with, and the change."""
    return [
        (plan.tried_config(origin.config, change, epochs), FixMark(origin.name, dict(change), compared))
        for change, epochs in wanted
    ]


def create(
    store: RunStore, origin: RunSummary, wanted: Sequence[tuple[Change, int]], *, compared: bool = False
) -> list[Run]:
    """New runs of the changes, each with its mark in its folder."""
    return [store.create(config, fix=mark) for config, mark in planned(origin, wanted, compared=compared)]


def effect_of(origin: RunSummary, attempt: Attempt, attempts: dict[tuple, Attempt]) -> Effect | None:
    """What came of an attempt; None while it, or the unchanged network that it is compared with, is active."""
    again = attempts.get(key(AS_IS))
    fits = again and again.summary.config.epochs == attempt.summary.config.epochs and again.summary.state not in ACTIVE
    if attempt.is_active or (again and again.is_active):
        return None
    before = again.summary if fits else origin
    return effect.effect_of(
        attempt.change,
        origin.config,
        attempt.summary.config.with_(epochs=origin.config.epochs, **_length(attempt)),
        before.records,
        attempt.summary.records,
        attempt.summary.status.cause,
        (before.run.correct, attempt.summary.run.correct),
        attempt.summary.name,
    )


def _length(attempt: Attempt) -> Change:
    return {name: value for name, value in attempt.change.items() if name == "epochs"}


def effects(origin: RunSummary, attempts: dict[tuple, Attempt]) -> list[Effect]:
    """The effects of all attempts that ended, the best first."""
    measured = [effect_of(origin, attempt, attempts) for attempt in attempts.values() if attempt.change]
    return effect.ranked(one for one in measured if one is not None)


def compared(attempts: dict[tuple, Attempt]) -> list[Attempt]:
    """The attempts that were started together to be compared."""
    return [attempt for attempt in attempts.values() if attempt.mark.compared]


def pair_to_try(origin: RunSummary, attempts: dict[tuple, Attempt]) -> tuple[Change, int] | None:
    """The two best fixes of a comparison together, and their epochs, once all of it has ended.

    None before that, and where no two of them help without contradicting each other.
    """
    together = compared(attempts)
    if not together or any(attempt.is_active for attempt in attempts.values()):
        return None
    helpful = [one.change for one in effects(origin, attempts) if one.helps]
    pair = plan.best_pair(origin.config, helpful, [attempt.change for attempt in attempts.values()])
    return (pair, max(attempt.summary.config.epochs for attempt in together)) if pair else None
