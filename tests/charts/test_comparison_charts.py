"""Charts of many runs: what is drawn, by hand; colours that all eyes tell apart; views that filter each other."""

import itertools
import math
import re

import numpy as np
import pandas as pd
import pytest
from chart_specs import values_of, without_data
from made_runs import history
from summaries import epochs, repeats, summary

from explorer.charts.comparison import MOST_POINTS, band, band_frame, bars, overlay, overlay_frame
from explorer.charts.epoch_axes import LEAST_SPAN, guessing
from explorer.charts.linked import HEAT, MOST_LEVELS, PARALLEL, SCATTER, levels, linked, linked_frame
from explorer.charts.sweep import best_frame, best_so_far, curves, curves_frame, importance
from explorer.palette import ON_COLOR, RUN_COLORS, SPLIT_COLORS, WORSE_TO_BETTER
from explorer.runs.comparison import counted, grouped, groups
from explorer.runs.history import EpochRecord
from explorer.runs.run_table import run_table

AXES = ["depth", "learning_rate", "activation", "val_loss"]


# --- Curves -------------------------------------------------------------------------------------------


def curve(frame: pd.DataFrame, column: str, split: str = "validation", metric: str = "loss") -> list[float]:
    return frame[(frame["split"] == split) & (frame["metric"] == metric)][column].tolist()


def test_smoothing_is_a_moving_average_that_begins_at_the_first_value():
    frame = overlay_frame([("a", epochs(4.0, 2.0, 1.0))], 0.5)
    # 4; (0.5·4 + 2) / 1.5; (0.25·4 + 0.5·2 + 1) / 1.75
    assert curve(frame, "smooth") == pytest.approx([4.0, 8 / 3, 3 / 1.75])
    assert curve(frame, "value") == [4.0, 2.0, 1.0]
    assert curve(overlay_frame([("a", epochs(4.0, 2.0, 1.0))]), "smooth") == [4.0, 2.0, 1.0]


def test_a_value_that_is_not_finite_takes_no_others_with_it():
    frame = overlay_frame([("a", epochs(4.0, math.nan, 1.0))], 0.5)
    smooth = curve(frame, "smooth")
    assert smooth[0] == 4.0 and smooth[2] == pytest.approx((0.5 * 4 + 1) / 1.5)


def test_time_is_that_of_all_epochs_so_far():
    frame = overlay_frame([("a", epochs(3.0, 2.0, 1.0, seconds=90))])
    assert curve(frame, "minutes") == [1.5, 3.0, 4.5]


@pytest.mark.parametrize("count", [1, MOST_POINTS, MOST_POINTS + 1, 1003])
def test_long_runs_are_thinned_out_and_keep_the_best_and_the_last(count):
    losses = [2.0 - 1.5 * (n == count // 2) for n in range(count)]
    shown = curve(overlay_frame([("a", epochs(*losses))]), "epoch")
    assert len(shown) <= MOST_POINTS + 1
    assert {count // 2 + 1, count} <= set(shown)


def test_each_run_has_its_own_colour_and_its_best_epoch():
    frame = overlay_frame([("a", epochs(3.0, 1.0, 2.0)), ("b", epochs(3.0, 2.0)), ("none yet", [])])
    assert frame[frame["best"]].groupby("run")["epoch"].first().to_dict() == {"a": 2, "b": 2}
    spec = overlay(frame, ("a", "b"), "loss").to_dict()
    scales = [color["scale"] for color in values_of(spec, "color") if isinstance(color, dict)]
    assert scales and all(scale == {"domain": ["a", "b"], "range": list(RUN_COLORS[:2])} for scale in scales)
    assert overlay_frame([]).empty


@pytest.mark.parametrize(("log_x", "log_y", "types"), [(True, True, {"log"}), (False, False, {None})])
def test_axes_may_be_logarithmic_and_over_time(log_x, log_y, types):
    spec = overlay(overlay_frame([("a", epochs(3.0, 1.0))]), ("a",), "loss", "minutes", log_x, log_y).to_dict()
    for axis in ("x", "y"):
        assert {part["scale"].get("type") for part in values_of(spec, axis) if "scale" in part} == types
    assert {part["field"] for part in values_of(spec, "x")} == {"minutes"}


def test_the_two_charts_of_a_page_do_not_share_the_names_of_their_selections():
    frame = overlay_frame([("a", epochs(3.0, 1.0))])
    loss, accuracy = (values_of(overlay(frame, ("a",), metric).to_dict(), "params") for metric in ("loss", "accuracy"))
    names = [{param["name"] for params in part for param in params} for part in (loss, accuracy)]
    assert len(names[0]) == 2 and not names[0] & names[1]


# --- Repeats ------------------------------------------------------------------------------------------


def test_a_band_is_the_mean_and_one_deviation_while_all_members_train():
    frame = band_frame([("g", [("one", epochs(4.0, 2.0, 1.0)), ("two", epochs(2.0, 1.0))])], "loss")
    first = frame[frame["epoch"] == 1].iloc[0]
    assert (first["mean"], first["low"], first["high"]) == (3.0, 3.0 - math.sqrt(2), 3.0 + math.sqrt(2))
    last = frame[frame["epoch"] == 3]
    assert last["value"].tolist() == [1.0] and last[["mean", "low", "high"]].isna().all(axis=None)
    assert len(frame) == 5, "all members stay"
    band(frame, "loss").to_dict()


def test_bars_are_drawn_from_the_groups_and_all_their_members():
    table = grouped(run_table([*repeats(1.0, 2.0, 3.0, depth=5), *repeats(1.0)]))
    rows = groups(table)
    spec = bars(rows, counted(table)).to_dict()
    data = sorted(spec["datasets"].values(), key=len)
    assert [len(rows) for rows in data] == [2, 4]
    assert [(row["from_"], row["to"]) for row in data[0]] == [(0.75, 0.75), (0.25, 0.75)]


# --- Linked views -------------------------------------------------------------------------------------


def many(count: int = 40) -> pd.DataFrame:
    runs = [
        summary(
            f"run {n}", 1.0 + n / 10, learning_rate=1e-5 * 1.2**n, depth=1 + n % 3, activation=("elu", "tanh")[n % 2]
        )
        for n in range(count)
    ]
    return grouped(run_table([*runs, summary("not yet")]))


def test_heights_on_the_axes_run_from_least_to_greatest_even_in_the_logarithm():
    frame = linked_frame(many(3), ["depth", "learning_rate", "activation", "width"], ("depth", "activation"))
    assert frame["at_0"].tolist() == [0.0, 0.5, 1.0]
    assert frame["at_1"].tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert frame["at_2"].tolist() == [0.0, 1.0, 0.0]
    assert frame["at_3"].tolist() == [0.5] * 3
    assert "not yet" not in frame["run"].tolist()


def test_many_numbers_become_equal_ranges_on_the_scale_of_their_field():
    frame = many()
    found = levels(frame["learning_rate"].head(40), "learning_rate")
    assert len(found.categories) == MOST_LEVELS and found.ordered
    assert set(found.value_counts()) == {5}
    assert found.categories[0].startswith("1e-05 – ")
    assert list(levels(frame["depth"].head(40), "depth").categories) == ["1", "2", "3"]
    rates = pd.Series([1e-5, *(1e-3 * 1.01**n for n in range(20)), 1e-1])
    assert levels(rates, "learning_rate").value_counts().tolist() == [1, 0, 0, 0, 20, 0, 0, 1]  # half a decade each
    depths = levels(pd.Series([*range(10), 80]), "depth")
    assert depths.value_counts().tolist() == [10, 0, 0, 0, 0, 0, 0, 1] and depths.categories[0] == "0 – 10"
    near = levels(pd.Series([1 + n / 1e4 for n in range(20)]), "learning_rate")
    assert len(set(near.categories)) == MOST_LEVELS
    assert list(levels(frame["activation"].head(40), "activation").categories) == ["elu", "tanh"]


def test_each_view_is_filtered_by_the_brushes_of_the_two_others():
    spec = linked(many(), AXES, ("learning_rate", "val_accuracy"), ("learning_rate", "depth"), "val_accuracy").to_dict()
    views = dict(
        zip(("parallel", "scatter", "heat"), (spec["vconcat"][0], *spec["vconcat"][1]["hconcat"]), strict=True)
    )
    seen = {
        name: set(re.findall("|".join((PARALLEL, SCATTER, HEAT)), str(values_of(view, "filter"))))
        for name, view in views.items()
    }
    # its own brush thins the lines of the parallel coordinates out too, as no line lies within a rectangle
    assert seen == {"parallel": {PARALLEL, SCATTER, HEAT}, "scatter": {PARALLEL, HEAT}, "heat": {PARALLEL, SCATTER}}
    named = set(values_of(spec, "name"))
    for param in spec["params"]:
        assert param["select"]["type"] == "interval" and set(param["views"]) <= named


def test_scales_are_those_of_all_runs_so_that_brushing_moves_nothing():
    spec = linked(many(), AXES, ("learning_rate", "val_accuracy"), ("learning_rate", "depth"), "val_loss").to_dict()
    scales = [scale for scale in values_of(spec["vconcat"], "scale") if "padding" not in scale]
    assert scales and all("domain" in scale for scale in scales)
    assert {scale["reverse"] for scale in scales if "range" in scale} == {True}, "a low loss is the better one"


# --- Colours ------------------------------------------------------------------------------------------

# how eyes see: normal, without red cones, without green ones (Machado, Oliveira and Fernandes 2009, severity 1)
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_LMS = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(color: str, eye: str) -> np.ndarray:
    return np.array(TO_LAB) @ np.cbrt(np.array(TO_LMS) @ np.clip(np.array(EYES[eye]) @ linear(color), 0, 1))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("eye", EYES)
def test_any_two_runs_have_colours_that_are_told_apart(eye):
    least = min(np.linalg.norm(oklab(a, eye) - oklab(b, eye)) for a, b in itertools.combinations(RUN_COLORS, 2))
    assert least > 0.1, "twice what is needed to tell two neighbouring areas apart"


def test_no_run_has_a_splits_colour_and_all_stand_out_on_white_and_near_black():
    pairs = itertools.product(RUN_COLORS, SPLIT_COLORS.values())
    assert min(np.linalg.norm(oklab(run, "normal") - oklab(split, "normal")) for run, split in pairs) > 0.08
    for color in RUN_COLORS:
        assert contrast(color, "#FFFFFF") > 2.2 and contrast(color, "#0E1117") > 2.9


@pytest.mark.parametrize("eye", EYES)
def test_worse_to_better_is_lighter_step_by_step_and_carries_black_text(eye):
    lightness = [oklab(color, eye)[0] for color in WORSE_TO_BETTER]
    assert all(after - before > 0.03 for before, after in itertools.pairwise(lightness))
    assert all(contrast(color, ON_COLOR) > 4.5 for color in WORSE_TO_BETTER)


def test_records_of_one_epoch_are_drawn():
    frame = overlay_frame([("a", [EpochRecord(1, 1.0, 0.5, 1.0, 0.5, 1e-3, math.nan)])])
    assert curve(frame, "minutes") == [0.0]
    overlay(frame, ("a",), "accuracy").to_dict()


def test_a_cell_of_the_heat_map_says_what_it_is():
    table = many().dropna(subset=["val_loss"])
    spec = linked(table, ["depth"], ("depth", "val_loss"), ("learning_rate", "depth"), "val_accuracy").to_dict()
    assert "A cell: mean validation accuracy of its runs" in values_of(spec, "title")
    assert ".2%" in {form for form in values_of(spec, "format") if isinstance(form, str)}


# --- Sweeps -------------------------------------------------------------------------------------------


def test_importance_is_drawn_with_its_uncertainty_and_the_number_of_trials():
    spec = importance({"depth": (0.9, 0.05), "width": (0.1, 0.2)}, 24).to_dict()
    assert spec["title"] == "Share of the variance explained, over 24 trials"
    [rows] = spec["datasets"].values()
    assert [(row["field"], row["text"]) for row in rows] == [("Depth", "90% ± 5"), ("Width", "10% ± 20")]
    assert [(row["low"], row["high"]) for row in rows] == [
        (pytest.approx(0.85), pytest.approx(0.95)),
        (0, pytest.approx(0.3)),
    ]


def test_the_best_so_far_is_drawn_over_trials_not_over_time_with_its_pauses():
    spec = best_so_far(best_frame([(1, 2.0, 2.0), (2, 3.0, 2.0)]), "val_loss").to_dict()
    assert {part["field"] for part in values_of(spec, "x")} == {"ended"}
    assert {part["title"] for part in values_of(spec, "x")} == {"Completed trials"}


def trials(*losses: list[float], level: float | None = 2.3) -> pd.DataFrame:
    """The rows of some trials with these validation losses, of which the last one is running."""
    histories = {place: (place == len(losses), history(*each, val=each)) for place, each in enumerate(losses, 1)}
    return curves_frame(histories, "val_loss", level)


def test_a_trials_start_far_above_guessing_is_cut_off_and_says_so():
    rows = trials([900.0, 2.0, 1.8], [14.2, 12.0, 2.0, 1.9], [2.2, 2.0])
    shown = rows[(rows["kind"] == "epoch") & rows["drawn"].notna()].groupby("trial")["epoch"].agg(list).to_dict()
    assert shown == {"trial 1": [2, 3], "trial 2": [3, 4], "trial 3": [1, 2]}
    assert rows["drawn"].max() < 3 and rows.loc[rows["kind"] == "epoch", "value"].max() == 900
    assert rows.loc[rows["kind"] == "note", "note"].tolist() == ["▲ cut off: 2 trials start at up to 900"]
    edges = rows[rows["kind"] == "edge"].set_index("trial")["epoch"]
    assert 1 < edges["trial 1"] < 2 < edges["trial 2"] < 3 and len(edges) == 2
    for others in (trials([2.0, 1.9]), trials(), trials([14.2, math.nan], level=None)):
        assert without_data(curves(rows, "val_loss")) == without_data(curves(others, "val_loss"))


@pytest.mark.parametrize("losses", [[[2.4, 2.0], [2.0, 30.0]], [[14.2, math.nan]], [[9.0, 8.0], [20.0, 15.0, 14.0]]])
def test_no_trial_is_cut_off_that_rises_or_stays_high(losses):
    rows = trials(*losses)
    assert set(rows["kind"]) == {"epoch", "span", "level"}
    assert rows["drawn"].max() >= max(loss for each in losses for loss in each if loss < math.inf)


def test_trials_show_the_level_of_guessing_for_a_loss_and_no_noise_as_progress():
    level = guessing("loss", 10)
    rows = trials([2.31, 2.30], [2.30, 2.31], level=level)
    assert rows.loc[rows["kind"] == "level", "drawn"].tolist() == [level]
    assert rows["drawn"].max() - rows["drawn"].min() == pytest.approx(LEAST_SPAN["loss"])
    assert "chance level" in values_of(curves(rows, "val_loss").to_dict(), "text")
    rows = curves_frame({1: (True, history(1.0, 1.0, accuracy=0.5))}, "val_accuracy")
    assert set(rows["kind"]) == {"epoch", "span"}
    assert rows["drawn"].max() - rows["drawn"].min() == pytest.approx(LEAST_SPAN["accuracy"])
