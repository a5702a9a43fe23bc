"""What a scheduler and worker processes of a cluster share: a start that tells its faults, and an end by a signal."""

import asyncio
import signal
from collections.abc import Coroutine

from explorer.errors import WorkersError
from explorer.workers.cluster import prepare_dask


def run(node: Coroutine[None, None, int], impossible: str) -> int:
    """Runs a node of a cluster; returns its exit status.

    Raises `WorkersError` that says what is `impossible`, and why, if it cannot start.
    """
    prepare_dask()
    try:
        return asyncio.run(node)
    except (OSError, RuntimeError, ValueError) as error:  # Dask raises a RuntimeError from the one that tells why
        why = error.__cause__ or error
        raise WorkersError(f"scheduler: {impossible} ({why or type(why).__name__})") from error


def told_to_leave() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set from now on."""
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave.set)
    return leave
