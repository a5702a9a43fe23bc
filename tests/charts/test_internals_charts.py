"""The charts of signals: one specification whatever the data, few enough marks, nothing a scale cannot show."""

import math

import pytest
from chart_specs import without_data
from made_runs import signals

from explorer.charts import initial_signals, internals
from explorer.charts.internals import MOST_CELLS
from explorer.charts.signal_views import SIGNAL_VIEWS
from explorer.runs.signals import SIGNALS


def run(epochs: int, depth: int = 3, **values) -> list:
    return [signals(epoch, depth=depth, **values) for epoch in range(epochs + 1)]


def test_every_signal_has_a_view():
    assert set(SIGNAL_VIEWS) == set(SIGNALS)
    assert all(view.explanation.endswith(".") for view in SIGNAL_VIEWS.values())


@pytest.mark.parametrize("signal", SIGNAL_VIEWS)
def test_charts_of_a_signal_are_the_same_whatever_the_data(signal):
    few, many = run(1), run(30, depth=9)
    frames = [internals.signal_frame("run", seen, signal) for seen in (few, many)]
    for chart in (internals.layers_by_epoch, internals.over_time):
        one, other = (without_data(chart(frame, signal)) for frame in frames)
        assert one == other
    frames = [internals.depth_frame("run", seen, signal, 1) for seen in (few, many)]
    one, other = (without_data(internals.by_depth(frame, signal)) for frame in frames)
    assert one == other


@pytest.mark.parametrize(("epochs", "depth"), [(10, 20), (1000, 20), (10_000, 1), (300, 100)])
def test_a_heat_map_has_no_more_cells_than_a_chart_shows_well(epochs, depth):
    seen = run(epochs, depth=depth)
    frame = internals.signal_frame("run", seen, "weight_norm")
    assert len(frame) <= MOST_CELLS and frame["epoch"].max() == epochs
    one_layer = frame[frame["depth"] == 1].sort_values("epoch")
    # no gap and no overlap between two epochs
    assert one_layer["to"].tolist()[:-1] == one_layer["from"].tolist()[1:]


def test_what_a_logarithm_cannot_show_is_left_out():
    values = {"gradient_rms": [0.0, math.nan, 1e-3, 1e-2]}
    frame = internals.signal_frame("run", run(2, by_depth=values), "gradient_rms")
    assert set(frame["depth"]) == {3, 4}
    assert set(internals.signal_frame("run", run(2, dead=0.0), "dead")["value"]) == {0.0}


def test_the_profile_shows_the_nearest_epoch_and_the_start():
    frame = internals.depth_frame("run", run(5), "weight_norm", 99)
    assert set(frame["epoch"]) == {0, 5} and set(frame["shown"]) == {internals.CHOSEN, internals.BEFORE}
    assert set(internals.depth_frame("run", run(5), "weight_norm", 0)["shown"]) == {internals.CHOSEN}


def test_a_histogram_holds_all_values():
    frame = internals.histogram_frame(signals(1).layers[0])
    assert frame["share"].sum() == pytest.approx(1) and (frame["low"] < frame["high"]).all()
    assert internals.histogram_frame(signals(1, histogram_counts=()).layers[0]).empty


def test_the_start_is_drawn_beside_references_of_any_depth():
    references = {"one": signals(0, depth=2), "two": signals(0, depth=20)}
    frame = initial_signals.start_frame(signals(0, depth=5), references, "activation_variance")
    assert (
        set(frame["which"]) == {initial_signals.THESE, "one", "two"}
        and frame.groupby("which")["part"].max().eq(1).all()
    )
    alone = initial_signals.start_frame(signals(0, depth=7), {}, "activation_variance")
    charts = [initial_signals.start(f, "activation_variance", ["one", "two"]) for f in (frame, alone)]
    assert without_data(charts[0]) == without_data(charts[1])
