"""The process that executes tasks: it imports TensorFlow when it starts and ends with the process that started it."""

import fcntl
import multiprocessing
import os
import pickle
import signal
import tempfile
from collections.abc import Mapping

from explorer.errors import WorkersError

# The parent ends this process at the time limit; if the parent is gone, the system does so after this delay.
GRACE_SECONDS = 5.0


def serve(connection, scratch: str, environment: Mapping[str, str]) -> None:
    """Executes one `(function, arguments, seconds)` after another from a connection until it is closed.

    Sends None once it is ready, then per task a pickled pair: True and the value, or False and the exception. Temporary
    files go to `scratch`.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.environ.update(environment, TMPDIR=scratch)
    tempfile.tempdir = scratch
    from explorer.workers import worker
    from explorer.workers.worker_process import THIS

    worker.programs()  # importing TensorFlow does not count towards a task's time limit
    THIS.start()
    connection.send_bytes(pickle.dumps(None))
    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone
        connection.send_bytes(_result(task))
        signal.setitimer(signal.ITIMER_REAL, 0)


def end_with_parent() -> None:
    """Has the system end this process as soon as its parent is gone, whatever this process is doing.

    The parent holds one end of a pipe and never writes to it: the system sends a signal when it closes. A parent-death
    signal would follow the fork server, which lives as long as any of its forks; a thread that waits for the pipe does
    not run while a C library holds Python's lock.
    """
    parent = multiprocessing.parent_process()
    if parent is None or not parent.is_alive():
        os._exit(1)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():  # it may have ended since the first check
        os._exit(1)


def _result(task: bytes) -> bytes:
    try:
        function, arguments, seconds = pickle.loads(task)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)  # ends the process: its signal has no handler
        return pickle.dumps((True, function(*arguments)))
    except Exception as error:  # raised in the parent
        return pickle.dumps((False, _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """The error itself if it survives pickling, else a `WorkersError` with its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # exceptions of other libraries may raise anything here
        return WorkersError(f"{type(error).__name__}: {error}")
    return error
