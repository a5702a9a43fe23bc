"""Limits that whoever runs a server sets for everyone: epochs and minutes per run, and runs per session at once."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from explorer.config import FIELDS, TrainingConfig
from explorer.errors import FieldError, InputError
from explorer.plain_text import count
from explorer.runs.run import Run
from explorer.runs.status import RUNNING

_Number = TypeVar("_Number", int, float)
_LONGEST = 1_000_000  # minutes, or runs


@dataclass(frozen=True)
class Limits:
    """The most epochs and minutes of training per run, and runs per session at once; None for no limit."""

    epochs: int | None = None
    minutes: float | None = None
    runs: int | None = None

    @classmethod
    def from_environment(cls) -> "Limits":
        """The limits in `EXPLORER_MAX_EPOCHS`, `EXPLORER_MAX_MINUTES` and `EXPLORER_MAX_RUNS`; raises `FieldError`."""
        most = int(FIELDS["epochs"].maximum)
        return cls(
            _number("EXPLORER_MAX_EPOCHS", int, most, f"a whole number from 1 to {most:,}"),
            _number("EXPLORER_MAX_MINUTES", float, _LONGEST, f"a number above 0, at most {_LONGEST:,}"),
            _number("EXPLORER_MAX_RUNS", int, _LONGEST, f"a whole number from 1 to {_LONGEST:,}"),
        )

    def capped(self, config: TrainingConfig) -> TrainingConfig:
        """The configuration with at most as many epochs as a run may have."""
        return config if not self.epochs or config.epochs <= self.epochs else config.with_(epochs=self.epochs)

    def capped_budget(self, budget: Mapping[str, Any]) -> dict[str, Any]:
        """A study's `epochs` per trial and `minutes` in all, each at most what a run may have."""
        most = {"epochs": self.epochs, "minutes": self.minutes}
        return {**budget, **{name: min(budget.get(name, limit), limit) for name, limit in most.items() if limit}}

    def check_studies(self, active: int) -> None:
        """Raises `InputError` if another study may not be started beside so many that are active on this server."""
        if self.runs and active >= self.runs:
            raise InputError(
                f"studies: {count(active, 'study is', 'studies are')} running, the maximum on this server; "
                "wait until one ends, or stop one"
            )

    def check_run(self, run: Run) -> None:
        """Raises `InputError` if a run may not be continued."""
        if self.epochs and run.config.epochs > self.epochs:
            raise InputError(
                f"epochs: {run.name!r} has {run.config.epochs:,} epochs; "
                f"on this server, a run is limited to {self.epochs:,}"
            )
        if self.is_over_time(run):
            raise InputError(
                f"run: {run.name!r} has trained for {self.minutes:g} minutes, the limit for a run on this server"
            )

    def check_runs(self, active: int, origin: str = "") -> None:
        """Raises `InputError` if a session with so many queued and running runs may not have another one.

        `origin` names the one of them whose fix the other would be.
        """
        if self.runs and active >= self.runs:
            raise InputError(
                f"runs: you already have {count(active, 'queued or running run')}, the maximum on this server; "
                + (f"pause {origin!r}, try its fix, then resume it" if origin else "wait until one ends, or stop one")
            )

    def is_over_time(self, run: Run) -> bool:
        """Whether a run has trained for as long as it may, all its turns together."""
        if not self.minutes:
            return False
        status, seconds = run.status(), run.outline().seconds or 0.0
        ended = time.time() if status.status == RUNNING else status.ended
        if status.started and ended:  # also in a first epoch that takes too long
            seconds = max(seconds, ended - status.started)
        return seconds >= 60 * self.minutes


def _number(name: str, kind: Callable[[str], _Number], most: int, allowed: str) -> _Number | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        value = kind(text)
    except ValueError:
        raise FieldError(name, text, allowed) from None
    if not 0 < value <= most:
        raise FieldError(name, text, allowed)
    return value
