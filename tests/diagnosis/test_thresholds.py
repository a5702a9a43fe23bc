"""Every threshold: what its rule makes of runs that are just below it, at it and just above it."""

import dataclasses
import re

import pytest
import threshold_curves
import threshold_regularization
import threshold_signals
import threshold_start
import threshold_steps
from threshold_case import GUESSING, RELU, Case, run, seen
from threshold_regularization import frozen, shifted, shrinking
from threshold_start import deep
from threshold_steps import slow

from explorer.diagnosis import regularization, schedules, start, step_size
from explorer.diagnosis.suggestions import usual_rate
from explorer.diagnosis.thresholds import LIMITS, limit

TABLES = (threshold_signals, threshold_start, threshold_regularization, threshold_steps, threshold_curves)
CASES = [case for table in TABLES for case in table.CASES]


def set_to(monkeypatch, name: str, value: float) -> None:
    """Another value in the table."""
    monkeypatch.setitem(LIMITS, name, dataclasses.replace(LIMITS[name], value=value))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.about}".strip())
def test_a_rule_below_at_and_above_its_threshold(case: Case, monkeypatch):
    below, at, above = case.around()
    assert case.rule(case.make(below)) == case.expected[0], "below"
    assert case.rule(case.make(above)) == case.expected[2], "above"
    # at the threshold to the last digit, which floating-point numbers may miss
    made = case.make(at)
    assert case.reached(at) == pytest.approx(at, rel=1e-9)
    set_to(monkeypatch, case.name, case.reached(at))
    assert case.rule(made) == case.expected[1], "at"


def test_a_case_tells_two_sides_apart():
    assert [case for case in CASES if case.expected[0] == case.expected[2]] == []


# --- what is no limit but a size that is suggested or told ----------------------------------------------------


def lower_penalty() -> float:
    """The suggested penalty before training / chance level, of a network of six layers of weights of norm 30."""
    made = run(RELU.with_(l2=0.5), [], seen(0, weight_norm=30.0))
    return regularization.l2_too_strong(made).fixes[0].change["l2"] * 6 * 30**2 / GUESSING


def lower_dropout() -> float:
    """What the suggested dropout of a single layer leaves of the signal."""
    return 1 - regularization.gentle_rate(RELU.with_(dropout="alpha_output"))


def higher_rate() -> float:
    """The size of a step at the rate that is suggested where the usual one is not enough: steps grow with the rate."""
    usual, higher, *_ = step_size.rate_too_low(slow(1.25e-4, rate=1e-5)).fixes
    assert usual.change == {"learning_rate": usual_rate(RELU)}
    return 1.25e-4 * higher.change["learning_rate"] / 1e-5


def twice_the_depth() -> float:
    """Twice the number of layers that is suggested for a network that is too deep."""
    return 2 * start.too_deep(deep(dead=0.5)).fixes[0].change["depth"]


def told_share() -> float:
    """The share of the learning rate that a frozen schedule is told to leave at most, as a rate and in percent."""
    words = schedules.schedule_too_low(frozen(8, 12, share=1e-6)).evidence
    rate, share = re.search(r"at most (\S+), (\d+)% of the configured 0.001", words).groups()
    assert float(rate) == pytest.approx(int(share) * 1e-5)
    return int(share) / 100


def lower_decay() -> float:
    """What the suggested weight decay takes of the weights per epoch."""
    made = shrinking(rate=0.1)
    return regularization.weight_decay_too_strong(made).fixes[0].change["weight_decay"] * 0.1 * made.steps_per_epoch


def smaller_shift() -> float:
    """The suggested shift / the side of the images."""
    return regularization.shift_too_strong(shifted()).fixes[0].change["shift"] / 32


USED = {
    "mild_decay": lower_decay,
    "gentle_shift": smaller_shift,
    "mild_penalty": lower_penalty,
    "gentle_signal": lower_dropout,
    "usual_update": higher_rate,
    "deep_layers": twice_the_depth,
    "frozen_rate": told_share,
}


@pytest.mark.parametrize("name", USED)
@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_what_is_suggested_or_told_has_the_size_that_the_table_gives(name, factor, monkeypatch):
    wanted = factor * limit(name)
    set_to(monkeypatch, name, wanted)
    assert USED[name]() == pytest.approx(wanted, rel=0.2)


# --- completeness ---------------------------------------------------------------------------------------------


def test_every_threshold_has_a_case():
    assert set(LIMITS) - {case.name for case in CASES} - set(USED) == set()
