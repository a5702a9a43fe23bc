"""A package registry's own client, run in a process group of its own until it ends, stalls or is cancelled.

It helps where a package registry can be reached but web servers cannot.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from explorer.data.dataset_file import size
from explorer.data.download.job import Job
from explorer.data.formats import Unusable


@dataclass(frozen=True)
class Client:
    """A client by the name of its program; `prefix` begins its error messages, lines with `noise` say no reason."""

    name: str
    prefix: str
    noise: str

    def download(self, job: Job, arguments: Sequence[str], kind: str, expected: int) -> Path:
        """Runs the client in an empty folder and returns the one file of this kind (`*.tgz`) that it leaves there.

        `expected` is the size of the package in bytes. Raises `Unusable` with the client's reason.
        """
        program = shutil.which(self.name)
        if program is None:
            raise Unusable(f"{self.name} is not on the PATH")
        folder = job.work / self.name
        with job.writing():
            folder.mkdir()
            log = (folder / "log").open("w+b")
        with log:
            status = self._run(job, [program, *(part.format(folder=folder) for part in arguments)], log, expected)
            log.seek(0)
            output = log.read().decode(errors="replace")
        packed = next(folder.glob(kind), None)
        if status or packed is None:
            raise Unusable(f"{self.name} failed: {self._complaint(output)}")
        return packed

    def _run(self, job: Job, command: list[str], log: BinaryIO, expected: int) -> int:
        """Runs the client until it ends or is cancelled; returns its exit status."""
        folder = job.work / self.name
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Unusable(f"{self.name} could not be started ({error})") from error
        try:
            self._watch(job, process, folder, expected)
            return process.returncode
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with all processes that it started
                process.wait()

    def _watch(self, job: Job, process: subprocess.Popen, folder: Path, expected: int) -> None:
        """Waits for the client; the growth of its folder is the only sign of progress."""
        grown, heard = -1, time.monotonic()
        while process.poll() is None:
            bytes_there = sum(max(0, size(Path(place, name))) for place, _, names in os.walk(folder) for name in names)
            if bytes_there != grown:
                grown, heard = bytes_there, time.monotonic()
            elif time.monotonic() - heard > job.stall_timeout:
                raise Unusable(f"{self.name} received nothing for {job.stall_timeout:g} s")
            # near the end npm copies the package out of its cache, so the folder grows to twice the package's size
            job.report("downloading", min(bytes_there, expected), expected)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)

    def _complaint(self, output: str) -> str:
        lines = [re.sub(self.prefix, "", line) for line in output.splitlines() if not re.match(self.noise, line)]
        return next(filter(None, lines), "no reason given")[:200]
