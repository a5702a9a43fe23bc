"""Messages and progress lines in a terminal; a closed pipe or terminal stops no training."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from explorer.data.download import Progress
from explorer.errors import RunError
from explorer.plain_text import percent, to_json
from explorer.runs.history import EpochRecord, best_epoch
from explorer.runs.progress import duration, outlook
from explorer.runs.run import Run
from explorer.runs.status import RUNNING, RunStatus

SECONDS_BETWEEN_DRAWINGS = 0.1
BAR, FETCH_BAR = 10, 20
SEPARATOR, USUAL_WIDTH = " · ", 80


def prepare_streams() -> None:
    """Prepares standard output and error for any text, even if they are closed or limited to ASCII."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (it lives as long as the process)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace")


def say(text: str, end: str = "\n") -> None:
    """Writes to standard error; errors are ignored, because a closed terminal must not stop training."""
    _write(sys.stderr, text + end)


def show(text: str) -> None:
    """Writes to standard output; raises `OSError` when it is closed or full."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def answer(values: dict[str, Any], options: argparse.Namespace, lines: Callable[[dict], list[str]]) -> None:
    """Prints a command's result: one JSON object, or lines to read."""
    text = to_json(values) if options.json else "\n".join(lines(values))
    if text:
        show(text)


def give_up(stream: TextIO) -> None:
    """Redirects a stream to the null device, or Python would report an error when it flushes it at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def stopped_by_signals(stop: Callable[[], None], message: str) -> Iterator[list[int]]:
    """Calls `stop` on Ctrl-C, SIGTERM or SIGHUP; yields the list of signals received. A second one ends the process.

    `message` says what is stopped. Every finished epoch is on disk.
    """
    received: list[int] = []

    def ask(number: int, frame: object) -> None:
        received.append(number)
        signal.signal(number, before[number])
        # not through `say`: a signal may arrive in the middle of it
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"\n{message}; press Ctrl-C again to exit at once\n".encode())
        with suppress(OSError, RunError):
            stop()

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
    """Waits until a condition holds; raises `TimeoutError` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


class ProgressLine:
    """Shows a run's progress on standard error: one line redrawn on a terminal, else one line per epoch."""

    def __init__(self, run: Run):
        self._config, self._records = run.config, run.history()
        self._tty = sys.stderr.isatty()
        self._drawn, self._width = 0.0, 0
        self._draw("loading the data, TensorFlow and the compiler …")

    def epoch(self, record: EpochRecord) -> None:
        """Adds a finished epoch."""
        self._records.append(record)
        if not self._tty:
            say(self._line(RunStatus(RUNNING)))

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Updates the progress within an epoch."""
        if time.monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS:
            self._draw(self._line(RunStatus(RUNNING, epoch=epoch, step=step, steps=steps)))

    def end(self) -> None:
        """Draws the last state and ends the line."""
        if self._tty and self._width:
            if self._records:
                self._draw(self._line(RunStatus(RUNNING)))
            say("")

    def _draw(self, line: str) -> None:
        if self._tty:
            self._drawn = time.monotonic()
            width = _terminal_width() - 1
            while len(line) > width and SEPARATOR in line:  # the least important part comes last
                line = line.rpartition(SEPARATOR)[0]
            line = line[:width]
            say(f"\r{line.ljust(self._width)}", end="")
            self._width = len(line)

    def _line(self, status: RunStatus) -> str:
        view = outlook(self._config, status, self._records)
        parts = [f"epoch {status.epoch or len(self._records)}/{self._config.epochs:,}"]
        if status.steps:
            parts[0] += f" {_bar(status.step / status.steps, BAR)} {status.step:,}/{status.steps:,}"
        if view.at_most:
            parts.append(f"at most {duration(view.at_most)} left")
        if self._records:
            last = self._records[-1]
            parts.append(f"val_loss {last.val_loss:.4f}, val_accuracy {percent(last.val_accuracy)}")
        if best := best_epoch(self._records):
            parts.append(f"best val_loss {best.val_loss:.4f} ({percent(best.val_accuracy)}) at epoch {best.epoch}")
        if self._records:
            parts.append(f"loss {last.loss:.4f}, accuracy {percent(last.accuracy)}")
        return SEPARATOR.join(parts)


class FetchLine:
    """Shows the progress of a download on `stream`: one line redrawn on a terminal, else one line per phase."""

    def __init__(self, stream: TextIO):
        self._stream, self._tty = stream, stream.isatty()
        self._stage, self._drawn, self._width = ("", ""), 0.0, 0

    def __call__(self, progress: Progress) -> None:
        changed, self._stage = progress.stage != self._stage, progress.stage
        if not (changed or (self._tty and time.monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS)):
            return
        self._drawn = time.monotonic()
        line = _fetch_line(progress)
        if not self._tty:
            return _write(self._stream, f"{line}\n")
        line = line[: _terminal_width() - 1]
        ended = progress.phase in ("skipped", "ready")
        _write(self._stream, f"\r{line.ljust(self._width)}" + "\n" * ended)
        self._width = 0 if ended else len(line)


def _fetch_line(progress: Progress) -> str:
    parts = [f"{progress.source}: {progress.note or progress.phase}"]
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        parts.append(f"{_bar(share, FETCH_BAR)} {share:4.0%} of {progress.total / 1e6:.0f} MB")
    if progress.total and progress.speed:
        minutes, seconds = divmod(round(progress.seconds_left or 0), 60)
        parts.append(f"{progress.speed / 1e6:.2f} MB/s, {minutes}:{seconds:02} left")
    return "  ".join(parts)


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
