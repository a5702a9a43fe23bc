"""The charts of a run: one specification whatever the data, few enough points, the palette's colours."""

import math
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from chart_specs import values_of

from explorer.charts.epoch_axes import LEAST_SPAN, guessing
from explorer.charts.training_curves import MOST_POINTS, arrow_table, curve_frame, curves, drawn_rows
from explorer.palette import NEUTRAL, SPLIT_COLORS
from explorer.runs.history import EpochRecord

METRICS = ["loss", "accuracy"]


def records(*val_losses: float, learning_rate: float = 1e-3) -> list[EpochRecord]:
    return [EpochRecord(epoch, 2 * x, 0.5, x, 0.25, learning_rate, 1.0) for epoch, x in enumerate(val_losses, 1)]


def valley(count: int, best: int) -> list[EpochRecord]:
    """A run whose lowest validation loss is that of a given epoch."""
    return records(*(1.0 + abs(epoch - best) for epoch in range(1, count + 1)))


RUNS = {
    "one epoch": records(2.0),
    "three": records(3.0, 1.0, 2.0, learning_rate=5e-5),
    "not a number": records(math.nan, 1.0, math.inf),
    "no finite epoch": records(math.nan),
    "no epoch": [],
    "thinned out": valley(1000, best=501),
    "seven": valley(7, best=3),
}


@cache
def spec(name: str, metric: str, size: int = 0) -> dict[str, Any]:
    """The chart of a run above, as Vega-Lite gets it."""
    return curves(rows(RUNS[name], metric), metric, size).to_dict()


def rows(run: list[EpochRecord], metric: str):
    """The rows of a run's chart."""
    return drawn_rows(curve_frame("run", run), metric, guessing(metric, 10))


def without_data(spec: Any) -> Any:
    """A specification without its numbers and the names of the sets that hold them."""
    if isinstance(spec, dict):
        return {key: without_data(value) for key, value in spec.items() if key not in ("data", "datasets")}
    return [without_data(value) for value in spec] if isinstance(spec, list) else spec


# --- The specification --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 20])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", [name for name in RUNS if name != "seven"])
def test_the_specification_is_the_same_whatever_the_data(name, metric, size):
    one, two = spec(name, metric, size), spec("seven", metric, size)
    assert without_data(one) == without_data(two)
    assert one["datasets"] != two["datasets"]


def test_the_two_charts_of_a_page_differ_also_in_the_names_that_the_pointer_goes_by():
    loss, accuracy = (without_data(spec("three", metric)) for metric in METRICS)
    for name in ("title", "params", "views"):
        assert values_of(loss, name) != values_of(accuracy, name)


@pytest.mark.parametrize("metric", METRICS)
def test_the_two_splits_have_the_palettes_colours(metric):
    scales = [color["scale"] for color in values_of(spec("three", metric), "color") if "scale" in color]
    expected = {"domain": ["training", "validation"], "range": [SPLIT_COLORS["training"], SPLIT_COLORS["validation"]]}
    assert scales and all(scale == expected for scale in scales)


@pytest.mark.parametrize(("metric", "level"), [("accuracy", 0.1), ("loss", math.log(10))])
def test_guessing_is_a_level_of_its_own_in_the_neutral_colour(metric, level):
    drawn = rows(RUNS["three"], metric)
    assert drawn.loc[drawn["kind"] == "level", "drawn"].tolist() == [level]
    levels = [layer for layer in spec("three", metric)["layer"] if "level" in str(layer.get("transform"))]
    assert [layer["encoding"]["color"] for layer in levels] == [{"value": NEUTRAL}] * 2
    assert [layer["mark"].get("text") for layer in levels] == [None, "chance level"]


@pytest.mark.parametrize(("metric", "zero"), [("loss", False), ("accuracy", True)])
def test_only_accuracy_is_drawn_from_zero(metric, zero):
    axes = [y["scale"] for y in values_of(spec("three", metric), "y") if "scale" in y]
    assert axes and all(scale == {"nice": zero, "zero": zero} for scale in axes)


@pytest.mark.parametrize("metric", METRICS)
def test_a_chart_holds_the_points_of_its_own_metric(metric):
    shown = [row for row in max(spec("three", metric)["datasets"].values(), key=len) if row["kind"] == "epoch"]
    assert [row["metric"] for row in shown] == [metric] * 6
    field = {"loss": ["loss", "val_loss"], "accuracy": ["accuracy", "val_accuracy"]}[metric]
    assert [row["value"] for row in shown] == [getattr(r, name) for r in RUNS["three"] for name in field]
    assert {row["learning_rate"] for row in shown} == {5e-5}
    for row in shown:  # a point knows both values, for the line that follows the pointer
        record = RUNS["three"][int(row["epoch"]) - 1]
        assert [row["training"], row["validation"]] == [getattr(record, name) for name in field]


# --- What the axes show -------------------------------------------------------------------------------


def shown_values(run: list[EpochRecord], metric: str = "loss") -> tuple[float, float]:
    """The lowest and the highest value that the axis must include."""
    drawn = rows(run, metric)["drawn"].dropna()
    return drawn.min(), drawn.max()


def training(*losses: float) -> list[EpochRecord]:
    return [EpochRecord(epoch, loss, 0.5, loss, 0.5, 1e-3, 1.0) for epoch, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(("start", "said"), [([14.2], "14.2"), ([580231.2, 30.0], "580,231"), ([3e12], "3e+12")])
def test_a_start_far_above_guessing_is_cut_off_and_says_so(start, said):
    run = training(*start, 2.4, 2.0, 1.8, 1.7, 1.6, 1.5)
    drawn = rows(run, "loss")
    assert 2.4 < shown_values(run)[1] < 3
    points = drawn[(drawn["kind"] == "epoch") & drawn["drawn"].notna()]
    assert sorted(set(points["epoch"])) == list(range(len(start) + 1, len(run) + 1))
    [note] = drawn.loc[drawn["kind"] == "note", "note"]
    assert note == f"▲ cut off: epoch 1 has training {said} and validation {said}"
    edges = drawn[drawn["kind"] == "edge"]  # the line comes down between the last epoch above and the first below
    assert edges["epoch"].between(len(start), len(start) + 1).all() and set(edges["split"]) == set(SPLIT_COLORS)
    assert drawn.loc[drawn["kind"] == "epoch", "value"].max() == start[0]  # the pointer still tells it


def test_where_all_that_follows_is_far_better_than_guessing_the_first_epoch_is_cut_off():
    run = training(0.8, 0.12, *[0.1] * 18)
    assert shown_values(run)[1] < 0.2
    [note] = rows(run, "loss").query("kind == 'note'")["note"]
    assert note.startswith("▲ cut off: epoch 1 has training 0.8")


@pytest.mark.parametrize(
    "losses",
    [
        [2.4, 2.0, 1.5],
        [2.0, 1.9, 40.0, 700.0],
        [14.2],
        [14.2, 13.0],
        [14.2, math.nan],
        [9.0, 8.5, 8.0, 7.9, 7.8],
        [0.6, 0.5, 0.4, *[0.1] * 17],
        [math.nan, 2.0],
    ],
)
def test_nothing_else_is_cut_off(losses):
    run = training(*losses)
    assert set(rows(run, "loss")["kind"]) <= {"epoch", "span", "level"}
    assert shown_values(run)[1] >= max(loss for loss in losses if math.isfinite(loss))


@pytest.mark.parametrize("metric", METRICS)
def test_noise_does_not_look_like_progress_and_guessing_is_always_seen(metric):
    run = [EpochRecord(e, 2.3 + 0.01 * (e % 3), 0.1 + 0.002 * (e % 3), 2.305, 0.1, 1e-3, 1.0) for e in range(1, 6)]
    low, high = shown_values(run, metric)
    assert high - low >= LEAST_SPAN[metric] - 1e-9 and low <= guessing(metric, 10) <= high and low >= 0
    assert shown_values(training(0.02, 0.01))[1] < 1  # far better than guessing, which would flatten it


def test_losses_are_drawn_without_the_penalty_which_the_chance_level_lacks_too():
    run = [
        EpochRecord(e, 18.0 + 2.3 / e, 0.1 * e, 17.5 + 2.4 / e, 0.1 * e, 1e-3, 1.0, penalty=18.0, val_penalty=17.5)
        for e in range(1, 6)
    ]
    drawn = rows(run, "loss").query("kind == 'epoch'").set_index(["epoch", "split"])["drawn"]
    assert drawn[5, "training"] == pytest.approx(2.3 / 5) and drawn[5, "validation"] == pytest.approx(2.4 / 5)
    unknown = [replace(record, val_penalty=math.nan) for record in run]  # from an earlier version
    assert shown_values(unknown)[1] > 18
    diverged = [*run[:4], replace(run[4], loss=math.nan, val_loss=math.inf, penalty=math.nan, val_penalty=math.inf)]
    assert shown_values(diverged)[1] < 5
    best = [
        replace(run[0], loss=4.0, val_loss=4.0, penalty=0.0, val_penalty=0.0),
        replace(run[1], val_loss=5.0, val_penalty=4.5),
    ]
    marked = curve_frame("run", best).query("metric == 'loss' and split == 'validation'").set_index("epoch")
    assert dict(marked["best"]) == {1: True, 2: False} and dict(marked["value"]) == {1: 4.0, 2: 0.5}


# --- The points ---------------------------------------------------------------------------------------


def epochs(run: list[EpochRecord]) -> list[int]:
    return sorted(set(curve_frame("run", run)["epoch"]))


@pytest.mark.parametrize("count", [0, 1, 2, MOST_POINTS - 1, MOST_POINTS])
def test_as_many_epochs_as_fit_are_all_drawn(count):
    assert epochs(valley(count, best=1)) == list(range(1, count + 1))


@pytest.mark.parametrize("count", [MOST_POINTS + 1, 2 * MOST_POINTS, 799, 1000, 1203, 10_000])
@pytest.mark.parametrize("back", [0, 1, 2, 3, 100])
def test_more_epochs_are_thinned_out_evenly_and_keep_the_best_and_the_last(count, back):
    best = count - back
    shown = epochs(valley(count, best))
    assert MOST_POINTS / 3 < len(shown) <= MOST_POINTS
    assert best in shown and shown[-1] == count
    even = {b - a for a, b in pairwise(shown) if best not in (a, b)}
    assert len(even) == 1


def test_the_best_epoch_is_marked_in_every_split_and_metric():
    frame = curve_frame("run", valley(1000, best=501))
    marked = frame[frame["best"]]
    assert marked["epoch"].tolist() == [501] * 4
    assert set(zip(marked["split"], marked["metric"], strict=True)) == {
        (split, metric) for split in SPLIT_COLORS for metric in METRICS
    }


@pytest.mark.parametrize("name", ["no finite epoch", "no epoch"])
def test_without_a_finite_epoch_none_is_marked(name):
    assert not curve_frame("run", RUNS[name])["best"].any()


def test_each_point_knows_its_learning_rate():
    run = [*records(3.0, 2.0), EpochRecord(3, 1.0, 0.5, 1.0, 0.5, 1e-4, 1.0)]
    frame = curve_frame("run", run)
    assert list(frame.columns) == ["run_id", "epoch", "split", "metric", "value", "best", "learning_rate"]
    assert frame.groupby("epoch")["learning_rate"].agg(set).tolist() == [{1e-3}, {1e-3}, {1e-4}]


# --- What is sent -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_sent_are_the_rows_that_are_drawn_in_less_than_half_of_the_bytes(metric):
    frame = curve_frame("digits_elu_20x100_2026_11_27-10_10_10_abcd", RUNS["thinned out"])
    drawn = drawn_rows(frame, metric, guessing(metric, 10))
    sent = arrow_table(drawn)
    assert set(drawn.columns) - set(sent.column_names) == {"run_id", "metric"}
    for name in sent.column_names:
        expected, found = drawn[name].tolist(), sent[name].to_pylist()
        assert [None if x != x else x for x in expected] == [None if x != x else x for x in found], name
    assert sent.nbytes < pa.Table.from_pandas(drawn).nbytes / 2
    used = set(re.findall(r"'(?:field|filter)': '?(?:datum\.)?(\w+)", str(spec("three", metric))))
    assert {"epoch", "drawn", "split"} <= used <= {*sent.column_names, "param"}
