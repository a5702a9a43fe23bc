"""Suggested changes: always new, allowed, with an effect, and in line with what their finding says."""

import ast
import logging
import math
import random
from pathlib import Path

import pytest
import test_thresholds
from made_runs import DIGITS, history, signals
from threshold_case import seen, with_

from explorer import diagnosis
from explorer.config import FIELDS, TrainingConfig
from explorer.diagnosis import PROBLEM, Evidence, Finding, Fix, diagnose
from explorer.diagnosis.suggestions import DIRECTIONS, RATE_TOO, admissible, checked
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord


@pytest.mark.parametrize(
    ("config", "change"),
    [
        ({}, {}),
        ({}, {"learning_rate": 1e-3}),  # there already
        ({}, {"depth": 120}),  # out of bounds
        ({}, {"decay_epochs": 40}),  # no effect: the rate is constant
        ({}, {"dropout_rate": 0.3}),
        ({"depth": 0}, {"width": 40}),
        ({"depth": 0}, {"activation": "relu"}),
        ({"depth": 0}, {"kernel_initializer": "lecun_normal"}),
        ({"depth": 0}, {"dropout": "hidden"}),
        ({"dropout": "hidden", "dropout_rate": 0.0}, {"dropout": "off"}),
        ({}, {"depth": 6, "plateau_factor": 0.1}),  # one of the two has no effect
    ],
)
def test_what_is_no_suggestion(config, change):
    assert not admissible(DIGITS.with_(**config), change)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rate_too_low", {"learning_rate": 1e-4}),
        ("rate_too_high", {"learning_rate": 1e-2}),
        ("few_steps", {"batch_size": 64}),
        ("l2_too_strong", {"l2": 0.1}),
        ("overfitting", {"width": 200}),
        ("underfitting", {"width": 50}),
        ("patience_too_short", {"patience": 1}),
    ],
)
def test_a_suggestion_does_not_contradict_its_finding(name, change):
    assert admissible(DIGITS, change) and not admissible(DIGITS, change, name)


@pytest.mark.parametrize("name", ["exploding", "diverged"])
def test_gradients_that_are_clipped_already_are_not_clipped_less(name):
    clipped = DIGITS.with_(clip_norm=0.5)
    assert admissible(DIGITS, {"clip_norm": 1.0}, name) and admissible(clipped, {"clip_norm": 0.1}, name)
    assert not admissible(clipped, {"clip_norm": 1.0}, name) and not admissible(clipped, {"clip_norm": 0.0}, name)
    assert admissible(clipped, {"clip_norm": 1.0}, "clipping_too_strong")
    assert admissible(clipped, {"clip_norm": 0.0}, "clipping_too_strong")
    assert not admissible(clipped, {"clip_norm": 0.1}, "clipping_too_strong")


# the way in which a finding's words allow a number to be changed, written down anew; 0 is no clipping at all
LESS, MORE, EITHER = "less", "more", "either"
WAYS = {
    "learning_rate": {
        **dict.fromkeys(("rate_too_high", "exploding", "diverged", "dead", "saturated", "vanishing"), LESS),
        **dict.fromkeys(("rate_too_low", "clipping_too_strong"), MORE),
        **dict.fromkeys(("underfitting", "stuck", "inputs", "few_steps"), EITHER),
    },
    "peak_factor": dict.fromkeys(("rate_too_high", "exploding", "diverged", "dead", "saturated", "vanishing"), LESS),
    "clip_norm": {"exploding": LESS, "diverged": LESS, "clipping_too_strong": MORE},
}


@pytest.mark.parametrize("seed", range(20))
def test_rates_and_limits_are_changed_only_in_the_way_that_the_words_allow(seed):
    rng = random.Random(1000 + seed)
    for _ in range(100):
        run = drawn_evidence(rng)
        for finding in diagnose(run):
            for change in [finding.change, *finding.others]:
                for name in WAYS.keys() & change.keys():
                    before, after = getattr(run.config, name), change[name]
                    if name == "clip_norm":
                        before, after = before or math.inf, after or math.inf
                    raises = run.crawls and name == "learning_rate" and len(change) > 1
                    way = MORE if raises else WAYS[name][finding.name]
                    assert way == EITHER or way == (MORE if after > before else LESS), (finding.name, change, before)


def test_the_first_admissible_fix_is_suggested_and_the_others_are_kept():
    fixes = [
        Fix({"learning_rate": 1e-3}),
        Fix({"depth": 500, "width": 100}, "both"),
        Fix({"width": 200}),
        Fix({"width": 200}),
    ]
    finding = checked(Finding("underfitting", PROBLEM, 1, "", "Why.", fixes), DIGITS)
    assert finding.change == {"depth": 100} and finding.others == [{"width": 200}]
    assert finding.why == "Why.", "a single setting needs no reason for a second one"
    assert checked(Finding("underfitting", PROBLEM, 1, "", "Why.", fixes[:1]), DIGITS).change == {}


def test_the_reason_for_two_settings_is_part_of_the_explanation():
    fix = Fix({"depth": 6, "width": 200}, "One alone is not enough.")
    assert (
        checked(Finding("underfitting", PROBLEM, 1, "", "Why.", [fix]), DIGITS).why == "Why. One alone is not enough."
    )


def test_a_rule_that_fails_costs_its_finding_and_not_the_page(monkeypatch, caplog):
    def broken(run):
        raise ZeroDivisionError

    records = history(*[2.303] * 3, accuracy=0.1)
    before = [finding.name for finding in diagnose(Evidence(DIGITS, records))]
    monkeypatch.setattr(diagnosis, "RULES", (broken, *diagnosis.RULES))
    with caplog.at_level(logging.ERROR):
        assert [finding.name for finding in diagnose(Evidence(DIGITS, records))] == before != []
    assert "the rule broken failed" in caplog.text and "ZeroDivisionError" in caplog.text


def drawn_config(rng: random.Random) -> TrainingConfig:
    """Any configuration, its numbers over all orders of magnitude, many at their bounds."""
    values = {}
    for name, field in FIELDS.items():
        if field.choices:
            values[name] = rng.choice(field.choices)
        elif isinstance(field.default, int):
            low, high = int(field.minimum), min(int(field.maximum), 100)
            values[name] = rng.choice((low, int(field.maximum), rng.randint(low, high), rng.randint(low, high)))
        else:
            low, high = max(field.minimum, 1e-7), field.maximum
            values[name] = rng.choice((field.minimum, high, low * (high / low) ** rng.random()))
    return TrainingConfig(**{**values, "depth": rng.choice((0, 1, 2, 5, 20, 60, 100))})


def drawn_evidence(rng: random.Random) -> Evidence:
    """A run of any configuration with any history that can be read from a file."""
    config = drawn_config(rng)
    strange = [0.0, 1e-300, 1e-30, 1e-8, 1e-3, 0.1, 0.5, 1.0, 2.3026, 5.0, 1e3, 1e30, float("nan"), float("inf")]
    usual = rng.random() < 0.5

    def number() -> float:
        return 10 ** rng.uniform(-3, 1) if usual else rng.choice(strange)

    records = [
        EpochRecord(
            *(
                epoch,
                number(),
                rng.random(),
                number(),
                rng.random(),
                config.learning_rate * rng.choice((1, 0.1, 1e-3, 0)),
            ),
            *(0.1, rng.choice((0.0, number())), rng.choice((0.0, number())), rng.choice((0.0, 1.0, float("nan")))),
        )
        for epoch in range(1, rng.choice((0, 1, 2, 3, 12, 30)) + 1)
    ]
    shares = ("dead", "saturated")
    names = [
        name for name in vars(signals(0).layers[0]) if name not in ("layer", "histogram_counts", "histogram_range")
    ]
    measured = [
        signals(epoch, depth=config.depth, **{name: rng.random() if name in shares else number() for name in names}
                | ({"update_ratio": None} if epoch == 0 else {}))
        for epoch in range(rng.choice((0, 1, len(records) + 1)))
    ]  # fmt: skip
    return Evidence(config, records, measured, rng.choice((None, *Cause)), rng.choice((None, 1e-7, 1e-3, 10.0)))


@pytest.mark.parametrize("seed", range(40))
def test_no_run_makes_a_rule_fail_or_a_suggestion_wrong(seed, caplog):
    rng = random.Random(seed)
    for _ in range(25):
        run = drawn_evidence(rng)
        findings = diagnose(run)
        assert not caplog.records, (run.config, caplog.text)
        assert len({finding.name for finding in findings}) == len(findings)
        for finding in findings:
            assert "nan" not in finding.evidence.split() and finding.evidence.strip() and finding.why.strip()
            assert 0 <= finding.since <= len(run.records) + 1
            for change in filter(None, (finding.change, *finding.others)):
                assert admissible(run.config, change, finding.name), (finding.name, change)


def test_directions_name_rules_and_settings():
    rules = {rule.__name__ for rule in diagnosis.RULES}
    assert set(DIRECTIONS) <= rules
    assert {name for directions in DIRECTIONS.values() for name in directions} <= set(FIELDS)


# --- Fixes of several settings ----------------------------------------------------------------------------------------

FLAT = history(*[3.4] * 4, accuracy=0.1)
PLATEAU = DIGITS.with_(schedule="plateau", plateau_patience=1, plateau_factor=0.01)
PLAIN_LOW = DIGITS.with_(optimizer="sgd", learning_rate=1e-6, input_scaling="raw", epochs=4)
GLOROT = DIGITS.with_(activation="relu", kernel_initializer="glorot_normal", batch_norm="before_activation")
EXAMPLES = [
    Evidence(PLATEAU, with_(history(*[1.0] * 12), learning_rate=1e-6)),
    Evidence(PLAIN_LOW, FLAT, seen(4, update_ratio=1e-8)),
    Evidence(PLAIN_LOW.with_(clip_norm=1e-3), with_(FLAT, clipped=1.0), seen(4, update_ratio=1e-12, gradient_rms=0.02)),
    Evidence(GLOROT, [], [signals(0, by_depth={"gradient_rms": [1.0, 0.1, 0.1, 0.1, 0.1, 0.01]})]),
    *(case.make(value) for case in test_thresholds.CASES for value in case.around()),
    *(drawn_evidence(rng) for rng in map(random.Random, range(2000, 2600))),
]


def fixes_of_several_settings() -> list[tuple[str, Fix]]:
    """Every fix of two settings or more that a rule suggests in any of the examples, whatever else explains it."""
    found = [finding for run in EXAMPLES for rule in diagnosis.RULES if (finding := diagnosis._judged(rule, run))]
    several = [(finding.name, fix) for finding in found for fix in finding.fixes if len(fix.change) > 1]
    # where a network crawls, every fix raises its rate
    return [(name, fix) for name, fix in several if not fix.reason.startswith(RATE_TOO)]


def written_fixes() -> list[tuple[str, ast.Call]]:
    """Every `Fix(…)` in the rules, with the name of its module."""
    modules = Path(diagnosis.__path__[0]).glob("*.py")
    return [
        (path.name, node)
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fix"
    ]


def test_a_fix_of_several_settings_says_why_one_alone_is_not_enough():
    several = fixes_of_several_settings()
    assert [(name, fix.change) for name, fix in several if not fix.reason.strip().endswith(".")] == []
    assert {name for name, _ in several} == {
        *("clipping_too_strong", "exploding", "overfitting", "rate_too_low", "schedule_too_low"),
        *("self_normalisation", "too_deep", "vanishing", "few_steps"),
    }, "no rule that suggests several settings is missing from the examples, and none is new"


def test_no_rule_writes_a_fix_of_several_settings_without_a_reason():
    several = [
        (module, call)
        for module, call in written_fixes()
        if call.args and isinstance(call.args[0], ast.Dict) and len(call.args[0].keys) > 1
    ]
    assert len(several) >= 8
    assert [(module, call.lineno) for module, call in several if len(call.args) < 2] == []


def test_dropout_is_suggested_with_a_rate_and_a_reason_in_a_single_layer_too():
    records = history(1.2, *[1.0] * 18, 0.5, val=[1.0, *[1.3] * 19], accuracy=0.9)
    for depth, reason in ((1, "dropout rate that is set, 0.6, has had no effect yet"), (5, "Over 5 layers")):
        config = DIGITS.with_(depth=depth, dropout_rate=0.6)
        [overfitting] = [one for one in diagnose(Evidence(config, records)) if one.name == "overfitting"]
        assert set(overfitting.change) == {"dropout", "dropout_rate"}
        assert reason in overfitting.fixes[0].reason and reason in overfitting.why


def test_reasons_are_in_the_words_of_the_data_set():
    run = Evidence(PLAIN_LOW.with_(dataset="spirals"), FLAT, seen(4, update_ratio=1e-8))
    [low] = [one for one in diagnose(run) if one.name == "rate_too_low"]
    assert "With raw inputs, gradients grow with the values of the inputs" in low.fixes[0].reason
