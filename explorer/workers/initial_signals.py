"""Signal propagation at initialization, computed by the task process once per set of initial weights and cached."""

import threading
from concurrent.futures import Future

from cachetools import LRUCache

from explorer.config import TrainingConfig
from explorer.runs.signals import EpochSignals
from explorer.workers.task_process import TaskProcess

# The settings that determine initial weights, inputs and probe; the others have no effect before the first step.
START_FIELDS = (
    "dataset",
    "activation",
    "kernel_initializer",
    "batch_norm",
    "depth",
    "width",
    "width_factor",
    "skip",
    "input_scaling",
    "validation_split",
    "seed",
)
KEPT_STARTS = 200


def start_of(config: TrainingConfig) -> TrainingConfig:
    """The configuration with all settings reset to their defaults that have no effect before the first step."""
    return TrainingConfig(**{name: getattr(config, name) for name in START_FIELDS})


class InitialSignals:
    """The initial signals of any configuration; safe to share between sessions and threads.

    Results are cached; requests that nobody waits for any more are cancelled.
    """

    def __init__(self, task_process: TaskProcess):
        self._task_process = task_process
        self._lock = threading.Lock()
        self._futures: LRUCache[TrainingConfig, Future[EpochSignals]] = LRUCache(KEPT_STARTS)
        self._wanted: dict[str, TrainingConfig] = {}

    def ask(self, config: TrainingConfig, who: str = "") -> "Future[EpochSignals]":
        """A future of the signals of a configuration in epoch 0; its exceptions are those of `signals_at_start`.

        A caller named by `who` has one request at a time: an earlier, different one is cancelled if it has not
        started.
        """
        from explorer.workers.tasks import signals_at_start

        start = start_of(config)
        with self._lock:
            before = self._wanted.get(who)
            if who and before != start:
                self._wanted[who] = start
                if before in self._futures and before not in self._wanted.values() and self._futures[before].cancel():
                    del self._futures[before]
            future = self._futures.get(start)
            if future is None or future.cancelled() or (future.done() and future.exception() is not None):
                future = self._futures[start] = self._task_process.ask(signals_at_start, start.to_dict())
            return future
