"""Charts of an evaluation, one function per chart; the specification is the same for every model of a data set."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from explorer.evaluation.metrics import CalibrationBin, ClassFigures, row_shares
from explorer.evaluation.report import MOST_NUMBERED
from explorer.palette import NEUTRAL, RIGHT_COLOR, SHADES, WRONG_COLOR

CELL = "cell"  # the selection's name: fields `true` and `predicted`
MATRIX_HEIGHT, CLASS_HEIGHT, HEIGHT = 460, 390, 340
# the page's text colour, light or dark; only charts with few marks, which are drawn as SVG, can use it
TEXT_COLOR = "currentColor"
MEASURES = ("precision", "recall", "f1")
CONFIDENCE_BINS = 20
MANY_HEIGHT = 700


def matrix_frame(matrix: np.ndarray, names: Sequence[str], shares: bool) -> pd.DataFrame:
    """One row per cell: true, predicted, count, share (of its row), label, kind (`correct` or `incorrect`).

    With many classes most cells are empty, and left out.
    """
    portions = row_shares(matrix)
    rows = [
        (true, predicted, int(matrix[i, j]), float(portions[i, j]), "correct" if i == j else "incorrect")
        for i, true in enumerate(names)
        for j, predicted in enumerate(names)
        if matrix[i, j] or len(names) <= MOST_NUMBERED
    ]
    frame = pd.DataFrame(rows, columns=["true", "predicted", "count", "share", "kind"])
    frame["label"] = frame["share"].map("{:.0%}".format) if shares else frame["count"].map("{:,}".format)
    return frame


def confusion(frame: pd.DataFrame, names: Sequence[str], noun: str) -> alt.LayerChart:
    """The confusion matrix; the opacity of a cell is its share of its row, and a click selects a cell.

    With many classes it has no numbers, and as many names as there is room for. `noun` is what the images are called.
    """
    many = len(names) > MOST_NUMBERED
    looks = {"labelLimit": 90, "domain": False, "ticks": False, "labelOverlap": "greedy" if many else False}
    order = {"sort": list(names), "scale": alt.Scale(domain=list(names))}
    base = alt.Chart(frame).encode(
        x=alt.X("predicted:N", title="Predicted class", axis=alt.Axis(labelAngle=-40, **looks), **order),
        y=alt.Y("true:N", title="True class", axis=alt.Axis(**looks), **order),
    )
    cell = alt.selection_point(name=CELL, fields=["true", "predicted"], toggle=False)
    tooltip = [
        alt.Tooltip("true:N", title="true"),
        alt.Tooltip("predicted:N", title="predicted"),
        alt.Tooltip("count:Q", title=noun, format=","),
        alt.Tooltip("share:Q", title="share of the true class", format=".2%"),
    ]
    squares = (
        base.mark_rect(cursor="pointer")
        .encode(
            color=_kinds(None),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.95]), legend=None),
            tooltip=tooltip,
        )
        .add_params(cell)
        .properties(name="squares")
    )
    if many:
        return alt.layer(squares).properties(height=MANY_HEIGHT)
    numbers = base.mark_text(fontSize=12, fontWeight="bold", color=TEXT_COLOR).encode(text="label:N", tooltip=tooltip)
    return alt.layer(squares, numbers).properties(height=MATRIX_HEIGHT)


def _kinds(legend: alt.Legend | None) -> alt.Color:
    scale = alt.Scale(domain=["correct", "incorrect"], range=[RIGHT_COLOR, WRONG_COLOR])
    return alt.Color("kind:N", title=None, scale=scale, legend=legend)


def class_frame(classes: Sequence[ClassFigures]) -> pd.DataFrame:
    """A long frame: class, measure, value, images; of many classes those with the highest and the lowest F1."""
    if len(classes) > MOST_NUMBERED:
        ranked = sorted(classes, key=lambda row: row.f1, reverse=True)
        classes = [*ranked[: MOST_NUMBERED // 2], *ranked[-MOST_NUMBERED // 2 :]]
    rows = [(row.name, measure, getattr(row, measure), row.support) for row in classes for measure in MEASURES]
    return pd.DataFrame(rows, columns=["class", "measure", "value", "images"])


def class_bars(frame: pd.DataFrame, noun: str) -> alt.Chart:
    """Precision, recall and F1 of each class, in the data set's order."""
    colors = alt.Scale(domain=list(MEASURES), range=list(SHADES))
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=None, title=None, axis=alt.Axis(labelAngle=-40, labelOverlap=False, grid=False)),
            xOffset=alt.XOffset("measure:N", sort=list(MEASURES)),
            y=alt.Y("value:Q", title="Share", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            color=alt.Color("measure:N", sort=list(MEASURES), title=None, scale=colors, legend=_LEGEND),
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("measure:N"),
                alt.Tooltip("value:Q", format=".2%"),
                alt.Tooltip("images:Q", title=noun, format=","),
            ],
        )
        .properties(height=CLASS_HEIGHT, title="Precision, recall and F1 by class")
    )


_LEGEND = alt.Legend(orient="top")


def reliability_frame(bins: Sequence[CalibrationBin]) -> pd.DataFrame:
    """One row per bin that has images: low, high, zero, count, confidence, accuracy."""
    rows = [(b.low, b.high, 0.0, b.count, b.confidence, b.accuracy) for b in bins if b.count]
    return pd.DataFrame(rows, columns=["low", "high", "zero", "count", "confidence", "accuracy"])


def reliability(frame: pd.DataFrame, noun: str) -> alt.LayerChart:
    """The reliability diagram: accuracy against confidence; a calibrated model lies on the dashed line."""
    whole, percent = alt.Scale(domain=[0, 1]), alt.Axis(format="%")
    tooltip = [
        alt.Tooltip("confidence:Q", title="mean confidence", format=".2%"),
        alt.Tooltip("accuracy:Q", title="accuracy", format=".2%"),
        alt.Tooltip("count:Q", title=noun, format=","),
    ]
    base = alt.Chart(frame).encode(tooltip=tooltip)
    # a rectangle, because a bar mark with two ends on both axes would treat its height as a thickness
    bars = base.mark_rect(color=RIGHT_COLOR, opacity=0.5, xOffset=0.5, x2Offset=-0.5).encode(
        x=alt.X("low:Q", title="Confidence", scale=whole, axis=percent),
        x2="high:Q",
        y=alt.Y("accuracy:Q", title="Accuracy", scale=whole, axis=percent),
        y2="zero:Q",
    )
    points = base.mark_point(color=RIGHT_COLOR, filled=True, size=70, opacity=1).encode(
        x="confidence:Q", y="accuracy:Q"
    )
    ends = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    ideal = alt.Chart(ends).mark_line(color=NEUTRAL, strokeDash=[4, 4]).encode(x="confidence:Q", y="accuracy:Q")
    title = "Reliability: accuracy by confidence"
    return alt.layer(bars, ideal, points).properties(height=HEIGHT, title=title)


def confidence_frame(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Correct and, stacked on them, incorrect predictions by confidence: low, high, kind, count, base, top."""
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    rows, base = [], np.zeros(CONFIDENCE_BINS, int)
    for kind, chosen in (("correct", right), ("incorrect", ~right)):
        counts = np.histogram(confidence[chosen], edges)[0]
        cells = zip(edges, edges[1:], counts, base, base + counts, strict=False)
        rows += [(low, high, kind, int(count), int(start), int(top)) for low, high, count, start, top in cells]
        base = base + counts
    return pd.DataFrame(rows, columns=["low", "high", "kind", "count", "base", "top"])


def confidence_histogram(frame: pd.DataFrame, noun: str) -> alt.Chart:
    """Histogram of the confidence of correct and incorrect predictions."""
    return (
        alt.Chart(frame)
        .mark_rect(opacity=0.85, xOffset=0.5, x2Offset=-0.5)
        .encode(
            x=alt.X("low:Q", title="Confidence", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            x2="high:Q",
            y=alt.Y("top:Q", title=noun.capitalize()),
            y2="base:Q",
            color=_kinds(_LEGEND),
            tooltip=[
                alt.Tooltip("low:Q", title="confidence from", format=".0%"),
                alt.Tooltip("high:Q", title="to", format=".0%"),
                alt.Tooltip("kind:N", title="predictions"),
                alt.Tooltip("count:Q", title=noun, format=","),
            ],
        )
        .properties(height=HEIGHT, title="Confidence of correct and incorrect predictions")
    )


def weight_frame(histograms: Sequence[tuple[str, int, np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """One row per layer and bin: layer, weight, base, top, share, weights.

    Each layer is a ridge, scaled to its own tallest bin, the first layer on top.
    """
    rows = []
    for number, (name, size, edges, shares) in enumerate(histograms):
        base, middles = -float(number), (edges[:-1] + edges[1:]) / 2
        tallest = shares.max() or 1.0
        rows += [
            (name, float(middle), base, base + 0.9 * float(share / tallest), float(share), size)
            for middle, share in zip(middles, shares, strict=True)
        ]
    return pd.DataFrame(rows, columns=["layer", "weight", "base", "top", "share", "weights"])


def weight_ridges(frame: pd.DataFrame) -> alt.LayerChart:
    """Histograms of the weights of every dense layer as ridges, the first layer on top."""
    layers = int(-frame["base"].min()) + 1
    height = max(140, 26 * layers)
    y = alt.Y("base:Q", axis=None, scale=alt.Scale(domain=[1 - layers - 0.1, 1.05], nice=False))
    ridges = (
        alt.Chart(frame)
        .mark_area(color=RIGHT_COLOR, opacity=0.6, interpolate="monotone", line={"color": RIGHT_COLOR, "size": 1})
        .encode(
            x=alt.X("weight:Q", title="Weight", axis=alt.Axis(grid=True)),
            y=y,
            y2="top:Q",
            detail="layer:N",
            tooltip=[
                alt.Tooltip("layer:N"),
                alt.Tooltip("weights:Q", format=","),
                alt.Tooltip("weight:Q", format=".3f"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
    )
    names = (
        alt.Chart(frame.drop_duplicates("layer"))
        .mark_text(align="left", baseline="bottom", dy=-2, dx=4, fontSize=11, color=TEXT_COLOR)
        .encode(x=alt.value(0), y=y, text="layer:N")
    )
    return alt.layer(ridges, names).properties(height=height, title="Weights of each layer")


def probability_frame(probabilities: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """One row per class: class, probability."""
    return pd.DataFrame({"class": list(names), "probability": probabilities.astype(float)})


def probability_bars(frame: pd.DataFrame) -> alt.Chart:
    """The probability of each class for one image."""
    return (
        alt.Chart(frame)
        .mark_bar(color=RIGHT_COLOR)
        .encode(
            y=alt.Y("class:N", sort=None, title=None),
            x=alt.X("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("probability:Q", format=".1%")],
        )
        .properties(height=28 * 10)
    )
