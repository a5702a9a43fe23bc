"""Summaries of runs: what a list shows of each, from one moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from explorer.config import TrainingConfig
from explorer.errors import RunError
from explorer.runs.history import NO_EPOCHS, EpochRecord, Outline, outline
from explorer.runs.notes import NOTHING, Annotation
from explorer.runs.run import Run
from explorer.runs.run_names import own_name
from explorer.runs.status import UNREADABLE, RunStatus

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run; `problem` says why it cannot be read, if it cannot."""

    run: Run
    config: TrainingConfig | None = None
    status: RunStatus | None = None
    outline: Outline = NO_EPOCHS
    annotation: Annotation = NOTHING
    problem: str = ""
    known: Sequence[EpochRecord] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def title(self) -> str:
        """Its name without regard to other runs; `RunStore.names` tells equal ones apart."""
        return own_name(self)

    @property
    def state(self) -> str:
        """The run's status in one word."""
        return self.status.status if self.status else UNREADABLE

    @property
    def created(self) -> float:
        """When it was created, in seconds since 1970."""
        return self.status.created if self.status else 0.0

    @property
    def best(self) -> EpochRecord | None:
        """The epoch of the lowest validation loss."""
        return self.outline.best

    @property
    def records(self) -> Sequence[EpochRecord]:
        """Every epoch: as read by `summarize`, or read now for a summary from a list of runs."""
        return self.known if self.known is not None else () if self.problem else self.run.history()


def summarize(run: Run) -> RunSummary:
    """The summary of a run, read anew with every epoch; `problem` says why an unreadable one cannot be read."""

    def read() -> RunSummary:
        try:
            config, status, records = run.config, run.status(), run.history()
        except RunError as error:
            return RunSummary(run, problem=str(error))
        return RunSummary(run, config, status, outline(records), run.annotation(), known=records)

    return steady(run, read, lambda summary: summary.status)


def steady(run: Run, read: Callable[[], _Read], status_of: Callable[[_Read], RunStatus | None]) -> _Read:
    """What `read` returns, read again as long as the run changes its state meanwhile.

    A run's files are read one after the other while another process writes them; without this, the status could be
    that of a waiting run and the history that of a trained one.
    """
    while True:
        result = read()
        before = status_of(result)
        try:
            if before is None or run.status().status == before.status:
                return result
        except RunError:  # read again, it says so itself
            continue
