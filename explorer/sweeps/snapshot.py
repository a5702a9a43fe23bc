"""Snapshots of a study: all that a page draws of it, as it was at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE as RUN_ACTIVE
from explorer.sweeps.launch import winner_name
from explorer.sweeps.study import ACTIVE, Study, StudyStatus, TrialRecord
from explorer.sweeps.study_spec import StudySpec


@dataclass(frozen=True)
class StudySnapshot:
    """A study's specification, status and trials, the request to stop it, and the runs that train its winner."""

    spec: StudySpec
    status: StudyStatus
    trials: Sequence[TrialRecord]
    stop_requested: bool
    winners: Sequence[RunSummary]

    @property
    def active(self) -> bool:
        """Whether a driver is at work."""
        return self.status.status in ACTIVE

    @property
    def moving(self) -> bool:
        """Whether anything may still change: the trials, or the training of the winner."""
        return self.active or any(summary.state in RUN_ACTIVE for summary in self.winners)


def study_snapshot(study: Study, listing: Sequence[RunSummary]) -> StudySnapshot:
    """The snapshot of a study, its winner's runs taken from a listing of all runs; raises `RunError`."""
    prefix = winner_name(study)
    winners = [summary for summary in listing if summary.name.startswith(prefix)]
    while True:
        status = study.status()
        taken = StudySnapshot(study.spec, status, study.trials(), study.stop_requested(), winners)
        if study.status().status == status.status:  # else the driver has started or ended between two of these reads
            return taken
