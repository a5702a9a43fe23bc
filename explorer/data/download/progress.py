"""The progress of a download, as reported to its listeners."""

from dataclasses import dataclass

STORED = "this machine"  # the source of data that is stored here already


@dataclass(frozen=True)
class Progress:
    """The progress of a download: `done` of `total` bytes (None: unknown), `seconds` since this phase began.

    `phase` is waiting, downloading, unpacking, checking, skipped (`note` says why) or ready; `start` counts
    the bytes that existed before this phase, which do not count for its speed.
    """

    source: str
    phase: str
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    start: int = 0
    note: str = ""

    @property
    def stored(self) -> bool:
        """Whether the source is the file that is stored on this machine already."""
        return self.source == STORED

    @property
    def stage(self) -> tuple[str, str]:
        """Source and phase; a change of either is reported at once."""
        return self.source, self.phase

    @property
    def speed(self) -> float:
        """Bytes per second over the whole phase; 0 while unknown."""
        return max(0.0, (self.done - self.start) / self.seconds) if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end of the phase at this speed; None while unknown."""
        if self.total is None or not self.speed:
            return None
        return max(0, self.total - self.done) / self.speed


STARTING = Progress("", "starting")
