"""Tells where runs come from: from the Train page and the command line, the fault gallery, a sweep, or a tried fix."""

from collections.abc import Iterable
from functools import lru_cache

from explorer.config import TrainingConfig
from explorer.runs.fix_mark import NAMED, read_fix_mark
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.store import folder_name

OWN, GALLERY, SWEEP, FIX = "own", "gallery", "sweep", "fix"
# the groups of runs that are listed apart from a person's own, with their titles
APART = {GALLERY: "From the fault gallery", SWEEP: "From sweeps", FIX: "Fixes that were tried"}
SCANNED = 1000  # a list of ten thousand is not gone through twice a second
_OF_GALLERY = "_gallery"  # ends the part of a run's name before its time


def gallery_name(config: TrainingConfig) -> str:
    """The part before its time of the name of a run that the fault gallery trains."""
    return folder_name(config) + _OF_GALLERY


def origin(summary: RunSummary) -> str:
    """Where a run comes from; one that cannot be read counts as a person's own."""
    return _origin(str(summary.run.path)) if summary.config else OWN


@lru_cache(maxsize=1 << 16)  # a run's marks are in its folder from the start
def _origin(path: str) -> str:
    run = Run(path)
    if run.trial() is not None:
        return SWEEP
    if f"{NAMED}_" in run.name and read_fix_mark(path) is not None:
        return FIX
    return GALLERY if f"{_OF_GALLERY}_" in run.name else OWN


def latest_by_origin(listing: Iterable[RunSummary], most: int) -> dict[str, list[RunSummary]]:
    """The newest runs of each origin, at most so many, from a listing that has the newest first.

    Those of the other origins are among the newest `SCANNED` runs, or newer than the last of the own ones.
    """
    groups: dict[str, list[RunSummary]] = {name: [] for name in (OWN, *APART)}
    for place, summary in enumerate(listing):
        if place >= SCANNED and len(groups[OWN]) == most:
            break
        group = groups[origin(summary)]
        if len(group) < most:
            group.append(summary)
    return groups
