"""Worker processes with TensorFlow in them: started on this machine, or joined by a Dask scheduler's address."""

import logging
import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass

from explorer.errors import FieldError
from explorer.isolation import isolate

DASK_SETTINGS = {
    # a run whose worker died is told and resumed by hand, not tried again behind the user's back
    "distributed.scheduler.allowed-failures": 0,
    # a process that takes longer than this to come back is ended and never replaced: on a busy machine that happens
    "distributed.deploy.lost-worker-timeout": "365 days",
    # a worker holds one run and no data of Dask's: spilling and pausing would only get in the way
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # Dask looks at its own loops 50 times a second and at what its threads do 100 times, which nobody reads here:
    # without it a run queue at rest takes 3 % of a core instead of 14 (two workers, a slow machine)
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ.TF_CPP_MIN_LOG_LEVEL": "3",
    "distributed.nanny.pre-spawn-environ.JE_ARROW_MALLOC_CONF": "background_thread:false",
}
IMPORTED_ONCE = ("explorer.training.program_cache", "explorer.workers.worker_process", "explorer.workers.dask_nodes")
LONGEST_TEMPORARY = 107 - len("/pymp-12345678/listener-12345678")  # bytes; Linux has room for 107 in a socket's path
# what Python says of the semaphores of workers that were ended at once, and then removes
NO_NEWS = "ignore:resource_tracker:UserWarning"


@dataclass(frozen=True)
class Tls:
    """The user's own certificates, as paths: the authority's, this side's, and its private key."""

    ca: str
    cert: str
    key: str

    def security(self):
        """Dask's form of it, the same for every role."""
        from distributed import Security

        sides = {f"tls_{role}_{part}": getattr(self, part) for role in ("client", "worker") for part in ("cert", "key")}
        return Security(require_encryption=True, tls_ca_file=self.ca, **sides)


@dataclass(frozen=True)
class Settings:
    """How many workers, or whose: `scheduler` is the address of a running Dask scheduler.

    Without `tls`, certificates come from Dask's own configuration where that names any. `datasets` are those that
    every worker of another machine must have.
    """

    workers: int = 1
    scheduler: str | None = None
    memory_limit: str | int = "auto"
    tls: Tls | None = None
    datasets: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls) -> "Settings":
        """The settings of `EXPLORER_WORKERS` and `EXPLORER_SCHEDULER`; raises `FieldError`."""
        text, most = os.environ.get("EXPLORER_WORKERS") or "1", max(1, os.cpu_count() or 1)
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise FieldError("EXPLORER_WORKERS", text, f"a whole number from 1 to {most}, the cores of this machine")
        return cls(int(text), os.environ.get("EXPLORER_SCHEDULER") or None)


def prepare_dask() -> None:
    """Settles how this process starts workers: where it can, as forks of one that has imported TensorFlow.

    A fork stands after 0.3 s and shares the memory of what was imported; an interpreter of its own imports for 3 s of
    a core, each time. That first process does nothing but import, so that there is one thread when it is forked.
    """
    import dask
    from distributed.utils import get_mp_context

    dask.config.set(DASK_SETTINGS)
    # Dask puts its folder in front of the import path: in a folder that all share, another user could make it first
    dask.config.set({"temporary-directory": str(isolate())})
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver" if _forks() else "spawn"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a dead worker is told in its run's folder
    if _forks():
        get_mp_context().set_forkserver_preload(list(IMPORTED_ONCE))
    if NO_NEWS not in sys.warnoptions:
        sys.warnoptions.append(NO_NEWS)


def process_context():
    """What starts processes without Dask: forks of the same first one, where it can."""
    isolate()
    if not _forks():
        return multiprocessing.get_context("spawn")
    for name in ("TF_CPP_MIN_LOG_LEVEL", "JE_ARROW_MALLOC_CONF"):  # read by what the first process imports
        os.environ.setdefault(name, DASK_SETTINGS[f"distributed.nanny.pre-spawn-environ.{name}"])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED_ONCE))
    return context


def _forks() -> bool:
    """Not where system libraries do not survive it, nor where a socket's path would be too long for the system."""
    return sys.platform == "linux" and len(os.fsencode(tempfile.gettempdir())) <= LONGEST_TEMPORARY


def worker_environment(workers: int) -> dict[str, str]:
    """What each of so many worker processes needs in its environment, such as its share of the cores.

    A fork has the environment of the first one's start, not of its own.
    """
    threads = max(1, (os.cpu_count() or 1) // workers)
    own = {name: value for name, value in os.environ.items() if name.startswith("EXPLORER_")}
    return {**own, "TF_NUM_INTRAOP_THREADS": str(threads)}


def connect(settings: Settings):
    """A Dask client and, where it was started here, its cluster; each worker warms up as it joins."""
    from distributed import Client, Security

    prepare_dask()
    if settings.scheduler:
        security = settings.tls.security() if settings.tls else None
        cluster, client = None, Client(settings.scheduler, security=security, timeout=10)
    else:
        security = Security.temporary()  # one-off TLS: nobody else on this machine can hand work to the workers
        cluster = _local_cluster(settings, security)
        client = Client(cluster, security=security)
    try:
        client.register_plugin(_warm_plugin())
    except ImportError:
        if cluster is not None:  # a worker of another machine without this package is told as such later
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


def _warm_plugin():
    from distributed import WorkerPlugin

    class WarmWorker(WorkerPlugin):
        """Warms every worker that joins, also one that replaces a dead one."""

        name = "explorer-warm"

        def setup(self, worker) -> None:
            from explorer.workers.worker_process import THIS

            THIS.start()

    return WarmWorker()
