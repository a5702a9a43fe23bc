"""Dask clusters of worker processes with TensorFlow: started on this machine, or reached by a scheduler's address."""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from explorer.isolation import isolate
from explorer.whole_number import whole_number

DASK_SETTINGS = {
    # a run whose worker died is shown as interrupted and resumed by the user, not retried silently
    "distributed.scheduler.allowed-failures": 0,
    # a process that takes longer than this to restart, as on a busy machine, is ended and never replaced
    "distributed.deploy.lost-worker-timeout": "365 days",
    # a worker holds one run and no Dask data: spilling and pausing would only interfere
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # Dask checks its event loops 50 times per second and profiles its threads 100 times, which is unused here and
    # keeps an idle run queue busy
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ.TF_CPP_MIN_LOG_LEVEL": "3",
    "distributed.nanny.pre-spawn-environ.JE_ARROW_MALLOC_CONF": "background_thread:false",
}
IMPORTED_ONCE = ("explorer.training.program_cache", "explorer.workers.worker_process", "explorer.workers.dask_nodes")
LONGEST_TEMPORARY = 107 - len("/pymp-12345678/listener-12345678")  # bytes; a socket's path holds 107 on Linux
WORKER_BYTES = 1_500_000_000  # the most that a worker takes with networks of usual sizes
# Python warns of the semaphores of killed workers, which it then removes
IGNORED_WARNING = "ignore:resource_tracker:UserWarning"


@dataclass(frozen=True)
class Tls:
    """The user's TLS files, as paths: the authority's certificate, this side's certificate and its private key."""

    ca: str
    cert: str
    key: str

    def security(self):
        """Dask's `Security`, the same for every role."""
        from distributed import Security

        roles, parts = ("client", "scheduler", "worker"), ("cert", "key")
        sides = {f"tls_{role}_{part}": getattr(self, part) for role in roles for part in parts}
        return Security(require_encryption=True, tls_ca_file=self.ca, **sides)


@dataclass(frozen=True)
class Settings:
    """The number of local workers, or the address of a running Dask scheduler (`scheduler`).

    Without `tls`, certificates come from Dask's configuration, if it names any. Remote workers need all `datasets`
    but those that people have added, which they get.
    """

    workers: int = 1
    scheduler: str | None = None
    memory_limit: str | int = "auto"
    tls: Tls | None = None
    datasets: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls) -> "Settings":
        """The settings from `EXPLORER_WORKERS` and `EXPLORER_SCHEDULER`; raises `FieldError`."""
        workers = number_of_workers("EXPLORER_WORKERS")(os.environ.get("EXPLORER_WORKERS") or "1")
        return cls(workers, os.environ.get("EXPLORER_SCHEDULER") or None)


def number_of_workers(field: str) -> Callable[[str], int]:
    """A function that reads how many workers this machine is to have; it raises `FieldError`."""
    return whole_number(field, 1, max(1, os.cpu_count() or 1), "the number of cores of this machine")


def workers_for_sweeps() -> int:
    """How many workers train the most runs per hour here: one per core, as far as the free memory goes."""
    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().available // WORKER_BYTES))


def prepare_dask() -> None:
    """Configures how this process starts workers: where possible, as forks of a process that has imported TensorFlow.

    A fork is ready at once and shares the memory of what was imported; a new interpreter imports everything again. The
    first process does nothing but import, so that it has one thread when it is forked.
    """
    import dask
    from distributed.utils import get_mp_context

    dask.config.set(DASK_SETTINGS)
    # Dask puts its folder first in the import path: in a shared folder, another user could create it before
    dask.config.set({"temporary-directory": str(isolate())})
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver" if _forks() else "spawn"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a dead worker is reported in its run's folder
    if _forks():
        get_mp_context().set_forkserver_preload(list(IMPORTED_ONCE))
    if IGNORED_WARNING not in sys.warnoptions:
        sys.warnoptions.append(IGNORED_WARNING)


def process_context():
    """The multiprocessing context for processes without Dask: forks of the same first process, where possible."""
    isolate()
    if not _forks():
        return multiprocessing.get_context("spawn")
    for name in ("TF_CPP_MIN_LOG_LEVEL", "JE_ARROW_MALLOC_CONF"):  # read by the first process while it imports
        os.environ.setdefault(name, DASK_SETTINGS[f"distributed.nanny.pre-spawn-environ.{name}"])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED_ONCE))
    return context


def _forks() -> bool:
    """Whether to fork: only on Linux, as system libraries elsewhere do not survive it, and with short socket paths."""
    return sys.platform == "linux" and len(os.fsencode(tempfile.gettempdir())) <= LONGEST_TEMPORARY


def worker_environment(workers: int) -> dict[str, str]:
    """The environment variables of each of `workers` processes, such as its share of the cores.

    They are passed on because a fork has the environment of the first process, not of its parent.
    """
    threads = max(1, (os.cpu_count() or 1) // workers)
    variables = {name: value for name, value in os.environ.items() if name.startswith("EXPLORER_")}
    return {**variables, "TF_NUM_INTRAOP_THREADS": str(threads)}


def connect(settings: Settings):
    """A Dask client and its cluster, None if that was not started here; each worker warms up as it joins."""
    from distributed import Client, Security

    prepare_dask()
    if settings.scheduler:
        security = settings.tls.security() if settings.tls else None
        cluster, client = None, Client(settings.scheduler, security=security, timeout=10)
    else:
        security = Security.temporary()  # temporary TLS keys: no other user of this machine can submit work
        cluster = _local_cluster(settings, security)
        client = Client(cluster, security=security)
    try:
        client.register_plugin(_warm_plugin())
    except ImportError:
        if cluster is not None:  # a remote worker without this package is reported later
            raise
    return client, cluster


def _local_cluster(settings: Settings, security):
    """A scheduler in this process and its workers, on the loopback interface and without an HTTP server."""
    from distributed import Nanny, SpecCluster

    from explorer.workers import dask_nodes

    common = {"host": "127.0.0.1", "protocol": "tls://", "security": security}
    options = {
        **common,
        "nthreads": 1,
        "memory_limit": 1 / settings.workers if settings.memory_limit == "auto" else settings.memory_limit,
        "worker_class": dask_nodes.Worker,
        "env": worker_environment(settings.workers),
        "silence_logs": "CRITICAL",
    }
    return SpecCluster(
        scheduler={"cls": dask_nodes.Scheduler, "options": {**common, "port": 0, "dashboard": False}},
        workers={number: {"cls": Nanny, "options": options} for number in range(settings.workers)},
        security=security,
        silence_logs="CRITICAL",
    )


def kill_workers(cluster) -> None:
    """Kills the worker processes of a cluster that was started here, None for one that was not."""
    for nanny in cluster.workers.values() if cluster else ():
        nanny.auto_restart = False
        with suppress(OSError, TypeError):  # it has ended, or is being restarted
            os.kill(nanny.pid, signal.SIGKILL)


def _warm_plugin():
    from distributed import WorkerPlugin

    class WarmWorker(WorkerPlugin):
        """Warms up every worker that joins, including replacements of dead ones."""

        name = "explorer-warm"

        def setup(self, worker) -> None:
            from explorer.workers.worker_process import THIS

            THIS.start()

    return WarmWorker()
