"""The range test: what hand-made curves suggest, and a real one on the digits."""

import json
import math
import os

import numpy as np
import pytest

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.training.lr_finder import (
    CLOSE,
    EXPLODED,
    HIGHEST,
    LOWEST,
    RESTARTS,
    SETTLING,
    SHARES,
    STEPS,
    Trial,
    best_trials,
    candidates,
    exploded,
    growing_rates,
    smooth,
    suggest,
    try_rate,
    turning_point,
)
from explorer.training.trainer import train
from explorer.workers import worker
from explorer.workers.tasks import range_test, read_points

RATES = growing_rates()
CONFIG = TrainingConfig(dataset="digits", depth=2, width=20, input_scaling="unit", optimizer="sgd", batch_size=16)


def valley(turn: float, low: float = 1.0, high: float = 2.3) -> np.ndarray:
    """A loss that falls from two powers of ten before its turn on, and explodes behind it."""
    place = np.log10(RATES / turn)
    falling = high - (high - low) * np.clip(place / 2 + 1, 0, 1)
    return falling + np.where(place > 0, 10 ** np.clip(3 * place, 0, 8) - 1, 0)


def test_the_rates_grow_by_the_same_factor_from_the_lowest_to_the_highest():
    assert len(RATES) == STEPS
    assert (RATES[0], RATES[-1]) == (pytest.approx(LOWEST), pytest.approx(HIGHEST))
    np.testing.assert_allclose(RATES[1:] / RATES[:-1], RATES[1] / RATES[0])


def test_smoothing_leaves_what_is_level_and_halves_no_start():
    np.testing.assert_allclose(smooth([3.0] * 50), 3.0)
    assert smooth([5.0])[0] == pytest.approx(5.0)
    found = smooth(np.random.default_rng(1).normal(2.0, 0.5, 400))
    assert found[100:].std() < 0.12 and abs(found[-1] - 2.0) < 0.4


@pytest.mark.parametrize("turn", [1e-4, 3e-3, 0.1, 1.0])
def test_the_curve_says_where_the_loss_turns_up(turn):
    measured, sentence = turning_point(RATES, valley(turn))
    assert turn / 1.5 < measured < turn * 1.5
    assert f"{measured:.2g}" in sentence and "rose again" in sentence


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_turning_point_by_no_more_than_its_size(seed):
    losses = valley(0.01) + np.random.default_rng(seed).normal(0, 0.15, STEPS)
    assert 1e-2 / 4 < turning_point(RATES, losses)[0] < 1e-2 * 4


def test_a_loss_that_falls_to_the_end_is_told_as_such():
    turn, sentence = turning_point(RATES, np.linspace(2.3, 0.5, STEPS))
    assert turn == pytest.approx(HIGHEST) and "still falling" in sentence


@pytest.mark.parametrize(
    "losses",
    [np.full(STEPS, 2.3), np.linspace(2.3, 9.0, STEPS), 2.3 + np.random.default_rng(3).normal(0, 0.02, STEPS)],
    ids=["level", "rising", "noise"],
)
def test_a_loss_that_never_falls_suggests_nothing(losses):
    turn, sentence = turning_point(RATES, losses)
    assert turn is None and "did not fall at any learning rate" in sentence
    assert suggest(turn, sentence, [], []).rate is None


@pytest.mark.parametrize("losses", [[], [2.3], [math.nan] * 50, [2.3] * 12 + [math.inf]], ids=str)
def test_a_loss_that_is_nan_or_infinite_at_once_suggests_nothing(losses):
    assert turning_point(RATES[: len(losses)], losses)[0] is None


def test_what_comes_behind_a_loss_that_is_no_number_does_not_count():
    losses = valley(0.01)
    losses[300:] = math.nan
    assert turning_point(RATES, losses) == turning_point(RATES[:300], losses[:300])


def test_the_rates_tried_go_down_from_the_turning_point_in_half_powers_of_ten():
    rates = candidates(0.02)
    assert rates == (0.02, 0.006, 0.002, 0.0006, 0.0002, 6e-05, 2e-05)
    assert len(rates) == len(SHARES)


def test_the_rate_with_the_lowest_loss_is_suggested_and_of_near_equals_the_lower_one():
    trials = [Trial(0.02, math.inf), Trial(0.006, 1.9), Trial(0.002, 1.5), Trial(0.0006, 1.6), Trial(0.0002, 2.0)]
    assert [trial.rate for trial in best_trials(trials)] == [0.006, 0.002, 0.0006]
    finalists = [Trial(0.006, 1.4), Trial(0.002, 0.9), Trial(0.0006, 1.1)]
    suggestion = suggest(0.02, "The loss turned.", trials, finalists)
    assert (suggestion.rate, suggestion.turn) == (0.002, 0.02)
    assert "Of 5 rates" in suggestion.explanation
    assert "0.002 reached the lowest validation loss" in suggestion.explanation
    finalists[2] = Trial(0.0006, 0.9 * (1 + CLOSE / 2))
    assert suggest(0.02, "", trials, finalists).rate == 0.0006
    assert best_trials([Trial(0.02, math.inf)]) == []
    assert suggest(0.02, "", [Trial(0.02, math.inf)], []).rate is None


def test_four_times_the_best_loss_is_the_end():
    level = [1.0] * (SETTLING + 5)
    assert not exploded(level) and not exploded([*level, EXPLODED])
    assert exploded([*level, EXPLODED + 0.01]) and exploded([*level, math.nan]) and exploded([*level, math.inf])
    assert not exploded([9.0] * 3)  # nothing is settled yet


def test_a_real_curve_is_written_step_by_step_and_its_rate_learns(tmp_path):
    path = tmp_path / "curve.jsonl"
    suggestion = range_test(CONFIG.to_dict(), str(path))
    points = read_points(str(path))
    rates = [point.rate for point in points]
    np.testing.assert_allclose(rates, RATES[: len(points)])
    assert suggestion.turn == turning_point(rates, [point.loss for point in points])[0]
    assert [trial.rate for trial in suggestion.trials] == list(candidates(suggestion.turn))
    assert suggestion.rate in [trial.rate for trial in best_trials(suggestion.trials)]
    assert len(points) < STEPS and exploded([point.smoothed for point in points])
    assert abs(points[0].loss - math.log(10)) < 1.0
    assert 0.005 < suggestion.rate < 0.5  # plain SGD on small digits learns there, far from both ends
    again = tmp_path / "again.jsonl"
    assert range_test(CONFIG.to_dict(), str(again)) == suggestion and again.read_text() == path.read_text()


def test_a_trial_is_the_mean_of_the_last_steps_of_plain_training_and_the_worst_restart_counts():
    """Against the trainer's own two epochs: the second one's second half and a little more."""
    network, _ = worker.programs().network(CONFIG, datasets.load("digits", CONFIG.validation_split))
    assert RESTARTS == 2
    trial = try_rate(CONFIG, network, 0.05)
    losses = []
    for seed in (CONFIG.seed, abs(CONFIG.seed - 1)):
        records = []
        config = CONFIG.with_(seed=seed, learning_rate=0.05, epochs=2)
        train(config, network, on_epoch=lambda record, *_: records.append(record))  # noqa: B023 (called within)
        losses.append([record.loss for record in records])
    firsts, seconds = zip(*losses, strict=True)
    assert max(seconds) * 0.9 < trial.loss < max(firsts)
    assert try_rate(CONFIG, network, 1e-6).loss > 1.2 * trial.loss
    assert try_rate(CONFIG, network, 10.0).loss > 1.2 * trial.loss


def test_points_are_read_while_they_are_written(tmp_path):
    path = tmp_path / "curve.jsonl"
    assert read_points(str(path)) == []
    line = json.dumps({"rate": 1e-6, "loss": None, "smoothed": 2.0}) + "\n"
    path.write_text(line + line[:10])
    [point] = read_points(str(path))
    assert math.isnan(point.loss) and point.smoothed == 2.0


def test_a_bad_setting_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(FieldError, match="width: 0 is not allowed"):
        range_test({**CONFIG.to_dict(), "width": 0}, str(tmp_path / "curve"))
    assert not (tmp_path / "curve").exists()


@pytest.mark.parametrize("line", [b"{}", b"[]", b"[" * 100_000, b'{"rate": 1e300, "loss": 1, "smoothed": 1}', b"\xff"])
def test_points_that_are_none_are_not_drawn(tmp_path, line):
    path = tmp_path / "points.jsonl"
    path.write_bytes(line + b"\n")
    assert read_points(str(path)) == []


def test_points_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "points.jsonl")
    assert read_points(str(tmp_path / "points.jsonl")) == []
