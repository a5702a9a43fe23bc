"""Draws the decision boundary of a run on points in a plane, after its last epoch, under the training points."""

import streamlit as st

from explorer.data.datasets import DATASETS
from explorer.errors import DataError
from explorer.pages import resources
from explorer.pages.chart import draw_chart
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary


def is_of_points(summary: RunSummary) -> bool:
    """Whether the run is trained on points in a plane."""
    return summary.config is not None and DATASETS[summary.config.dataset].plane


def draw(run: Run, summary: RunSummary) -> None:
    """Draws the boundary after the last epoch; a run without one says so."""
    # here, as it imports pandas and Altair, which the first page can do without
    from explorer.charts import decision_boundary as charts

    last, spec = run.boundary(), DATASETS[summary.config.dataset]
    if last is None:
        st.caption("The decision boundary appears here when training starts.")
        return
    try:
        dataset = resources.dataset(spec.name)
    except DataError:  # the page says so elsewhere
        return
    epoch, probabilities = last
    draw_chart(
        charts.boundary,
        charts.of_dataset(probabilities, dataset),
        spec.max_value,
        spec.class_names,
        spec.layout.feature_names,
        key="boundary",
        alt=f"decision boundary between {spec.class_names[0]} and {spec.class_names[1]}, and training points",
    )
    points = min(len(dataset.train), charts.MOST_POINTS)
    st.caption(f"Predicted class at each point after epoch {epoch:,}, with {points:,} training points.")
