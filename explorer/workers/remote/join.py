"""Worker processes of this machine for a running Dask scheduler, until they are told to leave."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable

from explorer.errors import WorkersError
from explorer.workers.cluster import Tls, prepare_dask, worker_environment

# A scheduler may start after its workers, as on batch systems; one that is unreachable for so long has ended.
SECONDS_WITHOUT_SCHEDULER = 120


def join(address: str, workers: int, tls: Tls | None, say: Callable[[str], None] = print) -> int:
    """Runs `workers` processes for a scheduler until Ctrl-C, SIGTERM or its end; returns the exit status.

    Raises `WorkersError` if the scheduler cannot be reached.
    """
    prepare_dask()
    try:
        return asyncio.run(_stay(address, workers, tls, say))
    except (OSError, RuntimeError, ValueError) as error:  # Dask raises a RuntimeError from the one that tells why
        why = error.__cause__ or error
        raise WorkersError(f"scheduler: {address!r} cannot be joined ({why or type(why).__name__})") from error


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
    say(f"{workers} worker process{'es' * (workers > 1)} joined {address}; Ctrl-C leaves")
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave.set)
    ended = asyncio.gather(*(nanny.finished() for nanny in nannies))
    await asyncio.wait([asyncio.ensure_future(leave.wait()), ended], return_when=asyncio.FIRST_COMPLETED)
    if leave.is_set():
        say("leaving; runs that were training here continue elsewhere from their last epoch")
        await asyncio.gather(*(nanny.close(timeout=2) for nanny in nannies))
        return 0
    say("the scheduler has ended")
    return 0
