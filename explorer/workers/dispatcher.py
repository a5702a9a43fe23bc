"""The thread that gives waiting runs to free workers; where those are, its subclasses know."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable

from explorer.workers.waiting import Entry, WaitingRuns

LOOK_SECONDS = 0.5  # between two looks at the workers


class Dispatcher(ABC):
    """Looks at the workers until it is closed, and gives each free one the run that is next.

    A run is taken from the waiting ones only when a worker is free, so there is no second order.
    """

    def __init__(self, waiting: WaitingRuns):
        self._waiting = waiting
        self._lock = threading.RLock()
        self._wake, self._closed = threading.Event(), False

    def _start(self, name: str) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True, name=name)
        self._thread.start()

    def hurry(self) -> None:
        """Looks at the workers now, as after a request to a run or for a new run."""
        self._wake.set()

    def close(self) -> None:
        """Looks no more; runs that are on a worker stay there."""
        self._closed = True
        self._wake.set()
        self._thread.join(5)

    def _work(self) -> None:
        while not self._closed:
            self._look()
            self._wake.wait(LOOK_SECONDS if self._has_to_look() else None)
            self._wake.clear()

    def _assign(self) -> None:
        for address in self._free_workers():
            entry = self._waiting.take()
            if entry is None:
                return
            self._send(address, entry)

    def _has_to_look(self) -> bool:
        """Whether something can change that nobody tells; else the next look waits for `hurry`."""
        return True

    @abstractmethod
    def _look(self) -> None:
        """Settles what has ended and gives runs to free workers."""

    @abstractmethod
    def _free_workers(self) -> Iterable[str]:
        """The addresses of the workers without a run."""

    @abstractmethod
    def _send(self, address: str, entry: Entry) -> None:
        """Gives a run to a worker."""
