"""Charts of a network's internals: its signals by layer and epoch, and the activations of one layer.

Like those of `explorer.charts.training_curves`, a chart's specification never depends on the data.
"""

import math
from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.signal_views import LEGEND, PADDED, SIGNAL_VIEWS, tooltip, value_axis
from explorer.charts.whole_numbers import EPOCH_AXIS, LAYER_AXIS, whole_numbers
from explorer.palette import DIVERGING, LAYER, NEUTRAL, SEQUENTIAL
from explorer.runs import signals as signal_records
from explorer.runs.signals import EpochSignals, LayerSignals
from explorer.runs.thinning import thinned

MOST_CELLS = 4800  # with more than 5,000 rows Streamlit turns a chart's accessibility off
MOST_EPOCHS = 400
HEIGHT = 300


def drawable(signals: Sequence[EpochSignals]) -> list[EpochSignals]:
    """As many epochs as a chart can show, evenly spaced, always including the last."""
    layers = max(1, len(signals[-1].layers)) if signals else 1
    most = max(2, min(MOST_EPOCHS, MOST_CELLS // layers))
    return thinned(signals, most)


def signal_frame(run_id: str, signals: Sequence[EpochSignals], signal: str) -> pd.DataFrame:
    """The tidy frame of one signal, thinned out, with the bounds of each cell.

    Columns: run_id, epoch, layer, depth, signal, value, from, to (epochs), low, high (depths). Values of 0 and
    below are left out where the axis is a log scale.
    """
    frame = signal_records.tidy(run_id, drawable(signals), [signal])
    if SIGNAL_VIEWS[signal].logarithmic:
        frame.loc[~(frame["value"] > 0), "value"] = math.nan
    frame = frame.dropna(subset="value")
    epochs = sorted(frame["epoch"].unique())
    before = dict(zip(epochs, [e - 1 for e in epochs[:1]] + epochs[:-1], strict=True))
    frame["from"] = frame["epoch"].map(before).astype(float)
    frame["to"] = frame["epoch"].astype(float)
    return frame.assign(low=frame["depth"] - 0.5, high=frame["depth"] + 0.5)


def layers_by_epoch(frame: pd.DataFrame, signal: str) -> alt.Chart:
    """A heat map with layers upwards and epochs to the right, which grows with the run."""
    view = SIGNAL_VIEWS[signal]
    if view.diverging:
        scale = alt.Scale(range=list(DIVERGING), domainMid=0)
    elif view.share:
        scale = alt.Scale(range=list(SEQUENTIAL), domain=[0, 1])
    else:
        scale = alt.Scale(range=list(SEQUENTIAL), type="log")
    return (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("from:Q", title="Epoch", axis=_CELL_AXIS, scale=_TIGHT),
            x2="to:Q",
            y=alt.Y("low:Q", title="Layer (input at the bottom)", axis=LAYER_AXIS, scale=_TIGHT),
            y2="high:Q",
            color=alt.Color(
                "value:Q", title=None, scale=scale, legend=alt.Legend(format=view.format, gradientLength=200)
            ),
            tooltip=tooltip(view),
        )
        .properties(height=HEIGHT, title=f"{view.label} by layer and epoch")
    )


CHOSEN, BEFORE = "selected epoch", "before training"


def depth_frame(run_id: str, signals: Sequence[EpochSignals], signal: str, epoch: int) -> pd.DataFrame:
    """One signal by depth in the epoch nearest to the selected one and before training: the tidy frame with `shown`."""
    chosen = min(signals, key=lambda s: abs(s.epoch - epoch))
    parts = [(CHOSEN, chosen)] + [(BEFORE, s) for s in signals[:1] if s.epoch == 0 and s is not chosen]
    frames = [signal_records.tidy(run_id, [s], [signal]).assign(shown=when) for when, s in parts]
    frame = pd.concat(frames, ignore_index=True)
    if SIGNAL_VIEWS[signal].logarithmic:
        frame = frame[frame["value"] > 0]
    return frame


def by_depth(frame: pd.DataFrame, signal: str) -> alt.Chart:
    """One signal from the first layer to the last, in one epoch and before training."""
    view = SIGNAL_VIEWS[signal]
    color = alt.Color(
        "shown:N",
        title=None,
        scale=alt.Scale(domain=[CHOSEN, BEFORE], range=[LAYER, NEUTRAL]),
        legend=LEGEND,
    )
    return (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2)
        .encode(
            x=alt.X("depth:Q", title="Layer (input to output)", axis=LAYER_AXIS, scale=PADDED),
            y=value_axis(view),
            color=color,
            tooltip=tooltip(view),
        )
        .properties(height=HEIGHT, title=f"{view.label} by depth")
    )


def over_time(frame: pd.DataFrame, signal: str) -> alt.Chart:
    """One signal of one layer over the epochs."""
    view = SIGNAL_VIEWS[signal]
    return (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=30), strokeWidth=2, color=LAYER)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=PADDED),
            y=value_axis(view),
            tooltip=tooltip(view),
        )
        .properties(height=HEIGHT, title=f"{view.label} of one layer")
    )


def histogram_frame(layer: LayerSignals) -> pd.DataFrame:
    """A layer's activations in bins: low, high, count, share; empty unless all were finite."""
    edges, total = layer.histogram_edges, max(1, sum(layer.histogram_counts))
    rows = [
        (low, high, count, count / total)
        for low, high, count in zip(edges, edges[1:], layer.histogram_counts, strict=False)
    ]
    return pd.DataFrame(rows, columns=["low", "high", "count", "share"])


def histogram(frame: pd.DataFrame) -> alt.Chart:
    """The distribution of one layer's activations."""
    return (
        alt.Chart(frame)
        .mark_bar(color=LAYER, binSpacing=1)
        .encode(
            x=alt.X("low:Q", title="Activation", bin="binned", axis=alt.Axis(grid=False, format="~g")),
            x2="high:Q",
            y=alt.Y("share:Q", title="Share of values", axis=alt.Axis(format="~%")),
            tooltip=[
                alt.Tooltip("low:Q", title="from", format=".3~g"),
                alt.Tooltip("high:Q", title="to", format=".3~g"),
                alt.Tooltip("share:Q", title="share", format=".1%"),
            ],
        )
        .properties(height=HEIGHT, title="Activations of one layer")
    )


_TIGHT = alt.Scale(nice=False, zero=False)
# a cell ends at its epoch, so the untrained network's begins at −1, which is not an epoch
_CELL_AXIS = whole_numbers(least=0, grid=False)
