"""The signals of a run on disk: a line an epoch, read only as far as they are new."""

import stat
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from explorer.files import append_line, read_bytes, replace_file
from explorer.runs.signals import EpochSignals

# A page polls a few runs at a time; a thousand epochs of twenty layers are about 15 MB of objects.
KEPT_FILES = 8
# ten thousand epochs of a hundred layers, the most there can be, have 250 MB
MOST_BYTES = 1 << 29


@dataclass
class _Seen:
    inode: int = 0
    offset: int = 0
    signals: list[EpochSignals] = field(default_factory=list)


_seen: OrderedDict[Path, _Seen] = OrderedDict()
_lock = threading.Lock()


def append(path: Path, signals: EpochSignals) -> None:
    """Adds one epoch; it is on disk when this returns."""
    append_line(path, signals.to_json())


def keep(path: Path, last: int) -> None:
    """Leaves out what comes after an epoch, with all that cannot be read; -1 leaves nothing."""
    if not path.exists():
        return
    kept = [signals for signals in read(path) if signals.epoch <= last]
    # a new file, never a shorter one: whoever reads by offset must see that it is another
    with replace_file(path) as stream:
        stream.write("".join(signals.to_json() + "\n" for signals in kept).encode())


def read(path: Path) -> list[EpochSignals]:
    """Every epoch of a file, none when it is not there; what was read before is not read again.

    A line that is still being written is left out until it is whole, and a damaged one for good: a run without some
    of its signals is still a run.
    """
    with _lock:
        try:
            found = path.lstat()
            seen = _seen.pop(path, _Seen())
            if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
                return []
            if seen.inode != found.st_ino or seen.offset > found.st_size:
                seen = _Seen(found.st_ino)
            if seen.offset < found.st_size:
                _read_on(path, seen)
        except (OSError, ValueError):
            return []
        _seen[path] = seen
        while len(_seen) > KEPT_FILES:
            _seen.popitem(last=False)
        return list(seen.signals)


def _read_on(path: Path, seen: _Seen) -> None:
    whole, _, _ = read_bytes(path, MOST_BYTES, start=seen.offset).rpartition(b"\n")
    if not whole:
        return
    seen.offset += len(whole) + 1
    for line in whole.split(b"\n"):
        # a line that lies about its epoch or its layers is damaged as well: charts draw one network over rising epochs
        with suppress(ValueError):
            read = EpochSignals.from_json(line.decode("utf-8"))
            if not seen.signals or _follows(read, seen.signals[-1]):
                seen.signals.append(read)


def _follows(signals: EpochSignals, before: EpochSignals) -> bool:
    return signals.epoch > before.epoch and len(signals.layers) == len(before.layers)
