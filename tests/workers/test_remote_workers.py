"""Sweeps and queues over a real scheduler and workers that share nothing with this process but the network."""

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from browser import ROOT, wait_for
from machines import Machines, certificates, kill_group
from worker_processes import wait_status

from explorer.config import TrainingConfig
from explorer.runs.status import COMPLETED, INTERRUPTED, STOPPED
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
    return certificates(tmp_path)


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
        wait_for(lambda: run_queue.slots == 3)
        machines.worker("stranger", code=other_code(tmp_path / "code"))

        kill_group(wait_for(lambda: machines.midway(EPOCHS)))
        machines.worker("fourth")
        wait_for(lambda: any("it continues from epoch" in line for line in said))
        wait_for(lambda: "its code differs from the code here" in "".join(said))
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


def test_ten_runs_whose_first_loses_its_worker_are_trained_in_the_order_that_is_shown(tmp_path, tls, machines):
    store = RunStore(tmp_path / "runs")
    config = TrainingConfig(dataset="digits", depth=1, width=10, epochs=10_000, patience=10_000)
    run_queue = None
    try:
        machines.scheduler()
        first = machines.worker("first")
        run_queue = RunQueue(Settings(scheduler=machines.address, tls=tls, datasets=("digits",)))
        runs = [store.create(config)] + [store.create(config.with_(seed=seed, epochs=1)) for seed in range(1, 10)]
        for run in runs:
            run_queue.submit(run)
        wait_for(runs[0].history)
        wait_for(lambda: [run_queue.position(run) for run in runs] == [None, *range(1, 10)])
        kill_group(first)
        machines.worker("second")
        wait_for(lambda: runs[0].status().status == INTERRUPTED)
        wait_for(lambda: all(run.status().status == COMPLETED for run in runs[1:]))
        assert sorted(runs, key=lambda run: run.status().started) == runs
        assert [run_queue.position(run) for run in runs] == [None] * 10
    finally:
        if run_queue:
            run_queue.close()


def test_a_person_who_pauses_a_run_elsewhere_and_then_stops_it_has_it_stopped(tmp_path, tls, machines):
    """The stop comes while the pause is on its way there, while the run ends, and after it has come back."""
    store = RunStore(tmp_path / "runs")
    config = TrainingConfig(dataset="digits", depth=1, width=10, epochs=10_000, patience=10_000)
    machines.scheduler()
    machines.worker("first")
    with closing(RunQueue(Settings(scheduler=machines.address, tls=tls, datasets=("digits",)))) as run_queue:
        for seed, moment in enumerate((0.0, 0.3, 1.0), 1):
            run = store.create(config.with_(seed=seed))
            run_queue.submit(run)
            wait_for(run.history)
            run_queue.pause(run)
            time.sleep(moment)
            run_queue.stop(run)
            wait_status(run, STOPPED)
