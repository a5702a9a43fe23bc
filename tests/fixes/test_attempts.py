"""The runs that try fixes: their folders name origin and fix, they are found again, and the best two go together."""

import numpy as np
import pytest
from made_runs import DIGITS

from explorer.config import ONE_CYCLE
from explorer.fixes import attempts, plan
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.run_summary import summarize
from explorer.runs.status import COMPLETED, FAILED

RATE, L2 = {"learning_rate": 1e-4}, {"l2": 1e-4}


def trained(run: Run, *accuracies: float, recorded: bool = True, cause: Cause = Cause.ALL_EPOCHS) -> Run:
    for epoch, accuracy in enumerate(accuracies, 1):
        if recorded:
            run.append_correct(epoch, np.arange(360) < round(360 * accuracy))
        run.append(EpochRecord(epoch, 1.0, accuracy, 2 - accuracy, accuracy, 1e-3, 0.1))
    run.end(FAILED if cause is Cause.DIVERGED else COMPLETED, "it ended", cause)
    return run


def found(store, run: Run) -> dict:
    return attempts.attempts_of(summarize(run), store.list())


def tried(store, origin: Run, change, *accuracies: float, compared: bool = False, **more) -> Run:
    planned = attempts.wanted(summarize(origin), [change])
    run = attempts.create(store, summarize(origin), planned, compared=compared)[-1]
    return trained(run, *accuracies, **more) if accuracies else run


@pytest.fixture
def origin(store) -> Run:
    return trained(store.create(DIGITS.with_(epochs=50)), 0.2, 0.3, 0.4)


def test_an_attempt_has_the_change_the_length_and_nothing_else_and_is_found_by_its_origin(store, origin):
    other = trained(store.create(DIGITS.with_(epochs=50)), 0.2)
    run = tried(store, origin, RATE)
    assert run.config == origin.config.with_(**RATE, epochs=3)
    assert [attempt.summary.name for attempt in found(store, origin).values()] == [run.name]
    assert found(store, other) == {}


def test_the_newest_attempt_of_a_change_counts_and_one_with_other_settings_does_not(store, origin):
    tried(store, origin, RATE, 0.1, cause=Cause.DIVERGED)
    newest = tried(store, origin, RATE, 0.5, 0.6, 0.7)
    other = attempts.FixMark(origin.name, RATE)
    trained(store.create(origin.config.with_(**RATE, seed=2), fix=other), 0.9)
    assert [attempt.summary.name for attempt in found(store, origin).values()] == [newest.name]


def test_the_effect_is_known_when_the_attempt_has_ended(store, origin):
    run = tried(store, origin, RATE)
    [attempt] = found(store, origin).values()
    assert attempt.is_active and attempts.effect_of(summarize(origin), attempt, found(store, origin)) is None
    trained(run, 0.5, 0.6, 0.7)
    [effect] = attempts.effects(summarize(origin), found(store, origin))
    assert (effect.before.val_accuracy, effect.after.val_accuracy) == (0.4, 0.7)
    assert effect.compared.only_b == 108 and effect.run == run.name


def test_of_a_run_of_an_earlier_version_several_fixes_are_compared_with_the_unchanged_network(store):
    old = trained(store.create(DIGITS.with_(epochs=50)), 0.2, 0.3, recorded=False)
    summary = summarize(old)
    assert attempts.wanted(summary, [RATE]) == [(RATE, 2)]
    assert attempts.wanted(summary, [RATE, L2]) == [({}, 2), (RATE, 2), (L2, 2)]
    again, one, other = attempts.create(store, summary, attempts.wanted(summary, [RATE, L2]), compared=True)
    trained(one, 0.5, 0.6)
    trained(other, 0.5, 0.5)
    assert attempts.effects(summarize(old), found(store, old)) == []  # what they are compared with is not trained yet
    trained(again, 0.2, 0.31)
    effects = attempts.effects(summarize(old), found(store, old))
    assert [effect.before.val_accuracy for effect in effects] == [0.31, 0.31]
    assert all(effect.compared for effect in effects)


def test_a_schedule_that_depends_on_the_length_has_its_unchanged_network_trained_for_it(store):
    run = trained(store.create(DIGITS.with_(epochs=50, schedule=ONE_CYCLE)), *[0.2] * 20)
    assert attempts.wanted(summarize(run), [L2]) == [({}, 10), (L2, 10)]
    short = trained(store.create(DIGITS.with_(epochs=5, schedule=ONE_CYCLE)), *[0.2] * 5)
    assert attempts.wanted(summarize(short), [L2]) == [(L2, 5)]


def test_the_best_two_are_tried_when_all_of_a_comparison_has_ended(store, origin):
    tried(store, origin, RATE, 0.5, 0.6, 0.7, compared=True)
    waiting = tried(store, origin, L2, compared=True)
    worse = {"clip_norm": 1.0}
    tried(store, origin, worse, 0.1, 0.1, 0.1, compared=True)
    assert attempts.pair_to_try(summarize(origin), found(store, origin)) is None
    trained(waiting, 0.5, 0.5, 0.5)
    pair, epochs = attempts.pair_to_try(summarize(origin), found(store, origin))
    assert (pair, epochs) == ({**RATE, **L2}, 3)
    tried(store, origin, pair, 0.5, 0.6, 0.8, compared=True)
    assert attempts.pair_to_try(summarize(origin), found(store, origin)) is None
    effects = attempts.effects(summarize(origin), found(store, origin))
    assert [dict(effect.change) for effect in effects] == [pair, RATE, L2, worse]


def test_single_fixes_are_not_tried_together_unasked(store, origin):
    tried(store, origin, RATE, 0.5, 0.6, 0.7)
    tried(store, origin, L2, 0.5, 0.6, 0.7)
    assert attempts.pair_to_try(summarize(origin), found(store, origin)) is None


def test_a_longer_patience_is_not_compared_with_the_unchanged_network(store):
    run = trained(store.create(DIGITS.with_(epochs=50, patience=1)), 0.2, 0.3, cause=Cause.EARLY_STOPPING)
    change = {"patience": 20}
    assert attempts.wanted(summarize(run), [change]) == [(change, 2 + plan.MOST_EPOCHS)]
    tried(store, run, change, *[0.2] * 11, 0.9)
    [effect] = attempts.effects(summarize(run), found(store, run))
    assert (effect.before.epoch, effect.after.epoch) == (2, 12)
