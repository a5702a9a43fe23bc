"""Fast and silent import of TensorFlow and Keras; without it, it takes 2.3 times as long, and a worker 120 MB more.

Garbage collection goes through everything imported so far again and again: without it, a training command of one epoch
on CIFAR-10 takes an eighth less. Keras imports scikit-learn (with SciPy's statistics) and pandas for wrappers and
inputs that are unused here: without them, a model is evaluated for the first time in a fifth less.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

UNUSED = ("sklearn", "pandas")


@contextmanager
def lean_import() -> Iterator[None]:
    """Imports within the block without collecting garbage and without unused packages."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # a module that is None cannot be imported, and Keras does without it
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()  # what is imported stays, so later collections and forks leave it alone
    finally:
        if collected:
            gc.enable()
        for name in hidden:
            del sys.modules[name]


@contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Hides what native libraries print to standard error while they are loaded, whatever the log level.

    Only around an import: later such a message may explain a crash.
    """
    try:
        saved = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        _flush()
        os.dup2(nowhere, 2)
        yield
    finally:
        _flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _flush() -> None:
    with suppress(AttributeError, OSError, ValueError):  # there is none, or its terminal is gone
        sys.stderr.flush()
