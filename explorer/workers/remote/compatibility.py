"""Whether two machines would train the same: versions, the code itself and the data, compared before work is sent."""

import hashlib
import platform
import socket
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.runs.run import versions

CODE, DATA, HOST = "explorer", "data", "host"


def facts(names: Sequence[str]) -> dict[str, Any]:
    """What decides a run's numbers on this machine; a data set that is not here, or damaged, has None."""
    python = ".".join(platform.python_version_tuple()[:2])
    found = {name: _data_hash(name) for name in names}
    return {HOST: socket.gethostname(), "python": python, **versions(), CODE: code_hash(), DATA: found}


def disagreement(own: Mapping[str, Any], other: Mapping[str, Any], address: str) -> str:
    """One sentence that says where a worker differs, empty when it does not."""
    where = f"the worker {address} on {other.get(HOST, 'an unknown host')} is not used"
    for name in sorted(set(own) - {HOST, DATA}):
        if own[name] != other.get(name):
            if name == CODE:
                return f"{where}: its code is not the same as here; install the same version there"
            return f"{where}: it has {name} {other.get(name) or 'not installed'} and here is {own[name]}"
    for name, expected in own[DATA].items():
        found = other[DATA].get(name)
        if found is None:
            return f"{where}: it has no intact {name}; `python -m explorer data {name}` there fetches it"
        if expected is not None and found != expected:
            return f"{where}: its {name} is not the same data as here"
    return ""


@lru_cache
def code_hash() -> str:
    """SHA-256 over the names and contents of this package's files."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _data_hash(name: str) -> str | None:
    try:
        return datasets.load(name).hash
    except ExplorerError:
        return None
