"""A chart of what fixes gain in validation accuracy, each with its interval."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.palette import NEUTRAL, TWIN_COLORS

ROW, AXIS = 34, 90  # pixels per fix, and of the axis with its title
COLUMNS = ("place", "fix", "difference", "low", "high")


def gains_frame(rows: Sequence[tuple[int, str, float, float, float]]) -> pd.DataFrame:
    """One row per fix: its place, its name, the gain in percentage points and the ends of its interval."""
    return pd.DataFrame(
        [(place, name, *(100 * value for value in values)) for place, name, *values in rows], columns=list(COLUMNS)
    )


def gains(frame: pd.DataFrame, count: int) -> alt.LayerChart:
    """The gain of each of `count` fixes as a point on its 95 % interval, with a line at no gain."""
    base = alt.Chart(frame).encode(
        y=alt.Y("place:O", title="Place", axis=alt.Axis(labelAngle=0, titleAngle=0, titleAlign="right")),
        tooltip=[
            alt.Tooltip("fix:N", title="fix"),
            alt.Tooltip("difference:Q", title="gain in points", format="+.2f"),
            alt.Tooltip("low:Q", title="from", format="+.2f"),
            alt.Tooltip("high:Q", title="to", format="+.2f"),
        ],
    )
    title = "Gain in validation accuracy, points"
    x = alt.X("low:Q", title=title, axis=alt.Axis(format="+.0f", tickCount=5), scale=alt.Scale(nice=True))
    bars = base.mark_rule(strokeWidth=3, color=TWIN_COLORS[1], opacity=0.55).encode(x=x, x2="high:Q")
    points = base.mark_point(filled=True, size=90, color=TWIN_COLORS[1], opacity=1).encode(x="difference:Q")
    zero = alt.Chart(alt.sequence(1)).mark_rule(strokeDash=[4, 4], color=NEUTRAL).encode(x=alt.datum(0))
    return alt.layer(zero, bars, points).properties(height=ROW * count + AXIS)
