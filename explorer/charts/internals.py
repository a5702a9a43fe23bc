"""Charts of a network's internals: signals by layer and epoch, signal propagation at initialization, learning rate.

Like those of `explorer.charts.training_curves`, a chart's specification never depends on the data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from explorer.charts.training_curves import EPOCH_AXIS
from explorer.palette import DIVERGING, LAYER, NEUTRAL, SEQUENTIAL
from explorer.runs import signals as signal_records
from explorer.runs.history import EpochRecord
from explorer.runs.signals import EpochSignals, LayerSignals

MOST_CELLS = 4800  # with more than 5,000 rows Streamlit turns a chart's accessibility off
MOST_EPOCHS = 400
HEIGHT = 300


@dataclass(frozen=True)
class SignalView:
    """The display of a signal: its label, its explanation, its axis and its format."""

    label: str
    words: str
    logarithmic: bool = False
    diverging: bool = False
    share: bool = False

    @property
    def format(self) -> str:
        """The number format, in D3's syntax."""
        return ".0%" if self.share else "~g" if self.logarithmic else ".3~g"


SIGNAL_VIEWS: dict[str, SignalView] = {
    "gradient_rms": SignalView(
        "Gradient",
        "Root mean square of the loss gradient with respect to the layer's weights. A straight slope means that "
        "every layer multiplies it: it vanishes or explodes.",
        logarithmic=True,
    ),
    "activation_variance": SignalView(
        "Variance of activations",
        "Variance of the layer's activations. It should neither vanish nor explode with depth.",
        logarithmic=True,
    ),
    "activation_mean": SignalView(
        "Mean of activations",
        "Mean of the layer's activations; close to 0 is best for the next layer.",
        diverging=True,
    ),
    "dead": SignalView(
        "Dead units",
        "Share of units that are on a flat part of the activation for every probe image, and so get no gradient.",
        share=True,
    ),
    "saturated": SignalView(
        "Saturated values",
        "Share of values on a flat part of the activation. For ReLU these are the zeros: about half at initialization.",
        share=True,
    ),
    "update_ratio": SignalView(
        "Update ratio",
        "Change of the weights in one step, relative to their size. About 1/1,000 is typical.",
        logarithmic=True,
    ),
    "weight_norm": SignalView("Weight norm", "Euclidean norm of the layer's weights.", logarithmic=True),
    "variance_over_images": SignalView(
        "Variance between images",
        "How much a unit's value varies from image to image. Near 0, the layer responds the same way to every image.",
        logarithmic=True,
    ),
}


def thinned(signals: Sequence[EpochSignals]) -> list[EpochSignals]:
    """As many epochs as a chart can show, evenly spaced, always including the last."""
    layers = max(1, len(signals[-1].layers)) if signals else 1
    most = max(2, min(MOST_EPOCHS, MOST_CELLS // layers))
    step = max(1, -(-len(signals) // most))
    return [s for place, s in enumerate(reversed(signals)) if place % step == 0][::-1]


def signal_frame(run_id: str, signals: Sequence[EpochSignals], signal: str) -> pd.DataFrame:
    """The tidy frame of one signal, thinned out, with the bounds of each cell.

    Columns: run_id, epoch, layer, depth, signal, value, from, to (epochs), low, high (depths). Values of 0 and
    below are left out where the axis is a log scale.
    """
    frame = signal_records.tidy(run_id, thinned(signals), [signal])
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
            y=alt.Y("low:Q", title="Layer (input at the bottom)", axis=_DEPTH_AXIS, scale=_TIGHT),
            y2="high:Q",
            color=alt.Color(
                "value:Q", title=None, scale=scale, legend=alt.Legend(format=view.format, gradientLength=200)
            ),
            tooltip=_tooltip(view),
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
        legend=_LEGEND,
    )
    return (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2)
        .encode(
            x=alt.X("depth:Q", title="Layer (input to output)", axis=_DEPTH_AXIS, scale=_PADDED),
            y=_value_axis(view),
            color=color,
            tooltip=_tooltip(view),
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
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_PADDED),
            y=_value_axis(view),
            tooltip=_tooltip(view),
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


THESE = "these settings"
# the dash patterns of the references, and their symbols in the page's legend
DASHES = (([6, 3], "╌╌"), ([2, 3], "┈┈"), ([8, 3, 2, 3], "─·─"))
START_SIGNALS = ("activation_mean", "activation_variance", "gradient_rms")


def start_frame(chosen: EpochSignals, references: Mapping[str, EpochSignals], signal: str) -> pd.DataFrame:
    """One signal by depth before training, for the selected settings and for references, by their titles.

    Columns: those of the tidy frame, `which`, and `part`, the depth as a share of the whole, which makes networks of
    any depth comparable.
    """
    parts = [(THESE, chosen), *references.items()]
    frames = []
    for which, signals in parts:
        frame = signal_records.tidy(which, [signals], [signal]).assign(which=which)
        frames.append(frame.assign(part=frame["depth"] / len(signals.layers)))
    frame = pd.concat(frames, ignore_index=True)
    return frame[frame["value"] > 0] if SIGNAL_VIEWS[signal].logarithmic else frame.dropna(subset="value")


def start(frame: pd.DataFrame, signal: str, references: Sequence[str]) -> alt.LayerChart:
    """Signal propagation at initialization by layer, beside faint references."""
    view = SIGNAL_VIEWS[signal]
    base = alt.Chart(frame).encode(
        x=alt.X("part:Q", title="Depth", axis=alt.Axis(format="%", grid=False), scale=_PADDED),
        y=_value_axis(view, title=None),
        tooltip=[alt.Tooltip("which:N", title="settings"), *_tooltip(view)[1:]],
    )
    scale = alt.Scale(domain=list(references), range=[dash for dash, _ in DASHES[: len(references)]])
    faint = (
        base.transform_filter(alt.datum.which != THESE)
        .mark_line(strokeWidth=1.5, color=NEUTRAL)
        .encode(strokeDash=alt.StrokeDash("which:N", scale=scale, legend=None))
    )
    strong = base.transform_filter(alt.datum.which == THESE)
    line = strong.mark_line(strokeWidth=2.5, color=LAYER, point=alt.OverlayMarkDef(size=36, color=LAYER))
    return alt.layer(faint, line).properties(height=240, title=view.label)


PLANNED, TRAINED = "planned", "trained"


def rate_frame(planned: tuple[Sequence[float], Sequence[float]], records: Sequence[EpochRecord]) -> pd.DataFrame:
    """The planned learning rates, and those at the end of each trained epoch. Columns: epoch, rate, part."""
    plan = pd.DataFrame({"epoch": planned[0], "rate": planned[1], "part": PLANNED})
    step = max(1, -(-len(records) // MOST_EPOCHS))
    rows = [(r.epoch, r.learning_rate, TRAINED) for r in records[::step]]
    return pd.concat([plan, pd.DataFrame(rows, columns=["epoch", "rate", "part"])], ignore_index=True)


def rate_curve(frame: pd.DataFrame) -> alt.Chart:
    """The learning rate by epoch, planned and trained. Columns: epoch, rate, part."""
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_PADDED),
            y=alt.Y("rate:Q", title="Learning rate", axis=alt.Axis(format="~e"), scale=alt.Scale(zero=False)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=[TRAINED, PLANNED], range=[LAYER, NEUTRAL]),
                legend=_LEGEND,
            ),
            tooltip=[
                alt.Tooltip("epoch:Q", format=".2~f"),
                alt.Tooltip("rate:Q", title="learning rate", format=".3~e"),
            ],
        )
        .properties(height=240, title="Learning rate")
    )


def range_frame(points: Sequence, picked: float | None) -> pd.DataFrame:
    """The steps of the learning-rate finder: rate, loss, smooth, pick (whether the row is the suggested rate)."""
    rows = [(point.rate, point.loss, point.smoothed, False) for point in points]
    if picked is not None:
        rows.append((picked, math.nan, math.nan, True))
    frame = pd.DataFrame(rows, columns=["rate", "loss", "smooth", "pick"])
    # the last loss may be infinite, which would leave the axis without a scale
    return frame.assign(**{name: frame[name].where(frame[name].abs() < math.inf) for name in ("loss", "smooth")})


def range_test(frame: pd.DataFrame) -> alt.LayerChart:
    """Loss against learning rate, measured and smoothed, with the suggested rate.

    Columns: rate, loss, smooth, pick.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(
            "rate:Q",
            title="Learning rate",
            axis=alt.Axis(format="~e", grid=False, values=[10.0**e for e in range(-6, 2)]),
            scale=alt.Scale(type="log", domain=[1e-6, 10]),
        )
    )
    measured = base.mark_line(strokeWidth=1, opacity=0.4, color=NEUTRAL, clip=True).encode(
        y=alt.Y("loss:Q", title="Loss of the step", scale=alt.Scale(zero=False))
    )
    smooth = base.mark_line(strokeWidth=2.5, color=LAYER, clip=True).encode(
        y="smooth:Q",
        tooltip=[alt.Tooltip("rate:Q", format=".2~e"), alt.Tooltip("smooth:Q", title="loss", format=".3f")],
    )
    pick = base.transform_filter("datum.pick")
    rule = pick.mark_rule(strokeDash=[4, 4], color=NEUTRAL, strokeWidth=1.5)
    text = pick.mark_text(align="left", dx=5, dy=5, baseline="top", fontWeight="bold", color=NEUTRAL).encode(
        y=alt.value(0), text=alt.value("suggested")
    )
    return alt.layer(measured, smooth, rule, text).properties(height=240, title="Loss as the learning rate grows")


_LABEL = object()


def _value_axis(view: SignalView, title: object = _LABEL) -> alt.Y:
    title = view.label if title is _LABEL else title
    if view.logarithmic:
        return alt.Y("value:Q", title=title, axis=alt.Axis(format="~e", tickCount=6), scale=alt.Scale(type="log"))
    if view.share:
        return alt.Y("value:Q", title=title, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    return alt.Y("value:Q", title=title, axis=alt.Axis(format="~g"), scale=alt.Scale(zero=True))


def _tooltip(view: SignalView) -> list[alt.Tooltip]:
    number = ".1%" if view.share else ".3~g"
    return [
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("layer:N", title="layer"),
        alt.Tooltip("value:Q", title=view.label, format=number),
    ]


_TIGHT = alt.Scale(nice=False, zero=False)
_PADDED = alt.Scale(nice=False, zero=False, padding=6)
_DEPTH_AXIS = alt.Axis(tickMinStep=1, format="d", grid=False)
# a cell ends at its epoch, so the untrained network's begins at −1, which is not an epoch
_CELL_AXIS = alt.Axis(tickMinStep=1, format="d", grid=False, labelExpr="datum.value < 0 ? '' : datum.label")
_LEGEND = alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3)
