"""The driver of a study: asks for trials, has their runs trained, and stores their results; it can be killed any time.

The order of writes makes it safe: settings are stored before a run folder is created, a run folder names its trial
from the start, and a trial's result is stored once, when its runs have ended. A new driver finds the open trials in
the storage and their progress in the run folders.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from statistics import fmean

from explorer.errors import ExplorerError, InputError, RunError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.history import RULES, best_epoch
from explorer.runs.run import Run
from explorer.runs.status import ACTIVE, COMPLETED, FAILED, INTERRUPTED, PAUSED, QUEUED, STOPPED
from explorer.runs.store import RunStore
from explorer.sweeps import study as folder
from explorer.sweeps.executor import LOOK_SECONDS, Executor, wait_until_ready
from explorer.sweeps.heartbeat import Heartbeat
from explorer.sweeps.optimizer import OpenTrial, Optimizer
from explorer.sweeps.study import (
    TRIAL_COMPLETED,
    TRIAL_FAILED,
    TRIAL_PRUNED,
    TRIAL_RUNNING,
    Study,
    TrialRecord,
    runs_by_trial,
)

# A trial whose worker dies is resumed elsewhere, but not forever: it may be what kills the workers.
MOST_LOST_WORKERS = 3
LOOK_FACTOR = 10
STOP_SECONDS = 1.2
STOPPED_WORDS = "the study was stopped; this trial continues when the study is resumed"


@dataclass
class Trial:
    """An open trial and its runs, one per seed, trained one after another."""

    asked: OpenTrial
    runs: list[Run] = field(default_factory=list)
    lost: int = 0


class Driver:
    """The driver of one study; `drive` returns when the study is completed, stopped or failed."""

    def __init__(
        self, study: Study, store: RunStore, executor: Executor, say: Callable[[str], None] = lambda text: None
    ):
        self._study, self._spec, self._store, self._executor, self._say = study, study.spec, store, executor, say
        self._open: dict[int, Trial] = {}
        self._look_again = 0.0

    def drive(self) -> str:
        """Continues the study to its end and returns its last status; the caller holds the study's lock."""
        self._optimizer = Optimizer(self._spec, self._study.path / folder.JOURNAL)
        self._life = Heartbeat(self._study, self._executor, self._say)
        self._recover()
        news = True
        while True:
            if self._study.stop_requested():
                return self._stop()
            if self._fill():
                news = True
            self._life.give()
            if not self._open and self._all_asked():
                return self._end(folder.COMPLETED, self._why_over())
            ended = self._executor.wait_for_news(0 if news else LOOK_SECONDS)
            news = self._settle(ended)

    # --- start --------------------------------------------------------------------------------------

    def _recover(self) -> None:
        runs = runs_by_trial(self._study, self._store)
        names = {number: [run.name for run in each] for number, each in runs.items()}
        self._study.rewrite(self._optimizer.records(names))
        # after a power cut the storage may lack the newest trials; they are asked for again and find their runs
        self._runs = runs
        for asked in self._optimizer.open_trials():
            self._open[asked.number] = Trial(asked, self._runs.pop(asked.number, []))

    # --- trials -----------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Starts trials while workers are free; returns whether it started any."""
        started = False
        while len(self._open) < self._executor.slots and not self._all_asked():
            asked = self._optimizer.ask()
            trial = self._open[asked.number] = Trial(asked, self._runs.pop(asked.number, []))
            if not trial.runs:
                self._next_run(trial)
            started = True
        return started

    def _next_run(self, trial: Trial) -> None:
        number, seed = trial.asked.number, len(trial.runs)
        drawn = trial.asked.settings
        try:
            config = self._spec.space.config(drawn, epochs=self._spec.epochs)
            config = config.with_(seed=(config.seed + seed) % 2**31)
            name = f"{self._study.name.replace(' ', '_')}_{number:03d}"
            run = self._store.create(config, name, {"study": self._study.name, "trial": number, "seed": seed})
        except InputError as error:  # incompatible settings; a full disk ends the driver
            self._tell(trial, TRIAL_FAILED, reason=str(error))
            return
        trial.runs.append(run)
        self._record(trial, TRIAL_RUNNING)
        self._executor.submit(run)

    def _settle(self, ended: set[str]) -> bool:
        """Checks the open trials whose runs have ended, and now and then all of them; returns whether one advanced."""
        began = time.monotonic()
        all_due = began >= self._look_again
        due = [t for t in self._open.values() if all_due or not t.runs or t.runs[-1].name in ended]
        moved = [self._settle_one(trial) for trial in due]
        if all_due:  # checking hundreds of open trials takes time, and most of it must be left for those that end
            now = time.monotonic()
            self._look_again = now + max(LOOK_SECONDS, LOOK_FACTOR * (now - began))
        return any(moved)

    def _settle_one(self, trial: Trial) -> bool:
        if not trial.runs:  # an earlier driver was killed before it created the folder
            self._next_run(trial)
            return True
        run = trial.runs[-1]
        try:
            status = run.status()
            first = len(trial.runs) == 1
            if first and self._optimizer.look(trial.asked, run.history(), run.config.epochs):
                return self._settle_pruned(trial, run, status.status)
            return self._settle_ended(trial, run, status)
        except RunError as error:  # also for a deleted folder
            self._tell(trial, TRIAL_FAILED, reason=str(error))
            return True

    def _settle_pruned(self, trial: Trial, run: Run, status: str) -> bool:
        if status in ACTIVE:
            if run.requested() is None:
                self._executor.stop(run)
            return False
        if status in (STOPPED, PAUSED, INTERRUPTED):
            run.end(STOPPED, trial.asked.pruned, Cause.PRUNED)
        self._tell(trial, TRIAL_PRUNED, reason=trial.asked.pruned)
        return True

    def _settle_ended(self, trial: Trial, run: Run, status) -> bool:
        if status.status in ACTIVE:
            return False
        if status.status == COMPLETED:
            if len(trial.runs) < self._spec.seeds:
                self._next_run(trial)
            else:
                self._tell_completed(trial)
        elif status.status == INTERRUPTED:
            self._go_on(trial, run, lost=status.reason)
        elif status.cause == Cause.SWEEP_STOPPED:
            self._go_on(trial, run)
        elif status.status == FAILED:
            self._tell(trial, TRIAL_FAILED, reason=status.reason)
        else:
            self._tell(trial, TRIAL_FAILED, reason=f"manually: {status.reason}")
        return True

    def _go_on(self, trial: Trial, run: Run, lost: str | None = None) -> None:
        """Resumes a run from its last epoch, on any free worker; `lost` says how its worker was lost."""
        if lost is not None:
            trial.lost += 1
            self._say(f"trial {trial.asked.number}: {lost}; it continues from epoch {len(run.history())}")
        if trial.lost > MOST_LOST_WORKERS:
            self._tell(
                trial, TRIAL_FAILED, reason=f"{trial.lost} workers ended while training it; the last one: {lost}"
            )
            return
        try:
            self._executor.resume(run)
        except InputError:  # its process is still ending and holds the folder
            trial.lost -= lost is not None
            time.sleep(LOOK_SECONDS)

    # --- results ---------------------------------------------------------------------------------------

    def _tell_completed(self, trial: Trial) -> None:
        metric = RULES[self._spec.objective].metric
        best = [best_epoch(run.history(), self._spec.objective) for run in trial.runs]
        values = [getattr(record, metric) if record else math.nan for record in best]
        value = fmean(values)
        if not math.isfinite(value):
            self._tell(trial, TRIAL_FAILED, reason=f"no epoch with a finite {metric}")
            return
        self._tell(trial, TRIAL_COMPLETED, value)

    def _tell(self, trial: Trial, state: str, value: float | None = None, reason: str = "") -> None:
        self._optimizer.tell(trial.asked, state, value, reason)
        del self._open[trial.asked.number]
        self._record(trial, state, value, reason, time.time())

    def _record(
        self, trial: Trial, state: str, value: float | None = None, reason: str = "", ended: float | None = None
    ) -> None:
        names = [run.name for run in trial.runs]
        asked = trial.asked
        record = TrialRecord(asked.number, state, asked.settings, names, value, reason, asked.started, ended)
        self._study.record(record)
        if ended is not None:
            result = "" if value is None else f", {self._spec.objective} {value:.4f}"
            self._say(f"trial {asked.number} {state}{result}{': ' * bool(reason)}{reason}")

    # --- end --------------------------------------------------------------------------------------------

    def _all_asked(self) -> bool:
        return self._optimizer.asked >= self._spec.planned or self._time_is_up()

    def _time_is_up(self) -> bool:
        return self._spec.minutes is not None and self._life.seconds >= 60 * self._spec.minutes

    def _why_over(self) -> str:
        asked, planned = self._optimizer.asked, self._spec.planned
        if asked < planned:
            return (
                f"the limit of {self._spec.minutes:g} minutes was reached; {asked:,} of {planned:,} trials were started"
            )
        return f"all {planned:,} trials have finished"

    def _stop(self) -> str:
        """Pauses every run; one that cannot respond at once, such as while compiling, loses its current epoch."""
        for trial in self._open.values():
            if trial.runs:
                with suppress(ExplorerError):
                    self._executor.pause(trial.runs[-1])
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and any(self._active(trial) for trial in self._open.values()):
            time.sleep(0.02)
        self._executor.abandon()
        for trial in self._open.values():
            if trial.runs:
                self._write_down(trial.runs[-1])
        self._study.clear_request()
        return self._end(folder.STOPPED, "all trials are saved; resume to continue the open ones")

    def _active(self, trial: Trial) -> bool:
        with suppress(RunError):
            return bool(trial.runs) and trial.runs[-1].status().status in ACTIVE
        return False

    def _write_down(self, run: Run) -> None:
        with suppress(RunError):
            if run.status().status in (QUEUED, PAUSED, *ACTIVE, INTERRUPTED):
                run.clear_request()
                run.end(PAUSED, STOPPED_WORDS, Cause.SWEEP_STOPPED)

    def _end(self, status: str, reason: str) -> str:
        self._study.update(
            status=status, reason=reason, process=None, seen=time.time(), seconds=self._life.seconds, workers=0
        )
        return status


def drive(study: Study, store: RunStore, make_executor: Callable[[], Executor], say=lambda text: None) -> str:
    """Locks a study, starts its workers, drives it to its end and returns its last status.

    Raises `InputError` when it is already driven or completed, `WorkersError` when no workers start.
    """
    with study.locked():
        if study.status().status == folder.COMPLETED:
            raise InputError(f"study: {study.name!r} is completed; there is nothing to resume")
        study.clear_request()
        process = asdict(Process.current())
        study.update(status=folder.STARTING, reason="", process=process, seen=time.time(), problems=[])
        executor = make_executor()
        try:
            ready = wait_until_ready(study, executor)
            if ready:
                study.update(status=folder.RUNNING)
                return Driver(study, store, executor, say).drive()
            reason = "stopped before its workers had started"
            study.clear_request()
            study.update(status=folder.STOPPED, reason=reason, process=None, seen=time.time())
            return folder.STOPPED
        except Exception as error:
            reason = str(error) if isinstance(error, ExplorerError) else f"{type(error).__name__}: {error}"
            with suppress(OSError):
                study.update(status=folder.FAILED, reason=reason, process=None, seen=time.time())
            raise
        finally:
            executor.abandon()
