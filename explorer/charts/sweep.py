"""Charts of a sweep: the best value so far, the curves of its trials, importance, and one setting at a time.

A chart's specification never depends on the data.
"""

import math
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from explorer.charts.epoch_axes import EDGE, EPOCH, NOTE, axis_marks, axis_rows, edge, height, upper_end
from explorer.charts.linked import is_choice, is_logarithmic, title, titled
from explorer.charts.whole_numbers import EPOCH_AXIS, whole_numbers
from explorer.config import FIELDS
from explorer.palette import NEUTRAL, SPLIT_COLORS, VALIDATION
from explorer.plain_text import count
from explorer.runs.history import EpochRecord
from explorer.runs.metrics import OBJECTIVES

HEIGHT = 260
SLICE_HEIGHT = 200
_COLOR = SPLIT_COLORS[VALIDATION]  # everything here is measured on validation images


def best_frame(points: Sequence[tuple[int, float, float]]) -> pd.DataFrame:
    """Columns ended, value, best: one row per completed trial, in the order in which they ended."""
    return pd.DataFrame(points, columns=["ended", "value", "best"])


def best_so_far(frame: pd.DataFrame, objective: str) -> alt.LayerChart:
    """Every completed trial as a point, in the order in which they ended, and the best value so far as a step line."""
    base = alt.Chart(frame).encode(x=alt.X("ended:Q", title="Completed trials", axis=EPOCH_AXIS, scale=_TIGHT))
    y = _y(objective)
    tooltip = [
        alt.Tooltip("ended:Q", title="completed trials"),
        alt.Tooltip("value:Q", title="this trial", format=OBJECTIVES[objective].exact),
        alt.Tooltip("best:Q", title="best so far", format=OBJECTIVES[objective].exact),
    ]
    points = base.mark_point(filled=True, size=40, color=NEUTRAL, opacity=0.7).encode(
        y=alt.Y("value:Q", **y), tooltip=tooltip
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2.5, color=_COLOR).encode(y=alt.Y("best:Q", **y))
    return alt.layer(points, line).properties(height=HEIGHT, title="Best so far")


def curves_frame(
    histories: Mapping[int, tuple[bool, Sequence[EpochRecord]]], objective: str, level: float | None = None
) -> pd.DataFrame:
    """Columns trial, running, epoch, value, last: the objective after each epoch of every trial given.

    Infinite values become NaN: a single one would leave the axis without a scale. `level` is the loss of guessing; with
    it, a start far above that is cut off. The columns kind, drawn and note are those of `training_curves.drawn_rows`.
    """
    rows = [
        (f"trial {trial}", running, record.epoch, getattr(record, objective), record is records[-1])
        for trial, (running, records) in histories.items()
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=["trial", "running", "epoch", "value", "last"])
    frame["value"] = frame["value"].where(frame["value"].abs() < math.inf)
    frame["kind"], frame["drawn"], frame["note"] = EPOCH, frame["value"].astype(float), ""
    more = _cut_off(frame, level) if level is not None and len(frame) else []
    if len(frame):
        more += axis_rows(frame["drawn"].to_numpy(), OBJECTIVES[objective].name, level, frame["epoch"].iloc[0])
    return pd.concat([frame, pd.DataFrame(more, columns=frame.columns)], ignore_index=True) if more else frame


def _cut_off(frame: pd.DataFrame, level: float) -> list[dict]:
    """Cuts the start of trials off that is far above guessing, and returns rows for where their lines enter."""
    trials = [rows for _, rows in frame.groupby("trial", sort=False)]
    top = upper_end([rows[["drawn"]].to_numpy() for rows in trials], level)
    if top is None:
        return []
    edges = [(rows, edge(rows["epoch"].to_numpy(), rows["drawn"].to_numpy(), top)) for rows in trials]
    more = [
        {"kind": EDGE, "trial": rows["trial"].iloc[0], "running": rows["running"].iloc[0], "epoch": at, "drawn": top}
        for rows, at in edges
        if at is not None
    ]
    note = f"▲ cut off: {count(len(more), 'trial starts', 'trials start')} at up to {height(frame['drawn'].max())}"
    frame["drawn"] = frame["drawn"].where(frame["drawn"] <= top)
    return [*more, {"kind": NOTE, "epoch": max(row["epoch"] for row in more), "drawn": top, "note": note}]


def curves(frame: pd.DataFrame, objective: str) -> alt.LayerChart:
    """Running trials in colour, with their numbers, over finished ones in grey, from `curves_frame`."""
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_TIGHT), y=alt.Y("drawn:Q", **_y(objective))
    )
    lines = base.transform_filter((alt.datum.kind == EPOCH) | (alt.datum.kind == EDGE)).encode(
        detail="trial:N",
        tooltip=[
            alt.Tooltip("trial:N"),
            alt.Tooltip("epoch:Q"),
            _tooltip("value", objective),
        ],
    )
    ended, running = (lines.transform_filter(f"{sign}datum.running") for sign in ("!", ""))
    return alt.layer(
        ended.mark_line(strokeWidth=1, color=NEUTRAL, opacity=0.45),
        *axis_marks(base, below=not OBJECTIVES[objective].higher_is_better),
        running.mark_line(strokeWidth=2.5, color=_COLOR),
        running.transform_filter("datum.last").mark_point(filled=True, size=45, color=_COLOR),
        running.transform_filter("datum.last")
        .mark_text(align="left", dx=7, fontWeight="bold", color=_COLOR)
        .encode(text="trial:N"),
    ).properties(
        height=HEIGHT,
        title=f"{OBJECTIVES[objective].validation_title} by epoch: unfinished trials and the latest finished ones",
    )


def importance(shares: Mapping[str, tuple[float, float]], trials: int) -> alt.LayerChart:
    """The share of the variance between trials that each setting explains, with its standard deviation, as bars."""
    rows = [
        (title(name), share, max(0.0, share - spread), min(1.0, share + spread), f"{share:.0%} ± {100 * spread:.0f}")
        for name, (share, spread) in shares.items()
    ]
    frame = pd.DataFrame(rows, columns=["field", "share", "low", "high", "text"])
    axis = alt.Axis(labelLimit=200, ticks=False, domain=False)
    base = alt.Chart(frame).encode(
        y=alt.Y("field:N", sort=frame["field"].tolist(), title=None, axis=axis),
        x=alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1.2])),
        tooltip=[alt.Tooltip("field:N", title="setting"), alt.Tooltip("text:N", title="share")],
    )
    return alt.layer(
        base.mark_bar(color=_COLOR, cornerRadiusEnd=3, height=16),
        base.mark_rule(color=NEUTRAL, strokeWidth=2).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="left", dx=8, color=NEUTRAL).encode(x="high:Q", text="text:N"),
    ).properties(height=alt.Step(30), title=f"Share of the variance explained, over {trials:,} trials")


def slice_of(frame: pd.DataFrame, field: str, objective: str) -> alt.Chart:
    """One setting against the objective, one point per completed trial; columns: the field, the objective, title."""
    scale = alt.Scale(type="log", nice=False) if is_logarithmic(field) else alt.Scale(zero=False)
    whole = field in FIELDS and isinstance(FIELDS[field].default, int)
    axis = whole_numbers(grid=False, tickCount=4) if whole else alt.Axis(format="~g", grid=False, tickCount=4)
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
                alt.Tooltip("title:N", title="run"),
                alt.Tooltip(f"{field}:{kind}", title=title(field)),
                _tooltip(objective, objective),
            ],
        )
        .properties(height=SLICE_HEIGHT)
    )


_TIGHT = alt.Scale(nice=False, zero=False, padding=6)


def _y(objective: str) -> dict:
    metric = OBJECTIVES[objective]
    axis = alt.Axis(format=metric.axis, tickCount=5)
    return {"title": metric.validation_title, "scale": alt.Scale(zero=False), "axis": axis}


def _tooltip(column: str, objective: str) -> alt.Tooltip:
    metric = OBJECTIVES[objective]
    return alt.Tooltip(f"{column}:Q", title=metric.validation_title.lower(), format=metric.exact)
