"""What the vertical axes of charts by epoch include and what they cut off.

A chart's specification never depends on the data, so all of that is part of its rows: the column `kind` says what a row
is for, and `drawn` where it is drawn.
"""

import math
from collections.abc import Sequence

import altair as alt
import numpy as np

from explorer.palette import NEUTRAL

# An axis covers at least this much, so that noise does not look like progress.
LEAST_SPAN = {"loss": 0.5, "accuracy": 0.1}
# A start this far above both the chance level and everything that follows is cut off; where all that follows is far
# better than guessing, the first epoch is, in which the network has learned most.
FAR_ABOVE = 1.5
HEADROOM = 1.12  # of the axis above what is drawn then

EPOCH, EDGE, SPAN, NOTE, LEVEL = "epoch", "edge", "span", "note", "level"  # kinds of rows


def guessing(metric: str, classes: int) -> float:
    """The metric's value for a network that guesses: the logarithm of the number of classes, or one class right."""
    return math.log(classes) if metric == "loss" else 1 / classes


def upper_end(runs: Sequence[np.ndarray], level: float) -> float | None:
    """Where the axis of a loss ends, below the first epochs of some runs; None if nothing is to be cut off.

    Each run is `[epoch, curve]`, NaN where a value is not finite. Only a start is cut off: a loss that rises again, as
    a diverging one does, is drawn as high as it gets.
    """
    runs = [run for run in runs if np.isfinite(run).any()]
    ends = [_end(run, level) for run in runs]
    if not any(ends):
        return None
    end = max(own or float(np.nanmax(run)) for run, own in zip(runs, ends, strict=True))
    return HEADROOM * end if max(map(np.nanmax, runs)) > FAR_ABOVE * end else None


def _end(run: np.ndarray, level: float) -> float | None:
    """The highest value of a run after a start far above it, at least the level if that is shown; None without one."""
    highest = np.fmax.reduce(run, axis=1)
    most = min(len(highest) // 2, max(2, len(highest) // 5))
    for cut in range(most, 0, -1):
        if not np.isfinite(highest[cut:]).any():
            continue
        end = np.fmax.reduce(highest[cut:])
        if level_is_shown(end, level):
            end = max(end, level)
        elif cut > 1:
            continue
        if (highest[:cut] > FAR_ABOVE * end).all():
            return float(end)
    return None


def level_is_shown(highest: float, level: float) -> bool:
    """Whether the chance level is drawn: it would flatten curves that are far better than guessing."""
    return highest > level / 2


def edge(epochs: np.ndarray, curve: np.ndarray, top: float) -> float | None:
    """Where a curve comes down through the upper end: between its last epoch above and its first below."""
    above, below = np.flatnonzero(curve > top), np.flatnonzero(curve <= top)
    below = below[below > above[-1]] if len(above) else above
    if not len(below):
        return None
    last, first = above[-1], below[0]
    part = (curve[last] - top) / (curve[last] - curve[first])
    return epochs[last] + part * (epochs[first] - epochs[last])


def height(value: float) -> str:
    """How high a start is that is cut off, without an exponent where it still can be read: 14.2, 580,231, 3e+12."""
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.3g}"


def axis_rows(drawn: np.ndarray, metric: str, level: float | None, epoch: float) -> list[dict]:
    """Rows that keep an axis from showing less than `LEAST_SPAN`, and one of the chance level if there is any.

    `epoch` is one that the chart shows anyway. Both are left out where the level is not shown.
    """
    values = drawn[np.isfinite(drawn)]
    if not len(values):
        return []
    low, high, more = values.min(), values.max(), []
    if level is None or level_is_shown(high, level):
        if level is not None:
            low, high = min(low, level), max(high, level)
            more.append({"kind": LEVEL, "epoch": epoch, "drawn": level})
        missing = max(0.0, LEAST_SPAN[metric] - (high - low)) / 2
        low, high = max(0.0, low - missing), high + missing + max(0.0, missing - low)
    return [*more, *({"kind": SPAN, "epoch": epoch, "drawn": value} for value in (low, high))]


def axis_marks(base: alt.Chart, *, below: bool) -> list[alt.Chart]:
    """The marks of all rows that are not of an epoch; `base` has the axes, and `below` is where the level's name is."""
    span, note, level = (base.transform_filter(alt.datum.kind == kind) for kind in (SPAN, NOTE, LEVEL))
    note = note.mark_text(align="left", baseline="top", dx=6, dy=3, lineBreak="\n").encode(text="note:N")
    rule = level.mark_rule(strokeDash=[4, 4]).encode(color=alt.value(NEUTRAL))
    rule.encoding.x = alt.Undefined  # over the whole width
    side = {"baseline": "top", "dy": 3} if below else {"baseline": "bottom", "dy": -2}
    # on the right, where the curves have moved away from it
    name = level.mark_text(align="right", dx=-4, text="chance level", **side).encode(x=alt.value("width"))
    return [mark.encode(color=alt.value(NEUTRAL)) for mark in (span.mark_point(opacity=0), note, rule, name)]
