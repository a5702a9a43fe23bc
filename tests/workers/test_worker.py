"""Runs in their folders, by real worker processes that are really killed."""

import io
import json
import math
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from browser import wait_for

from explorer.config import TrainingConfig
from explorer.errors import InputError
from explorer.presets import PRESETS
from explorer.process import Process
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord, best_epoch
from explorer.runs.run import BEST, CHECKPOINT, LOGS, Run
from explorer.runs.status import INTERRUPTED, PAUSED, RUNNING, STOPPED
from explorer.runs.store import RunStore
from explorer.training.checkpoint import Checkpoint
from explorer.training.model_file import save_network
from explorer.work_folder import PAUSE, STATUS
from explorer.workers import worker
from explorer.workers.run_control import ask_to_stop, queue_again, resumable

ROOT = Path(worker.__file__).parents[2]
SMALL = TrainingConfig(
    dataset="digits", depth=2, width=20, input_scaling="unit", learning_rate=3e-3, epochs=4, patience=100
)
EXECUTE = (
    "import sys; from pathlib import Path; from explorer.workers import worker; from explorer.runs.run import Run;"
    "print(*(worker.execute(Run(Path(path))) for path in sys.argv[1:]))"
)


def written_cause(run: Run) -> str | None:
    """The cause as it stands in the folder, not one that was inferred while it was read."""
    return json.loads((run.path / STATUS).read_text())["cause"]


def numbers(run: Run) -> list[tuple]:
    """The history without its times."""
    names = [name for name in EpochRecord.__dataclass_fields__ if name != "seconds"]
    return [tuple(getattr(record, name) for name in names) for record in run.history()]


def stored_weights(file: Path) -> dict[str, bytes]:
    """Every array in a saved Keras model by its name, as bytes."""
    found = {}
    with zipfile.ZipFile(file) as model, h5py.File(io.BytesIO(model.read("model.weights.h5"))) as weights:
        weights.visititems(
            lambda name, entry: found.update({name: entry[()].tobytes()}) if isinstance(entry, h5py.Dataset) else None
        )
    return found


def points_of(run: Run) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads from a run's event files."""
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    points = {}
    for split in ("train", "validation"):
        events = EventAccumulator(str(run.path / LOGS / split), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            values = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
            points[f"{split}/{tag}"] = values
    return points


def assert_points_are_the_history(run: Run) -> None:
    records = run.history()
    names = {
        "train/epoch_loss": "loss",
        "train/epoch_accuracy": "accuracy",
        "train/epoch_learning_rate": "learning_rate",
        "validation/epoch_loss": "val_loss",
        "validation/epoch_accuracy": "val_accuracy",
    }
    points = points_of(run)
    assert set(points) == set(names)
    for tag, name in names.items():
        assert points[tag] == [(r.epoch - 1, float(np.float32(getattr(r, name)))) for r in records]


def assert_same_run(run: Run, other: Run) -> None:
    assert numbers(run) == numbers(other) and len(numbers(run)) == run.config.epochs
    weights, others = stored_weights(run.path / BEST), stored_weights(other.path / BEST)
    assert len(weights) > 2 and weights == others
    assert run.status().status == other.status().status == "completed"
    assert run.status().reason == other.status().reason and run.status().cause == Cause.ALL_EPOCHS
    assert_points_are_the_history(run)
    assert not (run.path / CHECKPOINT).exists()


# --- A whole run --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Run:
    run = RunStore(tmp_path_factory.mktemp("runs")).create(SMALL)
    assert worker.execute(run) == "completed"
    return run


def test_a_run_leaves_its_whole_record_and_nothing_else(trained):
    names = {path.name for path in trained.path.iterdir()}
    lines = {"history.jsonl", "signals.jsonl", "correct.jsonl"}
    assert names == lines | {"config.json", "status.json", "best.keras", "logs", ".lock"}
    status = trained.status()
    assert (status.status, status.reason, status.cause) == ("completed", "trained for 4 epochs", Cause.ALL_EPOCHS)
    assert status.compiled is True and status.process is None and status.host == Process.current().host
    assert status.parameters == cost_estimate.parameters(SMALL) and status.steps == 45
    assert status.created <= status.started <= status.ended
    assert [record.epoch for record in trained.history()] == [1, 2, 3, 4]
    assert all(record.learning_rate == 3e-3 and record.seconds > 0 for record in trained.history())


def test_tensorboard_reads_the_history(trained):
    assert_points_are_the_history(trained)


def test_best_keras_is_the_epoch_of_lowest_validation_loss_without_optimizer_state(trained, digits):
    import keras

    model = keras.models.load_model(trained.path / BEST, compile=False)
    assert getattr(model, "optimizer", None) is None
    assert not any("optimizer" in name for name in stored_weights(trained.path / BEST))
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(*digits.split("validation"), verbose=0)
    best = best_epoch(trained.history())
    assert (loss, accuracy) == (pytest.approx(best.val_loss, rel=1e-5), pytest.approx(best.val_accuracy))


def test_the_best_model_is_kept_when_later_epochs_are_worse(store, digits):
    import keras

    run = store.create(SMALL.with_(learning_rate=0.05, epochs=50, patience=3))
    kept = []

    def watch(record: EpochRecord) -> None:
        kept.append((run.path / BEST).stat().st_mtime_ns)

    worker.execute(run, worker.Watcher(on_epoch=watch))
    records = run.history()
    best = best_epoch(records)
    assert best.epoch == len(records) - 3 and "early stopping" in run.status().reason
    assert written_cause(run) == "early_stopping"
    # written in the epoch that improved, before anybody heard of it, and not touched by those that did not
    improved = [best_epoch(records[: at + 1]) is record for at, record in enumerate(records)]
    assert [at == 0 or kept[at] != kept[at - 1] for at in range(len(kept))] == improved
    model = keras.models.load_model(run.path / BEST)
    images, labels = digits.split("validation")
    accuracy = np.mean(model.predict(images, verbose=0).argmax(1) == labels)
    assert accuracy == pytest.approx(best.val_accuracy)


def test_every_epoch_is_on_disk_when_it_is_told(store):
    run = store.create(SMALL)
    seen = []

    def look(record: EpochRecord) -> None:
        status = run.status()
        seen.append((run.history()[-1] == record, (run.path / CHECKPOINT).exists(), status.status, status.cause))

    worker.execute(run, worker.Watcher(on_epoch=look))
    assert seen == [(True, True, RUNNING, None)] * 4


@pytest.mark.parametrize("place", ["before the checkpoint", "before the status", "after the status"])
def test_a_stop_that_is_requested_while_a_run_pauses_is_kept(store, monkeypatch, place):
    run = store.create(SMALL.with_(epochs=50, patience=50))
    save, end = Checkpoint.save, Run.end

    def saved(checkpoint, path):
        if place == "before the checkpoint" and run.requested() == PAUSE:
            ask_to_stop(run)
        save(checkpoint, path)

    def ended(run, status, *why):
        if place == "before the status" and status == PAUSED:
            ask_to_stop(run)
        written = end(run, status, *why)
        if place == "after the status" and status == PAUSED:
            ask_to_stop(run)
        return written

    monkeypatch.setattr(Checkpoint, "save", saved)
    monkeypatch.setattr(Run, "end", ended)
    watcher = worker.Watcher(on_epoch=lambda record: record.epoch == 2 and run.request(PAUSE))
    assert worker.execute(run, watcher) == STOPPED
    assert (run.status().status, run.status().cause) == (STOPPED, Cause.STOPPED_BY_REQUEST)
    assert run.requested() is None and run.has_checkpoint()


def test_a_completed_run_is_left_as_it_is(trained):
    before = {path: path.read_bytes() for path in trained.path.rglob("*") if path.is_file()}
    assert worker.execute(trained) == "completed"
    assert {path: path.read_bytes() for path in trained.path.rglob("*") if path.is_file()} == before


# --- Faults -------------------------------------------------------------------------------------------


def test_what_keeps_a_run_from_its_start_is_its_cause(store, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "empty"))
    missing = store.create(SMALL.with_(dataset="cifar10"))
    unreadable = store.create(SMALL)
    (unreadable.path / "config.json").write_text("{")
    huge = store.create(SMALL.with_(depth=100, width=2048))
    assert [worker.execute(run) for run in (missing, unreadable)] == ["failed"] * 2
    monkeypatch.setattr(worker.psutil, "virtual_memory", lambda: SimpleNamespace(available=0))
    assert worker.execute(huge) == "failed"
    causes = [written_cause(run) for run in (missing, unreadable, huge)]
    assert causes == ["data_unavailable", "folder_unusable", "out_of_memory"]


def test_divergence_is_reported_with_its_epoch(store):
    run = store.create(SMALL.with_(optimizer="sgd", learning_rate=10.0, input_scaling="raw"))
    assert worker.execute(run) == "failed"
    reason = run.status().reason
    assert reason.startswith("diverged: the training loss became NaN (not a number) in epoch 1, by step ")
    assert "lower learning rate" in reason
    assert written_cause(run) == "diverged"
    assert not (run.path / CHECKPOINT).exists() and not (run.path / "error.log").exists()


def test_divergence_that_only_validation_sees_keeps_its_epoch(store):
    config = SMALL.with_(optimizer="sgd", learning_rate=10.0, input_scaling="raw", batch_size=8192)
    run = store.create(config.with_(activation="linear"))
    assert worker.execute(run) == "failed"
    last = run.history()[-1]
    assert math.isnan(last.val_loss) and math.isfinite(last.loss)
    assert run.status().reason.startswith(
        f"diverged: the validation loss became NaN (not a number) in epoch {last.epoch};"
    )
    assert written_cause(run) == "diverged"


def files_of(run: Run) -> dict[str, bytes]:
    """Every file of a run but its status and its lock."""
    paths = [path for path in run.path.rglob("*") if path.is_file() and path.name not in ("status.json", ".lock")]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


def stopped_after(store: RunStore, config: TrainingConfig, epochs: int) -> Run:
    run = store.create(config)

    def stop(record: EpochRecord) -> None:
        if record.epoch == epochs:
            run.request("stop")

    assert worker.execute(run, worker.Watcher(on_epoch=stop)) == "stopped"
    return run


def without(file: Path, *names: str) -> None:
    """Makes a checkpoint what earlier versions wrote."""
    with np.load(file) as stored:
        arrays = dict(stored)
    position = json.loads(str(arrays["position"]))
    arrays["position"] = np.array(json.dumps({k: v for k, v in position.items() if k not in names}))
    np.savez(file, **arrays)


@pytest.mark.parametrize(
    ("change", "marks", "reason"),
    [
        ({"width": 21}, ("settings", "record"), "belongs to another network: its arrays have other shapes"),
        ({"width": 21}, (), "belongs to another run: its width is 20, not 21"),
        ({"learning_rate": 1e-4}, (), "belongs to another run: its learning_rate is 0.003, not 0.0001"),
        ({"seed": 5}, ("settings",), "belongs to another run: its epoch 1 differs from the history"),
        ({}, (), "belongs to another run: its epoch 1 differs from the history"),
    ],
)
def test_a_foreign_checkpoint_is_found_out_before_anything_is_cut(store, change, marks, reason):
    foreign, run = stopped_after(store, SMALL, 1), stopped_after(store, SMALL.with_(**change), 3)
    shutil.copy(foreign.path / CHECKPOINT, run.path / CHECKPOINT)
    if marks:
        without(run.path / CHECKPOINT, *marks)
    before = files_of(run)
    assert len(run.history()) == 3
    assert worker.execute(run) == "failed"
    assert run.status().reason.startswith(f"the checkpoint of {run.name} {reason}; ")
    assert written_cause(run) == "checkpoint_unusable"
    assert files_of(run) == before


def test_a_damaged_checkpoint_leaves_all_as_it_was_and_the_choice_to_start_again(store, trained):
    run = stopped_after(store, SMALL, 3)
    whole = (run.path / CHECKPOINT).read_bytes()
    for size in (0, 10, len(whole) // 3, len(whole) - 30):
        (run.path / CHECKPOINT).write_bytes(whole[:size])
        before = files_of(run)
        assert worker.execute(run) == "failed"
        assert run.status().reason.startswith(f"the checkpoint of {run.name} is damaged")
        assert written_cause(run) == "checkpoint_unusable"
        assert run.status().reason.endswith("trains it from the beginning") and resumable(run)
        assert files_of(run) == before
    queue_again(run, from_start=True)
    assert files_of(run) == {name: content for name, content in before.items() if name != CHECKPOINT}
    assert worker.execute(run) == "completed"
    assert_same_run(run, trained)


def test_a_checkpoint_of_an_earlier_version_is_resumed(store, trained):
    run = stopped_after(store, SMALL, 2)
    without(run.path / CHECKPOINT, "settings", "record")
    assert worker.execute(run) == "completed"
    assert_same_run(run, trained)


def test_a_run_is_held_by_one_process(store):
    run = store.create(SMALL)
    with run.locked():
        other = subprocess.run(
            [sys.executable, "-c", EXECUTE, str(run.path)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert other.returncode != 0 and f"InputError: run: '{run.name}' is in use by another process" in other.stderr
        with pytest.raises(InputError, match="in use"):
            worker.execute(run)
    assert run.status().status == "queued"
    assert worker.execute(run) == "completed"


def test_a_run_without_xla_says_so(store, digits):
    """The network of this run passes through Python, which XLA cannot compile."""
    from without_xla import ThroughPython

    from explorer.training.compiled_epoch import CompiledNetwork
    from explorer.training.program_shape import Shape

    config = SMALL.with_(width=22)
    cache = worker.programs()
    network = CompiledNetwork(config, cache.data(digits))
    network.scaled_layers = [*network.scaled_layers, ThroughPython()]
    network.compile()
    cache._programs[Shape.of(config)] = network
    run = store.create(config)
    assert worker.execute(run) == "completed"
    assert run.status().compiled is False
    assert len(run.history()) == 4


# --- Requests -----------------------------------------------------------------------------------------


def test_a_stop_before_the_start_costs_nothing(store):
    run = store.create(SMALL)
    run.request("stop")
    assert worker.execute(run) == "stopped"
    assert (run.status().reason, run.requested(), run.history()) == ("stopped before it started", None, [])
    assert written_cause(run) == "stopped_by_request"


@pytest.mark.parametrize("what", ["stop", "pause"])
def test_a_run_that_was_stopped_or_paused_again_and_again_ends_as_if_it_had_not_been(store, trained, what):
    run = store.create(SMALL)
    moments = [(1, 8), (2, 45), (3, 8)]  # in the first call of an epoch, and in its last
    states = []
    for moment in moments:

        def ask(epoch: int, step: int, steps: int, moment=moment) -> None:
            if (epoch, step) == moment:
                run.request(what)

        states.append(worker.execute(run, worker.Watcher(on_step=ask)))
        assert run.requested() is None and (run.path / CHECKPOINT).exists()
        assert written_cause(run) == {"stop": "stopped_by_request", "pause": "paused_by_request"}[what]
    assert states == [{"stop": "stopped", "pause": "paused"}[what]] * 3
    assert worker.execute(run) == "completed"
    assert_same_run(run, trained)


# --- Killed -------------------------------------------------------------------------------------------


class Died(BaseException):
    """Ends `execute` at once, past everything that would tidy up."""


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("between", ["history and model", "model and checkpoint", "checkpoint and event files"])
def test_a_kill_between_two_files_of_an_epoch_costs_nothing(store, trained, epoch, between):
    """The folder such a kill leaves, made from the folders of the epoch before and of the epoch itself."""
    run, copies = store.create(SMALL), {}

    def keep(record: EpochRecord) -> None:
        copies[record.epoch] = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}

    worker.execute(run, worker.Watcher(on_epoch=keep))
    old, new = copies.get(epoch - 1, {}), copies[epoch]
    finished = ["history.jsonl", ".lock"]
    finished += ["best.keras"] * (between != "history and model")
    finished += ["checkpoint.npz"] * (between == "checkpoint and event files")
    left = store.create(SMALL)
    for path in set(old) | set(new):
        content = (new if path.name in (*finished, "status.json") else old).get(path)
        if content is not None and path.name != "config.json":
            target = left.path / path.relative_to(run.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    assert left.status().status == INTERRUPTED and len(left.history()) == epoch
    assert worker.execute(left) == "completed"
    assert_same_run(left, trained)


def test_a_history_line_that_was_cut_off_is_trained_again(store, trained):
    run = store.create(SMALL)
    run.request("pause")
    worker.execute(run)
    with (run.path / "history.jsonl").open("a") as stream:
        stream.write('{"epoch": 1, "loss": 2.')
    assert run.history() == []
    assert worker.execute(run) == "completed"
    assert_same_run(run, trained)


def test_a_checkpoint_ahead_of_its_history_is_refused(store):
    run = store.create(SMALL)

    def stop(record: EpochRecord) -> None:
        run.request("stop")

    worker.execute(run, worker.Watcher(on_epoch=stop))
    (run.path / "history.jsonl").write_text("")
    assert worker.execute(run) == "failed"
    assert run.status().reason.startswith(f"{run.name} has a checkpoint of epoch 1 but a history of 0 epochs; ")
    assert written_cause(run) == "checkpoint_unusable"


# --- The saved model ----------------------------------------------------------------------------------

PLAIN_KERAS = """
import sys
from pathlib import Path

import keras
import numpy as np

for file in map(Path, sys.argv[1:]):
    images = np.load(file.with_suffix(".images.npy"))
    assert images.dtype == np.uint8
    np.save(file.with_suffix(".answers.npy"), keras.models.load_model(file).predict(images, verbose=0))
assert not any(name.startswith("explorer") for name in sys.modules)
"""


def test_a_saved_model_takes_raw_images_in_plain_keras(store, cifar10, digits, tmp_path):
    """Every scaling and batch normalization, after training, in a process that has never heard of this project."""
    from explorer.training.compiled_epoch import CompiledNetwork, Totals
    from explorer.training.step import forward
    from explorer.training.tensors import TrainingTensors
    from explorer.training.trainer import image_order

    few = replace(cifar10, train=cifar10.train[:320], validation=cifar10.validation[:50])
    expected = {}
    for name, dataset in (("cifar10", few), ("digits", digits)):
        data = TrainingTensors(dataset)
        for scaling, batch_norm in zip(
            ("raw", "standardized", "unit"), ("off", "after_activation", "before_activation"), strict=True
        ):
            config = SMALL.with_(dataset=name, input_scaling=scaling, batch_norm=batch_norm, learning_rate=1e-4)
            network = CompiledNetwork(config, data)
            network.start(config)
            network.train_steps(image_order(1, 1, data.training.size), 0, 9, Totals())
            file = tmp_path / f"{name}_{scaling}.keras"
            save_network(network.network, file)
            np.save(file.with_suffix(".images.npy"), dataset.split("validation")[0])
            expected[file] = forward(
                network.scaled_layers, data.validation.images, data.scaling_tensors(scaling)
            ).numpy()
    subprocess.run([sys.executable, "-c", PLAIN_KERAS, *expected], cwd=tmp_path, check=True)
    for file, ours in expected.items():
        np.testing.assert_allclose(np.load(file.with_suffix(".answers.npy")), ours, rtol=1e-4, atol=1e-6)
        assert np.ptp(ours, axis=0).max() > 0.01  # the images do make a difference


def test_the_record_says_which_versions_made_it(trained):
    import keras
    import tensorflow as tf

    versions = json.loads((trained.path / "config.json").read_text())["versions"]
    assert (versions["keras"], versions["tensorflow"]) == (keras.__version__, tf.__version__)
    assert versions["numpy"] == np.__version__ and os.sep not in versions["numpy"]


def test_a_process_that_a_page_uses_compiles_the_presets_when_it_is_idle(monkeypatch):
    from explorer.training.program_shape import Shape
    from explorer.workers import worker_process

    small = {
        name: replace(one, config=one.config.with_(dataset="digits", depth=1, width=9)) for name, one in PRESETS.items()
    }
    monkeypatch.setattr(worker_process, "PRESETS", small)
    monkeypatch.setattr(worker_process, "IDLE_SECONDS", 0.1)
    process, compiled = worker_process.WorkerProcess(), worker.programs()._programs
    process.start()
    shapes = {Shape.of(one.config) for one in small.values()}
    assert not shapes & set(compiled)
    process.prepare([SMALL.with_(width=9)])
    wait_for(lambda: shapes <= set(compiled))
