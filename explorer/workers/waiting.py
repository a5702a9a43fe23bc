"""The order of waiting runs, which one object owns: what is trained next, and the positions that are shown."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.runs.queue_order import write_order
from explorer.runs.run import Run


@dataclass(frozen=True)
class Entry:
    """A run in the queue, the session that asked for it, and its number in the order of submission.

    While the run is in training, `turn` is the number of the turn that its session took for it, and `before` that of
    the turn that the session had taken before.
    """

    run: Run
    session: str
    number: int
    turn: int = 0
    before: int = 0


def in_turns(waiting: Iterable[Entry], training: Mapping[str, int], turns: Mapping[str, int]) -> list[Entry]:
    """Waiting runs in the order in which they are trained.

    A session's own runs keep the order of their submission. Sessions take turns: the next run is that of the session
    with the fewest runs in `training`, and among equals of the one whose last turn, in `turns`, is the longest ago.
    """
    held, places = Counter(training), {}
    for entry in sorted(waiting, key=lambda entry: entry.number):
        places[entry] = held[entry.session], turns.get(entry.session, 0), entry.number
        held[entry.session] += 1
    return sorted(places, key=places.__getitem__)


class WaitingRuns:
    """The waiting runs of a queue in order, and those in training, which may come back; safe to share between threads.

    Every change of the order is written into the folder of the runs by `write`.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: dict[str, Entry] = {}
        self._training: dict[str, Entry] = {}
        self._turns: dict[str, int] = {}
        self._turn = self._number = 0
        self._written: dict[Path, list[str]] = {}

    def add(self, run: Run, session: str = "") -> None:
        """Adds a run behind those of its session."""
        with self._lock:
            self._number += 1
            self._waiting[run.name] = Entry(run, session, self._number)

    def take(self) -> Entry | None:
        """Takes the next run, which is in training from now on; None if no run waits."""
        with self._lock:
            order = self.order()
            if not order:
                return None
            self._turn += 1
            session, before = order[0].session, self._turns.get(order[0].session, 0)
            entry = replace(order[0], turn=self._turn, before=before)
            del self._waiting[entry.run.name]
            self._training[entry.run.name] = entry
            self._turns[session] = self._turn
            if not self._waiting:  # who was served before whom no longer matters
                self._turns.clear()
            return entry

    def put_back(self, entry: Entry, *, served: bool = False) -> None:
        """Returns a run to the place it had before it was taken; `served` if its session has had its turn."""
        with self._lock:
            self.finish(entry)
            if not served and self._turns.get(entry.session) == entry.turn:
                self._turns[entry.session] = entry.before
            self._waiting.setdefault(entry.run.name, entry)

    def finish(self, entry: Entry) -> None:
        """Forgets a run that is no longer in training."""
        with self._lock:
            if self._training.get(entry.run.name) is entry:
                del self._training[entry.run.name]

    def drop(self, run: Run) -> bool:
        """Removes a waiting run; returns whether it waited."""
        with self._lock:
            return self._waiting.pop(run.name, None) is not None

    def clear(self) -> None:
        """Forgets all runs, and removes the written order."""
        with self._lock:
            self._waiting.clear()
            self._training.clear()
            self.write()

    def of_session(self, session: str) -> list[Run]:
        """A session's runs that wait or are in training."""
        with self._lock:
            entries = (*self._training.values(), *self._waiting.values())
            return [entry.run for entry in entries if entry.session == session]

    def order(self) -> list[Entry]:
        """The waiting runs, the next one first."""
        with self._lock:
            return in_turns(self._waiting.values(), self.held(), self._turns)

    def held(self) -> Counter[str]:
        """The number of runs in training by session."""
        with self._lock:
            return Counter(entry.session for entry in self._training.values())

    def in_training(self) -> list[Entry]:
        """The runs that were taken, in the order of their turns."""
        with self._lock:
            return sorted(self._training.values(), key=lambda entry: entry.turn)

    def position(self, name: str) -> int | None:
        """The position of a waiting run, from 1; None if it does not wait here."""
        return next((place for place, entry in enumerate(self.order(), 1) if entry.run.name == name), None)

    def write(self) -> None:
        """Writes the order where it has changed; on a full disk, the next call tries again."""
        with self._lock:
            wanted: dict[Path, list[str]] = {folder: [] for folder in self._written}
            for entry in self.order():
                wanted.setdefault(entry.run.path.parent, []).append(entry.run.name)
            for folder, names in wanted.items():
                if names != self._written.get(folder, []):
                    with suppress(OSError):
                        write_order(folder, names)
                        self._written[folder] = names
            self._written = {folder: names for folder, names in self._written.items() if names}
