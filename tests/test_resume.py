"""Nothing is lost: a run that was killed, paused or stopped ends bit for bit as one that was left alone."""

import signal
import subprocess
import sys
from dataclasses import asdict

import h5py
import numpy as np
import pytest
from browser import ROOT, wait_for

from explorer.config import TrainingConfig
from explorer.runs import BEST, CHECKPOINT, COMPLETED, INTERRUPTED, PAUSED, STOPPED, RunStore

# batches of one image make an epoch long enough to be killed in its middle
CONFIG = TrainingConfig(dataset="digits", depth=20, width=100, batch_size=1, epochs=4, learning_rate=1e-5)
EXECUTE = "import sys; from pathlib import Path; from explorer import worker; from explorer.runs import Run; "
EXECUTE += "print(worker.execute(Run(Path(sys.argv[1]))))"


def start(run) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", EXECUTE, str(run.path)], cwd=ROOT, stderr=subprocess.DEVNULL)


def finish(run) -> None:
    assert start(run).wait(120) == 0
    assert run.status().status == COMPLETED


def in_the_middle_of_epoch(run, epoch: int) -> bool:
    status = run.status()
    return status.epoch == epoch and 0 < status.step < status.steps


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
        process = start(run)
        wait_for(lambda epoch=epoch: in_the_middle_of_epoch(run, epoch), 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert run.status().status == INTERRUPTED
    assert len(run.history()) == 2
    finish(run)
    assert_same(run, undisturbed, tmp_path)


@pytest.mark.parametrize(("request_", "status"), [("pause", PAUSED), ("stop", STOPPED)])
def test_paused_or_stopped_in_the_middle_of_an_epoch_and_resumed(undisturbed, tmp_path, request_, status):
    run = RunStore(tmp_path).create(CONFIG)
    process = start(run)
    wait_for(lambda: in_the_middle_of_epoch(run, 2), 60)
    run.request(request_)
    assert process.wait(60) == 0
    assert run.status().status == status
    finish(run)
    assert_same(run, undisturbed, tmp_path)


def test_killed_between_history_and_checkpoint(undisturbed, tmp_path):
    """An epoch that is in the history and not in the checkpoint is trained again, not counted twice."""
    run = RunStore(tmp_path).create(CONFIG)
    process = start(run)
    wait_for(lambda: in_the_middle_of_epoch(run, 3), 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run.append(undisturbed.history()[2])
    with (run.path / "history.jsonl").open("a") as stream:
        stream.write('{"epoch": 4, "lo')  # half a line, as a kill leaves it
    finish(run)
    assert_same(run, undisturbed, tmp_path)


def test_the_best_model_opens_anywhere_and_takes_raw_images(undisturbed, digits):
    """Plain Keras in a fresh process loads best.keras and reaches the recorded accuracy on raw uint8 images."""
    images, labels = digits.split("validation")
    np.savez(undisturbed.path / "images.npz", images=images, labels=labels)
    script = """
import sys, keras, numpy
model = keras.models.load_model(sys.argv[1] + "/best.keras")
data = numpy.load(sys.argv[1] + "/images.npz")
assert getattr(model, "optimizer", None) is None
print((model.predict(data["images"], verbose=0).argmax(-1) == data["labels"]).mean())
"""
    done = subprocess.run([sys.executable, "-c", script, undisturbed.path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    best = min(undisturbed.history(), key=lambda record: record.val_loss)
    assert float(done.stdout) == pytest.approx(best.val_accuracy, abs=1e-9)


def test_tensorboard_reads_the_logs(undisturbed):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for split, metric, field in (
        ("train", "epoch_loss", "loss"),
        ("train", "epoch_accuracy", "accuracy"),
        ("train", "epoch_learning_rate", "learning_rate"),
        ("validation", "epoch_loss", "val_loss"),
        ("validation", "epoch_accuracy", "val_accuracy"),
    ):
        events = EventAccumulator(str(undisturbed.path / "logs" / split))
        events.Reload()
        logged = [float(tf.make_ndarray(t.tensor_proto)) for t in events.Tensors(metric)]
        assert logged == pytest.approx([getattr(r, field) for r in undisturbed.history()], rel=1e-6)


def test_divergence_is_reported_with_its_epoch(tmp_path):
    run = RunStore(tmp_path).create(
        CONFIG.with_(learning_rate=10.0, optimizer="sgd", batch_size=32, activation="linear")
    )
    assert start(run).wait(120) == 0
    assert run.status().status == "failed"
    assert "diverged: the training loss became" in run.status().reason
    assert "in epoch 1" in run.status().reason
