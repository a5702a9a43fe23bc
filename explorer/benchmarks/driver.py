"""A benchmark of the sweep driver alone: a study of instantaneous trials over many simulated workers.

Driver, optimizer, storage and run folders are real. Only training is simulated: a run completes at once, with one
epoch written as a worker would write it.
"""

import random
import time
from typing import Any

import psutil

from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.scratch import scratch_folder
from explorer.sweeps.driver import drive
from explorer.sweeps.study import StudyStore
from explorer.sweeps.study_spec import RANDOM, StudySpec

SPACE = {
    "depth": {"low": 1, "high": 50},
    "width": {"low": 10, "high": 1000, "log": True},
    "learning_rate": {"low": 1e-6, "high": 1e-1, "log": True},
    "activation": ["elu", "selu", "relu"],
}


class InstantWorkers:
    """A number of simulated workers that train in no time; `seconds` is the time spent writing their files."""

    problems: tuple[str, ...] = ()

    def __init__(self, workers: int):
        self.slots = workers
        self.seconds = 0.0
        self._random = random.Random(1)
        self._ended: set[str] = set()

    def wait_until_ready(self, seconds: float) -> str:
        """Returns at once."""
        return "ready"

    def submit(self, run: Run) -> None:
        """Writes one epoch and completes the run."""
        began = time.perf_counter()
        loss = self._random.random()
        run.append(EpochRecord(1, loss, 0.5, loss, 0.5, 1e-3, 0.0))
        run.end(COMPLETED, "trained for 1 epoch", Cause.ALL_EPOCHS)
        self._ended.add(run.name)
        self.seconds += time.perf_counter() - began

    resume = submit

    def stop(self, run: Run) -> None:
        """Does nothing, as every run has completed."""

    pause = stop

    def abandon(self) -> None:
        """Does nothing, as there is no process to end."""

    def wait_for_news(self, seconds: float) -> set[str]:
        """The names of the runs submitted since the last call."""
        ended, self._ended = self._ended, set()
        return ended


def simulate(workers: int, trials: int, sampler: str = RANDOM) -> dict[str, Any]:
    """Trials per second and memory (bytes) of the driver, without `worker_seconds`, spent on the workers' files."""
    process = psutil.Process()
    values = {"name": "simulation", "sampler": sampler, "trials": trials, "epochs": 1, "space": SPACE}
    with scratch_folder() as place:
        store = RunStore(place)
        study = StudyStore(store).create(StudySpec.from_dict(values))
        executor = InstantWorkers(workers)
        before, began = process.memory_info().rss, time.perf_counter()
        drive(study, store, lambda: executor)
        seconds = time.perf_counter() - began
        results = study.trials()
        memory = process.memory_info().rss
    return {
        "workers": workers,
        "trials": len(results),
        "counted_once": len({trial.trial for trial in results}) == trials == sum(t.value is not None for t in results),
        "seconds": seconds,
        "worker_seconds": executor.seconds,
        "trials_a_second": trials / (seconds - executor.seconds),
        "memory_bytes": memory,
        "memory_growth_bytes": memory - before,
    }
