"""A worker process: it loads TensorFlow and data at its start, trains one run at a time, and is replaced in time."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.presets import PRESETS
from explorer.runs.run import Run
from explorer.workers import worker

# Models leak memory (tensorflow issue 61791), so a process ends after this many runs and networks compiled ahead.
NETWORKS_PER_PROCESS = 40
# The settings must be unchanged for this long before their network is compiled ahead of time.
REST_SECONDS = 0.5
# A process that a page uses compiles the notebook's presets too when it has had nothing to do for this long.
IDLE_SECONDS = 20.0


class WorkerProcess:
    """The state of this worker process; the only instance is `THIS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = 0
        self._networks = 0
        self._leaving = False
        self._wanted: Sequence[TrainingConfig] = ()
        self._wake = threading.Event()

    def start(self) -> None:
        """Imports TensorFlow and loads the data in the background, then compiles what `prepare` requests.

        After its first request, the presets are compiled too, so that nobody waits for them.
        """
        threading.Thread(target=self._warm, daemon=True, name="warm-up").start()

    def prepare(self, configs: Sequence[TrainingConfig]) -> None:
        """Requests that the networks of configurations be compiled in turn when idle; the latest request counts."""
        self._wanted = configs
        self._wake.set()

    def execute(self, path: str) -> str:
        """Trains the run in a folder and returns its last status."""
        with self._lock:
            self._busy += 1
            leaving = self._leaving
        while leaving:  # the process is about to end; the run queue sees it and submits the run again
            time.sleep(1)
        try:
            return worker.execute(Run(Path(path)))
        finally:
            with self._lock:
                self._busy -= 1
                self._networks += 1
            self._leave_when_due()

    def _leave_when_due(self) -> None:
        if self._networks >= NETWORKS_PER_PROCESS:
            threading.Timer(0.5, self._leave).start()

    def _leave(self) -> None:
        with self._lock:
            if self._busy:
                return
            self._leaving = True
        os._exit(0)

    def _warm(self) -> None:
        with suppress(ExplorerError):  # a run that needs it will report the error
            # not every data set that is here: each takes up to 150 MB per process
            worker.programs().data(datasets.load(datasets.preferred()))
        ahead: list[TrainingConfig] | None = None
        while True:
            if self._wake.wait(IDLE_SECONDS if ahead else None):
                time.sleep(REST_SECONDS)
                self._wake.clear()
                ahead = [preset.config for preset in PRESETS.values()] if ahead is None else ahead
                for config in self._wanted:
                    if self._wake.is_set():
                        break
                    self._compile(config)
            else:
                self._compile(ahead.pop())
            self._leave_when_due()

    def _compile(self, config: TrainingConfig) -> None:
        if self._busy:  # a run has priority: compiling at the same time would take its cores
            return
        with suppress(Exception):  # the run itself will meet the same error and report it
            compiled = worker.warm(config)
            with self._lock:
                self._networks += compiled


THIS = WorkerProcess()
