"""The run queue: runs that wait for worker processes, on this machine or on many, using Dask `distributed`.

It hands run folders to workers and reads nothing back but the folders. It starts in the background; runs submitted
before it is ready wait.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from explorer.config import TrainingConfig
from explorer.errors import ExplorerError, RunError
from explorer.runs.fix_mark import FixMark, read_fix_mark
from explorer.runs.queue_order import written_positions
from explorer.runs.run import Run
from explorer.runs.status import ACTIVE, QUEUED, STOPPED
from explorer.work_folder import STOP
from explorer.workers.cluster import Settings, connect, kill_workers
from explorer.workers.limits import Limits
from explorer.workers.local_dispatcher import LocalDispatcher
from explorer.workers.lost_runs import LostRuns
from explorer.workers.remote.dispatcher import RemoteDispatcher
from explorer.workers.run_control import ask_to_stop, queue_again
from explorer.workers.turns import TURN_SECONDS, Turns, expected_wait
from explorer.workers.waiting import Entry, WaitingRuns

STARTING, READY, BROKEN = "starting", "ready", "broken"


class RunQueue:
    """Submits, queues, stops and resumes runs; safe to share between threads.

    `state` is starting, ready or broken; `message` says why it is broken. The order of the runs is that of
    `WaitingRuns`, from which the dispatcher takes a run whenever a worker is free.
    """

    def __init__(
        self, settings: Settings | None = None, limits: Limits | None = None, turn_seconds: float = TURN_SECONDS
    ):
        self.state, self.message = STARTING, ""
        self.limits = limits or Limits()
        self._settings = settings
        self._lock = threading.RLock()
        self._waiting = WaitingRuns()
        self._lost = LostRuns(self._waiting)
        self._turns = Turns(self._waiting, self.limits, turn_seconds)
        self._client = self._cluster = self._dispatcher = None
        self._wanted: Sequence[TrainingConfig] = ()
        self._ended: set[str] = set()
        self._news = threading.Event()
        self._start_in_background()

    def wait_until_ready(self, seconds: float) -> str:
        """Waits for the queue to start, at most `seconds`, and returns the state."""
        self._starter.join(seconds)
        return self.state

    def try_again(self) -> None:
        """Starts the workers again after they could not be started; waiting runs keep their places."""
        if self.state == BROKEN:
            self.state, self.message = STARTING, ""
            self._start_in_background()

    def submit(self, run: Run, session: str = "") -> None:
        """Queues a new run; sessions take turns."""
        self._waiting.add(run, session)
        self._hurry()

    def submit_once(
        self, config: TrainingConfig, create: Callable[[], Run], session: str, fix: FixMark | None = None
    ) -> Run:
        """Queues the run that `create` returns, unless a run of the configuration waits or trains for the session.

        Returns the new or the earlier run, so that a second click changes nothing. A run that tries a fix counts only
        as one that tries this `fix`.
        """
        with self._lock:
            for run in self._waiting.of_session(session):
                with suppress(RunError):
                    same = run.config == config and read_fix_mark(str(run.path)) == fix
                    if same and run.status().status in ACTIVE:
                        return run
            names = self.names_of(session)
            self.limits.check_runs(len(names), fix.origin if fix and fix.origin in names else "")
            run = create()
            self._waiting.add(run, session)
        self._hurry()
        return run

    def names_of(self, session: str) -> set[str]:
        """The names of a session's runs that wait or are in training."""
        return {run.name for run in self._waiting.of_session(session)}

    def stop(self, run: Run) -> None:
        """Requests that a run stop, whichever process trains it; a queued or paused run stops at once."""
        if ask_to_stop(run) == STOPPED:
            self._waiting.drop(run)
            if self._dispatcher is not None:
                self._dispatcher.cancel(run)
        self._hurry()

    def pause(self, run: Run) -> None:
        """Requests that a running run pause: its state is saved, and its worker becomes free."""
        if run.status().status in ACTIVE:
            self._turns.keep_paused(run)
            run.request("pause")
            self._hurry()

    def resume(self, run: Run, session: str = "") -> None:
        """Queues a run again, to continue exactly where it stopped; raises `InputError` if that is impossible."""
        self._check(run, session)
        queue_again(run)
        self.submit(run, session)

    def start_again(self, run: Run, session: str = "") -> None:
        """Queues a run again, to be trained from the beginning; raises `InputError` if that is impossible."""
        self._check(run, session)
        queue_again(run, from_start=True)
        self.submit(run, session)

    def _check(self, run: Run, session: str) -> None:
        self.limits.check_runs(len(self._waiting.of_session(session)))
        self.limits.check_run(run)

    def position(self, run: Run) -> int | None:
        """The position of a waiting run, from 1, also of one in another process's queue; None if it does not wait."""
        return self._waiting.position(run.name) or written_positions(run.path.parent).get(run.name)

    @property
    def length(self) -> int:
        """The number of waiting runs."""
        return len(self._waiting.order())

    def expected_wait(self, run: Run, seconds_left: Callable[[Run], float]) -> float | None:
        """Seconds until a waiting run starts, at most; None if it does not wait here.

        `seconds_left` estimates the training that a run has left; of a run that others wait for, one turn counts.
        """
        order = self._waiting.order()
        place = next((place for place, entry in enumerate(order) if entry.run.name == run.name), None)
        if place is None:
            return None
        busy = [self._turns.seconds_left(entry, seconds_left(entry.run)) for entry in self._waiting.in_training()]
        ahead = [self._turns.seconds_left(entry, seconds_left(entry.run)) for entry in order[:place]]
        return expected_wait(busy, ahead, self.slots)

    def prepare(self, configs: Sequence[TrainingConfig]) -> None:
        """Has idle workers compile the networks of configurations ahead of time, in turn; the latest request counts."""
        with self._lock:
            if self.state != READY:
                self._wanted = configs
                return
            self._client.run(_prepare, [config.to_dict() for config in configs], wait=False, on_error="ignore")

    @property
    def slots(self) -> int:
        """The number of runs that can be trained at once."""
        return 0 if self.state != READY else self._dispatcher.slots

    @property
    def problems(self) -> list[str]:
        """Why some workers are not used, one sentence each."""
        return [] if self._dispatcher is None else list(self._dispatcher.problems)

    def wait_for_news(self, seconds: float) -> set[str]:
        """The names of the runs that ended since the last call; waits for one, at most `seconds`."""
        self._news.wait(seconds)
        with self._lock:
            self._news.clear()
            ended, self._ended = self._ended, set()
        return ended

    def abandon(self) -> None:
        """Kills the workers of this machine; what is not on disk is lost."""
        kill_workers(self._cluster)

    def close(self) -> None:
        """Ends the workers of this machine; a scheduler started elsewhere keeps running."""
        self._lost.close()
        self._starter.join()
        for part in (self._dispatcher, self._client, self._cluster):
            if part is not None:
                part.close()
        self._waiting.clear()

    # --- inside -------------------------------------------------------------------------------------------

    def _start_in_background(self) -> None:
        self._starter = threading.Thread(target=self._start, daemon=True, name="run queue")
        self._starter.start()

    def _start(self) -> None:
        try:
            settings = self._settings or Settings.from_environment()
            client, cluster = connect(settings)
        except Exception as error:  # any error is shown on the page
            self.state, self.message = BROKEN, str(error) or type(error).__name__
            return
        client.subscribe_topic("worker-restart-memory", self._lost.note_memory)
        with self._lock:
            self._client, self._cluster = client, cluster
            self._dispatcher = self._new_dispatcher(settings)
            self.state = READY
            wanted, self._wanted = self._wanted, ()
        if wanted:
            self.prepare(wanted)

    def _new_dispatcher(self, settings: Settings) -> LocalDispatcher | RemoteDispatcher:
        common = self._waiting, self._came_back, self._look
        if self._cluster is not None:
            return LocalDispatcher(self._client, self._cluster, *common)
        # remote workers have no access to the folders of this machine
        return RemoteDispatcher(self._client, settings.datasets, *common)

    def _hurry(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.hurry()
        else:  # the order of what waits for the start
            self._waiting.write()

    def _look(self) -> None:
        """Brings the order up to date; called twice per second while runs wait or train, and after each change."""
        for entry in self._waiting.order():
            with suppress(ExplorerError):
                if not entry.run.path.exists() or (entry.run.requested() == STOP and ask_to_stop(entry.run) != QUEUED):
                    self._waiting.drop(entry.run)  # removed, or stopped from another process
        self._turns.look()
        self._waiting.write()

    def _came_back(self, entry: Entry, lost: bool, reason: str = "") -> None:
        """Handles a run that is no longer trained; `lost` if its worker left it unfinished, with `reason` if known."""
        if lost:
            self._lost.settle(entry, reason)
        elif self._turns.settle(entry):
            self._waiting.put_back(entry, served=True)
            return
        else:
            self._waiting.finish(entry)
        with self._lock:
            self._ended.add(entry.run.name)
            self._news.set()


async def _prepare(configs: list[dict]) -> None:
    from explorer.workers.worker_process import THIS

    THIS.prepare([*map(TrainingConfig.from_dict, configs)])
