"""The chart of the learning rate by epoch, as planned and as trained."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.internals import MOST_EPOCHS
from explorer.charts.signal_views import LEGEND, PADDED
from explorer.charts.whole_numbers import EPOCH_AXIS
from explorer.palette import LAYER, NEUTRAL
from explorer.runs.history import EpochRecord
from explorer.runs.thinning import thinned

PLANNED, TRAINED = "planned", "trained"


def rate_frame(planned: tuple[Sequence[float], Sequence[float]], records: Sequence[EpochRecord]) -> pd.DataFrame:
    """The planned learning rates, and those at the end of each trained epoch. Columns: epoch, rate, part."""
    plan = pd.DataFrame({"epoch": planned[0], "rate": planned[1], "part": PLANNED})
    rows = [(r.epoch, r.learning_rate, TRAINED) for r in thinned(records, MOST_EPOCHS)]
    return pd.concat([plan, pd.DataFrame(rows, columns=["epoch", "rate", "part"])], ignore_index=True)


def rate_curve(frame: pd.DataFrame) -> alt.Chart:
    """The learning rate by epoch, planned and trained. Columns: epoch, rate, part."""
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=PADDED),
            y=alt.Y("rate:Q", title="Learning rate", axis=alt.Axis(format="~g"), scale=alt.Scale(zero=False)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=[TRAINED, PLANNED], range=[LAYER, NEUTRAL]),
                legend=LEGEND,
            ),
            tooltip=[
                alt.Tooltip("epoch:Q", format=".2~f"),
                alt.Tooltip("rate:Q", title="learning rate", format=".3~g"),
            ],
        )
        .properties(height=240, title="Learning rate")
    )
