"""Charts of a run's loss and accuracy by epoch.

A chart's specification never depends on the data, so that the page updates it in place without redrawing.
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.palette import NEUTRAL, SPLIT_COLORS
from explorer.runs.history import EpochRecord, best_epoch, tidy

MOST_POINTS = 400  # about as many as a chart can resolve
HEIGHT = 340

LABELS = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}
EPOCH_AXIS = alt.Axis(tickMinStep=1, format="d", grid=False)  # whole epochs, however few or many
FORMATS = {"loss": ".4f", "accuracy": ".1%"}


def curve_frame(run_id: str, records: Sequence[EpochRecord]) -> pd.DataFrame:
    """The tidy frame of a run with its best epoch marked, thinned out to `MOST_POINTS` epochs.

    Columns: run_id, epoch, split, metric, value, best (by lowest validation loss), learning_rate.
    """
    best = best_epoch(records)
    # one point is reserved for the best epoch, which may not fall on a step
    step = 1 if len(records) <= MOST_POINTS else -(-len(records) // (MOST_POINTS - 1))
    thinned = [r for r in records if (len(records) - r.epoch) % step == 0 or r is best]
    frame = tidy(run_id, thinned)
    frame["best"] = (frame["epoch"] == best.epoch) if best else False
    frame["learning_rate"] = [r.learning_rate for r in thinned for _ in range(4)]
    return frame


def of_metric(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of one metric, which are all that its chart needs."""
    return frame[frame["metric"] == metric]


def curves(frame: pd.DataFrame, metric: str, chance: float | None = None) -> alt.LayerChart:
    """Training and validation curves of one metric, with the best epoch ringed.

    `chance` draws the level of random guessing, in the metric's unit.
    """
    title = LABELS[metric]
    base = (
        alt.Chart(frame)
        .transform_filter(alt.datum.metric == metric)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_FROM_DATA),
            y=alt.Y(
                "value:Q",
                title=title,
                axis=alt.Axis(format="~%" if metric == "accuracy" else "~g"),
                scale=alt.Scale(zero=metric == "accuracy"),
            ),
            color=alt.Color(
                "split:N",
                title=None,
                scale=alt.Scale(domain=list(SPLIT_COLORS), range=list(SPLIT_COLORS.values())),
                legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
            ),
        )
        .properties(height=HEIGHT, title=f"{title} by epoch")
    )
    nearest = alt.selection_point(on="pointerover", nearest=True, fields=["epoch"], empty=False, name=f"hover_{metric}")
    tooltip = [
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("split:N", title="split"),
        alt.Tooltip("value:Q", title=metric, format=FORMATS[metric]),
        alt.Tooltip("learning_rate:Q", title="learning rate", format="~g"),
    ]
    layers = [
        base.mark_line(strokeWidth=2, interpolate="linear"),
        # points show on hover; a single epoch has no line, so its point is always visible
        base.mark_point(filled=True, size=50)
        .encode(opacity=alt.condition(nearest, alt.value(1.0), alt.value(0.0)), tooltip=tooltip)
        .add_params(nearest)
        .properties(name=f"points_{metric}"),  # Altair's default name would depend on the data
        base.transform_filter("datum.best").mark_point(size=140, strokeWidth=2.5, filled=False).encode(tooltip=tooltip),
        base.transform_filter("datum.best && datum.split == 'validation'")
        .mark_text(dy=-14, fontWeight="bold")
        .encode(text=alt.value("best")),
    ]
    if chance is not None:
        layers += _level(chance, "chance")
    return alt.layer(*layers).resolve_scale(color="shared")


_FROM_DATA = alt.Scale(nice=False, zero=False, padding=4)


def _level(value: float, label: str) -> list[alt.Chart]:
    chart = alt.Chart(alt.sequence(1))  # one row, independent of the frame
    rule = chart.mark_rule(strokeDash=[4, 4], color=NEUTRAL).encode(y=alt.datum(value))
    text = chart.mark_text(align="left", baseline="bottom", dx=4, dy=-2, color=NEUTRAL, text=label)
    return [rule, text.encode(y=alt.datum(value), x=alt.value(0))]
