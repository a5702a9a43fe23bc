"""A chart of how many images of each class a data set has, by split."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from explorer.charts.whole_numbers import whole_numbers
from explorer.palette import NEUTRAL, SPLIT_COLORS
from explorer.runs.history import TRAINING, VALIDATION

TEST = "test"
COLORS = {TRAINING: SPLIT_COLORS[TRAINING], VALIDATION: SPLIT_COLORS[VALIDATION], TEST: NEUTRAL}
ROW, AXIS = 24, 140  # pixels per class, and of the axis with its title and the legend
COLUMNS = ("class", "place", "split", "images")


def balance_frame(names: Sequence[str], counts: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """One row per class and split: the class, the split's place and name, and its images; `counts` are by split."""
    rows = [
        (name, place, split, number)
        for place, (split, numbers) in enumerate(counts.items())
        for name, number in zip(names, numbers, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def class_balance(frame: pd.DataFrame, classes: int, splits: Sequence[str], noun: str) -> alt.Chart:
    """The images, or what `noun` calls them, of each of so many classes as a bar, divided into some splits."""
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=140, labelOverlap=False)),
            x=alt.X("images:Q", title=noun.capitalize(), axis=whole_numbers(tickCount=5)),
            color=alt.Color(
                "split:N",
                title=None,
                scale=alt.Scale(domain=list(splits), range=[COLORS[split] for split in splits]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("split:N"), alt.Tooltip("images:Q", title=noun, format=",")],
        )
        .properties(height=ROW * classes + AXIS)
    )
