"""The worker processes of a run queue, for tests that stop or kill one."""

import os

from explorer.workers.run_queue import READY, RunQueue


def worker_processes(run_queue: RunQueue) -> list[int]:
    """The process ids of the workers that run now."""
    return list(run_queue._client.run(os.getpid, on_error="ignore").values()) if run_queue.state == READY else []
