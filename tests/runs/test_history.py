"""Epoch records: the best of them under each rule, how long ago that was, and their lines in the history."""

import json
import math
from dataclasses import MISSING, asdict, fields, replace

import pytest

from explorer.errors import FieldError
from explorer.runs.history import RULES, EpochRecord, best_epoch, epochs_without_improvement, tidy

NAN, INF = math.nan, math.inf
RECORD = EpochRecord(3, 2.25, 0.125, 2.5, 0.0625, 5e-05, 1.5)
LINE = RECORD.to_json()


def records(*val_losses: float, val_accuracies: tuple[float, ...] = ()) -> list[EpochRecord]:
    accuracies = val_accuracies or (0.5,) * len(val_losses)
    pairs = zip(val_losses, accuracies, strict=True)
    return [EpochRecord(epoch, 1.0, 0.5, *values, 1e-3, 1.0) for epoch, values in enumerate(pairs, 1)]


def without(name: str) -> str:
    return json.dumps({key: value for key, value in asdict(RECORD).items() if key != name})


def changed(**values: object) -> str:
    return json.dumps({**asdict(RECORD), **values})


# --- The penalty --------------------------------------------------------------------------------------


def test_a_loss_without_its_penalty_is_never_less_than_nothing_and_nan_stays_nan():
    rounded = replace(RECORD, loss=64.0, penalty=64.000008, val_loss=2.5, val_penalty=2.0)
    assert (rounded.data_loss, rounded.val_data_loss) == (0.0, 0.5)
    assert math.isnan(replace(RECORD, loss=NAN, penalty=1.0).data_loss)
    assert math.isnan(replace(RECORD, penalty=NAN).data_loss)
    assert replace(RECORD, val_loss=INF, val_penalty=1.0).val_data_loss == INF


# --- The best epoch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([2.0, 1.0, 3.0], 2),
        ([1.0, 2.0, 3.0], 1),
        ([3.0, 2.0, 1.0], 3),
        ([2.0, 1.0, 1.0], 2),
        ([NAN, 2.0, 1.0, NAN], 3),
        ([NAN, 5.0], 2),
        ([INF, 5.0, INF], 2),
        ([-INF, 5.0], 2),
        ([0.0, 1.0], 1),
        ([NAN, INF], None),
        ([], None),
    ],
)
def test_the_best_epoch_has_the_lowest_finite_validation_loss_and_is_the_earlier_of_equals(losses, best):
    found = best_epoch(records(*losses))
    assert (found.epoch if found else None) == best
    assert best_epoch(records(*losses), "val_loss") == found


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ((0.25, 0.5, 0.375), 2),
        ((0.5, 0.25, 0.5), 1),
        ((0.25, 0.5, 0.75), 3),
        ((NAN, 0.25, 0.5), 3),
        ((0.0, 0.0), 1),
        ((NAN,), None),
        ((), None),
    ],
)
def test_the_most_accurate_epoch_is_the_earlier_of_equals(accuracies, best):
    # the losses would choose the last one
    run = records(*(9.0 - at for at in range(len(accuracies))), val_accuracies=accuracies)
    found = best_epoch(run, "val_accuracy")
    assert (found.epoch if found else None) == best


def test_the_last_epoch_is_the_last_one_whatever_its_numbers():
    run = records(1.0, NAN)
    assert best_epoch(run, "last") is run[-1]
    assert best_epoch([], "last") is None


def test_an_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(FieldError) as caught:
        best_epoch(records(1.0), "loss")
    allowed = "one of val_loss, val_accuracy, last"
    assert str(caught.value) == f"selection rule: 'loss' is not allowed; it must be {allowed}"


def test_every_rule_is_named_in_words():
    assert {name: rule.criterion for name, rule in RULES.items()} == {
        "val_loss": "lowest validation loss",
        "val_accuracy": "highest validation accuracy",
        "last": "last epoch",
    }


@pytest.mark.parametrize(
    ("losses", "waited"),
    [
        ([], 0),
        ([1.0], 0),
        ([3.0, 2.0, 1.0], 0),
        ([1.0, 1.0, 1.0], 2),  # an equal loss is no improvement
        ([1.0, 2.0, 0.5], 0),
        ([1.0, 2.0, 0.5, 0.6, 0.7], 2),
        ([1.0, 0.99999999, 1.0], 1),  # the smallest improvement is one
        ([1.0, NAN, NAN], 2),
        ([1.0, NAN, 0.5], 0),
        ([NAN, NAN, NAN], 3),
    ],
)
def test_epochs_without_improvement_are_counted_as_by_early_stopping(losses, waited):
    assert epochs_without_improvement(records(*losses)) == waited


# --- Lines of JSON ------------------------------------------------------------------------------------


def test_a_line_has_every_number_under_its_name_and_comes_back_as_it_was():
    assert "\n" not in LINE
    assert json.loads(LINE) == asdict(RECORD)
    assert EpochRecord.from_json(LINE) == RECORD


@pytest.mark.parametrize("number", [1 / 3, 5e-324, 3.4028234663852886e38, 0.1 + 0.2, -0.0])
def test_a_number_keeps_its_last_bit(number):
    back = EpochRecord.from_json(replace(RECORD, loss=number).to_json())
    assert back.loss.hex() == number.hex()


@pytest.mark.parametrize("number", [NAN, INF, -INF])
@pytest.mark.parametrize("name", [field.name for field in fields(EpochRecord) if field.name != "epoch"])
def test_a_number_that_is_not_finite_is_null_and_comes_back_as_nan(name, number):
    line = replace(RECORD, **{name: number}).to_json()
    assert json.loads(line, parse_constant=pytest.fail) == {**asdict(RECORD), name: None}
    back = EpochRecord.from_json(line)
    assert math.isnan(getattr(back, name))
    assert replace(back, **{name: getattr(RECORD, name)}) == RECORD


def test_what_an_earlier_version_did_not_record_is_nan():
    """Not 0, which would be a statement about a run with L2 or clipping."""
    for name in ("penalty", "val_penalty", "clipped"):
        back = EpochRecord.from_json(without(name))
        assert math.isnan(getattr(back, name)) and replace(back, **{name: 0.0}) == RECORD


@pytest.mark.parametrize(("penalty", "penalized"), [(0.5, True), (0.0, False), (NAN, False)])
def test_a_loss_includes_a_penalty_that_was_recorded_and_is_not_0(penalty, penalized):
    assert replace(RECORD, val_penalty=penalty).penalized is penalized


def test_what_a_later_version_adds_is_left_out():
    assert EpochRecord.from_json(changed(gradient=1.0)) == RECORD


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "7",
        '"epoch"',
        "not an epoch",
        "\0" * 40,
        f"[{LINE}]",
        LINE + LINE,
        *(without(field.name) for field in fields(EpochRecord) if field.default is MISSING),
        *(changed(loss=value) for value in ("2.0", True, [1.0], {})),
        *(changed(epoch=value) for value in (None, 1.0, "3", True)),
        changed(val_loss=10**400),
        changed(val_loss=1e300),
        *(changed(accuracy=value) for value in (-0.1, 1.1)),
        *(changed(epoch=value) for value in (0, -1, 10**9, 10**400)),
        changed(seconds=-1.0),
        LINE.replace("2.25", "Infinity"),
        "[" * 100_000,
    ],
    ids=lambda line: repr(line[:30]),
)
def test_a_line_that_is_no_record_is_refused(line):
    with pytest.raises(ValueError):
        EpochRecord.from_json(line)


@pytest.mark.parametrize("length", range(0, len(LINE), 5))
def test_a_line_that_was_cut_off_is_refused(length):
    with pytest.raises(ValueError):
        EpochRecord.from_json(LINE[:length])


# --- For charts ---------------------------------------------------------------------------------------


def test_the_tidy_frame_has_a_row_for_each_split_and_metric_of_an_epoch():
    frame = tidy("run", [RECORD, replace(RECORD, epoch=4, val_loss=NAN)])
    assert list(frame.columns) == ["run_id", "epoch", "split", "metric", "value"]
    assert frame.head(4).to_numpy().tolist() == [
        ["run", 3, "training", "loss", 2.25],
        ["run", 3, "validation", "loss", 2.5],
        ["run", 3, "training", "accuracy", 0.125],
        ["run", 3, "validation", "accuracy", 0.0625],
    ]
    assert frame["epoch"].tolist() == [3] * 4 + [4] * 4
    assert frame["value"].isna().tolist() == [False] * 5 + [True] + [False] * 2


def test_a_run_without_epochs_has_an_empty_frame_of_the_same_columns():
    frame = tidy("run", [])
    assert frame.empty and list(frame.columns) == list(tidy("run", [RECORD]).columns)
