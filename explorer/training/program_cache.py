"""A cache of the prepared data sets and compiled networks that a process keeps for its next run."""

import math
import threading

from cachetools import LRUCache

from explorer.config import TrainingConfig
from explorer.data.datasets import Dataset
from explorer.training.compiled_epoch import CompiledNetwork
from explorer.training.frameworks import set_graph_optimizer
from explorer.training.program_shape import Shape
from explorer.training.tensors import TrainingTensors

# The memory limit of all cached networks and optimizers together; the newest one always stays.
KEPT_BYTES = 256 * 2**20
KEPT_PROGRAMS = 8
KEPT_DATA = 4  # data sets, up to 150 MB each; one that a cached network uses stays with it


class ProgramCache:
    """Compiled networks and data sets, the least recently used dropped first; safe to share between threads."""

    def __init__(self) -> None:
        set_graph_optimizer(False)  # XLA optimizes what it compiles
        self._lock = threading.Lock()
        self._shape_locks: dict[Shape, threading.Lock] = {}
        self._data: LRUCache[tuple[str, str], TrainingTensors] = LRUCache(KEPT_DATA)
        self._data_lock = threading.Lock()
        self._programs: LRUCache[Shape, CompiledNetwork] = LRUCache(math.inf)

    def data(self, dataset: Dataset) -> TrainingTensors:
        """The data set in TensorFlow's memory; loaded once, while it is among the latest."""
        with self._data_lock:
            name = dataset.spec.name, dataset.division
            tensors = self._data.get(name)
            if tensors is None:
                tensors = self._data[name] = TrainingTensors(dataset)
            return tensors

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
            self._programs.popitem()


def _bytes(program: CompiledNetwork) -> int:
    return sum(4 * math.prod(variable.shape) for variable in program.variables)
