"""A process that writes a run's or a study's folder while a page reads it, at a moment that the test chooses.

As a program it waits for orders, one JSON object a line, and answers each with a line once it is on disk.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from explorer.process import Process
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED, RUNNING

ROOT = Path(__file__).parents[2]


@contextmanager
def late_writer() -> Iterator[Callable[..., None]]:
    """A function that has a run trained by another process: `write(path, epochs=…, completed=…)`."""
    paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent)))}
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **paths},
    ) as process:

        def write(path: Path, **order) -> None:
            process.stdin.write(json.dumps({"path": str(path), **order}) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield write
        process.stdin.close()


class Moment:
    """The moment before a folder is opened for the n-th time: `at(n, write)` calls a function then, once.

    It sees what Python opens by an audit hook, which stays, so that there is only one.
    """

    def __init__(self):
        self.opened, self._folder, self._at, self._write = 0, "", -1, None
        sys.addaudithook(self._hook)

    def at(self, number: int, folder: Path, write: Callable[[], None]) -> None:
        """Chooses the moment; what is opened from now on counts, from 0."""
        self.opened, self._folder, self._at, self._write = 0, str(folder), number, write

    def over(self) -> bool:
        """Ends the counting; whether the moment has come."""
        self._folder = ""
        return self.opened > self._at

    def _hook(self, event: str, arguments: tuple) -> None:
        if event != "open" or not self._folder or not str(arguments[0]).startswith(self._folder):
            return
        self.opened += 1
        if self.opened == self._at + 1:
            self._write()


def main() -> None:
    """Trains the runs that it is told to, and holds their locks until its input ends."""
    with ExitStack() as held:
        for line in sys.stdin:
            order = json.loads(line)
            run = Run(order["path"])
            held.enter_context(run.locked())
            run.update(status=RUNNING, phase="training", started=time.time(), process=Process.current(), steps=10)
            for epoch in range(1, order["epochs"] + 1):
                loss = order.get("loss", 2.0 / epoch)
                accuracy = 0.1 if "loss" in order else 0.5
                run.append(EpochRecord(epoch, loss, accuracy, 1.05 * loss, accuracy, 1e-3, 0.1))
                run.update(epoch=epoch, step=10)
            if order.get("completed"):
                run.end(COMPLETED, "all is trained")
            print("done", flush=True)


if __name__ == "__main__":
    main()
