"""Training to its end: early stopping as Keras does it, divergence, requests, and exact continuation."""

import json
import math

import keras
import numpy as np
import pytest
from made_runs import record
from same_bits import assert_same_bits

from explorer.config import TrainingConfig
from explorer.errors import RunError
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.training.checkpoint import Checkpoint
from explorer.training.trainer import PAUSE, STOP, ending, image_order, train
from explorer.workers import worker

CONFIG = TrainingConfig(
    dataset="digits", depth=2, width=20, input_scaling="unit", learning_rate=3e-3, epochs=6, patience=100
)


@pytest.fixture(scope="module")
def networks(digits):
    """Compiled networks of this process, made once a shape."""
    return lambda config: worker.programs().network(config, digits)[0]


def run_of(config, network, **others):
    """Everything that a run says: its records (without their times), what improved, its weights, its outcome."""
    told = []
    outcome = train(config, network, on_epoch=lambda *epoch: told.append(epoch), **others)
    weights = [np.array(weight.numpy()) for weight in network.network.weights]
    return [numbers(record) for record, *_ in told], [improved for _, improved, _ in told], weights, outcome


def numbers(record: EpochRecord) -> tuple[float, ...]:
    return tuple(getattr(record, name) for name in EpochRecord.__dataclass_fields__ if name != "seconds")


# --- Early stopping -----------------------------------------------------------------------------------


def epoch_of_keras(val_losses, patience: int) -> int | None:
    """The epoch, from 1, after which Keras's own callback stops."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback = keras.callbacks.EarlyStopping(patience=patience)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, val_loss in enumerate(val_losses):
        callback.on_epoch_end(epoch, {"val_loss": val_loss})
        if model.stop_training:
            return epoch + 1
    return None


LOSSES = [
    [1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
    [1.0, 0.9, 0.95, 0.94, 0.93, 0.92],
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [1.0, 2.0, 0.5, 0.6, 0.5, 0.7, 0.8, 0.4, 0.9, 0.9, 0.9, 0.9],
    [0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7],
    [3.0, 2.5, 2.6, 2.5, 2.4999, 2.6, 2.6, 2.6],
]


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("patience", [1, 2, 3, 4])
def test_early_stopping_ends_in_the_epoch_of_keras(losses, patience):
    config = CONFIG.with_(epochs=1000, patience=patience)
    records = [record(epoch, loss) for epoch, loss in enumerate(losses, 1)]
    ends = (count for count in range(1, len(records) + 1) if ending(config, records[:count]))
    assert next(ends, None) == epoch_of_keras(losses, patience)


def test_a_real_run_stops_early_where_keras_would(networks):
    config = CONFIG.with_(learning_rate=0.03, epochs=60, patience=3)
    records, improved, _, outcome = run_of(config, networks(config))
    losses = [record[3] for record in records]
    assert len(records) == epoch_of_keras(losses, 3) < 60
    assert outcome.cause == Cause.EARLY_STOPPING
    best = losses.index(min(losses)) + 1
    assert f"epoch {best} for 3 epochs" in outcome.reason
    assert improved == [loss < min(losses[:at], default=math.inf) for at, loss in enumerate(losses)]


def test_the_last_epoch_ends_a_run(networks):
    config = CONFIG.with_(epochs=2)
    records, _, _, outcome = run_of(config, networks(config))
    assert [record[0] for record in records] == [1, 2]
    assert (outcome.cause, outcome.reason, outcome.checkpoint) == (Cause.ALL_EPOCHS, "trained for 2 epochs", None)


# --- Divergence ---------------------------------------------------------------------------------------


def test_a_training_loss_that_is_no_number_ends_the_run_with_its_epoch(networks):
    config = CONFIG.with_(optimizer="sgd", learning_rate=10.0, input_scaling="raw")
    records, _, _, outcome = run_of(config, networks(config))
    assert records == []
    assert outcome.cause == Cause.DIVERGED
    assert outcome.reason.startswith("the training loss became NaN (not a number) in epoch 1, by step ")


def test_a_validation_loss_that_is_no_number_ends_the_run_with_its_epoch(networks):
    """One step an epoch: the training loss is of the weights before it, so only validation sees what it did."""
    config = CONFIG.with_(
        optimizer="sgd", learning_rate=10.0, input_scaling="raw", batch_size=8192, activation="linear"
    )
    network = networks(config)
    told = []
    outcome = train(config, network, on_epoch=lambda *epoch: told.append(epoch))
    record, improved, checkpoint = told[-1]
    assert math.isfinite(record.loss) and math.isnan(record.val_loss) and not improved
    assert outcome.cause == Cause.DIVERGED
    assert outcome.reason == f"the validation loss became NaN (not a number) in epoch {record.epoch}"
    # killed between its last checkpoint and its end, it must end the same way
    again = train(
        config, network, on_epoch=lambda *_: None, history=[epoch[0] for epoch in told], checkpoint=checkpoint
    )
    assert again == outcome


# --- The same run again -------------------------------------------------------------------------------


def test_the_order_of_images_depends_on_seed_and_epoch():
    orders = {(seed, epoch): image_order(seed, epoch, 100) for seed in (0, 1, 2**31 - 1) for epoch in (1, 2)}
    for order in orders.values():
        assert order.dtype == np.int32 and sorted(order) == list(range(100))
    assert len({order.tobytes() for order in orders.values()}) == len(orders)
    np.testing.assert_array_equal(image_order(1, 2, 100), orders[1, 2])


def test_a_seed_gives_the_same_run_to_the_last_bit_and_another_seed_another(networks):
    network = networks(CONFIG)
    records, improved, weights, _ = run_of(CONFIG, network)
    other, _, other_weights, _ = run_of(CONFIG.with_(seed=2), network)
    again, improved_again, weights_again, _ = run_of(CONFIG, network)
    assert (again, improved_again) == (records, improved)
    assert_same_bits(weights, weights_again)
    assert all(a[1] != b[1] for a, b in zip(records, other, strict=True))
    assert not np.array_equal(weights[-2], other_weights[-2])


def asked_after(calls: int, what: str):
    """Answers with a request when it is asked for the given time."""
    looks = iter(range(1, 10**9))
    return lambda: what if next(looks) == calls else None


@pytest.mark.parametrize("optimizer", ["nadam", "nesterov"])
@pytest.mark.parametrize("batch_norm", ["off", "after_activation"])
def test_a_run_goes_on_from_any_interruption_to_the_last_bit(networks, tmp_path, optimizer, batch_norm):
    config = CONFIG.with_(optimizer=optimizer, batch_norm=batch_norm, learning_rate=1e-3, batch_size=8)
    network = networks(config)
    whole = run_of(config, network)
    other = config.with_(seed=9)
    for look, what in ((1, STOP), (2, PAUSE), (7, PAUSE), (10, STOP)):
        told = []
        outcome = train(
            config,
            network,
            on_epoch=lambda *epoch, told=told: told.append(epoch),
            control=asked_after(look, what),
        )
        assert outcome.cause == {STOP: Cause.STOPPED_BY_REQUEST, PAUSE: Cause.PAUSED_BY_REQUEST}[what]
        assert f"in epoch {len(told) + 1}, step {outcome.checkpoint.step} of 180" in outcome.reason
        assert outcome.checkpoint.step > 0 or look != 2  # an epoch is at least two calls, so this one is in its middle
        file = tmp_path / "checkpoint.npz"
        outcome.checkpoint.save(file)
        run_of(other.with_(epochs=1), network)  # somebody else's run leaves nothing behind
        history = [record for record, *_ in told]
        rest = run_of(config, network, history=history, checkpoint=Checkpoint.load(file))
        assert [numbers(record) for record in history] + rest[0] == whole[0]
        assert [improved for _, improved, _ in told] + rest[1] == whole[1]
        assert_same_bits(rest[2], whole[2])
        assert rest[3] == whole[3]


def test_patience_and_best_epoch_survive_an_interruption(networks):
    config = CONFIG.with_(learning_rate=0.03, epochs=60, patience=3)
    network = networks(config)
    whole = run_of(config, network)
    told = []
    train(config.with_(epochs=len(whole[0]) - 1), network, on_epoch=lambda *epoch: told.append(epoch))
    rest = run_of(config, network, history=[record for record, *_ in told], checkpoint=told[-1][2])
    assert [numbers(record) for record, *_ in told] + rest[0] == whole[0]
    assert rest[3] == whole[3]


# --- Checkpoints --------------------------------------------------------------------------------------


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    random = np.random.default_rng(1)
    arrays = [random.normal(size=shape).astype("float32") for shape in ((3, 4), (), (0,), (7,))]
    arrays += [np.array(12, "int64"), *(np.float32([number]) for number in range(12))]
    kept = Checkpoint(epoch=3, step=7, loss=float(np.float32(0.1)), correct=11, seconds=1.25, arrays=arrays)
    kept.save(tmp_path / "checkpoint.npz")
    back = Checkpoint.load(tmp_path / "checkpoint.npz")
    assert [getattr(back, k) for k in ("epoch", "step", "loss", "correct", "seconds")] == [3, 7, kept.loss, 11, 1.25]
    assert_same_bits(back.arrays, arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_of_an_earlier_version_is_resumed_from_too(tmp_path):
    position = {"epoch": 3, "step": 7, "loss": 0.5, "correct": 11, "seconds": 1.25}
    arrays = [np.float32([[1, 2], [3, 4]]), np.array(12, "int64")]
    written = {f"{number:05d}": array for number, array in enumerate(arrays)}
    np.savez(tmp_path / "checkpoint.npz", position=np.array(json.dumps(position)), **written)
    back = Checkpoint.load(tmp_path / "checkpoint.npz")
    assert {name: getattr(back, name) for name in position} == position
    assert_same_bits(back.arrays, arrays)


def test_a_damaged_checkpoint_is_told_wherever_it_is_cut_or_changed(tmp_path):
    file = tmp_path / "checkpoint.npz"
    Checkpoint(epoch=1, arrays=[np.arange(50, dtype="float32")]).save(file)
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(RunError, match="damaged"):
            Checkpoint.load(file)
    values = whole.index(np.arange(50, dtype="float32").tobytes())
    file.write_bytes(whole[:values] + b"\x01" + whole[values + 1 :])
    with pytest.raises(RunError, match="damaged"):
        Checkpoint.load(file)
    file.unlink()
    with pytest.raises(RunError, match="no checkpoint to resume from"):
        Checkpoint.load(file)


# --- Points in a plane --------------------------------------------------------------------------------


def test_the_decision_boundary_is_what_the_model_predicts_before_training_and_after_each_epoch():
    from explorer.data import datasets
    from explorer.runs.decision_boundary import grid

    config = CONFIG.with_(dataset="moons", epochs=2, batch_norm="after_activation", input_scaling="standardized")
    network = worker.programs().network(config, datasets.load("moons"))[0]
    seen, predicted = [], {}

    def look(record, improved, checkpoint):
        predicted[record.epoch] = network.network.predict(grid(6), verbose=0)[:, 1]

    train(config, network, on_epoch=look, on_boundary=lambda *boundary: seen.append(boundary))
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    for epoch, probabilities in seen[1:]:
        np.testing.assert_allclose(probabilities, predicted[epoch], atol=1e-5)
    assert not np.allclose(seen[0][1], seen[1][1], atol=0.05)


def test_images_have_no_decision_boundary(networks):
    seen = []
    train(CONFIG.with_(epochs=1), networks(CONFIG), on_epoch=lambda *_: None, on_boundary=lambda *b: seen.append(b))
    assert seen == []
