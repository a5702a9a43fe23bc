"""Search spaces, their conditions and their files, by hand."""

import math
import random
from pathlib import Path

import pytest

from explorer.config import FIELDS
from explorer.errors import ExplorerError, FieldError, InputError
from explorer.sweeps.search_space import Choices, Range, Space
from explorer.sweeps.search_space_toml import parse_space
from explorer.sweeps.study import StudyStore
from explorer.sweeps.study_spec import StudySpec, read_toml, to_toml

SELU = {"when": {"activation": "selu"}, "then": {"kernel_initializer": ["lecun_normal", "lecun_uniform"]}}


def any_of(seed):
    """Draws at random, as a sampler would."""
    rng = random.Random(seed)

    def pick(key, domain):
        if isinstance(domain, Choices):
            return rng.choice(domain.values)
        return rng.randint(domain.low, domain.high) if isinstance(domain.low, int) else rng.uniform(*_ends(domain))

    return pick


def _ends(domain):
    return domain.low, domain.high


def space(conditions=(), **domains):
    return parse_space({}, domains, list(conditions))


def test_a_grid_is_every_combination_in_order():
    found = space(depth=[1, 2], activation=["elu", "relu"]).grid()
    assert found == [
        {"depth": 1, "activation": "elu"},
        {"depth": 1, "activation": "relu"},
        {"depth": 2, "activation": "elu"},
        {"depth": 2, "activation": "relu"},
    ]


def test_a_condition_gives_a_field_other_values():
    found = space([SELU], activation=["elu", "selu"], kernel_initializer=["he_normal"]).grid()
    assert [(each["activation"], each["kernel_initializer"]) for each in found] == [
        ("elu", "he_normal"),
        ("selu", "lecun_normal"),
        ("selu", "lecun_uniform"),
    ]


def test_a_field_may_vary_only_under_a_condition():
    found = space([SELU], activation=["elu", "selu"]).grid()
    assert found == [
        {"activation": "elu"},
        {"activation": "selu", "kernel_initializer": "lecun_normal"},
        {"activation": "selu", "kernel_initializer": "lecun_uniform"},
    ]


def test_conditions_hold_in_every_draw_and_look_at_each_other():
    chain = {"when": {"kernel_initializer": ["lecun_normal"]}, "then": {"depth": {"low": 30, "high": 40}}}
    made = space([SELU, chain], depth=[1, 2], kernel_initializer=["he_normal"], activation=["elu", "selu"])
    assert made.fields() == ["activation", "kernel_initializer", "depth"]
    seen = set()
    for seed in range(200):
        drawn = made.draw(any_of(seed))
        lecun = drawn["kernel_initializer"].startswith("lecun")
        assert lecun == (drawn["activation"] == "selu")
        assert (30 <= drawn["depth"] <= 40) == (drawn["kernel_initializer"] == "lecun_normal")
        seen.add((drawn["activation"], drawn["kernel_initializer"]))
        made.config(drawn)
    assert len(seen) == 3


def test_of_two_conditions_the_first_counts():
    two = [
        {"when": {"depth": 1}, "then": {"width": 10}},
        {"when": {"depth": [1, 2]}, "then": {"width": 20}},
    ]
    found = space(two, depth=[1, 2, 3], width=[30]).grid()
    assert [each["width"] for each in found] == [10, 20, 30]


def test_a_condition_may_look_at_a_setting_that_stays():
    found = parse_space({"activation": "selu"}, {"depth": [1]}, [SELU]).grid()
    assert {each["kernel_initializer"] for each in found} == {"lecun_normal", "lecun_uniform"}


def test_points_of_ranges():
    assert Range(1, 10, points=4).grid("depth") == (1, 4, 7, 10)
    assert Range(1, 100, log=True, points=3).grid("width") == (1, 10, 100)
    assert Range(0.1, 0.4, step=0.1).grid("x") == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert Range(1, 3, points=9).grid("depth") == (1, 2, 3)
    assert Range(1e-5, 1e-3, log=True, points=3).grid("learning_rate") == (1e-5, 1e-4, 1e-3)


def test_every_field_can_be_varied():
    for name, field in FIELDS.items():
        domain = list(field.choices[:2]) if field.choices else {"low": field.minimum, "high": field.maximum}
        drawn = space(**{name: domain}).draw(any_of(1))
        assert field.check(drawn[name]) == drawn[name]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"space": {}}, "space: {} is not allowed; it must be a table with at least one field"),
        ({"space": {"speed": [1]}}, "space: 'speed' is not allowed; it must be one of dataset"),
        ({"space": {"depth": [1, 101]}}, "space.depth: 101 is not allowed; it must be a whole number from 0 to 100"),
        ({"space": {"depth": []}}, "space.depth: [] is not allowed; it must be a list of different values"),
        ({"space": {"depth": [1, 1]}}, "it must be a list of different values"),
        ({"space": {"depth": "deep"}}, "space.depth: 'deep' is not allowed; it must be a whole number"),
        ({"space": {"depth": {"low": 1}}}, "it must be a list, or a range with low and high"),
        (
            {"space": {"depth": {"low": 5, "high": 2}}},
            "space.depth.high: 2 is not allowed; it must be greater than low",
        ),
        ({"space": {"depth": {"low": 0, "high": 9, "log": True}}}, "space.depth.low: 0 is not allowed"),
        ({"space": {"depth": {"low": 1, "high": 9, "log": "yes"}}}, "space.depth.log: 'yes' is not allowed"),
        ({"space": {"depth": {"low": 1, "high": 9, "step": 0.5}}}, "space.depth.step: 0.5 is not allowed"),
        ({"space": {"depth": {"low": 1, "high": 9, "points": 1}}}, "space.depth.points: 1 is not allowed"),
        ({"space": {"depth": {"low": math.nan, "high": 9}}}, "space.depth.low: nan is not allowed"),
        ({"space": {"activation": {"low": 1, "high": 2}}}, "space.activation: {'low': 1, 'high': 2} is not allowed"),
        ({"space": {"depth": [1]}, "settings": {"depth": 3}}, "settings.depth: 3 is not allowed; it must be omitted"),
        ({"space": {"depth": [1]}, "settings": {"width": 0}}, "settings.width: 0 is not allowed"),
        ({"space": {"depth": [1]}, "condition": {"when": 1}}, "it must be written as [[condition]]"),
        ({"space": {"depth": [1]}, "condition": [{"when": {}}]}, "condition 1: {'when': {}} is not allowed"),
        (
            {"space": {"depth": [1]}, "condition": [{"when": {"activation": "sine"}, "then": {"width": 1}}]},
            "condition 1.when.activation: 'sine' is not allowed",
        ),
        (
            {"space": {"depth": [1]}, "sampler": "magic"},
            "sampler: 'magic' is not allowed; it must be one of grid, random",
        ),
        ({"space": {"depth": [1]}, "pruner": "axe"}, "pruner: 'axe' is not allowed"),
        ({"space": {"depth": [1]}, "objective": "loss"}, "objective: 'loss' is not allowed"),
        (
            {"space": {"depth": [1]}, "trials": 0},
            "trials: 0 is not allowed; it must be a whole number from 1 to 100,000",
        ),
        ({"space": {"depth": [1]}, "trials": True}, "trials: True is not allowed"),
        ({"space": {"depth": [1]}, "minutes": -1}, "minutes: -1 is not allowed"),
        ({"space": {"depth": [1]}, "name": "../x"}, "name: '../x' is not allowed"),
        ({"space": {"depth": [1]}, "speed": 1}, "field: 'speed' is not allowed; it must be one of epochs"),
        (
            {"space": {"depth": {"low": 1, "high": 9}}, "sampler": "grid"},
            "or a range with `points` or `step`, for a grid",
        ),
        ({"space": {"depth": [1]}, "schema_version": 99}, "schema_version: 99 is not allowed"),
        ({"space": [1]}, "space: [1] is not allowed; it must be a table"),
    ],
)
def test_what_is_wrong_is_one_sentence(tables, words):
    with pytest.raises(ExplorerError) as caught:
        StudySpec.from_dict({"name": "x", **tables})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_circle_of_conditions_is_told():
    circle = [
        {"when": {"depth": 1}, "then": {"width": 10}},
        {"when": {"width": 10}, "then": {"depth": 2}},
    ]
    with pytest.raises(InputError, match="depend on each other in a cycle"):
        space(circle, depth=[1, 2], width=[10, 20])


WIDE = {"low": 1e-6, "high": 1e-2, "log": True, "points": 1000}


@pytest.mark.parametrize(
    ("domains", "count"),
    [
        ({"depth": list(range(100)), "width": list(range(1, 1100))}, "109,900"),
        (dict.fromkeys(("learning_rate", "peak_factor", "final_share"), WIDE), "1,000,000,000"),
        ({"l2": {"low": 0.0, "high": 1.0, "step": 1.25e-9}}, "800,000,001"),
        ({"seed": {"low": 0, "high": 10**9 - 1, "step": 1}}, "1,000,000,000"),
        ({name: {**WIDE, "points": 100} for name in ("learning_rate", "l2", "final_share")}, "1,000,000"),
        (
            {name: {"low": 1, "high": 100, "step": 1} for name in ("depth", "width", "epochs", "patience")},
            "100,000,000",
        ),
    ],
)
def test_a_grid_that_is_too_large_is_refused_with_its_count_before_a_point_is_made(domains, count, monkeypatch):
    domains = {name: _allowed(name, domain) for name, domain in domains.items()}
    monkeypatch.setattr(Space, "draw", lambda *_: pytest.fail("a point was made"))
    with pytest.raises(InputError) as caught:
        StudySpec.from_dict({"name": "x", "sampler": "grid", "space": domains})
    assert f"the grid has {count} points; at most 100,000 are allowed" in str(caught.value)


def _allowed(name, domain):
    field = FIELDS[name]
    if domain is WIDE or (isinstance(domain, dict) and domain.get("log")):
        return {**domain, "low": max(domain["low"], field.minimum or 1e-6), "high": max(domain["high"], field.maximum)}
    return domain


def spaces(seed):
    """A small space with conditions on one another, of any kind."""
    rng = random.Random(seed)
    domains = {
        "activation": rng.sample(["elu", "selu", "relu"], rng.randint(1, 3)),
        "depth": rng.choice(
            [[1, 2], {"low": 1, "high": 7, "step": rng.randint(1, 3)}, {"low": 1, "high": 9, "points": 4}]
        ),
        "width": [10, 20],
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "points": rng.randint(2, 5)},
    }
    conditions = [
        {
            "when": {"activation": rng.choice(["selu", ["elu", "relu"]])},
            "then": {"kernel_initializer": ["he_normal", "zeros"]},
        },
        {"when": {"depth": [1, 4], "activation": "elu"}, "then": {"width": {"low": 1, "high": 9, "step": 2}}},
        {"when": {"width": [1, 20]}, "then": {"optimizer": ["sgd", "adam", "nadam"][: rng.randint(1, 3)]}},
        {"when": {"optimizer": "sgd"}, "then": {"batch_size": [16, 32, 64]}},
    ]
    names = rng.sample(list(domains), rng.randint(1, 4))
    return space(rng.sample(conditions, rng.randint(0, 4)), **{name: domains[name] for name in names})


def test_the_count_of_a_grid_is_that_of_its_points():
    counts = set()
    for seed in range(150):
        made = spaces(seed)
        points = made.grid()
        assert made.grid_size() == len(points) == len({tuple(point.items()) for point in points}), made
        counts.add(len(points))
    assert len(counts) > 20 and max(counts) > 100


def test_conditions_with_more_ways_than_points_are_refused_without_going_all_of_them():
    numbers = [n for n, f in FIELDS.items() if not f.choices and isinstance(f.default, int)]
    fields = [*numbers, *(n for n, f in FIELDS.items() if len(f.choices) > 2)]
    values = {n: list(FIELDS[n].choices[:3]) or [n_ + int(FIELDS[n].minimum) for n_ in range(3)] for n in fields}
    conditions = [{"when": {name: values[name][at]}, "then": {"l2": [0.1 * at]}} for name in fields for at in range(2)]
    with pytest.raises(InputError, match="points; at most 100,000 are allowed"):
        space(conditions, **values).grid_size()


@pytest.mark.parametrize("step", [5e-324, 1e-300, 1e-12])
@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_step_finer_than_any_drawn_value_is_refused(step, sampler):
    domain = {"low": 0.0, "high": 1.0, "step": step}
    with pytest.raises(FieldError) as caught:
        StudySpec.from_dict({"name": "x", "sampler": sampler, "space": {"l2": domain}})
    assert f"space.l2.step: {step} is not allowed; it must be a number above 1e-09" in str(caught.value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["low", "high", "step", "points", "log"])
def test_what_is_no_finite_number_is_refused_wherever_it_stands(key, number):
    domain = {"low": 1e-4, "high": 1.0, **({} if key == "step" else {"points": 3}), key: number}
    with pytest.raises(FieldError, match=f"space.learning_rate.{key}: {number} is not allowed"):
        StudySpec.from_dict({"name": "x", "space": {"learning_rate": domain}})


NEVER = {"when": {"activation": "selu"}, "then": {"width": [10]}}


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_condition_that_never_holds_is_refused_in_a_new_study_and_read_in_an_old_one(tmp_path, store, sampler):
    spec = StudySpec.from_dict({"name": "x", "sampler": sampler, "space": {"depth": [1, 2]}, "condition": [NEVER]})
    words = "condition 1.when.activation: ['selu'] is not allowed; it must be a value that activation can have in "
    words += "this study"
    path = tmp_path / "never.toml"
    path.write_text(to_toml(spec))
    for make in (lambda: read_toml(path), lambda: StudyStore(store).create(spec)):
        with pytest.raises(FieldError) as caught:
            make()
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "tables",
    [
        {"settings": {"activation": "selu"}, "space": {"depth": [1]}},
        {"space": {"activation": ["elu", "selu"]}},
        {"space": {"depth": {"low": 1, "high": 9}}, "more": [{"when": {"depth": 9}, "then": {"activation": ["selu"]}}]},
    ],
)
def test_a_condition_that_may_hold_is_allowed(tables):
    conditions = [NEVER, *tables.pop("more", [])]
    StudySpec.from_dict({"name": "x", **tables, "condition": conditions}).check_new()


@pytest.mark.parametrize(
    "text",
    [
        "[space]\ndepth = " + "[" * 5_000 + "]" * 5_000,
        "[space]\ndepth = " + "{a=" * 5_000 + "1" + "}" * 5_000,
        "[space]\n" + ".".join(["depth"] * 50_000) + " = 1",
        "[space]\n" + " . ".join(['"depth"', "'depth'", "depth"] * 30_000) + " = 1",
        "[" + ".".join(["space"] * 50_000) + "]",
        "trials = " + "9" * 5_000 + "\n[space]\ndepth = [1]",
        "[space]\ndepth = [" + "1, " * 400_000 + "]",
        "[space]\nseed = [" + ", ".join(map(str, range(20_000))) + "]",
        "\ud800".encode("utf-8", "surrogatepass"),
        b"\xff" * 100,
        b"\0" * 100,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_hostile_file_is_told_in_one_sentence(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_toml(path)
    assert len(str(caught.value)) < 700 and "\n" not in str(caught.value)


def test_an_endless_file_is_not_read_to_its_end(tmp_path):
    with pytest.raises(InputError, match="has more than 262,144 bytes"):
        read_toml(Path("/dev/zero"))


FULL = {
    "name": "a study",
    "sampler": "random",
    "pruner": "median",
    "trials": 12,
    "minutes": 5,
    "epochs": 3,
    "seeds": 2,
    "objective": "val_accuracy",
    "seed": 7,
    "settings": {"dataset": "digits"},
    "space": {
        "activation": ["elu", "selu"],
        "depth": {"low": 1, "high": 9, "step": 2},
        "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    },
    "condition": [SELU],
}


def test_a_study_survives_json_and_toml(tmp_path):
    spec = StudySpec.from_dict(FULL)
    assert StudySpec.from_dict(spec.to_dict()) == spec
    path = tmp_path / "anything.toml"
    path.write_text(to_toml(spec))
    assert read_toml(path) == spec


def test_a_file_is_named_after_itself_and_its_faults_are_told(tmp_path):
    path = tmp_path / "quick.toml"
    path.write_text("[space]\ndepth = [1, 2]\n")
    spec = read_toml(path)
    assert (spec.name, spec.sampler, spec.objective) == ("quick", "tpe", "val_loss")
    path.write_text("[space\n")
    with pytest.raises(InputError, match="not valid TOML"):
        read_toml(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(FieldError):
        path.write_bytes(b"")
        read_toml(path)


def test_what_is_planned():
    assert StudySpec.from_dict(FULL).planned == 12
    grid = StudySpec.from_dict({**FULL, "sampler": "grid", "space": {"depth": [1, 2, 3]}, "condition": []})
    assert grid.planned == 3


def test_a_range_from_zero_survives():
    made = StudySpec.from_dict({"name": "x", "space": {"depth": {"low": 0, "high": 3}}})
    assert made.to_dict()["space"] == {"depth": {"low": 0, "high": 3}}
