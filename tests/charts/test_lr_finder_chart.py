"""The learning-rate finder's chart: where its axes end, and what is drawn of infinite losses."""

import math

import pytest

from explorer.charts import lr_finder
from explorer.training.lr_finder import Point, Trial

POINTS = [Point(10 ** (-6 + n / 60), 2.3, 2.3) for n in range(180)] + [Point(1e-3, 1.2, 1.6), Point(0.0012, 900.0, 8.0)]


def test_an_explosion_does_not_rule_the_axis_of_the_loss():
    limits = lr_finder.limits(lr_finder.frame(POINTS), math.log(10))
    assert 1.0 < limits.lowest_loss < 1.6 and 2.3 < limits.highest_loss < 3.0


def test_a_start_far_above_guessing_is_on_the_axis():
    points = [Point(p.rate, 60.0, 60.0) for p in POINTS[:180]] + [Point(1e-3, 5.0, 5.0)]
    limits = lr_finder.limits(lr_finder.frame(points), math.log(10))
    assert limits.highest_loss > 60 and limits.lowest_loss <= math.log(10)


def test_the_axis_of_the_rate_ends_where_the_curve_ends():
    assert lr_finder.limits(lr_finder.frame(POINTS), 2.3).highest_rate == pytest.approx(10**-2.5)
    assert lr_finder.limits(lr_finder.frame([]), 2.3).highest_rate == pytest.approx(1e-5)


def test_trials_are_rows_of_their_own_and_a_diverged_one_has_no_height():
    rows = lr_finder.frame(POINTS, [Trial(0.01, math.inf), Trial(0.001, 1.5)], 0.001)
    trials = rows[rows["loss"].isna()]
    assert trials["rate"].tolist() == [0.01, 0.001] and trials["pick"].tolist() == [False, True]
    assert math.isnan(trials["tried"].iloc[0]) and trials["tried"].iloc[1] == 1.5


def test_the_level_of_guessing_is_drawn():
    rows = lr_finder.frame(POINTS)
    assert "chance level" in lr_finder.chart(rows, lr_finder.limits(rows, math.log(10))).to_json()
