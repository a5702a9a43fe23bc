"""Charts with a cached specification: they equal what Altair builds, whatever the rows."""

import json

import numpy as np
import pytest
from made_runs import history, signals

from explorer.charts import (
    comparison,
    evaluation,
    fixes,
    initial_signals,
    internals,
    learning_rate,
    lr_finder,
    sweep,
    training_curves,
    twin,
)
from explorer.charts.signal_views import SIGNAL_VIEWS
from explorer.pages.chart import _specification, _without_named_data, draw_chart
from explorer.training.lr_finder import Trial

RECORDS = history(2.0, 1.5, 1.6)
SIGNALS = [signals(epoch) for epoch in range(3)]
CURVES = {metric: training_curves.drawn_rows(training_curves.curve_frame("run", RECORDS), metric, level)
          for metric, level in (("loss", 2.3), ("accuracy", 0.1))}  # fmt: skip
TWINS = twin.twin_rows(RECORDS, RECORDS, "loss", 2.3)
OVERLAY = comparison.overlay_frame([("a", RECORDS), ("b", RECORDS)])
RATES_TRIED = lr_finder.frame([], [Trial(1e-3, 1.5)], 1e-3)
DRAWN = {
    "curves of accuracy": (training_curves.curves, CURVES["accuracy"], "accuracy"),
    "curves of loss, for a projector": (training_curves.curves, CURVES["loss"], "loss", True),
    "twins": (twin.twins, TWINS, "loss"),
    "gains": (fixes.gains, fixes.gains_frame([(1, "a", 0.1, 0.05, 0.15), (2, "b", -0.1, -0.2, 0.0)]), 2),
    "overlay": (comparison.overlay, OVERLAY, ("a", "b"), "loss", "minutes", True, True),
    **{
        f"heat map of {signal}": (
            internals.layers_by_epoch,
            internals.signal_frame("r", SIGNALS, signal),
            signal,
        )
        for signal in SIGNAL_VIEWS
    },
    "by depth": (internals.by_depth, internals.depth_frame("r", SIGNALS, "dead", 1), "dead"),
    "over time": (internals.over_time, internals.signal_frame("r", SIGNALS, "dead"), "dead"),
    "histogram": (internals.histogram, internals.histogram_frame(SIGNALS[0].layers[0])),
    "start": (
        initial_signals.start,
        initial_signals.start_frame(SIGNALS[0], {"b": SIGNALS[1]}, "dead"),
        "dead",
        ("b",),
    ),
    "rate": (learning_rate.rate_curve, learning_rate.rate_frame(([0, 1], [1e-3, 1e-4]), RECORDS)),
    "learning-rate finder": (lr_finder.chart, RATES_TRIED, lr_finder.limits(RATES_TRIED, 2.3)),
    "best so far": (sweep.best_so_far, sweep.best_frame([(1, 2.0, 2.0)]), "val_loss"),
    "trials": (sweep.curves, sweep.curves_frame({1: (True, RECORDS)}, "val_loss"), "val_loss"),
    "matrix": (
        evaluation.confusion,
        evaluation.matrix_frame(np.eye(2, dtype=int), ("cat", "dog"), False),
        ("cat", "dog"),
        "images",
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
