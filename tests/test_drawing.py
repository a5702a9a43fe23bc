"""Charts whose looks are worked out once: they are what Altair would draw, whatever the rows."""

import json

import numpy as np
import pytest
from made_runs import history, signals

from explorer import charts, charts_compare, charts_evaluate, charts_inside, charts_sweep, charts_twins
from explorer.views.drawing import _specification, _without_named_data, draw_chart

RECORDS = history(2.0, 1.5, 1.6)
SIGNALS = [signals(epoch) for epoch in range(3)]
CURVES = charts.curve_frame("run", RECORDS)
TWINS = charts_twins.twin_frame(RECORDS, RECORDS)
OVERLAY = charts_compare.overlay_frame([("a", RECORDS), ("b", RECORDS)])
DRAWN = {
    "curves": (charts.curves, CURVES, "accuracy", 0.1),
    "curves without chance": (charts.curves, CURVES, "loss", None),
    "twins": (charts_twins.twins, TWINS, "loss"),
    "overlay": (charts_compare.overlay, OVERLAY, ("a", "b"), "loss", "minutes", True, True),
    **{
        f"heat map of {signal}": (
            charts_inside.layers_by_epoch,
            charts_inside.signal_frame("r", SIGNALS, signal),
            signal,
        )
        for signal in charts_inside.SIGNAL_VIEWS
    },
    "by depth": (charts_inside.by_depth, charts_inside.depth_frame("r", SIGNALS, "dead", 1), "dead"),
    "over time": (charts_inside.over_time, charts_inside.signal_frame("r", SIGNALS, "dead"), "dead"),
    "histogram": (charts_inside.histogram, charts_inside.histogram_frame(SIGNALS[0].layers[0])),
    "start": (charts_inside.start, charts_inside.start_frame(SIGNALS[0], {"b": SIGNALS[1]}, "dead"), "dead", ("b",)),
    "rate": (charts_inside.rate_curve, charts_inside.rate_frame(([0, 1], [1e-3, 1e-4]), RECORDS)),
    "range test": (charts_inside.range_test, charts_inside.range_frame([], 1e-3)),
    "best so far": (charts_sweep.best_so_far, charts_sweep.best_frame([(1, 0.5, 2.0, 2.0)]), "val_loss"),
    "trials": (charts_sweep.curves, charts_sweep.curves_frame({1: (True, RECORDS)}, "val_loss"), "val_loss"),
    "matrix": (
        charts_evaluate.confusion,
        charts_evaluate.matrix_frame(np.eye(2, dtype=int), ("cat", "dog"), False),
        ("cat", "dog"),
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_kept_specification_is_that_of_the_chart_with_its_rows(name):
    build, frame, *arguments = DRAWN[name]
    drawn = build(frame, *arguments).to_dict()
    rows = [rows for rows in drawn.pop("datasets").values() if rows]
    assert len(rows) == 1, "all marks are of one frame"
    drawn.pop("config")
    draw_chart(build, frame, *arguments)  # Streamlit writes into a specification that it is given
    assert json.loads(_specification(build, tuple(frame.columns), *arguments)) == _without_named_data(drawn)
