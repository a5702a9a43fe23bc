"""The ask-and-tell interface to Optuna: the settings of the next trial, and the results. Only the driver uses it.

Every sample depends on the study's seed, the trial's number and earlier results, never on how often the driver was
started: a killed sweep continues with the trials that it would have had.
"""

import os
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from explorer.runs.history import EpochRecord
from explorer.runs.metrics import OBJECTIVES
from explorer.sweeps.pruning import pruner, verdict
from explorer.sweeps.search_space import Choices, Domain
from explorer.sweeps.study import TRIAL_COMPLETED, TRIAL_FAILED, TRIAL_PRUNED, TRIAL_RUNNING, TrialRecord
from explorer.sweeps.study_spec import GRID, RANDOM, StudySpec

SETTINGS, REASON, PRUNED, FAILED = "settings", "reason", "pruned", "failed"
STARTUP_DRAWS = 6
BLOCK_BYTES = 1 << 16


@dataclass
class OpenTrial:
    """A trial that has settings and no result yet; `pruned` is the reason if it is being pruned."""

    number: int
    settings: dict[str, Any]
    started: float
    handle: Any = field(repr=False)
    reported: int = 0
    pruned: str = ""


class Optimizer:
    """Ask and tell; its storage is one append-only file, or memory without a file."""

    def __init__(self, spec: StudySpec, journal: Path | None = None):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._spec = optuna, spec
        self._grid = spec.space.grid() if spec.sampler == GRID else []
        self._study = optuna.create_study(
            storage=_storage(journal) if journal else None,
            study_name=spec.name,
            direction=OBJECTIVES[spec.objective].direction,
            pruner=pruner(spec, most_epochs(spec)),
            sampler=optuna.samplers.RandomSampler(seed=0),
            load_if_exists=True,
        )
        self.asked = len(self._study.get_trials(deepcopy=False))

    def ask(self) -> OpenTrial:
        """The next trial, with its settings sampled and stored."""
        self._study.sampler = self._sampler(self.asked)
        self.asked += 1
        return self._draw(self._study.ask())

    def open_trials(self) -> list[OpenTrial]:
        """The trials of an earlier driver that have no result, with missing settings sampled."""
        running = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,))
        trials = []
        for frozen in running:
            half = frozen.params and SETTINGS not in frozen.user_attrs and not self._grid
            self._study.sampler = self._draw_again(frozen) if half else self._sampler(frozen.number)
            trial = self._draw(self._optuna.trial.Trial(self._study, frozen._trial_id))
            trial.pruned = frozen.user_attrs.get(PRUNED, "")
            trials.append(trial)
        return trials

    def _draw_again(self, half: Any) -> Any:
        """A sampler of the settings that a partly sampled trial would have got.

        Stored settings are not sampled again, so sampling only the rest would give other values.
        """
        direction = OBJECTIVES[self._spec.objective].direction
        study = self._optuna.create_study(direction=direction, sampler=self._sampler(half.number))
        study.add_trials([t for t in self._study.get_trials(deepcopy=False) if t.number != half.number])
        trial = study.ask()
        self._spec.space.draw(lambda key, domain: self._suggest(trial, key, domain))
        return _sampler_of(lambda frozen, key: trial.params[key])

    def look(self, trial: OpenTrial, records: Sequence[EpochRecord], last_epoch: int) -> str:
        """Reports a trial's new epochs to the pruner; returns why to prune it, which is stored, or an empty string."""
        if not trial.pruned:
            trial.reported, reason = verdict(self._spec, trial.handle, records, trial.reported, last_epoch)
            if reason:
                trial.handle.set_user_attr(PRUNED, reason)
                trial.pruned = reason
        return trial.pruned

    def tell(self, trial: OpenTrial, state: str, value: float | None = None, reason: str = "") -> None:
        """Stores a trial's result; once this returns, it is counted exactly once."""
        states = self._optuna.trial.TrialState
        if reason:
            trial.handle.set_user_attr(REASON, reason)
        if state == TRIAL_COMPLETED:
            self._study.tell(trial.number, value)
        elif state == TRIAL_PRUNED:
            self._study.tell(trial.number, state=states.PRUNED)
        else:
            # the sampler sees a failed trial as a bad one: it ignores Optuna's own FAIL, and would go on sampling
            # learning rates that diverge
            trial.handle.set_user_attr(FAILED, True)
            self._study.tell(trial.number, state=states.PRUNED)

    def records(self, runs: dict[int, list[str]]) -> list[TrialRecord]:
        """The records of all trials, from the storage; `runs` maps trial numbers to names of runs."""
        result = []
        for frozen in self._study.get_trials(deepcopy=False):
            state = {"COMPLETE": TRIAL_COMPLETED, "PRUNED": TRIAL_PRUNED}.get(frozen.state.name, TRIAL_RUNNING)
            result.append(
                TrialRecord(
                    frozen.number,
                    TRIAL_FAILED if frozen.user_attrs.get(FAILED) and state == TRIAL_PRUNED else state,
                    frozen.user_attrs.get(SETTINGS, {}),
                    runs.get(frozen.number, []),
                    frozen.value if state == TRIAL_COMPLETED else None,
                    frozen.user_attrs.get(REASON, ""),
                    _seconds(frozen.datetime_start) or 0.0,
                    _seconds(frozen.datetime_complete),
                )
            )
        return result

    def _draw(self, handle: Any) -> OpenTrial:
        stored = handle.user_attrs.get(SETTINGS)
        if stored is None:
            stored = self._spec.space.draw(lambda key, domain: self._suggest(handle, key, domain))
            handle.set_user_attr(SETTINGS, stored)
        return OpenTrial(handle.number, stored, _seconds(handle.datetime_start) or 0.0, handle)

    def _suggest(self, handle: Any, key: str, domain: Domain) -> Any:
        if isinstance(domain, Choices) or self._grid:
            return handle.suggest_categorical(key, list(domain.grid(key)))
        if isinstance(domain.low, int):
            return handle.suggest_int(key, domain.low, domain.high, log=domain.log, step=domain.step or 1)
        value = handle.suggest_float(key, domain.low, domain.high, log=domain.log, step=domain.step)
        return min(domain.high, max(domain.low, float(f"{value:.4g}")))

    def _sampler(self, number: int) -> Any:
        samplers = self._optuna.samplers
        if self._grid:
            grid = self._grid
            return _sampler_of(lambda trial, key: grid[trial.number % len(grid)][key.partition(" ")[0]])
        seed = random.Random(f"{self._spec.seed}/{number}").getrandbits(31)
        if self._spec.sampler == RANDOM:
            return samplers.RandomSampler(seed=seed)
        startup = min(STARTUP_DRAWS, max(2, self._spec.trials // 3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            # in groups: conditional fields are sampled jointly too
            return samplers.TPESampler(seed=seed, n_startup_trials=startup, multivariate=True, group=True)


def most_epochs(spec: StudySpec) -> int:
    """The largest number of epochs that a trial of a study can have."""
    epochs = [spec.space.settings.get("epochs", spec.epochs)]
    tables = [spec.space.domains, *(condition.then for condition in spec.space.conditions)]
    for domain in filter(None, (table.get("epochs") for table in tables)):
        epochs += domain.values if isinstance(domain, Choices) else [domain.high]
    return int(max(epochs))


def _sampler_of(value: Callable[[Any, str], Any]) -> Any:
    from optuna.samplers import BaseSampler

    class Known(BaseSampler):
        """A sampler of known values, as for a grid; Optuna's GridSampler does not support conditions."""

        def infer_relative_search_space(self, study, trial):
            return {}

        def sample_relative(self, study, trial, search_space):
            return {}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return value(trial, param_name)

    return Known()


def _storage(path: Path) -> Any:
    """Optuna's journal file, opened by the only driver that the study's lock admits."""
    import optuna

    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)  # left by a killed driver of an earlier version
    _cut_unfinished_line(path)  # left by a killed driver: Optuna would stop at it
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path), _OnlyWriter()))


class _OnlyWriter:
    """Optuna's lock of a journal, which one driver does not need; Optuna's own is a file made for each write."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        """Releases nothing."""


def _cut_unfinished_line(path: Path) -> None:
    """Removes the incomplete line that a driver killed while writing may have left."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        place = stream.seek(0, os.SEEK_END)
        while place:  # backwards by blocks: the file of a long study is large
            start = max(0, place - BLOCK_BYTES)
            stream.seek(start)
            if whole := stream.read(place - start).rfind(b"\n") + 1:
                stream.truncate(start + whole)
                return
            place = start
        stream.truncate(0)


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when else None
