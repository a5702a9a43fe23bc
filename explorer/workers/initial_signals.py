"""What a network does before its first step: asked of the task process, once for each start, and remembered."""

import threading
from collections import OrderedDict
from concurrent.futures import Future

from explorer.config import TrainingConfig
from explorer.runs.signals import EpochSignals
from explorer.workers.task_process import TaskProcess

# What first weights, inputs and the probe follow from; the other settings matter from the first step on.
START_FIELDS = (
    "dataset",
    "activation",
    "kernel_initializer",
    "batch_norm",
    "depth",
    "width",
    "input_scaling",
    "validation_split",
    "seed",
)
KEPT_STARTS = 200


def start_of(config: TrainingConfig) -> TrainingConfig:
    """The configuration with all settings at their defaults that do not matter before the first step."""
    return TrainingConfig(**{name: getattr(config, name) for name in START_FIELDS})


class InitialSignals:
    """The signals at the start of any configuration; safe to share between sessions and threads.

    An answer is remembered; what nobody waits for any more is not asked.
    """

    def __init__(self, task_process: TaskProcess):
        self._task_process = task_process
        self._lock = threading.Lock()
        self._asked: OrderedDict[TrainingConfig, Future[EpochSignals]] = OrderedDict()
        self._wanted: dict[str, TrainingConfig] = {}

    def ask(self, config: TrainingConfig, who: str = "") -> "Future[EpochSignals]":
        """The future signals of a configuration in epoch 0; raises in the future what `signals_at_start` raises.

        `who` asks has one question at a time: an earlier one that has not had its turn is withdrawn, unless it is
        the same.
        """
        from explorer.workers.tasks import signals_at_start

        start = start_of(config)
        with self._lock:
            before = self._wanted.get(who)
            if who and before != start:
                self._wanted[who] = start
                if before in self._asked and before not in self._wanted.values() and self._asked[before].cancel():
                    del self._asked[before]
            future = self._asked.get(start)
            if future is None or future.cancelled() or (future.done() and future.exception() is not None):
                future = self._asked[start] = self._task_process.ask(signals_at_start, start.to_dict())
            self._asked.move_to_end(start)
            while len(self._asked) > KEPT_STARTS:
                self._asked.popitem(last=False)
            return future
