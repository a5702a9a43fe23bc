"""A sweep over a real scheduler and workers that share nothing with the driver but the network."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from browser import ROOT, free_port, wait_for

from explorer.runs.run import COMPLETED, HISTORY
from explorer.runs.store import RunStore
from explorer.sweeps.driver import drive
from explorer.sweeps.study import TRIAL_COMPLETED, StudyStore
from explorer.sweeps.study_spec import StudySpec
from explorer.workers.cluster import Settings, Tls
from explorer.workers.run_queue import RunQueue

EPOCHS = 80
SPEC = {
    "name": "many machines",
    "sampler": "grid",
    "trials": 6,
    "epochs": EPOCHS,
    "settings": {"dataset": "digits", "width": 10, "patience": EPOCHS},
    "space": {"depth": [1], "learning_rate": [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2]},
}


@pytest.fixture
def tls(tmp_path) -> Tls:
    """Certificates in files, as a user has them."""
    from distributed import Security

    made = Security.temporary()
    contents = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, content in contents.items():
        (tmp_path / f"{name}.pem").write_text(content)
    return Tls(**{name: str(tmp_path / f"{name}.pem") for name in contents})


class Machines:
    """Processes that stand for machines: each with a home folder and a process group of its own."""

    def __init__(self, folder: Path, tls: Tls):
        self.folder, self.tls = folder, tls
        self.port = free_port()
        self.address = f"tls://127.0.0.1:{self.port}"
        self.started: list[subprocess.Popen] = []
        self.homes: list[Path] = []

    def scheduler(self) -> None:
        listen = ["--host", "127.0.0.1", "--port", str(self.port), "--protocol", "tls", "--no-dashboard"]
        files = ["--tls-ca-file", self.tls.ca, "--tls-cert", self.tls.cert, "--tls-key", self.tls.key]
        self._start("scheduler", ["-m", "distributed.cli.dask_scheduler", *listen, *files])

    def worker(self, name: str, code: Path = ROOT) -> subprocess.Popen:
        files = ["--tls-ca", self.tls.ca, "--tls-cert", self.tls.cert, "--tls-key", self.tls.key]
        return self._start(name, ["-m", "explorer", "worker", "--scheduler", self.address, *files], code)

    def _start(self, name: str, command: list[str], code: Path = ROOT) -> subprocess.Popen:
        home = self.folder / name
        home.mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EXPLORER_")}
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

    def midway(self) -> subprocess.Popen | None:
        """A machine that is in the middle of a trial, by the copy of the run folder in its own home."""
        for process, home in zip(self.started, self.homes, strict=True):
            for folder, _, files in os.walk(home):  # unlike rglob it goes on when a folder is removed meanwhile
                if HISTORY in files and 3 <= len((Path(folder) / HISTORY).read_text().splitlines()) < EPOCHS / 2:
                    return process
        return None

    def close(self) -> None:
        for process in self.started:
            kill_group(process)
            process.wait(10)


def kill_group(process: subprocess.Popen) -> None:
    """Ends a machine: everything that was started in it, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def other_code(folder: Path) -> Path:
    """A copy of the project that differs in one comment."""
    shutil.copytree(ROOT / "explorer", folder / "explorer", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "explorer" / "worker.py").open("a") as stream:
        stream.write("# another version\n")
    return folder


@pytest.fixture
def machines(tls) -> Iterator[Machines]:
    """In a folder of a short path, as a temporary folder is elsewhere; all have ended after the test."""
    with tempfile.TemporaryDirectory() as folder:
        started = Machines(Path(folder), tls)
        yield started
        started.close()


def test_workers_come_and_go_and_every_trial_is_there_once(tmp_path, tls, machines):
    store = RunStore(tmp_path / "runs")
    study = StudyStore(store).create(StudySpec.from_dict(SPEC))
    said: list[str] = []
    run_queue = None
    try:
        machines.scheduler()
        for name in ("first", "second", "third"):
            machines.worker(name)
        run_queue = RunQueue(Settings(scheduler=machines.address, tls=tls, datasets=("digits",)))
        driver = threading.Thread(target=drive, args=(study, store, lambda: run_queue, said.append), daemon=True)
        driver.start()
        wait_for(lambda: run_queue.slots == 3, 240)
        machines.worker("stranger", code=other_code(tmp_path / "code"))

        kill_group(wait_for(machines.midway, 240))
        machines.worker("fourth")
        wait_for(lambda: any("it continues from epoch" in line for line in said), 120)
        wait_for(lambda: "its code differs from the code here" in "".join(said), 240)
        driver.join(300)
        assert not driver.is_alive()
    finally:
        if run_queue:
            run_queue.close()

    assert study.status().status == "completed"
    trials = study.trials()
    assert [(trial.trial, trial.state) for trial in trials] == [(n, TRIAL_COMPLETED) for n in range(6)]
    runs = store.list()
    assert {run.state for run in runs} == {COMPLETED}
    assert Counter(run.run.trial()["trial"] for run in runs) == Counter(range(6))
    for run in runs:
        assert [record.epoch for record in run.records] == list(range(1, EPOCHS + 1))
        assert (run.run.path / "best.keras").stat().st_size > 1000
        assert not (run.run.path / "checkpoint.npz").exists()
        assert len(list((run.run.path / "logs" / "train").iterdir())) == 1
