"""Runs beside each other: tables, groups of repeats and statistics, against scipy and by hand."""

import math
from pathlib import Path

import pytest
from scipy import stats
from summaries import DIGITS, epochs, repeats, summary

from explorer.config import FIELDS
from explorer.errors import FieldError
from explorer.runs.comparison import (
    counted,
    errors_in_words,
    grouped,
    groups,
    next_seeds,
    paired_difference,
    results_by_seed,
    sampling_error,
    verdict,
)
from explorer.runs.history import time_to_accuracy
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.run_table import SETTINGS, differing, matching, ranked, run_table
from explorer.runs.settings_text import label
from explorer.runs.status import COMPLETED, FAILED, RUNNING, STOPPED
from explorer.runs.table_export import CSV, PARQUET, histories, to_file

# --- The table ----------------------------------------------------------------------------------------


def test_a_row_is_the_run_its_settings_and_its_best_epoch():
    table = run_table([summary("a", 2.0, 1.0, 1.5, written=("first", ("x", "y"), "why"), depth=7)])
    row = table.iloc[0]
    assert (row["run"], row["name"], row["tags"], row["note"]) == ("a", "first", ("x", "y"), "why")
    assert {name: row[name] for name in FIELDS} == {name: getattr(DIGITS.with_(depth=7), name) for name in FIELDS}
    assert (row["status"], row["trained"], row["best_epoch"]) == (COMPLETED, 3, 2)
    assert (row["val_loss"], row["val_accuracy"], row["seconds"]) == (1.0, 0.75, 1.5)
    assert (row["curve"], row["images"]) == ((2.0, 1.0, 1.5), 360)


def test_runs_without_an_epoch_and_unreadable_ones():
    table = run_table([summary("a", status=RUNNING), RunSummary(Run(Path("broken")), problem="damaged")])
    assert table["run"].tolist() == ["a"]
    assert math.isnan(table["val_loss"][0]) and table["best_epoch"].isna()[0] and table["trained"][0] == 0
    assert run_table([]).empty and list(run_table([]).columns) == list(table.columns)


def test_only_settings_that_differ_are_told():
    table = run_table([summary("a", 1.0), summary("b", 1.0, depth=5, seed=2), summary("c", 1.0, width=21)])
    assert differing(table) == ["depth", "width", "seed"]
    assert differing(table.head(1)) == []
    assert label(table.iloc[1], ["depth", "width"]) == "depth 5, width 20"
    assert label(table.iloc[1], ["activation", "batch_norm", "learning_rate"]) == "ELU, no batch norm, rate 0.00005"
    assert label(table.iloc[1], []) == "the same settings"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "abcd"),
        ({"search": "DEEP"}, "b"),
        ({"search": "try deep"}, "b"),
        ({"search": "why?"}, "b"),
        ({"search": "["}, ""),
        ({"statuses": [STOPPED, RUNNING]}, "cd"),
        ({"tags": ["x"]}, "bc"),
        ({"tags": ["y", "z"]}, "bc"),
        ({"fields": {"activation": ["tanh"]}}, "d"),
        ({"fields": {"activation": []}}, "abcd"),
        ({"ranges": {"depth": (2, 4)}}, "acd"),
        ({"ranges": {"val_loss": (0.0, 0.9)}}, "b"),
        ({"ranges": {"best_epoch": (1, 1)}}, "abc"),
        ({"tags": ["x"], "statuses": [COMPLETED]}, "b"),
    ],
)
def test_runs_are_found_by_words_and_filters(wanted, found):
    table = run_table(
        [
            summary("a", 1.0),
            summary("b", 0.5, depth=9, written=("deep try", ("x", "y"), "why? because")),
            summary("c", 1.0, status=STOPPED, written=("", ("x", "z"), "")),
            summary("d", status=RUNNING, activation="tanh"),
        ]
    )
    assert "".join(matching(table, **wanted)["run"]) == found


def test_the_best_come_first_and_those_without_a_result_last():
    table = run_table([summary("a", 1.0), summary("b"), summary("c", 0.5), summary("d", 2.0)])
    assert "".join(ranked(table)["run"]) == "cadb"
    assert "".join(ranked(table, "val_accuracy")["run"]) == "cadb"


# --- Groups -------------------------------------------------------------------------------------------


def test_a_group_is_what_differs_in_the_seed_alone():
    table = grouped(run_table([*repeats(1.0, 2.0), *repeats(3.0, depth=5), *repeats(4.0, first_seed=9)]))
    assert table["group"].tolist() == [0, 0, 1, 0]
    assert grouped(run_table([])).empty
    for name in SETTINGS:
        other = next(c for c in FIELDS[name].choices if c != getattr(DIGITS, name)) if FIELDS[name].choices else None
        value = other or getattr(DIGITS, name) + (1 if isinstance(FIELDS[name].default, int) else 0.001)
        value = {"plateau_factor": 0.6, "width_factor": 0.9}.get(name, value)
        pair = grouped(run_table([summary("a", 1.0), summary("b", 1.0, **{name: value})]))
        assert pair["group"].tolist() == [0, 1], name


def test_mean_and_spread_of_groups_by_hand():
    # accuracies 0.75, 0.5, 0.25: mean 0.5, standard deviation 0.25; and one run of 0.75
    rows = groups(run_table([*repeats(1.0, 2.0, 3.0, depth=5), *repeats(1.0)]))
    assert rows["label"].tolist() == ["depth 2", "depth 5"]
    assert rows["mean"].tolist() == [0.75, 0.5]
    assert math.isnan(rows["spread"][0]) and rows["spread"][1] == pytest.approx(0.25)
    assert rows["runs"].tolist() == [1, 3]
    assert (rows["low"][1], rows["high"][1]) == (0.25, 0.75)
    assert groups(run_table([*repeats(1.0, 2.0, 3.0, depth=5), *repeats(1.0)]), "val_loss")["mean"].tolist() == [1, 2]


def test_only_finished_runs_count_of_each_seed_the_newest_and_the_rest_is_told():
    runs = [
        summary("old", 3.0, seed=1, created=1.0),
        summary("new", 1.0, seed=1, created=2.0),
        summary("stopped", 0.1, seed=2, status=STOPPED),
        summary("failed", seed=3, status=FAILED),
        summary("never finite", math.nan, seed=4),
    ]
    table = grouped(run_table(runs))
    assert counted(table)["run"].tolist() == ["new"]
    [row] = groups(table).to_dict("records")
    assert (row["runs"], row["mean"], row["left_out"]) == (1, 0.75, 3)
    assert results_by_seed(table, 0) == {1: 0.75}
    assert groups(grouped(run_table(runs[2:]))).empty


def test_a_metric_that_is_none_is_told():
    with pytest.raises(FieldError) as caught:
        groups(run_table(repeats(1.0)), "loss")
    assert str(caught.value) == "metric: 'loss' is not allowed; it must be one of val_loss, val_accuracy"


@pytest.mark.parametrize(
    ("taken", "count", "seeds"),
    [([1], 5, [2, 3, 4, 5, 6]), ([7, 9], 3, [8, 10, 11]), ([3, 3], 1, [4]), ([], 2, [1, 2])],
)
def test_the_next_seeds_leave_out_those_that_are_there(taken, count, seeds):
    assert next_seeds(taken, count) == seeds


# --- Differences --------------------------------------------------------------------------------------

PAIRS = [
    ({1: 0.50, 2: 0.52, 3: 0.51, 4: 0.55, 5: 0.53}, {1: 0.48, 2: 0.47, 3: 0.50, 4: 0.51, 5: 0.52}),
    ({1: 0.1, 2: 0.9}, {1: 0.2, 2: 0.3}),
    ({3: 1.0, 1: 2.0, 2: 4.0, 8: 9.0}, {1: 1.5, 2: 2.5, 3: 3.5, 7: 0.0}),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_paired_interval_is_scipys(one, other):
    found = paired_difference(one, other)
    seeds = sorted(set(one) & set(other))
    told = stats.ttest_rel([one[s] for s in seeds], [other[s] for s in seeds])
    interval = told.confidence_interval(0.95)
    assert found.seeds == tuple(seeds)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.conclusive == (told.pvalue < 0.05)


def test_a_paired_interval_by_hand():
    # differences 1, 2, 3: mean 2, s = 1, t(0.975, 2) = 4.302653, half width 4.302653 / √3
    found = paired_difference({1: 2.0, 2: 4.0, 3: 6.0}, {1: 1.0, 2: 2.0, 3: 3.0})
    assert (found.mean, found.spread) == (2.0, 1.0)
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert not found.conclusive


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {1: 0.5}, "no seed in common"),
        ({1: 0.5}, {1: 0.4}, "only one seed in common"),
    ],
)
def test_without_two_common_seeds_nothing_can_be_concluded(one, other, words):
    found = paired_difference(one, other)
    assert not found.conclusive and math.isnan(found.low)
    assert verdict(found, "A", "B").startswith(f"Inconclusive: A and B have {words}")


def test_a_verdict_is_one_sentence_with_its_numbers_and_its_method():
    better = paired_difference({1: 0.52, 2: 0.53, 3: 0.54}, {1: 0.50, 2: 0.51, 3: 0.521})
    assert verdict(better, "A", "B") == (
        "A is better than B: over 3 common seeds, its validation accuracy is 1.97 points higher on average; the 95% "
        "interval, +1.82 to +2.11 (paired Student's t), excludes zero."
    )
    loss = paired_difference({1: 1.5, 2: 1.6, 3: 1.7}, {1: 1.0, 2: 1.1, 3: 1.21}, "val_loss")
    assert verdict(loss, "A", "B").startswith("A is worse than B: over 3 common seeds, its validation loss is 0.4967")
    open_ = paired_difference({1: 0.5, 2: 0.6}, {1: 0.6, 2: 0.5})
    assert verdict(open_, "A", "B").startswith("A compared with B is inconclusive: over 2 common seeds, its")
    assert verdict(open_, "A", "B").endswith("(paired Student's t), includes zero.")


def test_equal_results_conclude_nothing():
    same = {1: 0.5, 2: 0.6, 3: 0.7}
    found = paired_difference(same, same)
    assert (found.mean, found.low, found.high, found.conclusive) == (0.0, 0.0, 0.0, False)


def test_the_image_sampling_error_is_that_of_a_binomial_share():
    assert sampling_error(0.5, 10_000) == pytest.approx(0.005)
    assert sampling_error(0.46, 5000) == pytest.approx(stats.binom(5000, 0.46).std() / 5000)
    assert sampling_error(1.0, 360) == 0


def test_both_errors_are_told_beside_each_other():
    assert errors_in_words(0.5, 0.0123, 5, 10_000) == (
        "Accuracy 50.00%: ±1.23 points from the seed (standard deviation over 5 seeds), ±0.50 points from the choice "
        "of 10,000 validation images (one standard error, √(p(1 − p)/n))."
    )
    assert "is unknown from one run" in errors_in_words(0.5, math.nan, 1, 10_000)


# --- Time to an accuracy, and files -------------------------------------------------------------------


def test_time_to_an_accuracy_is_the_end_of_the_first_epoch_that_reaches_it():
    records = epochs(2.0, 1.0, 1.4, 0.8, seconds=0.5)  # accuracies 0.5, 0.75, 0.65, 0.8
    assert time_to_accuracy(records, 0.7) == (2, 1.0)
    assert time_to_accuracy(records, 0.8) == (4, 2.0)
    assert time_to_accuracy(records, 0.81) is None
    assert time_to_accuracy([], 0.1) is None


def test_a_table_is_the_same_from_both_kinds_of_file(tmp_path):
    import pandas as pd

    table = grouped(
        run_table([summary("a", 1.0, written=("n", ("x", "y"), "long, with commas\nand lines")), summary("b")])
    )
    for kind in (CSV, PARQUET):
        path = tmp_path / f"runs.{kind}"
        path.write_bytes(to_file(table, kind))
        read = pd.read_csv(path, keep_default_na=False, na_values=[""]) if kind == CSV else pd.read_parquet(path)
        assert read["run"].tolist() == ["a", "b"]
        assert read["tags"][0] == "x, y" and read["note"][0] == "long, with commas\nand lines"
        assert read["learning_rate"].tolist() == [5e-05, 5e-05]
        assert read["val_loss"][0] == 1.0 and pd.isna(read["val_loss"][1])
        assert not {"curve", "group"} & set(read.columns)
    with pytest.raises(FieldError):
        to_file(table, "xlsx")


def test_histories_hold_every_epoch_and_leave_out_damaged_ones(store):
    first, second, broken = (store.create(DIGITS) for _ in range(3))
    for record in epochs(3.0, 2.0):
        first.append(record)
    second.append(epochs(1.0)[0])
    broken.append(epochs(1.0)[0])
    (broken.path / "history.jsonl").write_text("?\n")
    frame = histories([first, second, broken])
    assert frame[["run", "epoch", "val_loss"]].values.tolist() == [
        [first.name, 1, 3.0],
        [first.name, 2, 2.0],
        [second.name, 1, 1.0],
    ]
    assert histories([]).empty
