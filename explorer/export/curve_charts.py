"""The charts of a run's loss and accuracy by epoch, for notebook and report."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from explorer.data.datasets import DATASETS
from explorer.runs.run import Run

if TYPE_CHECKING:
    import altair as alt


def curve_charts(run: Run) -> "Iterator[tuple[str, alt.LayerChart]]":
    """Each metric with its chart, as on the run's page; raises `RunError`."""
    from explorer.charts import training_curves
    from explorer.charts.epoch_axes import guessing

    frame = training_curves.curve_frame(run.name, run.history())
    for metric in ("loss", "accuracy"):
        level = guessing(metric, DATASETS[run.config.dataset].classes)
        yield metric, training_curves.curves(training_curves.drawn_rows(frame, metric, level), metric)
