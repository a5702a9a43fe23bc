"""A Dask scheduler for worker processes on several machines, without Dask's HTTP server."""

from collections.abc import Callable

from explorer.workers.cluster import Tls
from explorer.workers.remote import node


def serve(host: str, port: int, tls: Tls | None, say: Callable[[str], None] = print) -> int:
    """Runs a scheduler that listens on a host's port until Ctrl-C or SIGTERM; returns the exit status.

    Raises `WorkersError` if it cannot listen there.
    """
    return node.run(_stay(host, port, tls, say), f"it cannot listen on {host}:{port}")


async def _stay(host: str, port: int, tls: Tls | None, say: Callable[[str], None]) -> int:
    from explorer.workers import dask_nodes

    leave = node.told_to_leave()
    protocol, security = ("tls", tls.security()) if tls else ("tcp", None)
    async with dask_nodes.Scheduler(
        host=host, port=port, protocol=protocol, security=security, dashboard=False
    ) as scheduler:
        say(f"listening on {scheduler.address}; press Ctrl-C to stop")
        await leave.wait()
    return 0
