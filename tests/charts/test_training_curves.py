"""The charts of a run: one specification whatever the data, few enough points, the palette's colours."""

import math
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from explorer.charts.training_curves import MOST_POINTS, curve_frame, curves, of_metric
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
def spec(name: str, metric: str, chance: float | None = 0.1) -> dict[str, Any]:
    """The chart of a run above, as Vega-Lite gets it."""
    return curves(of_metric(curve_frame("run", RUNS[name]), metric), metric, chance).to_dict()


def without_data(spec: Any) -> Any:
    """A specification without its numbers and the names of the sets that hold them."""
    if isinstance(spec, dict):
        return {key: without_data(value) for key, value in spec.items() if key not in ("data", "datasets")}
    return [without_data(value) for value in spec] if isinstance(spec, list) else spec


def found(spec: Any, key: str) -> list[Any]:
    """Every value under a key, wherever it is."""
    if isinstance(spec, list):
        return [value for part in spec for value in found(part, key)]
    if not isinstance(spec, dict):
        return []
    return [value for name, part in spec.items() for value in ([part] if name == key else found(part, key))]


# --- The specification --------------------------------------------------------------------------------


@pytest.mark.parametrize("chance", [None, 0.1])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", [name for name in RUNS if name != "seven"])
def test_the_specification_is_the_same_whatever_the_data(name, metric, chance):
    one, two = spec(name, metric, chance), spec("seven", metric, chance)
    assert without_data(one) == without_data(two)
    assert one["datasets"] != two["datasets"]


def test_the_two_charts_of_a_page_differ_also_in_the_names_that_the_pointer_goes_by():
    loss, accuracy = (without_data(spec("three", metric)) for metric in METRICS)
    for name in ("title", "params", "views"):
        assert found(loss, name) != found(accuracy, name)


@pytest.mark.parametrize("metric", METRICS)
def test_the_two_splits_have_the_palettes_colours(metric):
    scales = [color["scale"] for color in found(spec("three", metric), "color") if isinstance(color, dict)]
    expected = {"domain": ["training", "validation"], "range": [SPLIT_COLORS["training"], SPLIT_COLORS["validation"]]}
    assert scales and all(scale == expected for scale in scales)


def test_chance_is_a_level_of_its_own_in_the_neutral_colour():
    levels = [layer for layer in spec("three", "accuracy", 0.1)["layer"] if layer["mark"].get("color")]
    assert [layer["encoding"]["y"] for layer in levels] == [{"datum": 0.1}] * 2
    assert {layer["mark"]["color"] for layer in levels} == {NEUTRAL}
    assert [layer["mark"].get("text") for layer in levels] == [None, "chance"]
    plain = spec("three", "accuracy", None)
    assert "chance" not in found(plain, "text") and NEUTRAL not in found(plain, "color")


@pytest.mark.parametrize(("metric", "zero"), [("loss", False), ("accuracy", True)])
def test_only_accuracy_is_drawn_from_zero(metric, zero):
    axes = [y["scale"] for y in found(spec("three", metric), "y") if "scale" in y]
    assert axes and all(scale == {"zero": zero} for scale in axes)


@pytest.mark.parametrize("metric", METRICS)
def test_a_chart_holds_the_points_of_its_own_metric(metric):
    shown = max(spec("three", metric)["datasets"].values(), key=len)
    assert [row["metric"] for row in shown] == [metric] * 6
    field = {"loss": ["loss", "val_loss"], "accuracy": ["accuracy", "val_accuracy"]}[metric]
    assert [row["value"] for row in shown] == [getattr(r, name) for r in RUNS["three"] for name in field]
    assert {row["learning_rate"] for row in shown} == {5e-5}


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
