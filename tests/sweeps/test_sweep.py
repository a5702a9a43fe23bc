"""A sweep from the command line with real workers: its driver killed, a worker killed, stopped, resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest
from browser import ROOT, wait_for
from command_line import heed_ctrl_c

from explorer.runs.status import COMPLETED, PAUSED, RUNNING
from explorer.runs.store import RunStore
from explorer.sweeps import study as folder
from explorer.sweeps.driver import drive
from explorer.sweeps.study import TRIAL_COMPLETED, TRIAL_FAILED, StudyStore
from explorer.sweeps.study_spec import StudySpec
from explorer.workers.cluster import WORKER_BYTES, Settings
from explorer.workers.run_queue import RunQueue

EPOCHS = 60
FILE = f"""
sampler = "grid"
trials = 9
epochs = {EPOCHS}

[settings]
dataset = "digits"
depth = 1
width = 16
activation = "linear"
optimizer = "sgd"
patience = {EPOCHS}

[space]
learning_rate = [1e-3, 2e-3, 10.0, 5e-3, 1e-2]  # with the third it diverges, and is reported as failed
"""


started: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def no_driver_is_left():
    yield
    for process in started:
        process.kill()
        process.wait()
    started.clear()


def test_a_sweep_over_skip_connections_and_label_smoothing_trains_each_pair(tmp_path):
    """A grid of settings that change the network and the loss, on digits that are flipped."""
    space = {"skip": ["off", "pairs"], "label_smoothing": [0.0, 0.2]}
    settings = {"dataset": "digits", "depth": 4, "width": 8, "learning_rate": 0.003, "flip": "horizontal"}
    values = {"name": "new", "sampler": "grid", "trials": 4, "epochs": 2, "settings": settings, "space": space}
    store = RunStore(tmp_path)
    study = StudyStore(store).create(StudySpec.from_dict(values))
    run_queue = RunQueue(Settings(workers=1))
    try:
        drive(study, store, lambda: run_queue, lambda line: None)
    finally:
        run_queue.close()
    assert [trial.state for trial in study.trials()] == [TRIAL_COMPLETED] * 4
    runs = {(s.config.skip, s.config.label_smoothing): s for s in store.list()}
    assert len(runs) == 4 and {summary.state for summary in runs.values()} == {COMPLETED}
    assert len({summary.best.val_loss for summary in runs.values()}) == 4  # each has its effect
    assert {summary.config.flip for summary in runs.values()} == {"horizontal"}


def sweep(*arguments, runs):
    command = [sys.executable, "-m", "explorer", "sweep", *arguments, "--runs", str(runs)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": heed_ctrl_c}
    process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
    started.append(process)
    return process


def said(process) -> dict:
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(output)


def test_nothing_is_lost(tmp_path):
    runs, file = tmp_path / "runs", tmp_path / "faults.toml"
    file.write_text(FILE)
    store, studies = RunStore(runs), StudyStore(RunStore(runs))

    def done():
        return [s for s in store.list() if s.state == COMPLETED]

    def midway(begun_after=0.0):
        running = [s for s in store.list() if s.state == RUNNING and s.status.started > begun_after]
        return [s for s in running if 3 <= s.outline.epochs < EPOCHS / 2]

    driver = sweep(str(file), "--workers", "2", runs=runs)
    wait_for(lambda: done() and midway())
    finished = {s.name: (s.run.path / "history.jsonl").stat().st_mtime_ns for s in done()}
    driver.kill()
    driver.wait()
    study = studies.get("faults")
    assert study.status().status == folder.INTERRUPTED

    resumed = time.time()
    driver = sweep("resume", "faults", "--workers", "2", runs=runs)
    [victim, *_] = wait_for(lambda: midway(resumed))  # a worker of this driver, not one that outlives the killed
    os.kill(victim.status.process.pid, signal.SIGKILL)

    def goes_on():
        status = store.get(victim.name).status()
        return status.status == COMPLETED or status.started > victim.status.started

    wait_for(goes_on)

    told = said(sweep("stop", "faults", "--json", runs=runs))
    assert told["status"] == folder.STOPPED
    assert "Warning" not in driver.communicate(timeout=600)[1]  # of what its ended workers left, as Python sees it
    assert {s.state for s in store.list()} <= {COMPLETED, PAUSED, "failed"}

    told = said(sweep("resume", "faults", "--workers", "2", "--json", runs=runs))
    assert told["status"] == folder.COMPLETED
    assert [trial["trial"] for trial in told["trials"]] == list(range(5))
    assert Counter(trial["state"] for trial in told["trials"]) == {TRIAL_COMPLETED: 4, TRIAL_FAILED: 1}
    [failed] = [trial for trial in told["trials"] if trial["state"] == TRIAL_FAILED]
    assert failed["reason"].startswith("diverged")
    assert Counter(s.run.trial()["trial"] for s in store.list()) == Counter(range(5))
    for summary in done():
        assert [record.epoch for record in summary.run.history()] == list(range(1, EPOCHS + 1))
    for name, written in finished.items():
        assert (store.get(name).path / "history.jsonl").stat().st_mtime_ns == written


def test_by_default_there_is_a_worker_for_each_core_that_has_memory(tmp_path):
    file = tmp_path / "default.toml"
    endless = FILE.replace(f"= {EPOCHS}", "= 10_000")  # so that it does not end before it is stopped
    file.write_text(endless.replace("trials = 9", "trials = 2").replace('sampler = "grid"', 'sampler = "random"'))
    driver = sweep(str(file), runs=tmp_path / "runs")
    study = StudyStore(RunStore(tmp_path / "runs")).get
    enough = psutil.virtual_memory().available > 2 * os.cpu_count() * WORKER_BYTES
    least, folder = os.cpu_count() if enough else 1, tmp_path / "runs/.sweeps/default"
    # one may be there before the others
    wait_for(lambda: folder.is_dir() and study("default").status().workers >= least)
    assert study("default").status().workers <= os.cpu_count()
    driver.send_signal(signal.SIGINT)
    assert driver.wait(600) == 130


SEQUENCE = {
    "sampler": "tpe",
    "pruner": "median",
    "trials": 8,
    "epochs": 4,
    "settings": {"dataset": "digits", "width": 16, "depth": 1},
    "space": {"learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}, "activation": ["elu", "relu"]},
}


@pytest.mark.parametrize("arguments", [["show", "nothing"], ["stop"], ["nothing.toml"], ["x.toml", "y"]])
def test_bad_input_is_one_sentence(tmp_path, arguments):
    process = sweep(*arguments, runs=tmp_path)
    output, errors = process.communicate(timeout=600)
    assert (process.returncode, output) == (2, "")
    assert len(errors.splitlines()) == 1
    assert errors.startswith("explorer: ")


def test_the_same_seed_gives_the_same_trials(tmp_path):
    """TPE and pruning, one worker: each trial follows from the results before it."""
    store, found = RunStore(tmp_path / "runs"), []
    run_queue = RunQueue(Settings(workers=1))
    try:
        for name in ("one", "two"):
            study = StudyStore(store).create(StudySpec.from_dict({"name": name, **SEQUENCE}))
            drive(study, store, lambda: run_queue)
            assert study.status().status == folder.COMPLETED
            found.append([(t.state, t.settings, t.value) for t in study.trials()])
    finally:
        run_queue.close()
    assert found[0] == found[1]
    assert len(found[0]) == 8
