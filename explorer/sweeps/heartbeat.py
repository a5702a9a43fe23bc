"""What the driver of a study writes of itself while it works: that it is alive, its time, and its workers."""

import time
from collections.abc import Callable

from explorer.sweeps.executor import Executor
from explorer.sweeps.study import Study

SECONDS_BETWEEN = 5.0


class Heartbeat:
    """The driver's time, workers and problems, written at intervals and when they change."""

    def __init__(self, study: Study, executor: Executor, say: Callable[[str], None]):
        self._study, self._executor, self._say = study, executor, say
        self._earlier, self._started = study.status().seconds, time.monotonic()
        self._written = 0.0
        self._workers = 0
        self._problems: list[str] = []

    @property
    def seconds(self) -> float:
        """How long the study has been driven, earlier drivers included."""
        return self._earlier + time.monotonic() - self._started

    def give(self) -> None:
        """Writes the heartbeat if it is due, and says each new problem."""
        now = time.monotonic()
        workers, problems = self._executor.slots, self._executor.problems
        news = (workers, problems) != (self._workers, self._problems)
        if not news and now - self._written < SECONDS_BETWEEN:
            return
        for problem in problems:
            if problem not in self._problems:
                self._say(problem)
        self._written, self._workers, self._problems = now, workers, list(problems)
        self._study.update(seen=time.time(), seconds=self.seconds, workers=workers, problems=self._problems)
