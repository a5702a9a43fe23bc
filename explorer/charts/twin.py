"""Charts of a run and its twin, which differs in one setting."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.training_curves import EPOCH_AXIS, FORMATS, HEIGHT, LABELS, curve_frame
from explorer.palette import TWIN_COLORS
from explorer.runs.history import EpochRecord

BEFORE, CHANGED = "original", "with the change"


def twin_frame(before: Sequence[EpochRecord], changed: Sequence[EpochRecord]) -> pd.DataFrame:
    """The tidy frames of both runs, with a column `run` that tells them apart."""
    frames = [curve_frame(run, records).assign(run=run) for run, records in ((BEFORE, before), (CHANGED, changed))]
    return pd.concat(frames, ignore_index=True)


def twins(frame: pd.DataFrame, metric: str) -> alt.LayerChart:
    """One metric of both runs by epoch: validation as solid lines, training as thin dashed ones."""
    title = LABELS[metric]
    base = (
        alt.Chart(frame)
        .transform_filter(alt.datum.metric == metric)
        .encode(
            x=alt.X(
                "epoch:Q",
                title="Epoch",
                axis=EPOCH_AXIS,
                scale=alt.Scale(nice=False, zero=False, padding=4),
            ),
            y=alt.Y(
                "value:Q",
                title=title,
                axis=alt.Axis(format="~%" if metric == "accuracy" else "~g"),
                scale=alt.Scale(zero=metric == "accuracy"),
            ),
            color=alt.Color(
                "run:N",
                title=None,
                scale=alt.Scale(domain=[BEFORE, CHANGED], range=list(TWIN_COLORS)),
                legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
            ),
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("epoch:Q", title="epoch"),
                alt.Tooltip("split:N", title="split"),
                alt.Tooltip("value:Q", title=metric, format=FORMATS[metric]),
            ],
        )
        .properties(height=HEIGHT - 60, title=f"{title} (solid: validation, dashed: training)")
    )
    validation = base.transform_filter("datum.split == 'validation'")
    return alt.layer(
        base.transform_filter("datum.split == 'training'").mark_line(strokeWidth=1.2, strokeDash=[3, 3], opacity=0.8),
        validation.mark_line(strokeWidth=2.5),
        validation.mark_point(filled=True, size=24),
    )
