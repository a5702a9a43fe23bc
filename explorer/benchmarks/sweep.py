"""A benchmark of parallel workers against one run after another, and of what scheduling adds (`benchmark --sweep`)."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from explorer.config import TrainingConfig
from explorer.data.datasets import spec_of
from explorer.errors import WorkersError
from explorer.plain_text import columns, count
from explorer.presets import PRESETS
from explorer.runs.status import RunStatus
from explorer.runs.store import RunStore
from explorer.scratch import scratch_folder
from explorer.sweeps.driver import drive
from explorer.sweeps.study import StudyStore
from explorer.sweeps.study_spec import GRID, StudySpec
from explorer.workers.cluster import Settings
from explorer.workers.run_queue import RunQueue

TRIALS = 12
RATES = [round(1e-5 * 1.3**number, 8) for number in range(TRIALS)]
FEW_IMAGES = 10_000  # a data set with fewer trains in a second or two per epoch
START_SECONDS = 180.0


class _KeptAlive:
    """A run queue whose workers the driver leaves running for the next study."""

    def __init__(self, run_queue: RunQueue):
        self._run_queue = run_queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run_queue, name)

    def abandon(self) -> None:
        """Does nothing, so that the workers go on."""


def measure(dataset: str, epochs: int | None, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """A sweep of 12 trials of the notebook's network: workers with one core each against one worker with all cores.

    The workers have started and the network is compiled beforehand. Raises `WorkersError` when they cannot be started.
    """
    config = PRESETS["elu"].config.with_(dataset=dataset)
    epochs = epochs or (20 if spec_of(dataset).train_images < FEW_IMAGES else 2)
    cores = max(1, os.cpu_count() or 1)
    figures = {}
    for name, workers in (("one_after_another", 1), ("side_by_side", cores)):
        tell(f"{dataset}: {TRIALS} trials of {epochs} epochs, {count(workers, 'worker')} …")
        figures[name] = {"workers": workers, **_sweep(config, workers, epochs)}
    ratio = figures["one_after_another"]["seconds"] / figures["side_by_side"]["seconds"]
    return {"dataset": dataset, "trials": TRIALS, "epochs": epochs, "cores": cores, **figures, "ratio": ratio}


def _sweep(config: TrainingConfig, workers: int, epochs: int) -> dict[str, float]:
    with scratch_folder() as place:
        store = RunStore(place)
        run_queue = RunQueue(Settings(workers=workers))
        try:
            if run_queue.wait_until_ready(START_SECONDS) != "ready":
                raise WorkersError(f"the workers could not be started: {run_queue.message}")
            _drive(store, run_queue, _spec("warm", config, RATES[:workers], 1))
            study = _drive(store, run_queue, _spec("measured", config, RATES, epochs))
            names = [trial.runs[0] for trial in study.trials()]
            return scheduling([store.get(name).status() for name in names], workers)
        finally:
            run_queue.abandon()
            run_queue.close()


def _drive(store: RunStore, run_queue: RunQueue, spec: StudySpec) -> Any:
    study = StudyStore(store).create(spec)
    drive(study, store, lambda: _KeptAlive(run_queue))
    return study


def _spec(name: str, config: TrainingConfig, rates: Sequence[float], epochs: int) -> StudySpec:
    settings = {"dataset": config.dataset, "patience": 10_000}
    space = {"learning_rate": list(rates)}
    values = {"name": name, "sampler": GRID, "trials": len(rates), "epochs": epochs}
    return StudySpec.from_dict({**values, "settings": settings, "space": space})


def scheduling(statuses: Sequence[RunStatus], workers: int) -> dict[str, float]:
    """Wall seconds from the first start to the last end, and the share of the workers' time spent between runs.

    The next run to start follows the first one that ended, so the ends are paired in order with the starts after the
    first `workers`.
    """
    starts, ends = sorted(s.started for s in statuses), sorted(s.ended for s in statuses)
    gaps = [start - end for start, end in zip(starts[workers:], ends, strict=False)]
    busy = sum(s.ended - s.started for s in statuses)
    return {
        "seconds": ends[-1] - starts[0],
        "busy_seconds": busy,
        "gap_seconds": sum(gaps),
        "overhead": sum(gaps) / (busy + sum(gaps)),
    }


def lines(results: dict[str, Any]) -> list[str]:
    """The results as lines of a table."""
    head = ["", "workers", "seconds", "between runs", "of the workers' time"]
    rows = [
        [
            name.replace("_", " "),
            str(results[name]["workers"]),
            f"{results[name]['seconds']:.1f}",
            f"{results[name]['gap_seconds']:.2f} s",
            f"{results[name]['overhead']:.1%}",
        ]
        for name in ("one_after_another", "side_by_side")
    ]
    return [
        f"{results['dataset']}: {results['trials']} trials of {results['epochs']} epochs on {results['cores']} cores",
        *columns([head, *rows], right="1234"),
        f"in parallel: {results['ratio']:.2f} times the throughput",
    ]


def lines_of_saturation(results: dict[str, Any]) -> list[str]:
    """The results of the simulated study as a line of text."""
    return [
        f"{results['trials']:,} instantaneous trials over {results['workers']:,} simulated workers: "
        f"{results['trials_a_second']:.0f} trials per second, {results['memory_bytes'] / 1e6:.0f} MB "
        f"(driver only; writing the workers' files took {results['worker_seconds']:.0f} s more)"
    ]
