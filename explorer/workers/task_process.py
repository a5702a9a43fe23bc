"""Questions that need TensorFlow, worked out in processes of their own: looking never waits for training.

What is asked may be dangerous, such as opening a model file. The limits of time and memory are kept from here, outside
of the process that works: a library that loops holds Python's lock there, and nothing in that process can end it.
"""

import multiprocessing.connection
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from explorer.errors import WorkersError
from explorer.scratch import ScratchFolder
from explorer.workers import task_server
from explorer.workers.cluster import process_context, worker_environment

MEMORY_LIMIT = 4 * 10**9
SECONDS = 60.0
# a process that does not stand after so long, on however busy a machine, will not
STARTING_SECONDS = 300.0
WATCH_SECONDS = 0.05
# whoever has waited so long behind a slow question gets a second process, which goes when it had nothing to do
PATIENCE_SECONDS = 2.0
IDLE_SECONDS = 60.0
MOST_PROCESSES = 2


@dataclass
class _Question:
    function: Callable
    arguments: tuple
    seconds: float
    answer: Future


class TaskProcess:
    """Answers questions in their order; its process starts with the first one, or with `start`.

    There is one process while questions are quick: behind a slow one, the next is worked out in a second process.
    Safe to share between threads.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT):
        self._memory_limit = memory_limit
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[_Question] = deque()
        self._places: list[_Place] = []
        self._closed = False

    def ask(self, function: Callable, *arguments: Any, seconds: float = SECONDS) -> Future:
        """The future value of `function(*arguments)`, worked out in another process.

        The future raises what the function raises, or `WorkersError` when the process died, took too much memory or
        more than so many seconds. A question that is cancelled before its turn is not asked.
        """
        question = _Question(function, arguments, seconds, Future())
        with self._changed:
            if self._closed:
                raise WorkersError("questions are no longer answered: this process is about to end")
            self._waiting.append(question)
            self.start()
            self._changed.notify_all()
        return question.answer

    def start(self) -> None:
        """Starts the process in the background, if there is none."""
        with self._changed:
            if not self._places and not self._closed:
                self._add_place()

    def close(self) -> None:
        """Ends the processes; what is not answered yet raises `WorkersError`."""
        with self._changed:
            self._closed = True
            places = list(self._places)
            self._changed.notify_all()
        for place in places:
            place.end()
        for place in places:
            place.join()
        self._refuse("the process that worked on it was ended")

    # --- asked by the places ------------------------------------------------------------------------------

    def next_question(self, place: "_Place") -> _Question | None:
        """The next question, waited for; None where the place is not needed any more."""
        with self._changed:
            while not self._closed:
                if self._waiting:
                    return self._waiting.popleft()
                spare = place is not self._places[0]
                if not self._changed.wait(IDLE_SECONDS if spare else None) and spare and not self._waiting:
                    break
            return None

    def put_back(self, question: _Question) -> None:
        """Takes back a question that was not begun."""
        with self._changed:
            self._waiting.appendleft(question)

    def is_busy(self) -> None:
        """Has another process started where a question waits behind a slow one."""
        with self._changed:
            if self._waiting and len(self._places) < MOST_PROCESSES and not self._closed:
                self._add_place()

    def has_left(self, place: "_Place", why: str) -> None:
        """Takes a place away; where it was the last, what waits is told why."""
        with self._changed:
            self._places.remove(place)
            if self._waiting and not self._places:
                if why:
                    self._refuse(why)
                elif not self._closed:
                    self._add_place()

    def _add_place(self) -> None:
        self._places.append(_Place(self, self._memory_limit))
        self._places[-1].start()

    def _refuse(self, why: str) -> None:
        while self._waiting:
            question = self._waiting.popleft()
            if question.answer.set_running_or_notify_cancel():
                question.answer.set_exception(WorkersError(why))


class _Place(threading.Thread):
    """Takes questions from a task process, has them worked out in a process, and replaces that one when it ends."""

    def __init__(self, task_process: TaskProcess, memory_limit: int):
        super().__init__(daemon=True, name="task process")
        self._task_process, self._memory_limit = task_process, memory_limit
        self._process: _Process | None = None
        self._ended = False

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._ended = True
        if self._process is not None:
            self._process.kill()

    def run(self) -> None:
        why = ""
        try:
            while not self._ended and self._serve():
                pass
        except Exception as error:  # told to whoever asks
            why = f"no process could be started: {error}"
        self._task_process.has_left(self, why)

    def _serve(self) -> bool:
        """Answers with one process until that ends (True) or is not needed any more (False)."""
        self._process = process = _Process(self._memory_limit)
        try:
            if self._ended:  # while it was started
                return False
            process.wait_until_warm()
            while process.alive:
                question = self._task_process.next_question(self)
                if question is None:
                    return False
                if process.has_died():  # while it had nothing to do
                    self._task_process.put_back(question)
                    return True
                if question.answer.set_running_or_notify_cancel():
                    self._answer(process, question)
            return True
        finally:
            process.end()

    def _answer(self, process: "_Process", question: _Question) -> None:
        try:
            value = process.work_out(question, self._task_process.is_busy)
        except Exception as error:
            if not process.alive:
                process.end()  # before it is told: what it wrote is gone when the answer is there
            question.answer.set_exception(error)
        else:
            question.answer.set_result(value)


class _Process:
    """One process, started, watched and ended from here."""

    def __init__(self, memory_limit: int):
        self._memory_limit = memory_limit
        self._scratch = ScratchFolder()
        context = process_context()
        self._connection, other = context.Pipe()
        self._process = context.Process(
            target=task_server.serve,
            args=(other, str(self._scratch.path), worker_environment(1)),
            daemon=True,
            name="task process",
        )
        self.alive, self._over = True, False
        try:
            self._process.start()
        except Exception:
            self._scratch.remove()
            raise
        finally:
            other.close()

    def wait_until_warm(self) -> None:
        """Returns when the process takes questions; raises `WorkersError` when it does not come to that."""
        if not multiprocessing.connection.wait([self._connection], STARTING_SECONDS):
            raise WorkersError(f"it was not ready after {STARTING_SECONDS:g} s")
        try:
            self._connection.recv_bytes()
        except (EOFError, OSError):
            raise WorkersError("it died at its start") from None

    def work_out(self, question: _Question, slow: Callable[[], None]) -> Any:
        """The value of a question; calls `slow` again and again while it takes long.

        Raises what the function raises, or `WorkersError` for a limit, after which the process is not alive.
        """
        self._connection.send_bytes(pickle.dumps((question.function, question.arguments, question.seconds)))
        started = time.monotonic()
        try:
            while not multiprocessing.connection.wait([self._connection], WATCH_SECONDS):
                seconds = time.monotonic() - started
                if seconds >= question.seconds:
                    raise WorkersError(f"it took longer than {question.seconds:g} s and was ended")
                if self._memory() > self._memory_limit:
                    raise WorkersError(f"it took more than {self._memory_limit / 1e9:.1f} GB of memory and was ended")
                if seconds > PATIENCE_SECONDS:
                    slow()
            well, value = pickle.loads(self._connection.recv_bytes())
        except WorkersError:
            self.kill()
            raise
        except (EOFError, OSError):
            self.kill()
            raise WorkersError("the process that worked on it died") from None
        if well:
            return value
        raise value

    def has_died(self) -> bool:
        """Whether the process is not there any more."""
        return not self._process.is_alive()

    def kill(self) -> None:
        """Ends the process at once."""
        self.alive = False
        if not self.has_died():
            self._process.kill()

    def end(self) -> None:
        """Ends the process and removes what it has written."""
        if self._over:
            return
        self._over = True
        self.kill()
        self._process.join()
        self._connection.close()
        self._scratch.remove()

    def _memory(self) -> int:
        with suppress(psutil.Error):
            return psutil.Process(self._process.pid).memory_info().rss
        return 0  # it has just died, which the connection tells
