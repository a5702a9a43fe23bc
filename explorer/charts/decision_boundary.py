"""The picture of a decision boundary: how probable each class is all over a plane, under the points of the data set."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.training_curves import HEIGHT
from explorer.data.datasets import Dataset
from explorer.palette import CLASS_COLORS, CLASS_SHADES
from explorer.plain_text import plain
from explorer.runs.decision_boundary import SIDE, grid

MOST_POINTS = 400
CELL, POINT = "cell", "point"  # kinds of rows
OVERLAP = 1.1  # of a cell's side, which hides the seams between cells


def boundary_frame(
    probabilities: np.ndarray, edge: float, points: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """The rows of the picture: a cell for each of `probabilities` of the second class, float `[SIDE²]`, then points.

    `points` are float `[N, 2]`, `labels` their classes `[N]`, 0 or 1; the first `MOST_POINTS` are drawn. Columns: kind,
    x, y, x2, y2, share (the probability of the second class), name (the class of a point).
    """
    half, cells, some = OVERLAP * edge / SIDE, grid(edge), slice(0, MOST_POINTS)
    low, high = cells - half, cells + half
    drawn = points[some]
    columns = {
        "kind": [CELL] * len(cells) + [POINT] * len(drawn),
        "x": np.concatenate([low[:, 0], drawn[:, 0]]).round(3),
        "y": np.concatenate([low[:, 1], drawn[:, 1]]).round(3),
        "x2": np.concatenate([high[:, 0], drawn[:, 0]]).round(3),
        "y2": np.concatenate([high[:, 1], drawn[:, 1]]).round(3),
        "share": [*np.asarray(probabilities, "float64").round(3), *[None] * len(drawn)],
        "name": [*[None] * len(cells), *(names[label] for label in labels[some])],
    }
    return pd.DataFrame(columns)


def of_dataset(probabilities: np.ndarray, dataset: Dataset) -> pd.DataFrame:
    """The rows of the picture for points in a plane, under the first training points of the data set."""
    training, spec = dataset.train[:MOST_POINTS], dataset.spec
    points, labels = dataset.images[training], dataset.labels[training]
    return boundary_frame(probabilities, spec.max_value, points, labels, spec.class_names)


def boundary(
    frame: pd.DataFrame, edge: float, names: Sequence[str], feature_names: Sequence[str] = ()
) -> alt.LayerChart:
    """The picture of a frame; `names` are those of the two classes, `feature_names` of the axes, if they have any."""
    side = alt.Scale(domain=[-edge, edge], nice=False, zero=False)
    titles = [plain(name) for name in feature_names] or [None, None]
    axes = [alt.Axis(title=title, grid=False, ticks=False, values=[-edge, 0, edge]) for title in titles]
    shades = alt.Scale(domain=[0, 0.25, 0.5, 0.75, 1], range=list(CLASS_SHADES), clamp=True)
    x, y = alt.X("x:Q", scale=side, axis=axes[0]), alt.Y("y:Q", scale=side, axis=axes[1])
    base = alt.Chart(frame).encode(x=x, y=y)
    cells = (
        base.transform_filter(alt.datum.kind == CELL)
        .mark_rect(clip=True, opacity=1)
        .encode(
            x2="x2:Q",
            y2="y2:Q",
            fill=alt.Fill("share:Q", scale=shades, legend=None),
            tooltip=[alt.Tooltip("share:Q", title=f"probability of {names[1]}", format=".0%")],
        )
    )
    colors = alt.Scale(domain=list(names), range=list(CLASS_COLORS))
    points = (
        base.transform_filter(alt.datum.kind == POINT)
        .mark_circle(size=28, opacity=1, stroke="white", strokeWidth=0.7)
        .encode(color=alt.Color("name:N", scale=colors, legend=alt.Legend(title=None, orient="top")))
    )
    return alt.layer(cells, points).properties(height=HEIGHT)
