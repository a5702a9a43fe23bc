"""The order of waiting runs as their run queue has written it, for readers in other processes.

Only the run queue knows the order. It writes the names of its waiting runs into a file of its own in the folder of the
runs; a reader takes positions from there and works out nothing.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer import records
from explorer.files import read_bytes, write_json
from explorer.process import Process
from explorer.records import Name

_PATTERN = ".queue-*.json"


@dataclass(frozen=True)
class _Written:
    process: Process
    waiting: list[Name]


def write_order(folder: Path, names: Sequence[str]) -> None:
    """Writes the names of the runs that wait in this process, the next one first; without names, removes the file.

    Raises `OSError` if the folder cannot be written.
    """
    process = Process.current()
    path = _path(folder, process)
    if names:
        write_json(path, asdict(_Written(process, list(names))), durable=False)
    else:
        path.unlink(missing_ok=True)


def written_positions(folder: Path) -> dict[str, int]:
    """The position of each waiting run of a folder in its own queue, from 1; damaged files are ignored."""
    return {
        name: position
        for _, written in _read_all(folder)
        if not written.process.ended()
        for position, name in enumerate(written.waiting, 1)
    }


def remove_leftovers(folder: Path) -> None:
    """Removes the orders that processes have left which ended without removing them, as when they were killed."""
    for path, written in _read_all(folder):
        if written.process.ended():
            with suppress(OSError):
                path.unlink()


def _path(folder: Path, process: Process) -> Path:
    host = re.sub(r"[^\w-]", "_", process.host)[:100]
    return folder / f".queue-{host}-{process.pid}-{process.ticks}.json"


def _read_all(folder: Path) -> list[tuple[Path, _Written]]:
    orders = []
    for path in folder.glob(_PATTERN):
        with suppress(OSError, ValueError):
            orders.append((path, records.from_json(read_bytes(path), _Written)))
    return orders
