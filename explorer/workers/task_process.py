"""Execution of tasks that need TensorFlow in separate processes, so that they never wait for training.

A task may be dangerous, such as opening a model file. Its limits of time and memory are enforced from here, outside of
the process that executes it: a library that loops holds Python's lock there, and nothing in that process can end it.
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
# a process that is not ready after so long, even on a busy machine, never will be
STARTING_SECONDS = 300.0
WATCH_SECONDS = 0.05
# a task that has waited so long behind a slow one gets another process, which ends after a time without tasks
PATIENCE_SECONDS = 2.0
IDLE_SECONDS = 60.0
MOST_PROCESSES = 3
# Where there can be no further process, the first turn of a repeatable task: then it gives way to any that has taken
# less time so far. Each further turn is twice as long, so that it finishes although it begins anew.
TURN_SECONDS = 10.0


@dataclass
class _Task:
    function: Callable
    arguments: tuple
    seconds: float
    repeatable: bool
    answer: Future
    taken: float = 0.0  # seconds, in turns that ended before it was finished


class _GaveWay(Exception):
    """A task's turn was over."""


class TaskProcess:
    """Executes tasks in order; its process starts with the first task, or with `start`.

    One process suffices while tasks are quick; behind a slow one, the next task is executed in another process. With
    all processes at slow tasks, the repeatable ones take turns with those that wait. Safe to share between threads.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT):
        self._memory_limit = memory_limit
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[_Task] = deque()
        self._slots: list[_Slot] = []
        self._closed = False

    def ask(self, function: Callable, *arguments: Any, seconds: float = SECONDS, repeatable: bool = False) -> Future:
        """A future of `function(*arguments)`, executed in another process.

        The future raises what the function raises, or `WorkersError` if the process died, took too much memory or more
        than `seconds` in all its turns. A task cancelled before its first turn is not executed; a `repeatable` one may
        be ended to give way to others, and is later executed again from its beginning.
        """
        task = _Task(function, arguments, seconds, repeatable, Future())
        with self._changed:
            if self._closed:
                raise WorkersError("no more tasks are accepted: this process is shutting down")
            self._waiting.append(task)
            self.start()
            self._changed.notify_all()
        return task.answer

    def start(self) -> None:
        """Starts the process in the background, if there is none."""
        with self._changed:
            if not self._slots and not self._closed:
                self._add_slot()

    def close(self) -> None:
        """Ends the processes; the futures of unfinished tasks raise `WorkersError`."""
        with self._changed:
            self._closed = True
            slots = list(self._slots)
            self._changed.notify_all()
        for slot in slots:
            slot.end()
        for slot in slots:
            slot.join()
        self._refuse("the process that executed it was ended")

    def next_task(self, slot: "_Slot") -> _Task | None:
        """Waits for the next task; None if the slot is no longer needed."""
        with self._changed:
            while not self._closed:
                if self._waiting:
                    task = min(self._waiting, key=lambda waiting: waiting.taken)
                    self._waiting.remove(task)
                    return task
                spare = slot is not self._slots[0]
                if not self._changed.wait(IDLE_SECONDS if spare else None) and spare and not self._waiting:
                    break
            return None

    def put_back(self, task: _Task) -> None:
        """Puts back a task that was not started, or that has given way."""
        with self._changed:
            self._waiting.appendleft(task)
            self._changed.notify_all()

    def gives_way(self, task: _Task, seconds: float) -> bool:
        """Whether a slow task's turn is over after `seconds`; starts another process if one may still be started."""
        with self._changed:
            if not self._waiting or self._closed:
                return False
            if len(self._slots) < MOST_PROCESSES:
                self._add_slot()
                return False
            least = min(waiting.taken for waiting in self._waiting)
            return task.repeatable and seconds > TURN_SECONDS + task.taken and least < seconds + task.taken

    def has_left(self, slot: "_Slot", why: str) -> None:
        """Removes a slot; if it was the last, waiting tasks fail with `why`."""
        with self._changed:
            self._slots.remove(slot)
            if self._waiting and not self._slots:
                if why:
                    self._refuse(why)
                elif not self._closed:
                    self._add_slot()

    def _add_slot(self) -> None:
        self._slots.append(_Slot(self, self._memory_limit))
        self._slots[-1].start()

    def _refuse(self, why: str) -> None:
        while self._waiting:
            task = self._waiting.popleft()
            if _is_wanted(task.answer):
                task.answer.set_exception(WorkersError(why))


def _is_wanted(answer: Future) -> bool:
    """Whether a task whose turn has come was not cancelled before its first turn."""
    return answer.running() or answer.set_running_or_notify_cancel()


class _Slot(threading.Thread):
    """Takes tasks from a `TaskProcess`, has a process execute them, and replaces that process when it ends."""

    def __init__(self, task_process: TaskProcess, memory_limit: int):
        super().__init__(daemon=True, name="task process")
        self._task_process, self._memory_limit = task_process, memory_limit
        self._process: _Process | None = None
        self._ended = False

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self._ended = True
        if self._process is not None:
            self._process.kill()

    def run(self) -> None:
        why = ""
        try:
            while not self._ended and self._serve():
                pass
        except Exception as error:  # raised by the futures of waiting tasks
            why = f"no process could be started: {error}"
        self._task_process.has_left(self, why)

    def _serve(self) -> bool:
        """Executes tasks with one process until it ends (True) or is no longer needed (False)."""
        self._process = process = _Process(self._memory_limit)
        try:
            if self._ended:  # while it was starting
                return False
            process.wait_until_warm()
            while process.alive:
                task = self._task_process.next_task(self)
                if task is None:
                    return False
                if process.has_died():  # while it was idle
                    self._task_process.put_back(task)
                    return True
                if _is_wanted(task.answer):
                    self._answer(process, task)
            return True
        finally:
            process.end()

    def _answer(self, process: "_Process", task: _Task) -> None:
        try:
            value = process.execute(task, lambda seconds: self._task_process.gives_way(task, seconds))
        except _GaveWay:
            self._task_process.put_back(task)
        except Exception as error:
            if not process.alive:
                process.end()  # before the future is set: its files are removed by then
            task.answer.set_exception(error)
        else:
            task.answer.set_result(value)


class _Process:
    """One process that executes tasks: starts, watches and ends it."""

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
        """Returns when the process accepts tasks; raises `WorkersError` if it never does."""
        if not multiprocessing.connection.wait([self._connection], STARTING_SECONDS):
            raise WorkersError(f"it was not ready after {STARTING_SECONDS:g} s")
        try:
            self._connection.recv_bytes()
        except (EOFError, OSError):
            raise WorkersError("it died while starting") from None

    def execute(self, task: _Task, gives_way: Callable[[float], bool]) -> Any:
        """The result of a task; `gives_way` is asked whether the turn of a long one is over after so many seconds.

        Raises what the function raises, `WorkersError` at a limit, or `_GaveWay`; after the last two the process is no
        longer alive.
        """
        left = task.seconds - task.taken
        self._connection.send_bytes(pickle.dumps((task.function, task.arguments, left)))
        started = time.monotonic()
        try:
            while not multiprocessing.connection.wait([self._connection], WATCH_SECONDS):
                seconds = time.monotonic() - started
                if seconds >= left:
                    raise WorkersError(f"it took longer than {task.seconds:g} s and was ended")
                if self._memory() > self._memory_limit:
                    raise WorkersError(f"it took more than {self._memory_limit / 1e9:.1f} GB of memory and was ended")
                if seconds > PATIENCE_SECONDS and gives_way(seconds):
                    task.taken += seconds
                    raise _GaveWay
            succeeded, value = pickle.loads(self._connection.recv_bytes())
        except (WorkersError, _GaveWay):
            self.kill()
            raise
        except (EOFError, OSError):
            self.kill()
            raise WorkersError("the process that executed it died") from None
        if succeeded:
            return value
        raise value

    def has_died(self) -> bool:
        """Whether the process has ended."""
        return not self._process.is_alive()

    def kill(self) -> None:
        """Ends the process at once."""
        self.alive = False
        if not self.has_died():
            self._process.kill()

    def end(self) -> None:
        """Ends the process and removes its temporary files."""
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
        return 0  # it has just died, which the connection reports
