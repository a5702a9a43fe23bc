"""The file of a run's signals: one line per epoch, of which only new lines are read."""

import stat
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cachetools import LRUCache

from explorer.files import append_line, read_bytes, replace_file
from explorer.runs.signals import EpochSignals

# A page polls a few runs at a time; a thousand epochs of twenty layers are about 15 MB of objects.
KEPT_FILES = 8
# ten thousand epochs of a hundred layers, the most a run can have, take 250 MB
MOST_BYTES = 1 << 29


@dataclass
class _Progress:
    inode: int = 0
    offset: int = 0
    signals: list[EpochSignals] = field(default_factory=list)


_progress: LRUCache[Path, _Progress] = LRUCache(KEPT_FILES)
_lock = threading.Lock()


def append(path: Path, signals: EpochSignals) -> None:
    """Adds one epoch; it is on disk when this returns."""
    append_line(path, signals.to_json())


def keep(path: Path, last: int) -> None:
    """Removes every epoch after `last`, and all lines that cannot be read; -1 removes everything."""
    if not path.exists():
        return
    remaining = [signals for signals in read(path) if signals.epoch <= last]
    # a new file instead of a truncated one, so that readers that hold an offset notice
    with replace_file(path) as stream:
        stream.write("".join(signals.to_json() + "\n" for signals in remaining).encode())


def read(path: Path) -> list[EpochSignals]:
    """Every epoch in a file, none when it does not exist; what was read before is not read again.

    A line is left out while it is being written, and for good when it is damaged: a run without some of its signals is
    still usable.
    """
    with _lock:
        try:
            status = path.lstat()
            progress = _progress.pop(path, _Progress())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                return []
            if progress.inode != status.st_ino or progress.offset > status.st_size:
                progress = _Progress(status.st_ino)
            if progress.offset < status.st_size:
                _read_on(path, progress)
        except (OSError, ValueError):
            return []
        _progress[path] = progress
        return list(progress.signals)


def _read_on(path: Path, progress: _Progress) -> None:
    whole, _, _ = read_bytes(path, MOST_BYTES, start=progress.offset).rpartition(b"\n")
    if not whole:
        return
    progress.offset += len(whole) + 1
    for line in whole.split(b"\n"):
        # wrong epochs or layers count as damage too: charts draw one network over increasing epochs
        with suppress(ValueError):
            signals = EpochSignals.from_json(line.decode("utf-8"))
            if not progress.signals or _follows(signals, progress.signals[-1]):
                progress.signals.append(signals)


def _follows(signals: EpochSignals, before: EpochSignals) -> bool:
    return signals.epoch > before.epoch and len(signals.layers) == len(before.layers)
