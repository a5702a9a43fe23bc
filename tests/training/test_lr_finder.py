"""The range test: what hand-made curves suggest, and a real one on the digits."""

import json
import math
import os

import numpy as np
import pytest

from explorer.config import TrainingConfig
from explorer.errors import FieldError
from explorer.training.lr_finder import (
    EXPLODED,
    HIGHEST,
    LOWEST,
    SETTLING,
    STEPS,
    exploded,
    growing_rates,
    smooth,
    suggest,
)
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
def test_a_tenth_of_where_the_loss_turns_up_is_suggested(turn):
    found = suggest(RATES, valley(turn))
    assert turn / 1.5 < found.turn < turn * 1.5
    assert found.rate == pytest.approx(found.turn / 10, rel=0.35)  # in one digit
    assert f"{found.rate:g}" in found.words and "rose again" in found.words


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_suggestion_by_no_more_than_its_size(seed):
    losses = valley(0.01) + np.random.default_rng(seed).normal(0, 0.15, STEPS)
    assert 1e-3 / 4 < suggest(RATES, losses).rate < 1e-3 * 4


def test_a_loss_that_falls_to_the_end_is_told_as_such():
    found = suggest(RATES, np.linspace(2.3, 0.5, STEPS))
    assert found.turn == pytest.approx(HIGHEST) and found.rate == 1.0 and "still falling" in found.words


@pytest.mark.parametrize(
    "losses",
    [np.full(STEPS, 2.3), np.linspace(2.3, 9.0, STEPS), 2.3 + np.random.default_rng(3).normal(0, 0.02, STEPS)],
    ids=["level", "rising", "noise"],
)
def test_a_loss_that_never_falls_suggests_nothing(losses):
    found = suggest(RATES, losses)
    assert found.rate is None and "did not fall at any learning rate" in found.words


@pytest.mark.parametrize("losses", [[], [2.3], [math.nan] * 50, [2.3] * 12 + [math.inf]], ids=str)
def test_a_loss_that_is_nan_or_infinite_at_once_suggests_nothing(losses):
    assert suggest(RATES[: len(losses)], losses).rate is None


def test_what_comes_behind_a_loss_that_is_no_number_does_not_count():
    losses = valley(0.01)
    losses[300:] = math.nan
    assert suggest(RATES, losses).turn == suggest(RATES[:300], losses[:300]).turn


def test_four_times_the_best_loss_is_the_end():
    level = [1.0] * (SETTLING + 5)
    assert not exploded(level) and not exploded([*level, EXPLODED])
    assert exploded([*level, EXPLODED + 0.01]) and exploded([*level, math.nan]) and exploded([*level, math.inf])
    assert not exploded([9.0] * 3)  # nothing is settled yet


def test_a_real_curve_is_written_step_by_step_and_its_rate_learns(tmp_path):
    path = tmp_path / "curve.jsonl"
    found = range_test(CONFIG.to_dict(), str(path))
    points = read_points(str(path))
    rates = [point.rate for point in points]
    np.testing.assert_allclose(rates, RATES[: len(points)])
    assert found == suggest(rates, [point.loss for point in points])
    assert len(points) < STEPS and exploded([point.smoothed for point in points])
    assert abs(points[0].loss - math.log(10)) < 1.0
    assert 0.005 < found.rate < 0.5  # plain SGD on small digits learns there, far from both ends
    again = tmp_path / "again.jsonl"
    assert range_test(CONFIG.to_dict(), str(again)) == found and again.read_text() == path.read_text()


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
