"""A cache of the prepared data sets and compiled networks that a process keeps for its next run."""

import math
import threading
from collections import OrderedDict

from explorer.config import TrainingConfig
from explorer.data.datasets import Dataset
from explorer.training.compiled_epoch import CompiledNetwork, Shape
from explorer.training.tensors import TrainingTensors

# The memory limit of all cached networks and optimizers together; the newest one always stays.
KEPT_BYTES = 256 * 2**20
KEPT_PROGRAMS = 8


class ProgramCache:
    """Compiled networks by shape, the least recently used dropped first; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shape_locks: dict[Shape, threading.Lock] = {}
        self._data: dict[tuple[str, str], TrainingTensors] = {}
        self._data_lock = threading.Lock()
        self._programs: OrderedDict[Shape, CompiledNetwork] = OrderedDict()

    def data(self, dataset: Dataset) -> TrainingTensors:
        """The data set in TensorFlow's memory; loaded once per process."""
        with self._data_lock:
            name = dataset.spec.name, dataset.division
            if name not in self._data:
                self._data[name] = TrainingTensors(dataset)
            return self._data[name]

    def network(self, config: TrainingConfig, dataset: Dataset) -> tuple[CompiledNetwork, bool]:
        """The compiled network of a configuration's shape, and whether it was cached.

        If another thread is compiling the same shape, waits for that one instead of compiling it again.
        """
        shape = Shape.of(config)
        with self._lock:
            shape_lock = self._shape_locks.setdefault(shape, threading.Lock())
        with shape_lock:
            with self._lock:
                if shape in self._programs:
                    self._programs.move_to_end(shape)
                    return self._programs[shape], True
            program = CompiledNetwork(config, self.data(dataset))
            program.compile()
            with self._lock:
                self._programs[shape] = program
                self._drop_old()
            return program, False

    def _drop_old(self) -> None:
        while len(self._programs) > 1 and (
            len(self._programs) > KEPT_PROGRAMS or sum(map(_bytes, self._programs.values())) > KEPT_BYTES
        ):
            self._programs.popitem(last=False)


def _bytes(program: CompiledNetwork) -> int:
    return sum(4 * math.prod(variable.shape) for variable in program.variables)
