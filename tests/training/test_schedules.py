"""Learning-rate schedules, step by step against their formulas and Keras's own."""

import math

import keras
import numpy as np
import pytest
from made_runs import record

from explorer.config import FIELDS, TrainingConfig
from explorer.presets import BOOK_PRESETS
from explorer.training.schedules import cuts, preview, rate_at, rates

RATE = 0.02
CONFIG = TrainingConfig(learning_rate=RATE, epochs=15)


def whole(config: TrainingConfig, steps: int) -> np.ndarray:
    """The rate of every step of a run."""
    return np.concatenate([rates(config, steps, epoch) for epoch in range(1, config.epochs + 1)])


def test_a_constant_rate_is_constant():
    assert np.all(whole(CONFIG, 7) == RATE)


def test_the_books_1cycle_goes_through_its_corners():
    """45,000 images in batches of 128 are 352 steps an epoch, 5,280 in 15 epochs; the last tenth begins at 4,750."""
    found = whole(BOOK_PRESETS["book_1cycle"].config, 352)
    assert len(found) == 5280
    assert found[0] == pytest.approx(0.005) and found[2375] == pytest.approx(0.05) == found.max()
    assert found[4750] == pytest.approx(0.005)
    # one step more and it would be the last rate, a thousandth of the first
    assert found[-1] == pytest.approx(5e-6 + (0.005 - 5e-6) / 530)
    up, down, end = np.diff(found[:2376]), np.diff(found[2375:4751]), np.diff(found[4750:])
    for slope, total in ((up, 0.045), (down, -0.045)):
        np.testing.assert_allclose(slope, total / 2375, rtol=1e-6)
    np.testing.assert_allclose(end, (5e-6 - 0.005) / 530, rtol=1e-6)


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_the_shortest_1cycle_stays_between_its_rates(epochs, steps):
    found = whole(CONFIG.with_(schedule="one_cycle", epochs=epochs), steps)
    assert found[0] == RATE and np.all((found <= 10 * RATE) & (found > 0))


def test_exponential_decay_is_keras_own():
    config = CONFIG.with_(schedule="exponential", decay_epochs=3)
    theirs = keras.optimizers.schedules.ExponentialDecay(RATE, decay_steps=3 * 7, decay_rate=0.1)
    np.testing.assert_allclose(whole(config, 7), [float(theirs(step)) for step in range(15 * 7)], rtol=1e-5)
    assert rates(config, 7, 4)[0] == pytest.approx(RATE / 10)


def test_the_cosine_is_keras_own_behind_its_warm_up():
    config = CONFIG.with_(schedule="cosine", warmup_epochs=2, final_share=0.01)
    found = whole(config, 7)
    np.testing.assert_allclose(found[:14], RATE * np.arange(1, 15) / 14)
    theirs = keras.optimizers.schedules.CosineDecay(RATE, decay_steps=13 * 7 - 1, alpha=0.01)
    np.testing.assert_allclose(found[14:], [float(theirs(step)) for step in range(13 * 7)], rtol=1e-5)
    assert found[-1] == pytest.approx(RATE / 100)


def test_without_a_warm_up_the_cosine_begins_at_the_rate():
    assert whole(CONFIG.with_(schedule="cosine", warmup_epochs=0), 7)[0] == RATE


def test_a_warm_up_longer_than_the_run_only_rises():
    found = whole(CONFIG.with_(schedule="cosine", warmup_epochs=30), 7)
    assert np.all(np.diff(found) > 0) and found[-1] == pytest.approx(RATE / 2)


LOSSES = [
    [1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [1.0, 2.0, 0.5, 0.6, 0.5, 0.7, 0.8, 0.4, 0.9, 0.9, 0.9, 0.9],
    [1.0, 0.99995, 0.9999, 0.9998, 0.9997, 0.9996, 0.9995],
    [1.0, math.nan, math.inf, 0.9, 1.0, 1.0],
]


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_a_plateau_cuts_the_rate_where_keras_does(losses, patience):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(RATE), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=patience)
    callback.set_model(model)
    callback.on_train_begin()
    config = CONFIG.with_(schedule="plateau", plateau_patience=patience, plateau_factor=0.5)
    history = []
    for epoch, loss in enumerate(losses, 1):
        # the rate of an epoch follows from the epochs before it, so a resumed run goes on with the same one
        np.testing.assert_allclose(rates(config, 3, epoch, history), float(model.optimizer.learning_rate), rtol=1e-6)
        callback.on_epoch_end(epoch - 1, {"val_loss": loss})
        history.append(record(epoch, loss))
    assert cuts(losses, patience) == round(math.log2(RATE / float(model.optimizer.learning_rate)))


@pytest.mark.parametrize("schedule", FIELDS["schedule"].choices)
def test_the_preview_is_made_of_the_runs_own_rates(schedule):
    config = CONFIG.with_(schedule=schedule)
    epochs, shown = preview(config, 100, 50)
    assert len(epochs) <= 50 and epochs[0] == 0 and epochs[-1] == 15 - 0.01
    np.testing.assert_array_equal(shown, whole(config, 100)[np.round(epochs * 100).astype(int)])
    assert rate_at(config, np.array([3]), 100) == whole(config, 100)[3]
