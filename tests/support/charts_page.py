"""Every chart with epochs or a logarithmic axis, for a browser: `?epochs=3&loss=zero` says of which runs.

`validation=0.5` makes the validation loss so many times the training loss.
"""

import math
from types import SimpleNamespace

import streamlit as st
from made_runs import signals

from explorer.runs.history import EpochRecord

LOSSES = {"falls": lambda epoch: 2 / epoch, "zero": lambda epoch: max(0.0, 10 ** -epoch - 1e-7),
          "infinite": lambda epoch: math.inf if epoch == 3 else 2 / epoch,
          "starts_high": lambda epoch: 100.0 if epoch == 1 else 2.0}  # fmt: skip
VALIDATION = {"starts_high": lambda epoch: 1.0 + epoch / 10}


def records(epochs: int, loss: str, validation: float = 1.1) -> list[EpochRecord]:
    """So many epochs with losses of a kind: falling, exactly 0 from the seventh on, infinite in the third, or high in
    the first, where the validation loss is lowest."""
    training, accuracy, seconds = LOSSES[loss], 0.5 + (1 - validation) / 5, 0.0 if loss == "zero" else 0.1
    held_out = VALIDATION.get(loss, lambda epoch: validation * training(epoch))
    return [EpochRecord(e, training(e), 0.5, held_out(e), accuracy, 1e-3 / e, seconds) for e in range(1, epochs + 1)]


def inner(epochs: int, loss: str) -> list:
    """Signals of two layers, of which the second has gradients of exactly 0 where the loss has."""
    return [
        signals(epoch, depth=1, by_depth={"gradient_rms": [1e-3, LOSSES[loss](max(1, epoch))]})
        for epoch in range(epochs + 1)
    ]


def draw(epochs: int, loss: str, validation: float) -> None:
    """Draws the charts, each in a container with its name."""
    from explorer.charts import comparison, internals, learning_rate, lr_finder, sweep, training_curves, twin
    from explorer.charts.epoch_axes import guessing
    from explorer.pages.chart import draw_chart

    run, seen = records(epochs, loss, validation), inner(epochs, loss)
    level, frame = guessing("loss", 10), training_curves.curve_frame("run", run)
    curves = training_curves.drawn_rows(frame, "loss", level)
    accuracy = training_curves.drawn_rows(frame, "accuracy", guessing("accuracy", 10))
    twins = twin.twin_rows(run, run[:1], "loss", level)
    overlay = training_curves.of_metric(comparison.overlay_frame([("a", run), ("b", records(epochs, "falls"))]), "loss")
    band = comparison.band_frame([("A", [("a", run), ("b", records(epochs, "falls"))])], "loss")
    gradients = internals.signal_frame("run", seen, "gradient_rms")
    rates = learning_rate.rate_frame(([0.0, epochs / 2, float(epochs)], [1e-3, 1e-4, 0.0]), run)
    trials = sweep.curves_frame({1: (True, run), 2: (False, run)}, "val_loss", level)
    steps = [SimpleNamespace(rate=10.0 ** (r.epoch - 7), loss=r.loss, smoothed=r.loss) for r in run[:8]]
    finder = lr_finder.frame(steps, [SimpleNamespace(rate=1e-3, loss=1.5)], 1e-3)
    two, metric = ("a", "b"), "loss"
    shown = {
        "curves": (training_curves.curves, curves, metric),
        "accuracy": (training_curves.curves, accuracy, "accuracy"),
        "twins": (twin.twins, twins, metric),
        "overlay": (comparison.overlay, overlay, two, metric, "epoch", False, False),
        "overlay_log_x": (comparison.overlay, overlay, two, metric, "epoch", True, False),
        "overlay_log_y": (comparison.overlay, overlay, two, metric, "epoch", False, True),
        "overlay_minutes": (comparison.overlay, overlay, two, metric, "minutes", True, True),
        "trials": (sweep.curves, trials, "val_loss"),
        "layers": (internals.layers_by_epoch, gradients, "gradient_rms"),
        "over_time": (internals.over_time, gradients[gradients["layer"] == "output"], "gradient_rms"),
        "by_depth": (internals.by_depth, internals.depth_frame("r", seen, "gradient_rms", 1), "gradient_rms"),
        "rate": (learning_rate.rate_curve, rates),
        "range": (lr_finder.chart, finder, lr_finder.limits(finder, 2.3)),
    }
    for name, (build, frame, *arguments) in shown.items():
        with st.container(key=f"drawn_{name}"):
            draw_chart(build, frame, *arguments, key=f"chart_{name}")
    with st.container(key="drawn_band"):
        st.altair_chart(comparison.band(band, "loss"), key="chart_band")


if __name__ == "__main__":
    asked = st.query_params
    draw(int(asked.get("epochs", 3)), asked.get("loss", "falls"), float(asked.get("validation", 1.1)))
