"""The worker processes of a run queue, for tests that stop or kill one, and what becomes of its runs."""

import os

from browser import wait_for

from explorer.runs.run import Run
from explorer.workers.run_queue import READY, RunQueue


def worker_processes(run_queue: RunQueue) -> list[int]:
    """The process ids of the workers that run now."""
    return list(run_queue._client.run(os.getpid, on_error="ignore").values()) if run_queue.state == READY else []


def wait_status(run: Run, status: str) -> None:
    """Waits until a run has a status."""
    try:
        wait_for(lambda: run.status().status == status)
    except TimeoutError as error:
        raise AssertionError(f"{run.name} is not {status}: {run.status()}, asked for: {run.requested()}") from error


def compiled(run_queue) -> list[dict]:
    """The settings of the networks that the workers of a queue have compiled, those of each worker in order."""
    return [shape for of_worker in run_queue._client.run(_compiled).values() for shape in of_worker]


def _compiled() -> list[dict]:
    from dataclasses import asdict

    from explorer.workers import worker

    return [asdict(shape) for shape in list(worker.programs()._programs)]
