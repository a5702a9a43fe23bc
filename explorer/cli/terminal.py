"""What a person sees in a terminal: messages, a run's progress, tables; a closed pipe or terminal ends none of it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from explorer.data.download import Progress
from explorer.errors import RunError
from explorer.plain_text import percent
from explorer.runs.history import EpochRecord, best_epoch
from explorer.runs.progress import duration, outlook
from explorer.runs.run import RUNNING, Run, RunStatus

SECONDS_BETWEEN_DRAWINGS = 0.1
BAR, FETCH_BAR = 10, 20
SEPARATOR, USUAL_WIDTH = " · ", 80


def prepare_streams() -> None:
    """Makes standard output and error take whatever is written, also where they are closed or know ASCII only."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (it lives as long as the process)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace")


def say(text: str, end: str = "\n") -> None:
    """Writes to standard error; that nobody reads it any more is no reason to stop training."""
    _write(sys.stderr, text + end)


def show(text: str) -> None:
    """Writes to standard output; raises `OSError` when that takes no more."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def give_up(stream: TextIO) -> None:
    """Sends the rest of a stream nowhere, or Python would complain about it at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Keeps what native code prints at its start, past Python and every log level, from standard error.

    Only around an import: later such a message may be the last words of a crash.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def stopped_by_signals(run: Run) -> Iterator[list[int]]:
    """Turns Ctrl-C and SIGTERM into a request to stop; yields the list of those that came."""
    received: list[int] = []

    def ask(number: int, frame: object) -> None:
        received.append(number)
        signal.signal(number, before[number])  # a second one ends it at once; every finished epoch is on disk
        # not through `say`: a signal may arrive in the middle of it
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"\nstopping at the next step; once more ends it at once\n")
        with suppress(OSError, RunError):
            run.request("stop")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ignored = signal.SIG_IGN  # as under nohup, and of Ctrl-C in a shell's background job
    for number in [number for number, handler in before.items() if handler != ignored]:
        signal.signal(number, ask)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Returns when a condition holds; raises `TimeoutError` when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


class ProgressLine:
    """Shows a run's progress on standard error: one line drawn over on a terminal, else one line an epoch."""

    def __init__(self, run: Run):
        self._config, self._records = run.config, run.history()
        self._tty = sys.stderr.isatty()
        self._drawn, self._width = 0.0, 0
        self._draw("loading the data, TensorFlow and the compiler …")

    def epoch(self, record: EpochRecord) -> None:
        """Hears of a finished epoch."""
        self._records.append(record)
        if not self._tty:
            say(self._words(RunStatus(RUNNING)))

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Hears of progress within an epoch."""
        if time.monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS:
            self._draw(self._words(RunStatus(RUNNING, epoch=epoch, step=step, steps=steps)))

    def end(self) -> None:
        """Leaves the last state on the terminal."""
        if self._tty and self._width:
            if self._records:
                self._draw(self._words(RunStatus(RUNNING)))
            say("")

    def _draw(self, line: str) -> None:
        if self._tty:
            self._drawn = time.monotonic()
            width = _terminal_width() - 1
            while len(line) > width and SEPARATOR in line:  # the least important comes last
                line = line.rpartition(SEPARATOR)[0]
            line = line[:width]
            say(f"\r{line.ljust(self._width)}", end="")
            self._width = len(line)

    def _words(self, status: RunStatus) -> str:
        view = outlook(self._config, status, self._records)
        words = [f"epoch {status.epoch or len(self._records)}/{self._config.epochs:,}"]
        if status.steps:
            words[0] += f" {_bar(status.step / status.steps, BAR)} {status.step:,}/{status.steps:,}"
        if view.at_most:
            words.append(f"{duration(view.at_most)} left at most")
        if self._records:
            last = self._records[-1]
            words.append(f"val_loss {last.val_loss:.4f}, val_accuracy {percent(last.val_accuracy)}")
        if best := best_epoch(self._records):
            words.append(f"best val_loss {best.val_loss:.4f} ({percent(best.val_accuracy)}) at epoch {best.epoch}")
        if self._records:
            words.append(f"loss {last.loss:.4f}, accuracy {percent(last.accuracy)}")
        return SEPARATOR.join(words)


class FetchLine:
    """Shows on `stream` where a fetch stands: one line drawn over on a terminal, else one line a phase."""

    def __init__(self, stream: TextIO):
        self._stream, self._tty = stream, stream.isatty()
        self._stage, self._drawn, self._width = ("", ""), 0.0, 0

    def __call__(self, progress: Progress) -> None:
        changed, self._stage = progress.stage != self._stage, progress.stage
        if not (changed or (self._tty and time.monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS)):
            return
        self._drawn = time.monotonic()
        line = _fetch_words(progress)
        if not self._tty:
            return _write(self._stream, f"{line}\n")
        line = line[: _terminal_width() - 1]
        ended = progress.phase in ("skipped", "ready")
        _write(self._stream, f"\r{line.ljust(self._width)}" + "\n" * ended)
        self._width = 0 if ended else len(line)


def _fetch_words(progress: Progress) -> str:
    words = [f"{progress.source}: {progress.note or progress.phase}"]
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        words.append(f"{_bar(share, FETCH_BAR)} {share:4.0%} of {progress.total / 1e6:.0f} MB")
    if progress.total and progress.speed:
        minutes, seconds = divmod(round(progress.seconds_left or 0), 60)
        words.append(f"{progress.speed / 1e6:.2f} MB/s, {minutes}:{seconds:02} left")
    return "  ".join(words)


def _bar(share: float, cells: int) -> str:
    filled = round(share * cells)
    return "▓" * filled + "░" * (cells - filled)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        give_up(stream)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_WIDTH
    except OSError:
        return USUAL_WIDTH
