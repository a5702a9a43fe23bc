"""The machine that this process runs on: what it is, a free port, and the peak memory of the process."""

import os
import platform
import resource
import socket
import sys
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from random import randrange
from typing import Any

# sets of vector instructions, the widest first, with the flag by which Linux lists each
VECTORS = {"AVX-512": "avx512f", "AVX2": "avx2", "AVX": "avx"}


def machine() -> dict[str, Any]:
    """The cores that this process may use, the processor's name and vector instructions, and the versions of Python and
    packages."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = _processor_facts()
    processor = facts.get("model name") or platform.processor() or platform.machine()
    return {
        "cores": cores,
        "processor": processor,
        "instructions": _instructions(facts),
        "versions": {"python": platform.python_version(), **versions()},
    }


@lru_cache
def versions() -> dict[str, str]:
    """The versions of the packages that determine a run's numbers."""
    result = {}
    for name in ("keras", "tensorflow-cpu", "tensorflow", "numpy"):
        try:
            result[name.removesuffix("-cpu")] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return result


def _processor_facts() -> dict[str, str]:
    """What Linux says about the first processor; empty elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}


def processor_features() -> str:
    """What compiled code depends on: the processor's kind, and on Linux its name and instruction sets."""
    facts = _processor_facts()
    return " ".join((platform.machine(), facts.get("model name", ""), facts.get("flags", facts.get("Features", ""))))


def _instructions(facts: dict[str, str]) -> str:
    flags = facts.get("flags", "").split()
    return next((name for name, flag in VECTORS.items() if flag in flags), platform.machine())


def free_port() -> int:
    """A port that nothing listens on, outside the range from which the system serves all other processes meanwhile."""
    while True:
        port = randrange(20_000, 32_000)
        with socket.socket() as server, suppress(OSError):
            server.bind(("localhost", port))
            return port


def peak_memory() -> int:
    """The peak memory of this process, in bytes."""
    try:
        # rather than `ru_maxrss`, which also counts what the parent held when it started this process
        values = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(values["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
