"""Nothing is lost: a process killed, paused or stopped in the middle of an epoch changes no bit of its run."""

import multiprocessing
import signal
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import h5py
import numpy as np
import pytest

from explorer import worker
from explorer.cluster import prepare_dask
from explorer.config import TrainingConfig
from explorer.run_store import RunStore
from explorer.runs import BEST, CHECKPOINT, COMPLETED, INTERRUPTED, PAUSED, STOPPED, Run

CONFIG = TrainingConfig(dataset="digits", depth=4, width=100, epochs=4, learning_rate=1e-4)
# as the engine's workers: forks of a process that has imported TensorFlow
FORKS = multiprocessing.get_context("forkserver")


def execute(path: Path, waits_in_epoch: int, told: Connection) -> None:
    """A worker that waits in the middle of one epoch until it is told to go on, or killed."""

    def wait_in_the_middle(epoch: int, step: int, steps: int) -> None:
        if epoch == waits_in_epoch and step < steps:
            told.send("in the middle")
            told.recv()

    worker.execute(Run(path), worker.Watcher(on_step=wait_in_the_middle))


class Worker:
    """A process that trains a run."""

    def __init__(self, run: Run, waits_in_epoch: int = 0):
        prepare_dask()  # which settles what the first process imports
        self._tell, told = FORKS.Pipe()
        self._process = FORKS.Process(target=execute, args=(run.path, waits_in_epoch, told))
        self._process.start()
        told.close()
        if waits_in_epoch:
            assert self._tell.recv() == "in the middle"

    def kill(self) -> None:
        self._process.kill()
        self._process.join(60)
        assert self._process.exitcode == -signal.SIGKILL

    def go_on(self) -> None:
        self._tell.send("go on")

    def ends_well(self) -> bool:
        self._process.join(120)
        return self._process.exitcode == 0


def finish(run: Run) -> None:
    assert Worker(run).ends_well()
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
        Worker(run, waits_in_epoch=epoch).kill()
        assert run.status().status == INTERRUPTED
    assert len(run.history()) == 2
    finish(run)
    assert_same(run, undisturbed, tmp_path)


@pytest.mark.parametrize(("request_", "status"), [("pause", PAUSED), ("stop", STOPPED)])
def test_paused_or_stopped_in_the_middle_of_an_epoch_and_resumed(undisturbed, tmp_path, request_, status):
    run = RunStore(tmp_path).create(CONFIG)
    process = Worker(run, waits_in_epoch=2)
    run.request(request_)
    process.go_on()
    assert process.ends_well()
    assert run.status().status == status
    finish(run)
    assert_same(run, undisturbed, tmp_path)
