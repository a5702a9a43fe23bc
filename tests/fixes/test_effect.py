"""What came of a fix: compared at the same epoch and on the same images, ranked, and said in a sentence."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from made_runs import DIGITS

from explorer.config import RAW, STANDARDIZED
from explorer.evaluation.mcnemar import Comparison
from explorer.fixes import effect
from explorer.plain_text import to_json
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord

BEFORE = DIGITS.with_(input_scaling=RAW)
CHANGE = {"input_scaling": STANDARDIZED}


def records(*accuracies: float) -> list[EpochRecord]:
    return [EpochRecord(n, 1.0, a, 2.0 - a, a, 1e-3, 0.1) for n, a in enumerate(accuracies, 1)]


def images(count: int, of: int = 1000) -> np.ndarray:
    return np.arange(of) < count


def of(before, after, cause=Cause.ALL_EPOCHS, change=None, config=BEFORE, correct=(lambda e: None, lambda e: None)):
    change = CHANGE if change is None else change
    return effect.effect_of(change, config, config.with_(**change), before, after, cause, correct, "it")


def test_the_sentence_names_the_fix_both_results_the_epoch_and_the_common_start():
    tried = of(records(*[0.1] * 7, 0.431, 0.9), records(*[0.2] * 7, 0.469))
    assert effect.sentence(tried) == (
        "With standardized inputs: 46.90% instead of 43.10% after 8 epochs (same start, seed 1)."
    )
    assert tried.difference == pytest.approx(0.038) and tried.helps


def test_points_are_not_called_images():
    points = BEFORE.with_(dataset="moons")
    right = (lambda e: images(100), lambda e: images(101))
    measured, old = (
        of(records(0.1), records(0.2), config=points, correct=each) for each in (right, (lambda e: None,) * 2)
    )
    assert "1 points correct only with it" in effect.interval_words(measured)
    assert "did not record which points were correct" in effect.interval_words(old)
    assert "on these points the difference could be due to chance" in effect.verdict([measured])


def test_other_initial_weights_are_said():
    tried = of(records(0.1), records(0.5), change={"kernel_initializer": "lecun_normal"})
    assert effect.sentence(tried).endswith("after 1 epoch (seed 1 for both, different initial weights).")


def test_the_same_epoch_is_compared_wherever_either_of_the_two_ends():
    asked = []
    correct = (lambda e: asked.append(e) or images(100), lambda e: asked.append(e) or images(150))
    longer, shorter = records(0.1, 0.2, 0.3, 0.4), records(0.5, 0.6)
    for before, after in ((longer, shorter), (shorter, longer)):
        tried = of(before, after, Cause.EARLY_STOPPING, correct=correct)
        assert (tried.before.epoch, tried.after.epoch) == (2, 2)
    assert asked == [2, 2, 2, 2]
    assert tried.compared == Comparison(both=100, only_a=0, only_b=50, neither=850) and tried.is_clear


def test_a_longer_patience_is_compared_at_the_best_epoch_of_each():
    tried = of(records(0.5, 0.4), records(0.5, 0.4, 0.7, 0.6), change={"patience": 20}, config=BEFORE)
    assert (tried.before.epoch, tried.after.epoch) == (1, 3)
    assert "70.00% at epoch 3 instead of 50.00% at epoch 1 (lowest validation loss; same start" in effect.sentence(
        tried
    )


def test_a_fix_that_diverges_or_fails_has_no_result():
    tried = of(records(0.4, 0.5), records(0.3), Cause.DIVERGED, {"learning_rate": 10.0})
    assert tried.after is None and tried.difference is None and not tried.helps
    assert effect.sentence(tried) == "With learning rate 10, training diverges (same start, seed 1)."
    assert effect.interval_words(tried) == ""
    assert "ended without a result" in effect.sentence(of(records(0.4), [], Cause.OUT_OF_MEMORY))


def test_a_run_that_diverged_at_once_has_nothing_to_compare_with_and_the_fix_helps():
    tried = of([], records(0.3, 0.9))
    assert tried.helps and tried.difference is None
    assert effect.sentence(tried).startswith(
        "With standardized inputs: 90.00% after 2 epochs; without it, no epoch was"
    )


def test_the_largest_gain_comes_first_equal_ones_by_their_loss_and_what_failed_last():
    before = records(0.4)
    good, better, worse = (of(before, records(accuracy)) for accuracy in (0.5, 0.6, 0.3))
    equal = replace(good, after=replace(good.after, val_loss=0.1))
    failed = of(before, [], Cause.DIVERGED)
    infinite = replace(good, after=replace(good.after, val_loss=math.nan))
    assert effect.ranked([worse, failed, good, infinite, equal, better]) == [
        better,
        equal,
        good,
        infinite,
        worse,
        failed,
    ]


def test_the_verdict_says_what_is_best_whether_it_may_be_chance_and_where_nothing_helps():
    before = records(0.4)
    better = of(before, records(0.5), correct=(lambda e: images(400), lambda e: images(500)))
    chance = of(before, records(0.403), correct=(lambda e: images(400), lambda e: images(403)))
    assert effect.verdict([better, chance]) == "The best fix is standardized inputs."
    assert "could be due to chance" in effect.verdict([chance])
    assert effect.verdict([of(before, records(0.4))]) == "None of these fixes helps."
    assert effect.verdict([]) == ""


def test_the_interval_in_words_and_what_an_earlier_version_did_not_record():
    tried = of(records(0.4), records(0.5), correct=(lambda e: images(400), lambda e: images(500)))
    low, high = tried.compared.interval
    assert effect.interval_words(tried) == (
        f"+10.00 points (95% interval +{100 * low:.2f} to +{100 * high:.2f}; 100 images correct only with it, 0 only "
        "without; p < 0.0001)"
    )
    assert effect.interval_words(of(records(0.4), records(0.5))).startswith("+10.00 points (no interval")


def test_the_values_are_json_with_both_results():
    tried = of(records(0.4), records(0.5), correct=(lambda e: images(400), lambda e: images(500)))
    told = json.loads(to_json(effect.values(tried)))
    assert told["before"] == {"val_accuracy": 0.4, "val_loss": 1.6, "epoch": 1}
    assert told["after"]["val_accuracy"] == 0.5 and told["p_value"] < 1e-4 and told["tried_by"] == "it"
    failed = json.loads(to_json(effect.values(of(records(0.4), [], Cause.DIVERGED))))
    assert failed["after"] == {"val_accuracy": None, "val_loss": None, "epoch": None} and failed["interval"] is None
