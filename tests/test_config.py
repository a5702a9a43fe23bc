"""The table of fields: what each one takes, what it refuses and in which words, and how a configuration is kept."""

import dataclasses
import json
import math

import pytest

from explorer.config import FIELDS, SCHEMA_VERSION, TrainingConfig
from explorer.errors import FieldError
from explorer.presets import PRESETS

NUMBERS = {
    "depth": (0, 100, "a whole number from 0 to 100"),
    "width": (1, 2048, "a whole number from 1 to 2,048"),
    "learning_rate": (1e-7, 10.0, "a number from 1e-07 to 10"),
    "batch_size": (1, 8192, "a whole number from 1 to 8,192"),
    "epochs": (1, 10_000, "a whole number from 1 to 10,000"),
    "patience": (1, 10_000, "a whole number from 1 to 10,000"),
    "seed": (0, 2_147_483_647, "a whole number from 0 to 2,147,483,647"),
    "peak_factor": (1.0, 100.0, "a number from 1 to 100"),
    "final_share": (0.0, 1.0, "a number from 0 to 1"),
    "decay_epochs": (1, 10_000, "a whole number from 1 to 10,000"),
    "warmup_epochs": (0, 10_000, "a whole number from 0 to 10,000"),
    "plateau_patience": (1, 10_000, "a whole number from 1 to 10,000"),
    "plateau_factor": (0.01, 0.99, "a number from 0.01 to 0.99"),
    "dropout_rate": (0.0, 0.95, "a number from 0 to 0.95"),
    "l2": (0.0, 1.0, "a number from 0 to 1"),
    "clip_norm": (0.0, 1000.0, "a number from 0 to 1,000"),
    "weight_decay": (0.0, 1.0, "a number from 0 to 1"),
    "label_smoothing": (0.0, 1.0, "a number from 0 to 1"),
    "width_factor": (0.1, 1.0, "a number from 0.1 to 1"),
    "shift": (0, 16, "a whole number from 0 to 16"),
    "mixup": (0.0, 1.0, "a number from 0 to 1"),
}
FRACTIONS = ["learning_rate", "peak_factor", "final_share", "plateau_factor", "dropout_rate", "l2", "clip_norm"]
FRACTIONS += ["weight_decay", "label_smoothing", "width_factor", "mixup"]
WHOLE = [name for name in NUMBERS if name not in FRACTIONS]
CHOICES = ["dataset", "activation", "kernel_initializer", "batch_norm", "input_scaling", "optimizer"]
CHOICES += ["schedule", "dropout", "flip", "skip", "validation_split"]

OUTSIDE = [(name, value) for name in WHOLE for value in (NUMBERS[name][0] - 1, NUMBERS[name][1] + 1)]
OUTSIDE += [(name, math.nextafter(NUMBERS[name][0], -1)) for name in FRACTIONS]
OUTSIDE += [(name, math.nextafter(NUMBERS[name][1], 9999)) for name in FRACTIONS]

# every field has another value than by default
OTHER = TrainingConfig(
    dataset="digits",
    activation="tanh",
    kernel_initializer="orthogonal",
    batch_norm="before_activation",
    depth=3,
    width=17,
    learning_rate=0.1,
    input_scaling="unit",
    optimizer="sgd",
    batch_size=7,
    epochs=5,
    patience=4,
    seed=0,
    schedule="cosine",
    peak_factor=3.0,
    final_share=0.5,
    decay_epochs=3,
    warmup_epochs=1,
    plateau_patience=2,
    plateau_factor=0.1,
    dropout="alpha",
    dropout_rate=0.25,
    l2=1e-4,
    clip_norm=1.0,
    skip="pairs",
    width_factor=0.5,
    weight_decay=0.01,
    label_smoothing=0.1,
    flip="horizontal",
    shift=2,
    mixup=0.2,
    validation_split="book",
)


def refused(name: str, value: object, allowed: str, make=lambda name, value: TrainingConfig(**{name: value})) -> str:
    """The message with which a value is refused; it names the field, the value and what is allowed."""
    with pytest.raises(FieldError) as caught:
        make(name, value)
    assert (caught.value.field, caught.value.value, caught.value.allowed) == (name, value, allowed)
    return str(caught.value)


def words(name: str) -> str:
    return NUMBERS[name][2] if name in NUMBERS else "one of " + ", ".join(FIELDS[name].choices)


def test_every_field_of_a_configuration_is_in_the_table_with_its_default():
    assert [field.name for field in dataclasses.fields(TrainingConfig)] == list(FIELDS)
    assert set(FIELDS) == {*NUMBERS, *CHOICES}
    assert all(getattr(TrainingConfig(), name) == field.default for name, field in FIELDS.items())
    assert all(getattr(OTHER, name) != field.default for name, field in FIELDS.items())


def test_a_label_within_a_sentence_keeps_its_abbreviation():
    assert [FIELDS[name].lower_label for name in ("learning_rate", "l2", "dataset")] == [
        "learning rate",
        "L2 penalty",
        "data set",
    ]


# --- Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [(name, bound) for name in NUMBERS for bound in NUMBERS[name][:2]])
def test_a_bound_is_allowed(name, value):
    kept = getattr(TrainingConfig(**{name: value}), name)
    assert kept == value and type(kept) is (int if name in WHOLE else float)


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_what_is_just_outside_the_bounds_is_refused_with_field_value_and_bounds(name, value):
    allowed = NUMBERS[name][2]
    assert refused(name, value, allowed) == f"{name}: {value!r} is not allowed; it must be {allowed}"


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, True, False, None, "20", b"1", [], (1,), 1j, 10**400, -(10**400)], ids=repr
)
def test_what_is_no_number_or_far_too_large_is_refused(name, value):
    said = refused(name, value, NUMBERS[name][2])
    assert repr(value)[:200] in said and len(said) < 400


@pytest.mark.parametrize("name", NUMBERS)
def test_nan_is_refused(name):
    with pytest.raises(FieldError, match=f"^{name}: nan is not allowed; it must be {NUMBERS[name][2]}$"):
        TrainingConfig(**{name: math.nan})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_too_long_to_print_is_refused_too(name):
    assert "a number with thousands of digits is not allowed" in refused(name, 10**5000, NUMBERS[name][2])


@pytest.mark.parametrize("name", WHOLE)
def test_a_fraction_is_refused_where_a_whole_number_is_asked_for(name):
    assert "1.5" in refused(name, 1.5, NUMBERS[name][2])


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_may_come_as_a_float(name):
    kept = getattr(TrainingConfig(**{name: 12.0}), name)
    assert kept == 12 and type(kept) is int


def test_a_whole_number_is_a_learning_rate_and_equal_to_the_float():
    assert type(TrainingConfig(learning_rate=1).learning_rate) is float
    assert TrainingConfig(learning_rate=1) == TrainingConfig(learning_rate=1.0)


# --- Choices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [(name, choice) for name in CHOICES for choice in FIELDS[name].choices])
def test_a_choice_is_allowed(name, value):
    assert getattr(TrainingConfig(**{name: value}), name) == value


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["", "ELU", "elu ", None, 1, True, ["elu"], {"elu"}], ids=repr)
def test_what_is_no_choice_is_refused_with_all_choices(name, value):
    allowed = words(name)
    assert refused(name, value, allowed) == f"{name}: {value!r} is not allowed; it must be {allowed}"


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_has_a_title_of_its_own(name):
    titles = [FIELDS[name].title(choice) for choice in FIELDS[name].choices]
    assert all(titles) and len(set(titles)) == len(titles)


# --- Typed text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("depth", "0", 0),
        ("width", "2048", 2048),
        ("seed", "2147483647", 2_147_483_647),
        ("learning_rate", "1e-3", 1e-3),
        ("learning_rate", "10", 10.0),
        ("learning_rate", ".5", 0.5),
        ("activation", "selu", "selu"),
    ],
)
def test_typed_text_becomes_a_value_of_the_fields_type(name, text, value):
    parsed = FIELDS[name].parse(text)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("config", [TrainingConfig(), OTHER], ids=["default", "other"])
def test_every_value_is_read_from_its_own_text(config):
    assert TrainingConfig(**{name: field.parse(str(getattr(config, name))) for name, field in FIELDS.items()}) == config


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("text", ["", " ", "ten", "1,000", "0x10", "--", "9" * 5000], ids=lambda text: repr(text[:9]))
def test_text_that_is_no_value_is_refused_as_it_was_typed(name, text):
    with pytest.raises(FieldError) as caught:
        FIELDS[name].parse(text)
    typed = "inf" if name in FRACTIONS and text == "9" * 5000 else repr(text)
    typed = typed if len(typed) < 100 else f"{typed[:200]}…"  # shortened
    assert str(caught.value) == f"{name}: {typed} is not allowed; it must be {words(name)}"


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_typed_numbers_outside_the_bounds_are_refused(name, value):
    assert repr(value) in refused(name, value, words(name), lambda name, value: FIELDS[name].parse(repr(value)))


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "-0.0"])
def test_a_typed_learning_rate_must_be_a_positive_number(text):
    with pytest.raises(FieldError, match="it must be a number from 1e-07 to 10"):
        FIELDS["learning_rate"].parse(text)


@pytest.mark.parametrize("name", WHOLE)
def test_a_typed_fraction_is_refused_even_when_it_is_zero(name):
    assert refused(name, "1.0", words(name), lambda name, text: FIELDS[name].parse(text))


# --- Keeping and changing -----------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TrainingConfig(), OTHER, *(preset.config for preset in PRESETS.values())])
def test_a_configuration_comes_back_from_json_as_it_was(config):
    values = config.to_dict()
    assert values["schema_version"] == SCHEMA_VERSION and set(values) == {"schema_version", *FIELDS}
    back = TrainingConfig.from_dict(json.loads(json.dumps(values, allow_nan=False)))
    assert back == config and hash(back) == hash(config)
    assert [type(value) for value in dataclasses.astuple(back)] == [
        type(value) for value in dataclasses.astuple(config)
    ]


def test_fields_that_are_missing_have_their_defaults():
    assert TrainingConfig.from_dict({}) == TrainingConfig()
    assert TrainingConfig.from_dict({"schema_version": 1, "depth": 3}) == TrainingConfig(depth=3)


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, 0, -1, 1.0, "1", None, True])
def test_another_schema_than_the_known_ones_is_refused(version):
    message = refused(
        "schema_version",
        version,
        f"a whole number from 1 to {SCHEMA_VERSION}, the newest that this version can read",
        lambda name, value: TrainingConfig.from_dict({**OTHER.to_dict(), name: value}),
    )
    assert message.startswith(f"schema_version: {version!r} is not allowed")


def test_an_unknown_field_is_refused_by_name():
    for make in (lambda: TrainingConfig.from_dict({"depht": 3}), lambda: TrainingConfig().with_(depht=3)):
        with pytest.raises(FieldError, match="field: 'depht' is not allowed; it must be one of dataset,"):
            make()


def test_a_bad_value_in_json_is_refused_by_its_field():
    with pytest.raises(FieldError, match="width: 0 is not allowed"):
        TrainingConfig.from_dict({**OTHER.to_dict(), "width": 0})


def test_reading_leaves_the_given_values_as_they_are():
    values = OTHER.to_dict()
    TrainingConfig.from_dict(values)
    assert values == OTHER.to_dict()


@pytest.mark.parametrize("name", FIELDS)
def test_a_configuration_cannot_be_changed_in_place(name):
    config = TrainingConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, getattr(OTHER, name))
    assert config == TrainingConfig()


@pytest.mark.parametrize("name", FIELDS)
def test_one_field_changed_makes_another_configuration_and_leaves_the_first(name):
    config = TrainingConfig()
    changed = config.with_(**{name: getattr(OTHER, name)})
    assert changed != config == TrainingConfig()
    differing = [field for field in FIELDS if getattr(changed, field) != getattr(config, field)]
    assert differing == [name]


def test_a_changed_value_is_checked_as_a_new_one_is():
    with pytest.raises(FieldError, match="depth: 101 is not allowed"):
        TrainingConfig().with_(depth=101)
