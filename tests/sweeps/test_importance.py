"""The importance of settings, with its uncertainty over the trials."""

import random

import pytest

from explorer.sweeps.importance import FEWEST_TRIALS, importances


def trials(count: int, noise: float):
    draw = random.Random(1)
    settings = [{"depth": draw.randint(1, 8), "activation": draw.choice(["elu", "selu"])} for _ in range(count)]
    return settings, [each["depth"] + draw.gauss(0, noise) for each in settings]


def test_what_decides_explains_most_and_its_uncertainty_falls_with_more_trials():
    few, many = (importances(*trials(count, noise=1.0)) for count in (10, 80))
    for shares in (few, many):
        assert list(shares) == ["depth", "activation"]  # the most important first
        assert shares["depth"].share > 0.6
        assert sum(each.share for each in shares.values()) == pytest.approx(1)
        assert all(each.spread > 0 for each in shares.values())
    assert many["depth"].spread < few["depth"].spread


def test_the_same_trials_give_the_same_shares():
    assert importances(*trials(12, 0.5)) == importances(*trials(12, 0.5))


def test_too_few_or_equal_trials_and_a_setting_that_does_not_vary_have_none():
    settings, values = trials(FEWEST_TRIALS, 0.5)
    assert importances(settings[1:], values[1:]) == {}
    assert importances(settings, [1.0] * len(values)) == {}
    assert importances([{"depth": 3}] * len(values), values) == {}
    assert "width" not in importances([{**each, "width": 20} for each in settings], values)
