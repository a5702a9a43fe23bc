"""The life of one worker process: warm at its start, one run at a time, and gone after a number of runs."""

import os
import threading
import time
from pathlib import Path

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.runs.run import Run
from explorer.workers import worker

# Training many models in one process leaks memory (tensorflow issue 61791), so a process ends after this many runs.
RUNS_A_PROCESS = 40
# The sidebar must rest this long before its network is compiled ahead of time.
REST_SECONDS = 0.5


class WorkerProcess:
    """What a worker process knows of itself; there is one, `THIS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = 0
        self._runs = 0
        self._leaving = False
        self._wanted: TrainingConfig | None = None
        self._wake = threading.Event()

    def start(self) -> None:
        """Imports TensorFlow and loads the data in the background, then compiles what `prepare` asks for."""
        threading.Thread(target=self._warm, daemon=True, name="warm-up").start()

    def prepare(self, config: TrainingConfig) -> None:
        """Wishes for the network of a configuration to be compiled when there is time; the last wish counts."""
        self._wanted = config
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
                self._runs += 1
                if self._runs >= RUNS_A_PROCESS:
                    threading.Timer(0.5, self._leave).start()

    def _leave(self) -> None:
        with self._lock:
            if self._busy:
                return
            self._leaving = True
        os._exit(0)

    def _warm(self) -> None:
        cache = worker.programs()
        for name in datasets.DATASETS:
            if datasets.available(name):
                try:
                    cache.data(datasets.load(name))
                except ExplorerError:
                    continue  # a run that needs it will say what is wrong
        while True:
            self._wake.wait()
            time.sleep(REST_SECONDS)
            config, self._wanted = self._wanted, None
            self._wake.clear()
            # a run comes first: what is compiled beside it would take its cores
            if config is not None and not self._busy:
                try:
                    worker.warm(config)
                except Exception:  # the run itself will meet the same fault, and tell it
                    continue


THIS = WorkerProcess()
