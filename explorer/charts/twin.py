"""Charts of a run and its twin, which differs in one setting."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.training_curves import by_epoch, curve_frame
from explorer.palette import TWIN_COLORS
from explorer.runs.history import EpochRecord
from explorer.runs.metrics import METRICS

HEIGHT = 250  # below the line that says what was changed
# A loss this high is that of a network that exploded: on a linear axis, the other run would be a line at 0.
EXPLODED = 50.0
BEFORE, CHANGED = "original", "with the change"


def twin_frame(before: Sequence[EpochRecord], changed: Sequence[EpochRecord]) -> pd.DataFrame:
    """The tidy frames of both runs, with a column `run` that tells them apart."""
    frames = [curve_frame(run, records).assign(run=run) for run, records in ((BEFORE, before), (CHANGED, changed))]
    return pd.concat(frames, ignore_index=True)


def exploded(rows: pd.DataFrame) -> bool:
    """Whether the values of a metric are so far apart that they need a log scale."""
    return bool((rows["value"] > EXPLODED).any())


def twins(frame: pd.DataFrame, metric: str, logarithmic: bool = False) -> alt.LayerChart:
    """One metric of both runs by epoch: validation as solid lines, training as thin dashed ones."""
    base = (
        by_epoch(frame, metric, "run", dict(zip((BEFORE, CHANGED), TWIN_COLORS, strict=True)))
        .encode(
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("epoch:Q", title="epoch"),
                alt.Tooltip("split:N", title="split"),
                alt.Tooltip("value:Q", title=metric, format=METRICS[metric].exact),
            ],
        )
        .properties(height=HEIGHT, title=f"{METRICS[metric].title} (solid: validation, dashed: training)")
    )
    if logarithmic:
        axis = alt.Axis(format="~s", tickCount=6)
        base = base.transform_filter("datum.value > 0").encode(
            y=alt.Y("value:Q", title=METRICS[metric].title, axis=axis, scale=alt.Scale(type="log"))
        )
    validation = base.transform_filter("datum.split == 'validation'")
    return alt.layer(
        base.transform_filter("datum.split == 'training'").mark_line(strokeWidth=1.2, strokeDash=[3, 3], opacity=0.8),
        validation.mark_line(strokeWidth=2.5),
        validation.mark_point(filled=True, size=24),
    )
