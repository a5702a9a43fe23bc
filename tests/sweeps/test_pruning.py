"""Pruning decisions on hand-made curves."""

import optuna
import pytest

from explorer.runs.history import EpochRecord
from explorer.runs.metrics import OBJECTIVES
from explorer.sweeps.pruning import pruner, verdict
from explorer.sweeps.study_spec import StudySpec

EPOCHS = 10


def spec(pruner_name, epochs=EPOCHS, objective="val_loss"):
    values = {"name": "x", "pruner": pruner_name, "epochs": epochs, "objective": objective, "space": {"depth": [1, 2]}}
    return StudySpec.from_dict(values)


def curve(*values):
    return [EpochRecord(e, v, v, v, v, 1e-3, 0.1) for e, v in enumerate(values, 1)]


def study_of(asked, *done):
    study = optuna.create_study(direction=OBJECTIVES[asked.objective].direction, pruner=pruner(asked, asked.epochs))
    for values in done:
        trial = study.ask()
        for record in curve(*values):
            trial.report(record.val_loss, record.epoch)
        study.tell(trial, values[-1])
    return study


def ended(asked, study, *values):
    """After which epoch a curve is ended; None when it goes on."""
    told, reason = verdict(asked, study.ask(), curve(*values), 0, asked.epochs)
    assert bool(reason) == (f"after epoch {told}" in reason)
    return told if reason else None


FOUR = [[level / epoch for epoch in range(1, EPOCHS + 1)] for level in (0.8, 0.9, 1.1, 1.2)]


def test_median_ends_what_is_worse_than_the_median_after_its_start():
    asked = spec("median")
    study = study_of(asked, *FOUR)
    # the median after epoch 2 is (0.9 + 1.1) / 2 / 2 = 0.5; before that nothing is judged
    assert ended(asked, study, 9.0) is None
    assert ended(asked, study, 9.0, 0.51) == 2
    assert ended(asked, study, 9.0, 0.49) is None
    # it is the best epoch so far that is judged: 0.4 holds until the median falls below it, 1 / 3 after epoch 3
    assert ended(asked, study, 9.0, 0.4, 9.0) == 3


def test_median_says_nothing_with_fewer_than_four_trials():
    asked = spec("median")
    assert ended(asked, study_of(asked, *FOUR[:3]), 9.0, 9.0, 9.0) is None


def test_median_of_accuracies_ends_what_is_lower():
    asked = spec("median", objective="val_accuracy")
    study = study_of(asked, *[[0.5] * EPOCHS] * 4)
    assert ended(asked, study, 0.1, 0.4) == 2
    assert ended(asked, study, 0.1, 0.6) is None


def test_after_the_last_epoch_there_is_nothing_to_save():
    asked = spec("median", epochs=3)
    assert ended(asked, study_of(asked, *[[0.1] * 3] * 4), 9.0) == 1
    short = study_of(asked, *[[0.1] * 3] * 4)
    assert verdict(asked, short.ask(), curve(9.0, 9.0, 9.0)[2:], 0, 3)[1] == ""


def test_a_decision_does_not_depend_on_how_often_one_looked():
    asked = spec("median")
    values = (9.0, 0.45, 0.6, 0.9)
    at_once = ended(asked, study_of(asked, *FOUR), *values)
    study, told, reason = study_of(asked, *FOUR), 0, ""
    trial = study.ask()
    for seen in range(1, len(values) + 1):
        told, reason = verdict(asked, trial, curve(*values[:seen]), told, EPOCHS)
        if reason:
            break
    assert (told if reason else None) == at_once == 3


def test_values_that_are_not_finite_are_left_out():
    asked = spec("median")
    assert ended(asked, study_of(asked, *FOUR), 9.0, float("nan"), float("inf")) is None


def test_none_ends_nothing():
    asked = spec("none")
    assert ended(asked, study_of(asked, *FOUR), *[99.0] * EPOCHS) is None


@pytest.mark.parametrize("objective", ["val_loss", "val_accuracy"])
def test_hyperband_ends_the_worse_at_its_rungs_and_never_the_best(objective):
    asked = spec("hyperband", epochs=9, objective=objective)
    study = optuna.create_study(direction=OBJECTIVES[objective].direction, study_name="rungs", pruner=pruner(asked, 9))
    qualities = [(7 * number) % 30 for number in range(30)]
    best = min(qualities) if objective == "val_loss" else max(qualities)
    ends = []
    for quality in qualities:
        trial = study.ask()
        told, reason = verdict(asked, trial, curve(*[float(quality)] * 9), 0, 9)
        study.tell(trial, None if reason else quality, state=optuna.trial.TrialState.PRUNED if reason else None)
        ends.append(told if reason else None)
    assert {end for end in ends if end} == {1, 3}
    assert ends[qualities.index(best)] is None
    assert sum(end is None for end in ends) < 20
