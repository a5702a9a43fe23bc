"""Charts of a sweep: the best value so far, the curves of its trials, importance, and one setting at a time.

A chart's specification never depends on the data.
"""

import math
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from explorer.charts.linked import is_choice, is_logarithmic, title, titled
from explorer.charts.training_curves import EPOCH_AXIS
from explorer.config import FIELDS
from explorer.palette import NEUTRAL, SPLIT_COLORS, VALIDATION
from explorer.runs.history import EpochRecord

HEIGHT = 260
SLICE_HEIGHT = 200
LABELS = {"val_loss": "Validation loss", "val_accuracy": "Validation accuracy"}
_COLOR = SPLIT_COLORS[VALIDATION]  # everything here is measured on validation images


def best_frame(points: Sequence[tuple[int, float, float, float]]) -> pd.DataFrame:
    """Columns ended, minutes, value, best: one row per completed trial, in the order in which they ended."""
    return pd.DataFrame(points, columns=["ended", "minutes", "value", "best"])


def best_so_far(frame: pd.DataFrame, objective: str) -> alt.LayerChart:
    """Every completed trial as a point at the time it ended, and the best value so far as a step line."""
    base = alt.Chart(frame).encode(x=alt.X("minutes:Q", title="Minutes", scale=_TIGHT))
    y = _y(objective)
    tooltip = [
        alt.Tooltip("ended:Q", title="completed trials"),
        alt.Tooltip("minutes:Q", title="minutes", format=".1f"),
        alt.Tooltip("value:Q", title="this trial", format=_format(objective)),
        alt.Tooltip("best:Q", title="best so far", format=_format(objective)),
    ]
    points = base.mark_point(filled=True, size=40, color=NEUTRAL, opacity=0.7).encode(
        y=alt.Y("value:Q", **y), tooltip=tooltip
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2.5, color=_COLOR).encode(y=alt.Y("best:Q", **y))
    return alt.layer(points, line).properties(height=HEIGHT, title="Best so far")


def curves_frame(histories: Mapping[int, tuple[bool, Sequence[EpochRecord]]], objective: str) -> pd.DataFrame:
    """Columns trial, running, epoch, value, last: the objective after each epoch of every trial given.

    Infinite values become NaN: a single one would leave the axis without a scale.
    """
    rows = [
        (f"trial {trial}", running, record.epoch, getattr(record, objective), record is records[-1])
        for trial, (running, records) in histories.items()
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=["trial", "running", "epoch", "value", "last"])
    return frame.assign(value=frame["value"].where(frame["value"].abs() < math.inf))


def curves(frame: pd.DataFrame, objective: str) -> alt.LayerChart:
    """Running trials in colour, with their numbers, over finished ones in grey."""
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_TIGHT),
        y=alt.Y("value:Q", **_y(objective)),
        detail="trial:N",
        tooltip=[
            alt.Tooltip("trial:N"),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("value:Q", title=LABELS[objective].lower(), format=_format(objective)),
        ],
    )
    ended, running = (base.transform_filter(f"{sign}datum.running") for sign in ("!", ""))
    return alt.layer(
        ended.mark_line(strokeWidth=1, color=NEUTRAL, opacity=0.45),
        running.mark_line(strokeWidth=2.5, color=_COLOR),
        running.transform_filter("datum.last").mark_point(filled=True, size=45, color=_COLOR),
        running.transform_filter("datum.last")
        .mark_text(align="left", dx=7, fontWeight="bold", color=_COLOR)
        .encode(text="trial:N"),
    ).properties(height=HEIGHT, title=f"{LABELS[objective]} by epoch: unfinished trials and the latest finished ones")


def importance(shares: Mapping[str, float]) -> alt.LayerChart:
    """The share of the variance between trials that each setting explains, as bars."""
    frame = pd.DataFrame({"field": [title(name) for name in shares], "share": list(shares.values())})
    base = alt.Chart(frame).encode(
        y=alt.Y("field:N", sort="-x", title=None, axis=alt.Axis(labelLimit=200, ticks=False, domain=False)),
        x=alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1.12])),
        tooltip=[alt.Tooltip("field:N", title="setting"), alt.Tooltip("share:Q", format=".1%")],
    )
    return alt.layer(
        base.mark_bar(color=_COLOR, cornerRadiusEnd=3, height=16),
        base.mark_text(align="left", dx=5, color=NEUTRAL).encode(text=alt.Text("share:Q", format=".0%")),
    ).properties(height=alt.Step(30), title="Share of the variance explained")


def slice_of(frame: pd.DataFrame, field: str, objective: str) -> alt.Chart:
    """One setting against the objective, one point per completed trial; columns: the field, the objective, run."""
    scale = alt.Scale(type="log", nice=False) if is_logarithmic(field) else alt.Scale(zero=False)
    whole = {"tickMinStep": 1} if field in FIELDS and isinstance(FIELDS[field].default, int) else {}
    axis = alt.Axis(format="~g", grid=False, tickCount=4, **whole)
    x = (
        alt.X(f"{field}:N", title=title(field), axis=alt.Axis(labelAngle=-30, grid=False))
        if is_choice(field)
        else alt.X(f"{field}:Q", title=title(field), scale=scale, axis=axis)
    )
    kind = "N" if is_choice(field) else "Q"
    return (
        alt.Chart(titled(frame))
        .mark_point(filled=True, size=50, color=_COLOR, opacity=0.75)
        .encode(
            x=x,
            y=alt.Y(f"{objective}:Q", **_y(objective)),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip(f"{field}:{kind}", title=title(field)),
                alt.Tooltip(f"{objective}:Q", title=LABELS[objective].lower(), format=_format(objective)),
            ],
        )
        .properties(height=SLICE_HEIGHT)
    )


_TIGHT = alt.Scale(nice=False, zero=False, padding=6)


def _y(objective: str) -> dict:
    axis = alt.Axis(format="~%" if objective == "val_accuracy" else "~g", tickCount=5)
    return {"title": LABELS[objective], "scale": alt.Scale(zero=False), "axis": axis}


def _format(objective: str) -> str:
    return ".2%" if objective == "val_accuracy" else ".4f"
