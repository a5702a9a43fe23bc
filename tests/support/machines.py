"""Processes that stand for machines with workers, which share nothing but the network."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from browser import ROOT

from explorer.machine import free_port
from explorer.runs.run import HISTORY
from explorer.workers.cluster import Tls


def certificates(folder: Path) -> Tls:
    """Certificates in files, as a user has them."""
    from distributed import Security

    made = Security.temporary()
    contents = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, content in contents.items():
        (folder / f"{name}.pem").write_text(content)
    return Tls(**{name: str(folder / f"{name}.pem") for name in contents})


class Machines:
    """Processes that stand for machines: each with a home folder and a process group of its own."""

    def __init__(self, folder: Path, tls: Tls):
        self.folder, self.tls = folder, tls
        self.port = free_port()
        self.address = f"tls://127.0.0.1:{self.port}"
        self.started: list[subprocess.Popen] = []
        self.homes: list[Path] = []

    def scheduler(self) -> None:
        listen = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._start("scheduler", ["-m", "explorer", "scheduler", *listen, *self._files])

    def worker(self, name: str, code: Path = ROOT) -> subprocess.Popen:
        return self._start(name, ["-m", "explorer", "worker", "--scheduler", self.address, *self._files], code)

    @property
    def _files(self) -> list[str]:
        return ["--tls-ca", self.tls.ca, "--tls-cert", self.tls.cert, "--tls-key", self.tls.key]

    def _start(self, name: str, command: list[str], code: Path = ROOT) -> subprocess.Popen:
        home = self.folder / name
        home.mkdir()
        # nothing that leads to the folders of the machine that the tests run on
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPLORER_", "XDG_"))}
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=home,
            env={**kept, "HOME": str(home), "PYTHONPATH": str(code), "TMPDIR": str(home)},
            stderr=(home / "stderr").open("w"),
            start_new_session=True,
        )
        self.started.append(process)
        self.homes.append(home)
        return process

    def midway(self, epochs: int) -> subprocess.Popen | None:
        """A machine that is in the middle of a trial, by the copy of the run folder in its own home."""
        for process, home in zip(self.started, self.homes, strict=True):
            for folder, _, files in os.walk(home):  # unlike rglob it goes on when a folder is removed meanwhile
                if HISTORY in files and 3 <= len((Path(folder) / HISTORY).read_text().splitlines()) < epochs / 2:
                    return process
        return None

    def close(self) -> None:
        """Ends all, and prints the last of what each wrote, which a failed test shows."""
        for process, home in zip(self.started, self.homes, strict=True):
            kill_group(process)
            process.wait(10)
            print(home.name, (home / "stderr").read_text()[-3000:], sep="\n")


def kill_group(process: subprocess.Popen) -> None:
    """Ends a machine: everything that was started in it, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
