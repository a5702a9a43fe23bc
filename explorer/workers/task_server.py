"""The process in which questions are worked out: warm at its start, and gone with the process that asks."""

import fcntl
import multiprocessing
import os
import pickle
import signal
import tempfile
from collections.abc import Mapping

from explorer.errors import WorkersError

# The one who asks ends this process at the limit; should that one not be there any more, the system does it.
GRACE_SECONDS = 5.0


def serve(connection, scratch: str, environment: Mapping[str, str]) -> None:
    """Works out one `(function, arguments, seconds)` after another from a connection until that is closed.

    Sends None once it is warm, then for each question a pickled pair of whether it went well, and the value or the
    exception. What is written into the temporary folder goes to `scratch`.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one who asks
    os.environ.update(environment, TMPDIR=scratch)
    tempfile.tempdir = scratch
    from explorer.workers import worker
    from explorer.workers.worker_process import THIS

    worker.programs()  # importing TensorFlow is no part of a question's time
    THIS.start()
    connection.send_bytes(pickle.dumps(None))
    while True:
        try:
            question = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)  # nobody asks any more
        connection.send_bytes(_answer(question))
        signal.setitimer(signal.ITIMER_REAL, 0)


def end_with_parent() -> None:
    """Has the system end this process as soon as the one that started it is gone, whatever this one does then.

    The parent holds one end of a pipe and writes nothing more: the system signals when it closes. A parent-death
    signal would follow the fork server, which lives for as long as any fork of it; a thread that waits for the pipe
    is not run while a library in C holds Python's lock.
    """
    parent = multiprocessing.parent_process()
    if parent is None or not parent.is_alive():
        os._exit(1)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():  # since the first look
        os._exit(1)


def _answer(question: bytes) -> bytes:
    try:
        function, arguments, seconds = pickle.loads(question)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)  # ends the process, as nobody handles its signal
        return pickle.dumps((True, function(*arguments)))
    except Exception as error:  # told to whoever asks
        return pickle.dumps((False, _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """The error itself where it arrives as what it is, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever an exception of another library's making does
        return WorkersError(f"{type(error).__name__}: {error}")
    return error
