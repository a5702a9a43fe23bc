"""Charts of a run and its twin, which differs in one setting."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.epoch_axes import EDGE, EPOCH, axis_marks
from explorer.charts.training_curves import curve_frame, drawn_rows
from explorer.charts.whole_numbers import EPOCH_AXIS
from explorer.palette import TWIN_COLORS
from explorer.runs.history import TRAINING, VALIDATION, EpochRecord
from explorer.runs.metrics import METRICS

HEIGHT = 250  # below the line that says what was changed
# A loss this high is that of a network that exploded: on a linear axis, the other run would be a line at 0.
EXPLODED = 50.0
BEFORE, CHANGED = "original", "with the change"


def twin_rows(before: Sequence[EpochRecord], changed: Sequence[EpochRecord], metric: str, level: float) -> pd.DataFrame:
    """The rows of one metric of both runs as `drawn_rows` makes them; `run_id` tells the runs apart."""
    frames = [curve_frame(run, records) for run, records in ((BEFORE, before), (CHANGED, changed))]
    return drawn_rows(pd.concat(frames, ignore_index=True), metric, level)


def exploded(rows: pd.DataFrame) -> bool:
    """Whether the values that are drawn of a metric are so far apart that they need a log scale."""
    return bool((rows["drawn"] > EXPLODED).any())


def twins(frame: pd.DataFrame, metric: str, logarithmic: bool = False) -> alt.LayerChart:
    """One metric of both runs by epoch: validation as solid lines, training as thin dashed ones."""
    units = METRICS[metric]
    log = {"axis": alt.Axis(format="~s", tickCount=6), "scale": alt.Scale(type="log")}
    linear = {"axis": alt.Axis(format=units.axis), "scale": alt.Scale(zero=units.share)}
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=alt.Scale(nice=False, zero=False, padding=4)),
        y=alt.Y("drawn:Q", title=None, **(log if logarithmic else linear)),
        color=alt.Color(
            "run_id:N",
            title=None,
            scale=alt.Scale(domain=[BEFORE, CHANGED], range=list(TWIN_COLORS)),
            legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
        ),
    )
    if logarithmic:
        base = base.transform_filter("datum.drawn > 0")
    of_splits = base.transform_filter((alt.datum.kind == EPOCH) | (alt.datum.kind == EDGE)).encode(
        tooltip=[
            alt.Tooltip("run_id:N", title="run"),
            alt.Tooltip("epoch:Q", title="epoch"),
            alt.Tooltip("split:N", title="split"),
            alt.Tooltip("value:Q", title=metric, format=units.exact),
        ],
    )
    training, validation = (of_splits.transform_filter(alt.datum.split == split) for split in (TRAINING, VALIDATION))
    return alt.layer(
        training.mark_line(strokeWidth=1.2, strokeDash=[3, 3], opacity=0.8),
        *axis_marks(base, below=not units.higher_is_better),
        validation.mark_line(strokeWidth=2.5),
        validation.transform_filter(alt.datum.kind == EPOCH).mark_point(filled=True, size=24),
    ).properties(height=HEIGHT, title=f"{units.title} – solid: validation, dashed: training")
