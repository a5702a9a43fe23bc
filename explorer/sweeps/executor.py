"""The interface to what trains the runs of a study."""

from typing import Protocol

from explorer.errors import WorkersError
from explorer.runs.run import Run
from explorer.sweeps.study import Study

LOOK_SECONDS = 0.2


class Executor(Protocol):
    """The interface to what trains the runs: the run queue, or its stand-in in the driver benchmark."""

    @property
    def slots(self) -> int:
        """How many runs can be trained at the same time now."""

    @property
    def problems(self) -> list[str]:
        """Why some workers are not used, one sentence each."""

    @property
    def message(self) -> str:
        """Why no workers could be started."""

    def wait_until_ready(self, seconds: float) -> str:
        """Returns `ready`, `starting` after this many seconds, or `failed`."""

    def submit(self, run: Run) -> None:
        """Queues a new run."""

    def resume(self, run: Run) -> None:
        """Queues a run again; raises `InputError` when it cannot be resumed."""

    def stop(self, run: Run) -> None:
        """Requests that a run stop."""

    def pause(self, run: Run) -> None:
        """Requests that a run save a checkpoint and pause."""

    def abandon(self) -> None:
        """Ends the workers of this machine at once."""

    def wait_for_news(self, seconds: float) -> set[str]:
        """The names of the runs that ended since the last call; waits up to `seconds` for one."""


def wait_until_ready(study: Study, executor: Executor) -> bool:
    """Waits for the first worker; returns False when the study is to stop, raises `WorkersError` when there is none."""
    while (state := executor.wait_until_ready(LOOK_SECONDS)) == "starting":
        if study.stop_requested():
            return False
    if state != "ready":
        raise WorkersError(f"the workers could not be started: {executor.message}")
    return True
