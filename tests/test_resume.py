"""Nothing is lost: a process killed, paused or stopped in the middle of an epoch changes no bit of its run."""

import signal
import subprocess
import sys
from dataclasses import asdict

import h5py
import numpy as np
import pytest
from browser import ROOT

from explorer.config import TrainingConfig
from explorer.run_store import RunStore
from explorer.runs import BEST, CHECKPOINT, COMPLETED, INTERRUPTED, PAUSED, STOPPED

CONFIG = TrainingConfig(dataset="digits", depth=20, width=100, epochs=4, learning_rate=1e-5)
# a worker that waits in the middle of one epoch until it is told to go on, or killed
EXECUTE = """
import sys
from pathlib import Path
from explorer import worker
from explorer.runs import Run

def wait_in_the_middle(epoch, step, steps):
    if epoch == int(sys.argv[2]) and step < steps:
        print("in the middle", flush=True)
        sys.stdin.readline()

worker.execute(Run(Path(sys.argv[1])), worker.Watcher(on_step=wait_in_the_middle))
"""


def start(run, waits_in_epoch: int = 0) -> subprocess.Popen:
    command = [sys.executable, "-c", EXECUTE, str(run.path), str(waits_in_epoch)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def start_into_the_middle(run, epoch: int) -> subprocess.Popen:
    """A worker that has trained some steps of an epoch, not all."""
    process = start(run, epoch)
    assert process.stdout.readline() == "in the middle\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(run) -> None:
    process = start(run)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert run.status().status == COMPLETED


def numbers(run) -> list[dict]:
    return [{k: v for k, v in asdict(record).items() if k != "seconds"} for record in run.history()]


def best_weights(run, folder) -> dict[str, np.ndarray]:
    import zipfile

    with zipfile.ZipFile(run.path / BEST) as archive:
        archive.extract("model.weights.h5", folder)
    found = {}
    with h5py.File(folder / "model.weights.h5") as stored:
        stored.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = RunStore(tmp_path_factory.mktemp("undisturbed")).create(CONFIG)
    finish(run)
    return run


def assert_same(run, undisturbed, tmp_path) -> None:
    assert numbers(run) == numbers(undisturbed)
    ours, theirs = best_weights(run, tmp_path), best_weights(undisturbed, tmp_path)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert not (run.path / CHECKPOINT).exists()


def test_equal_seeds_are_equal_to_the_last_bit_in_two_processes(undisturbed, tmp_path):
    run = RunStore(tmp_path).create(CONFIG)
    finish(run)
    assert_same(run, undisturbed, tmp_path)


def test_killed_in_the_middle_of_epochs_and_resumed(undisturbed, tmp_path):
    run = RunStore(tmp_path).create(CONFIG)
    for epoch in (1, 3):
        kill(start_into_the_middle(run, epoch))
        assert run.status().status == INTERRUPTED
    assert len(run.history()) == 2
    finish(run)
    assert_same(run, undisturbed, tmp_path)


@pytest.mark.parametrize(("request_", "status"), [("pause", PAUSED), ("stop", STOPPED)])
def test_paused_or_stopped_in_the_middle_of_an_epoch_and_resumed(undisturbed, tmp_path, request_, status):
    run = RunStore(tmp_path).create(CONFIG)
    process = start_into_the_middle(run, 2)
    run.request(request_)
    process.communicate("go on\n", timeout=60)
    assert process.returncode == 0
    assert run.status().status == status
    finish(run)
    assert_same(run, undisturbed, tmp_path)
