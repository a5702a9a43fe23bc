"""Which fixes are plausible, for how many epochs they are trained, and which two go together."""

import pytest
from made_runs import DIGITS

from explorer.config import COSINE, EXPONENTIAL, ONE_CYCLE, RAW, STANDARDIZED
from explorer.diagnosis import PROBLEM, WARNING, Finding, Fix
from explorer.fixes import plan
from explorer.runs.cause import Cause

RAW_SELU = DIGITS.with_(activation="selu", input_scaling=RAW)


def finding(change=None, *others, name="inputs", severity=PROBLEM) -> Finding:
    return Finding(name, severity, 0, "seen", "why", change=change or {}, others=others)


def test_the_fix_of_each_finding_comes_first_and_those_of_other_causes_after_all_of_them():
    rate, l2, glorot = {"learning_rate": 3e-5}, {"l2": 0.0001}, {"kernel_initializer": "glorot_normal"}
    findings = [finding(rate, glorot), finding(l2, {"depth": 3}, severity=WARNING), finding()]
    assert plan.plausible(DIGITS, findings) == [rate, l2, glorot, {"depth": 3}]


def test_settings_that_only_help_together_are_tried_together():
    change = {"input_scaling": STANDARDIZED, "kernel_initializer": "lecun_normal"}
    assert plan.plausible(RAW_SELU, [finding(change)]) == [change]


def test_the_same_fix_of_two_findings_is_tried_once():
    same = [finding({"input_scaling": STANDARDIZED}), finding({"input_scaling": STANDARDIZED}, name="exploding")]
    assert plan.plausible(RAW_SELU, same) == [{"input_scaling": STANDARDIZED}]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"input_scaling": STANDARDIZED},  # it is there already
        {"depth": 120},  # out of bounds
        {"decay_epochs": 5},  # no effect without its schedule
        {"learning_rate": 1e-4, "input_scaling": STANDARDIZED},  # one half is there already
        {"unknown": 1},
    ],
)
def test_what_changes_nothing_is_no_fix(change):
    assert plan.plausible(DIGITS, [finding(change, change)]) == []


def test_no_more_fixes_than_a_student_can_compare():
    many = [finding({"learning_rate": 0.001 * number}) for number in range(2, 30)]
    assert len(plan.plausible(DIGITS, many)) == plan.MOST_FIXES


@pytest.mark.parametrize(
    ("epochs", "trained", "cause", "expected"),
    [
        (1000, 8, Cause.EARLY_STOPPING, 8),
        (8, 8, Cause.ALL_EPOCHS, 8),
        (1000, 52, Cause.ALL_EPOCHS, 10),
        (1000, 4, Cause.STOPPED_BY_REQUEST, 4),
        (1000, 1, Cause.DIVERGED, 10),  # how long it would have been is not known
        (6, 1, Cause.DIVERGED, 6),
        (1000, 3, None, 10),  # it is still trained
        (1000, 0, Cause.STOPPED_BY_REQUEST, 10),
    ],
)
def test_a_fix_is_trained_for_as_many_epochs_as_the_run_at_most_ten(epochs, trained, cause, expected):
    config = DIGITS.with_(epochs=epochs)
    assert plan.epochs_to_train(config, trained, cause, {"l2": 1e-4}) == expected


def test_another_limit_can_be_given():
    assert plan.epochs_to_train(DIGITS, 52, Cause.ALL_EPOCHS, {"l2": 1e-4}, most=30) == 30


def test_a_longer_patience_is_tried_beyond_the_end_of_the_run():
    config = DIGITS.with_(epochs=1000, patience=1)
    assert plan.epochs_to_train(config, 14, Cause.EARLY_STOPPING, {"patience": 20}) == 24
    both = {"patience": 20, "learning_rate": 1e-4}
    assert plan.epochs_to_train(config, 14, Cause.EARLY_STOPPING, both) == 10


def test_only_the_fix_and_the_length_differ_from_the_run():
    changed = plan.tried_config(DIGITS, {"l2": 1e-4}, 7)
    assert changed == DIGITS.with_(l2=1e-4, epochs=7)


@pytest.mark.parametrize(
    ("schedule", "epochs", "needed"),
    [(ONE_CYCLE, 10, True), (COSINE, 10, True), (ONE_CYCLE, 40, False), (EXPONENTIAL, 10, False)],
)
def test_the_unchanged_network_is_trained_too_where_its_schedule_depends_on_the_length(schedule, epochs, needed):
    assert plan.needs_baseline(DIGITS.with_(schedule=schedule, epochs=40), epochs) is needed


def test_the_best_two_fixes_are_tried_together_unless_they_contradict():
    rate, slower, l2 = {"learning_rate": 1e-4}, {"learning_rate": 1e-5}, {"l2": 1e-4}
    both = {"learning_rate": 1e-4, "l2": 1e-4}
    assert plan.best_pair(DIGITS, [rate, slower, l2], [rate, slower, l2]) == both
    assert plan.best_pair(DIGITS, [rate, slower], [rate, slower]) is None
    assert plan.best_pair(DIGITS, [rate], [rate]) is None
    assert plan.best_pair(DIGITS, [rate, l2], [rate, l2, both]) is None
    assert plan.best_pair(DIGITS, [both, l2], [both, l2]) is None  # the second is part of the first


def test_the_reason_for_several_settings_is_that_of_the_finding_that_suggests_them():
    both = {"learning_rate": 1e-4, "l2": 1e-4}
    findings = [
        Finding("inputs", PROBLEM, 0, "seen", "why", [Fix({"l2": 1e-4})]),
        Finding("exploding", WARNING, 0, "seen", "why", [Fix({"depth": 3}), Fix(both, "Only together.")]),
    ]
    assert plan.reason_of(both, findings) == "Only together."
    assert plan.reason_of({"l2": 1e-4}, findings) == plan.reason_of({"width": 5}, findings) == ""
