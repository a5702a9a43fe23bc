"""Worker processes of this machine for a running Dask scheduler, until they are told to leave."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable

from explorer.workers.cluster import Tls, worker_environment
from explorer.workers.remote import node

# A scheduler may start after its workers, as on batch systems; one that is unreachable for so long has ended.
SECONDS_WITHOUT_SCHEDULER = 120


def join(address: str, workers: int, tls: Tls | None, say: Callable[[str], None] = print) -> int:
    """Runs `workers` processes for a scheduler until Ctrl-C, SIGTERM or its end; returns the exit status.

    Raises `WorkersError` if the scheduler cannot be reached.
    """
    return node.run(_stay(address, workers, tls, say), f"{address!r} cannot be joined")


async def _stay(address: str, workers: int, tls: Tls | None, say: Callable[[str], None]) -> int:
    from distributed import Nanny
    from distributed.comm import get_address_host
    from distributed.utils import get_ip

    from explorer.workers import dask_nodes

    # by default a worker would listen on every network interface, not only on the one to the scheduler
    host = get_ip(get_address_host(address))
    nannies = [
        Nanny(
            address,
            nthreads=1,
            name=f"{socket.gethostname()}-{os.getpid()}-{number}",
            security=tls.security() if tls else None,
            memory_limit=1 / workers,
            death_timeout=SECONDS_WITHOUT_SCHEDULER,
            host=host,
            worker_class=dask_nodes.Worker,
            env=worker_environment(workers),
            silence_logs=logging.CRITICAL,
        )
        for number in range(workers)
    ]
    await asyncio.gather(*nannies)
    say(f"{workers} worker process{'es' * (workers > 1)} joined {address}; press Ctrl-C to leave")
    leave = node.told_to_leave()
    ended = asyncio.gather(*(nanny.finished() for nanny in nannies))
    await asyncio.wait([asyncio.ensure_future(leave.wait()), ended], return_when=asyncio.FIRST_COMPLETED)
    if leave.is_set():
        say("leaving; runs that were training here continue elsewhere from their last epoch")
        await asyncio.gather(*(nanny.close(timeout=2) for nanny in nannies))
        return 0
    say("the scheduler has ended")
    return 0
