"""Summaries of runs made by hand, for tables, charts and statistics."""

from pathlib import Path

from explorer.config import TrainingConfig
from explorer.runs.history import EpochRecord, outline
from explorer.runs.notes import Annotation
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import COMPLETED, RunStatus

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)


def epochs(*losses: float, seconds: float = 0.5) -> list[EpochRecord]:
    """Records of these validation losses; the accuracy is 1 − loss / 4."""
    return [EpochRecord(n, loss, 0.5, loss, 1 - loss / 4, 1e-3, seconds) for n, loss in enumerate(losses, 1)]


def summary(name: str, *losses: float, status: str = COMPLETED, created: float = 1.0, written=None, **settings):
    config = DIGITS.with_(**settings)
    annotation = Annotation(*written) if written else Annotation()
    return RunSummary(Run(Path(name)), config, RunStatus(status, created=created), outline(epochs(*losses)), annotation)


def repeats(*results: float, first_seed: int = 1, **settings) -> list[RunSummary]:
    """A group: one completed run a result, of seeds that follow each other."""
    return [summary(f"{settings} {seed}", loss, seed=seed, **settings) for seed, loss in enumerate(results, first_seed)]
