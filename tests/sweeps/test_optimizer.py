"""Which settings are asked for: repeatable, whatever happens to the driver."""

import random

import pytest

from explorer.sweeps import optimizer
from explorer.sweeps.optimizer import Optimizer
from explorer.sweeps.study import TRIAL_COMPLETED, TRIAL_FAILED, TRIAL_PRUNED, TRIAL_RUNNING
from explorer.sweeps.study_spec import StudySpec

SPACE = {
    "activation": ["elu", "selu", "relu"],
    "depth": {"low": 1, "high": 9, "step": 2},
    "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
}
SELU = {"when": {"activation": "selu"}, "then": {"kernel_initializer": ["lecun_normal", "lecun_uniform"]}}


def spec(sampler, **more):
    return StudySpec.from_dict(
        {"name": "x", "sampler": sampler, "trials": 20, "space": SPACE, "condition": [SELU], **more}
    )


def result(settings):
    """A made-up objective, lowest near 1e-3."""
    return abs(settings["learning_rate"] - 1e-3) + settings["depth"] / 100


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_restart_at_any_moment_changes_no_trial(tmp_path, sampler):
    steady = Optimizer(spec(sampler), tmp_path / "steady")
    expected = []
    for _ in range(12):
        trial = steady.ask()
        expected.append(trial.settings)
        steady.tell(trial, TRIAL_COMPLETED, result(trial.settings))

    found = []
    for _ in range(12):
        Optimizer(spec(sampler), tmp_path / "restarted").ask()
        [trial] = Optimizer(spec(sampler), tmp_path / "restarted").open_trials()
        found.append(trial.settings)
        again = Optimizer(spec(sampler), tmp_path / "restarted")
        [trial] = again.open_trials()
        again.tell(trial, TRIAL_COMPLETED, result(trial.settings))
    assert found == expected
    assert len({str(settings) for settings in found}) > 8
    assert len(Optimizer(spec(sampler), tmp_path / "restarted").records({})) == 12


def test_another_seed_gives_other_trials():
    first, second = Optimizer(spec("random", seed=1)), Optimizer(spec("random", seed=2))
    assert [first.ask().settings for _ in range(3)] != [second.ask().settings for _ in range(3)]


def test_settings_that_were_half_stored_are_drawn_to_the_same_end(tmp_path):
    """A driver may be killed between any two lines of its journal, or in the middle of one."""
    whole = tmp_path / "whole"
    expected = Optimizer(spec("random"), whole).ask().settings
    lines = whole.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        for more in (b"", lines[kept][: len(lines[kept]) // 2]):
            path = tmp_path / f"cut-{kept}-{len(more)}"
            path.write_bytes(b"".join(lines[:kept]) + more)
            optimizer = Optimizer(spec("random"), path)
            trials = optimizer.open_trials() or [optimizer.ask()]
            assert [(trial.number, trial.settings) for trial in trials] == [(0, expected)]


def test_the_grid_comes_in_order_and_with_its_conditions():
    asked = spec("grid", space={"activation": ["elu", "selu"], "depth": [1, 2]}, trials=99)
    optimizer = Optimizer(asked)
    assert asked.planned == 6
    assert [optimizer.ask().settings for _ in range(6)] == asked.space.grid()


def test_tpe_looks_where_it_was_good():
    optimizer, late = Optimizer(spec("tpe", trials=60)), []
    for number in range(60):
        trial = optimizer.ask()
        optimizer.tell(trial, TRIAL_COMPLETED, result(trial.settings))
        if number >= 30:
            late.append(trial.settings["learning_rate"])
    rng = random.Random(1)
    chance = sum(1e-4 < 10 ** rng.uniform(-5, -1) < 1e-2 for _ in range(1000)) / 1000
    assert sum(1e-4 < rate < 1e-2 for rate in late) / 30 > chance + 0.2


def test_results_are_told_as_they_were(tmp_path):
    optimizer = Optimizer(spec("random"), tmp_path / "journal")
    trials = [optimizer.ask() for _ in range(4)]
    optimizer.tell(trials[0], TRIAL_COMPLETED, 0.5)
    optimizer.tell(trials[1], TRIAL_PRUNED, reason="pruned by hand")
    optimizer.tell(trials[2], TRIAL_FAILED, reason="diverged")
    found = Optimizer(spec("random"), tmp_path / "journal").records({0: ["a run"]})
    assert [(t.trial, t.state, t.value, t.reason, t.runs) for t in found] == [
        (0, TRIAL_COMPLETED, 0.5, "", ["a run"]),
        (1, TRIAL_PRUNED, None, "pruned by hand", []),
        (2, TRIAL_FAILED, None, "diverged", []),
        (3, TRIAL_RUNNING, None, "", []),
    ]
    assert [t.settings for t in found] == [t.settings for t in trials]


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", b""),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\nb", b"a\n"),
        (b"no line is complete", b""),
        (b"a\n" + b"b" * 200_000, b"a\n"),
        (b"a" * 200_000 + b"\n" + b"b" * 3, b"a" * 200_000 + b"\n"),
        (b"b" * 200_000, b""),
    ],
)
def test_an_unfinished_last_line_of_the_storage_is_cut_off_however_long_it_is(tmp_path, content, whole):
    path = tmp_path / "optuna.log"
    path.write_bytes(content)
    optimizer._cut_unfinished_line(path)
    assert path.read_bytes() == whole
