"""A Dask scheduler for worker processes on several machines, without Dask's HTTP server."""

import asyncio
import signal
from collections.abc import Callable

from explorer.errors import WorkersError
from explorer.workers.cluster import Tls, prepare_dask


def serve(host: str, port: int, tls: Tls | None, say: Callable[[str], None] = print) -> int:
    """Runs a scheduler that listens on a host's port until Ctrl-C or SIGTERM; returns the exit status.

    Raises `WorkersError` if it cannot listen there.
    """
    prepare_dask()
    try:
        return asyncio.run(_stay(host, port, tls, say))
    except (OSError, RuntimeError, ValueError) as error:  # Dask raises a RuntimeError from the one that tells why
        why = error.__cause__ or error
        raise WorkersError(f"scheduler: it cannot listen on {host}:{port} ({why})") from error


async def _stay(host: str, port: int, tls: Tls | None, say: Callable[[str], None]) -> int:
    from explorer.workers import dask_nodes

    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave.set)
    protocol, security = ("tls", tls.security()) if tls else ("tcp", None)
    async with dask_nodes.Scheduler(
        host=host, port=port, protocol=protocol, security=security, dashboard=False
    ) as scheduler:
        say(f"listening on {scheduler.address}; Ctrl-C ends")
        await leave.wait()
    return 0
