"""Python's search for garbage, kept away from what stays for as long as the process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_searched() -> Iterator[None]:
    """Nothing is searched while the block runs, and what is there at its end never again."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if searched:
            gc.enable()
