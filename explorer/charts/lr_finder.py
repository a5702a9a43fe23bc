"""The learning-rate finder's chart: the loss while the rate grows, and that of the rates tried."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import pandas as pd

from explorer.palette import LAYER, NEUTRAL

_LOWEST_RATE = 1e-6
_FIRST_STEPS = 20  # of the growing rate, which is still too low for them to change anything


class Limits(NamedTuple):
    """Where the axes end, and the loss of guessing where it is drawn."""

    highest_rate: float
    lowest_loss: float
    highest_loss: float
    chance_loss: float | None


def frame(points: Sequence, trials: Sequence = (), picked: float | None = None) -> pd.DataFrame:
    """The finder's steps and trials: rate, loss, smooth, tried, pick.

    A row is a step (loss, smooth) or a trial (tried: its loss); `pick` is whether its rate is the suggested one.
    """
    steps = [(point.rate, point.loss, point.smoothed, math.nan, False) for point in points]
    tried = [(trial.rate, math.nan, math.nan, trial.loss, trial.rate == picked) for trial in trials]
    rows = pd.DataFrame(steps + tried, columns=["rate", "loss", "smooth", "tried", "pick"])
    # an infinite loss would leave the axis without a scale
    return rows.assign(**{name: rows[name].where(rows[name].abs() < math.inf) for name in ("loss", "smooth", "tried")})


def limits(rows: pd.DataFrame, chance_loss: float) -> Limits:
    """The limits for a frame's chart, in steps so coarse that they seldom change while the curve grows.

    The axis of the loss ends a little above the first steps, so that an explosion does not flatten what is before it,
    and the axis of the rate where the curve ends.
    """
    smooth, tried = rows["smooth"].dropna(), rows["tried"].dropna()
    start = max(smooth.iloc[:_FIRST_STEPS], default=chance_loss)
    level = chance_loss if start >= chance_loss / 2 else None  # where it is far above, it would flatten the curve
    values = [start, *smooth, *tried, *([] if level is None else [level])]
    start, lowest = max(start, level or 0), min(values)
    step = 10 ** math.floor(math.log10(max(start - lowest, 1e-3 * start, 1e-12))) / 2
    bottom, top = (math.ceil(lowest / step) - 1) * step, (math.floor(start / step) + 1) * step
    bottom = min(bottom, lowest - 0.06 * (top - lowest))  # room for the whole of the lowest point
    return Limits(_next_half_power(rows["rate"]), bottom, top, level)


def chart(rows: pd.DataFrame, limits: Limits) -> alt.LayerChart:
    """Loss against learning rate; columns rate, loss, smooth, tried, pick."""
    base = alt.Chart(rows).encode(
        x=alt.X(
            "rate:Q",
            title="Learning rate",
            axis=alt.Axis(format="~e", grid=False, values=[10.0**e for e in range(-6, 2)]),
            scale=alt.Scale(type="log", domain=[_LOWEST_RATE, limits.highest_rate], nice=False),
        )
    )
    scale = alt.Scale(domain=[limits.lowest_loss, limits.highest_loss], nice=False)
    steps = base.transform_filter("isValid(datum.smooth) || isValid(datum.loss)")  # a trial's row would break the line
    measured = steps.mark_line(strokeWidth=1, opacity=0.4, color=NEUTRAL, clip=True).encode(
        y=alt.Y("loss:Q", title="Loss", scale=scale)
    )
    smooth = steps.mark_line(strokeWidth=2.5, color=LAYER, clip=True).encode(
        y="smooth:Q",
        tooltip=[alt.Tooltip("rate:Q", format=".2~e"), alt.Tooltip("smooth:Q", title="loss", format=".3f")],
    )
    tried = (
        base.transform_filter("isValid(datum.tried)")
        .mark_point(size=80, filled=True, opacity=1, color=LAYER, clip=True)
        .encode(
            y="tried:Q",
            tooltip=[
                alt.Tooltip("rate:Q", format=".2~e"),
                alt.Tooltip("tried:Q", title="loss at this rate", format=".3f"),
            ],
        )
    )
    pick = base.transform_filter("datum.pick")
    rule = pick.mark_rule(strokeDash=[4, 4], color=NEUTRAL, strokeWidth=1.5)
    text = pick.mark_text(align="left", dx=5, dy=5, baseline="top", fontWeight="bold", color=NEUTRAL).encode(
        y=alt.value(0), text=alt.value("suggested")
    )
    return alt.layer(
        measured, smooth, *([] if limits.chance_loss is None else _guessing(limits.chance_loss)), tried, rule, text
    ).properties(height=240, title="Loss while the learning rate grows (line) and at the rates tried (points)")


def _guessing(loss: float) -> list[alt.Chart]:
    once = alt.Chart(alt.sequence(1))  # one row, independent of the frame
    rule = once.mark_rule(strokeDash=[2, 3], color=NEUTRAL).encode(y=alt.datum(loss))
    text = once.mark_text(align="left", baseline="bottom", dx=4, dy=-2, color=NEUTRAL, text="chance level")
    return [rule, text.encode(y=alt.datum(loss), x=alt.value(0))]


def _next_half_power(rates: pd.Series) -> float:
    highest = rates.max() if len(rates) else _LOWEST_RATE
    return 10 ** (math.ceil(2 * math.log10(max(highest, 10 * _LOWEST_RATE)) - 1e-9) / 2)
