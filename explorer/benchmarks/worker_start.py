"""Benchmark of a worker process: compiling, finding a compiled network on disk, a second start, and its memory.

Run as a module, this file is the worker process that is measured.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from explorer.config import UNIT, TrainingConfig
from explorer.errors import RunError
from explorer.machine import peak_memory
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.scratch import scratch_folder
from explorer.workers import worker

EPOCHS = 2


def measure(config: TrainingConfig) -> dict[str, Any]:
    """Measures separate worker processes, because this one also holds the notebook's model and arrays.

    The first compiles, as on a machine that has not trained the shape before; the second finds that on disk.
    """
    with scratch_folder() as programs:
        first, later = (_of_a_worker(config, programs) for _ in range(2))
    return {**first, "later_compile_seconds": later["compile_seconds"]}


def _of_a_worker(config: TrainingConfig, programs: Path) -> dict[str, Any]:
    home = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "explorer.benchmarks.worker_start", json.dumps(config.to_dict())],
        env={**os.environ, "PYTHONPATH": path, "EXPLORER_CACHE": str(programs)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RunError(f"the measured worker process failed: {errors[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def _be_the_worker(config: TrainingConfig) -> dict[str, Any]:
    """Trains two runs of one shape as a worker does; the second differs in everything that needs no recompiling."""
    second = config.with_(seed=config.seed + 1, learning_rate=config.learning_rate * 2, input_scaling=UNIT, epochs=1)
    with scratch_folder() as folder:
        store = RunStore(folder)
        compile_seconds = _execute(store, config.with_(epochs=EPOCHS))[0]
        peak = peak_memory()
        started = _execute(store, second)[1]
    return {"compile_seconds": compile_seconds, "second_start_seconds": started, "peak_memory_bytes": peak}


def _execute(store: RunStore, config: TrainingConfig) -> tuple[float, float]:
    """Trains a new run; returns the seconds of compiling and the seconds until its first step returned."""
    returned: list[float] = []
    began = time.perf_counter()
    run = store.create(config)
    worker.execute(run, worker.Watcher(on_step=lambda *_: returned.append(time.perf_counter())))
    status = run.status()
    if status.status != COMPLETED:
        raise RunError(status.reason)
    return status.compile_seconds, returned[0] - began


if __name__ == "__main__":
    print(json.dumps(_be_the_worker(TrainingConfig.from_dict(json.loads(sys.argv[1])))))
