"""Every chart with epochs or a logarithmic axis, for a browser: `?epochs=3&loss=zero` says of which runs."""

import math
from types import SimpleNamespace

import streamlit as st
from made_runs import signals

from explorer.history import EpochRecord

LOSSES = {"falls": lambda epoch: 2 / epoch, "zero": lambda epoch: max(0.0, 10 ** -epoch - 1e-7),
          "infinite": lambda epoch: math.inf if epoch == 3 else 2 / epoch}  # fmt: skip


def records(epochs: int, loss: str) -> list[EpochRecord]:
    """So many epochs with losses of a kind: falling, exactly 0 from the seventh on, or infinite in the third."""
    values = map(LOSSES[loss], range(1, epochs + 1))
    return [
        EpochRecord(e, v, 0.5, 1.1 * v, 0.48, 1e-3 / e, 0.0 if loss == "zero" else 0.1) for e, v in enumerate(values, 1)
    ]


def inner(epochs: int, loss: str) -> list:
    """Signals of two layers, of which the second has gradients of exactly 0 where the loss has."""
    return [
        signals(epoch, depth=1, by_depth={"gradient_rms": [1e-3, LOSSES[loss](max(1, epoch))]})
        for epoch in range(epochs + 1)
    ]


def draw(epochs: int, loss: str) -> None:
    """Draws the charts, each in a container with its name."""
    from explorer import charts, charts_compare, charts_inside, charts_sweep, charts_twins
    from explorer.views.drawing import draw_chart

    run, seen = records(epochs, loss), inner(epochs, loss)
    curves = charts.of_metric(charts.curve_frame("run", run), "loss")
    twins = charts.of_metric(charts_twins.twin_frame(run, run[:1]), "loss")
    overlay = charts.of_metric(charts_compare.overlay_frame([("a", run), ("b", records(epochs, "falls"))]), "loss")
    band = charts_compare.band_frame([("A", [("a", run), ("b", records(epochs, "falls"))])], "loss")
    gradients = charts_inside.signal_frame("run", seen, "gradient_rms")
    rates = charts_inside.rate_frame(([0.0, epochs / 2, float(epochs)], [1e-3, 1e-4, 0.0]), run)
    trials = charts_sweep.curves_frame({1: (True, run), 2: (False, run)}, "val_loss")
    steps = [SimpleNamespace(rate=10.0 ** (r.epoch - 7), loss=r.loss, smoothed=r.loss) for r in run[:8]]
    two, metric = ("a", "b"), "loss"
    shown = {
        "curves": (charts.curves, curves, metric),
        "twins": (charts_twins.twins, twins, metric),
        "overlay": (charts_compare.overlay, overlay, two, metric, "epoch", False, False),
        "overlay_log_x": (charts_compare.overlay, overlay, two, metric, "epoch", True, False),
        "overlay_log_y": (charts_compare.overlay, overlay, two, metric, "epoch", False, True),
        "overlay_minutes": (charts_compare.overlay, overlay, two, metric, "minutes", True, True),
        "trials": (charts_sweep.curves, trials, "val_loss"),
        "layers": (charts_inside.layers_by_epoch, gradients, "gradient_rms"),
        "over_time": (charts_inside.over_time, gradients[gradients["layer"] == "output"], "gradient_rms"),
        "by_depth": (charts_inside.by_depth, charts_inside.depth_frame("r", seen, "gradient_rms", 1), "gradient_rms"),
        "rate": (charts_inside.rate_curve, rates),
        "range": (charts_inside.range_test, charts_inside.range_frame(steps, 1e-3)),
    }
    for name, (build, frame, *arguments) in shown.items():
        with st.container(key=f"drawn_{name}"):
            draw_chart(build, frame, *arguments, key=f"chart_{name}")
    with st.container(key="drawn_band"):
        st.altair_chart(charts_compare.band(band, "loss"), key="chart_band")


if __name__ == "__main__":
    draw(int(st.query_params.get("epochs", 3)), st.query_params.get("loss", "falls"))
