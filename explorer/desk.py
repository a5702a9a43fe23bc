"""Who answers questions that need TensorFlow, in a process of its own: looking never waits for training.

What is asked may be dangerous, such as opening a model file: it has a time limit, its process a memory limit, and
the next question finds a new process.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from explorer.cluster import Settings, connect
from explorer.errors import EngineError

MEMORY_LIMIT = 4 * 10**9
SECONDS = 60.0


@dataclass
class _Question:
    function: Callable
    arguments: tuple
    seconds: float
    answer: Future
    sent: float = 0.0


class Desk:
    """Answers questions one after another; its process starts with the first one, or with `start`.

    Safe to share between threads.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT):
        self._memory_limit = memory_limit
        self._lock = threading.RLock()
        self._waiting: deque[_Question] = deque()
        self._busy: _Question | None = None
        self._client = self._cluster = self._starter = None
        self._over_memory: float | None = None

    def ask(self, function: Callable, *arguments: Any, seconds: float = SECONDS) -> Future:
        """The future value of `function(*arguments)`, worked out in the other process.

        The future raises what the function raises, or `EngineError` when the process died, took too much memory or
        more than so many seconds. A question that is cancelled before its turn is not asked.
        """
        question = _Question(function, arguments, seconds, Future())
        with self._lock:
            self._waiting.append(question)
            self.start()
            self._next()
        return question.answer

    def start(self) -> None:
        """Starts the process in the background, if there is none."""
        with self._lock:
            if self._starter is None:
                self._starter = threading.Thread(target=self._start, daemon=True, name="desk")
                self._starter.start()

    def close(self) -> None:
        """Ends the process."""
        if self._starter is not None:
            self._starter.join()
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()

    # --- inside -------------------------------------------------------------------------------------------

    def _start(self) -> None:
        try:
            client, cluster = connect(Settings(workers=1, memory_limit=self._memory_limit))
        except Exception as error:  # told to whoever asks
            with self._lock:
                self._starter = None  # the next question tries again
                while self._waiting:
                    self._waiting.popleft().answer.set_exception(EngineError(f"no process could be started: {error}"))
            return
        client.subscribe_topic("worker-restart-memory", self._note_memory)
        with self._lock:
            self._client, self._cluster = client, cluster
            self._next()

    def _next(self) -> None:
        # one at a time: Dask blames a dead worker on every task that was handed to it
        while self._client is not None and self._busy is None and self._waiting:
            question = self._waiting.popleft()
            if not question.answer.set_running_or_notify_cancel():
                continue
            self._busy, self._over_memory, question.sent = question, None, time.monotonic()
            task = self._client.submit(_work_out, question.function, question.arguments, question.seconds, pure=False)
            task.add_done_callback(lambda done, question=question: self._answered(question, done))

    def _answered(self, question: _Question, task) -> None:
        error, value = None, None
        if task.status == "finished":
            value = task.result()
        else:
            error = task.exception() if task.status == "error" else EngineError("the question was cancelled")
            if type(error).__name__ == "KilledWorker":
                error = EngineError(self._why_dead(question))
        with self._lock:
            self._busy = None
            self._next()
        if error is None:
            question.answer.set_result(value)
        else:
            question.answer.set_exception(error)

    def _why_dead(self, question: _Question) -> str:
        if self._over_memory is not None:
            return f"it took more than {self._memory_limit / 1e9:.1f} GB of memory and was ended"
        if time.monotonic() - question.sent >= question.seconds:
            return f"it took longer than {question.seconds:g} s and was ended"
        return "the process that worked on it died"

    def _note_memory(self, event: tuple[float, dict]) -> None:
        self._over_memory = event[1]["rss"]


def _work_out(function: Callable, arguments: tuple, seconds: float) -> Any:
    from explorer import worker

    worker.programs()  # importing TensorFlow is no part of the question's time
    # nothing else ends a call into native code that does not return
    watch = threading.Timer(seconds, os._exit, [1])
    watch.daemon = True
    watch.start()
    try:
        return function(*arguments)
    finally:
        watch.cancel()
