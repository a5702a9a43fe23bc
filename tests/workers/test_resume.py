"""Nothing is lost: a process killed, paused or stopped in the middle of an epoch changes no bit of its run."""

import multiprocessing
import os
import random
import shutil
import signal
import sys
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import h5py
import numpy as np
import pytest

from explorer.config import TrainingConfig
from explorer.evaluation.saved_models import find
from explorer.pages.evaluate.shared import title
from explorer.runs import cost_estimate
from explorer.runs.history import best_epoch
from explorer.runs.run import BEST, CHECKPOINT, LOGS, Run
from explorer.runs.status import COMPLETED, INTERRUPTED, PAUSED, STOPPED
from explorer.runs.store import RunStore
from explorer.training.checkpoint import Checkpoint
from explorer.workers import worker
from explorer.workers.cluster import prepare_dask
from explorer.workers.remote.worker import write_files

PLAIN = TrainingConfig(dataset="digits", depth=4, width=100, epochs=4, learning_rate=1e-4)
# with augmented images, labels that are shares of the classes, and a skip connection
CONFIG = PLAIN.with_(
    skip="pairs",
    weight_decay=0.01,
    label_smoothing=0.1,
    flip="horizontal",
    shift=1,
    mixup=0.4,
)
# as the run queue's workers: forks of a process that has imported TensorFlow
FORKS = multiprocessing.get_context("forkserver")


def execute_and_die(path: Path, number: int, name: str) -> None:
    """A worker that is killed just before its n-th write to a file of the run that has such a name."""
    count = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal count
        if event not in ("open", "os.rename", "os.remove", "os.truncate"):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        file = str(arguments[0])
        if file.startswith(str(path)) and name in file:
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    worker.execute(Run(path))


def die_at(run: Run, number: int, name: str = "") -> bool:
    """Has a run trained by a process that dies at a write; whether it did, as the run may have been through before."""
    prepare_dask()
    process = FORKS.Process(target=execute_and_die, args=(run.path, number, name))
    process.start()
    process.join(600)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def execute(path: Path, waits_in_epoch: int, told: Connection) -> None:
    """A worker that waits in the middle of one epoch until it is told to go on, or killed."""

    waits = iter([waits_in_epoch])

    def wait_in_the_middle(epoch: int, step: int, steps: int) -> None:
        if epoch == waits_in_epoch and step < steps and next(waits, None):  # once: a fast machine is there again
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
        self._process.join(600)
        assert self._process.exitcode == -signal.SIGKILL

    def ends_badly(self) -> bool:
        self._process.join(600)
        assert self._process.exitcode == 1, self._process.exitcode
        return True

    def go_on(self) -> None:
        self._tell.send("go on")

    def ends_well(self) -> bool:
        self._process.join(600)
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
    assert cost_estimate.skips(CONFIG) == [3]
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


# --- killed at any write ------------------------------------------------------------------------------

LONGER = PLAIN.with_(epochs=7, learning_rate=1e-3)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """An undisturbed run, and the weights of each epoch that was the best so far."""
    run = RunStore(tmp_path_factory.mktemp("models")).create(LONGER)
    weights = {}

    def keep(record) -> None:
        if best_epoch(run.history()).epoch == record.epoch:
            weights[record.epoch] = best_weights(run, run.path / LOGS)

    assert worker.execute(run, worker.Watcher(on_epoch=keep)) == COMPLETED
    return run, weights


def assert_agree(run: Run, undisturbed: Run, weights: dict, folder: Path) -> None:
    """History, model and checkpoint each are of an epoch of the undisturbed run, and say of which."""
    records = run.history()
    assert numbers(run) == numbers(undisturbed)[: len(records)]
    if (run.path / CHECKPOINT).exists():
        checkpoint = Checkpoint.load(run.path / CHECKPOINT)
        assert len(records) - 1 <= checkpoint.epoch <= len(records)
        assert checkpoint.epoch == 0 or checkpoint.record == records[checkpoint.epoch - 1].to_json()
    if (run.path / BEST).exists():
        model = find(RunStore(run.path.parent), run.name)
        held = best_weights(run, folder)
        assert all(np.array_equal(held[name], weights[model.best.epoch][name]) for name in held)
        best = best_epoch(records)
        ahead = best is not None and best.epoch != model.best.epoch
        assert model.description.startswith(f"epoch {model.best.epoch}, lowest validation loss")
        assert (f"the best epoch of the run is {best.epoch if best else None}, " in model.description) == ahead


def test_killed_before_a_dozen_writes_history_model_and_checkpoint_agree(models, tmp_path):
    undisturbed, weights = models
    run = RunStore(tmp_path).create(LONGER)
    kills = [die_at(run, number) for number in random.Random(3).sample(range(1, 40), 12) if not run_is_over(run)]
    assert len(kills) > 5 and any(kills)
    assert_agree(run, undisturbed, weights, tmp_path)
    if not run_is_over(run):
        assert run.status().status == INTERRUPTED
        finish(run)
    assert_same(run, undisturbed, tmp_path)
    assert {path.name for path in run.path.iterdir()} == {path.name for path in undisturbed.path.iterdir()}


def run_is_over(run: Run) -> bool:
    return run.status().status == COMPLETED


@pytest.mark.parametrize(
    ("number", "name"), [(1, "/history.jsonl"), (3, "/.best.keras."), (4, "/.best.keras."), (3, "/.checkpoint.npz.")]
)
def test_killed_between_two_files_of_an_epoch_the_model_says_which_epoch_it_is(models, tmp_path, number, name):
    undisturbed, weights = models
    run = RunStore(tmp_path).create(LONGER)
    assert die_at(run, number, name)
    assert run.status().status == INTERRUPTED
    assert_agree(run, undisturbed, weights, tmp_path)
    if "best" in name:
        model = find(RunStore(tmp_path), run.name)
        assert (model.best.epoch, model.awaited.epoch) == (1, 2)
        assert title(model).endswith(f" · {run.history()[0].val_accuracy:.2%}")
    if number == 4:  # between writing the file and putting it in its place
        assert list(run.path.glob(".best.keras.*.tmp"))
    finish(run)
    assert_agree(run, undisturbed, weights, tmp_path)
    assert find(RunStore(tmp_path), run.name).awaited is None
    assert {path.name for path in run.path.iterdir()} == {path.name for path in undisturbed.path.iterdir()}


# --- removed while it trains --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["removed", "moved away", "moved and made anew", "without its configuration"])
def test_a_run_whose_folder_goes_away_ends_and_makes_nothing_anew(tmp_path, how):
    run = RunStore(tmp_path / "runs").create(CONFIG)
    elsewhere = tmp_path / "elsewhere"
    process = Worker(run, waits_in_epoch=2)
    if how == "removed":
        shutil.rmtree(run.path)
    elif how == "without its configuration":
        (run.path / "config.json").unlink()
    else:
        run.path.rename(elsewhere)
    if how == "moved and made anew":
        shutil.copytree(elsewhere, run.path)
    before = tree(tmp_path)
    process.go_on()
    assert process.ends_badly()
    assert tree(tmp_path) == before


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_files_of_a_remote_worker_make_no_folder_anew(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_files(tmp_path / "gone", {"history.jsonl": b"", "logs/train/events": b""})
    assert list(tmp_path.iterdir()) == []
    write_files(tmp_path, {"logs/train/events": b"x"})
    assert (tmp_path / "logs/train/events").read_bytes() == b"x"
