"""Comparison of two machines' versions, code and data, so that runs are sent only where they train the same way."""

import platform
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.code_version import code_hash
from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.machine import versions

CODE, DATA, HOST = "explorer", "data", "host"


def facts(names: Sequence[str]) -> dict[str, Any]:
    """Everything on this machine that affects the results of a run; a missing or damaged data set is None."""
    python = ".".join(platform.python_version_tuple()[:2])
    hashes = {name: _data_hash(name) for name in names}
    return {HOST: socket.gethostname(), "python": python, **versions(), CODE: code_hash(), DATA: hashes}


def disagreement(own: Mapping[str, Any], other: Mapping[str, Any], address: str) -> str:
    """A sentence that says how a worker differs, empty if it does not."""
    where = f"the worker {address} on {other.get(HOST, 'an unknown host')} is not used"
    for name in sorted(set(own) - {HOST, DATA}):
        if own[name] != other.get(name):
            if name == CODE:
                return f"{where}: its code differs from the code here; install the same version there"
            return f"{where}: its {name} is {other.get(name) or 'not installed'}, here it is {own[name]}"
    for name, expected in own[DATA].items():
        actual = other[DATA].get(name)
        if actual is None:
            return f"{where}: it has no intact {name} data; download it there with `{datasets.spec_of(name).command}`"
        if expected is not None and actual != expected:
            return f"{where}: its {name} data differs from the data here"
    return ""


def _data_hash(name: str) -> str | None:
    try:
        return datasets.load(name).hash
    except ExplorerError:
        return None
