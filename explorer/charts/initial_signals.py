"""Charts of signal propagation at initialization, beside that of reference settings."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from explorer.charts.signal_views import PADDED, SIGNAL_VIEWS, tooltip, value_axis
from explorer.palette import LAYER, NEUTRAL
from explorer.runs import signals as signal_records
from explorer.runs.signals import EpochSignals

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
        x=alt.X("part:Q", title="Depth", axis=alt.Axis(format="%", grid=False), scale=PADDED),
        y=value_axis(view, title=None),
        tooltip=[alt.Tooltip("which:N", title="settings"), *tooltip(view)[1:]],
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
