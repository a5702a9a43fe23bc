"""Draws a signal inside the network: by layer and epoch, by depth, over time in one layer, or as a histogram."""

import math
from collections.abc import Sequence

import streamlit as st

from explorer.pages import messages
from explorer.pages.chart import NO_ZERO, draw_chart
from explorer.pages.text import foreign, plain
from explorer.runs.signals import EpochSignals

EVERY_LAYER, BY_DEPTH, ONE_LAYER, HISTOGRAM = "Layers × epochs", "By depth", "One layer", "Histogram"
SLIDER_ENDS = 10
WAYS = (EVERY_LAYER, BY_DEPTH, ONE_LAYER, HISTOGRAM)


def inside(
    run_id: str,
    signals: Sequence[EpochSignals],
    *,
    live: bool = False,
    place: str = "inside",
    signal: str = "gradient_rms",
    way: str = EVERY_LAYER,
    epoch: int | None = None,
) -> None:
    """Draws the signals of a run, starting with the given signal, view and epoch (None: the latest).

    `live` while more are expected; `place` keeps the widget keys of two such charts on a page apart.
    """
    if not signals:
        st.caption("Nothing was measured inside this network: the run is from an earlier version or has not started.")
        return
    way = st.segmented_control(
        "View", WAYS, default=way, required=True, key=f"{place}_way", label_visibility="collapsed"
    )
    if way == HISTOGRAM:
        _histogram(signals, place, live)
        return
    from explorer.charts.signal_views import SIGNAL_VIEWS  # imports Altair, which the first page does not need

    _signal(run_id, signals, _choose_signal(SIGNAL_VIEWS, place, signal), way, place, live, epoch)


def _signal(
    run_id: str,
    signals: Sequence[EpochSignals],
    chosen: str,
    way: str,
    place: str,
    live: bool,
    first_epoch: int | None,
) -> None:
    """Draws one signal of every layer, by depth, or of one layer, and explains it."""
    from explorer.charts import internals as charts
    from explorer.charts.signal_views import SIGNAL_VIEWS

    view = SIGNAL_VIEWS[chosen]
    if way == EVERY_LAYER:
        frame = charts.signal_frame(run_id, signals, chosen)
        build, key, scope = charts.layers_by_epoch, f"{place}_heat_{chosen}", "by layer and epoch"
    elif way == BY_DEPTH:
        epoch = _epoch(signals, place, live, first_epoch)
        frame = charts.depth_frame(run_id, signals, chosen, epoch)
        build, key, scope = charts.by_depth, f"{place}_depth_{chosen}", f"by depth in epoch {epoch}"
    else:
        layer = _layer(signals, place)
        frame = charts.signal_frame(run_id, signals, chosen)
        frame = frame[frame["layer"] == layer]
        build, key, scope = charts.over_time, f"{place}_time_{chosen}", f"of {plain(layer)} over the epochs"
    if frame.empty:
        st.caption(_nothing(chosen, signals))
    else:
        draw_chart(build, frame, chosen, key=key, alt=f"{view.label} {scope}")
    zeros = view.logarithmic and any(getattr(layer, chosen) == 0 for record in signals for layer in record.layers)
    st.caption(f"{view.explanation} {NO_ZERO if zeros and not frame.empty else ''}")


def _choose_signal(views: dict, place: str, first: str) -> str:
    names = list(views)
    return st.selectbox(
        "Signal",
        names,
        index=names.index(first),
        format_func=lambda name: views[name].label,
        key=f"{place}_signal",
        label_visibility="collapsed",
    )


def _nothing(signal: str, signals: Sequence[EpochSignals]) -> str:
    if signal == "update_ratio" and len(signals) == 1:
        return "No training step has been made yet."
    return "No value is above 0, so there is nothing to draw on a log scale."


def _epoch(signals: Sequence[EpochSignals], place: str, live: bool, start: int | None = None) -> int:
    first, last = signals[0].epoch, signals[-1].epoch
    if first == last:
        return last
    # the end moves in jumps: a slider whose bounds change is a new widget, which interrupts dragging
    end = last if not live else SLIDER_ENDS * 2 ** max(0, math.ceil(math.log2(last / SLIDER_ENDS)))
    if start is None:
        messages.keep_at_end(f"{place}_epoch", end)
    else:
        st.session_state.setdefault(f"{place}_epoch", start)
    return min(last, st.slider("Epoch", first, end, key=f"{place}_epoch"))


def _layer(signals: Sequence[EpochSignals], place: str) -> str:
    names = [layer.layer for layer in signals[-1].layers]
    return st.select_slider("Layer", names, format_func=layer_title, key=f"{place}_layer")


def _histogram(signals: Sequence[EpochSignals], place: str, live: bool) -> None:
    from explorer.charts import internals as charts

    left, right = st.columns(2)
    with left:
        name = _layer(signals, place)
    with right:
        epoch = _epoch(signals, place, live)
    record = min(signals, key=lambda s: abs(s.epoch - epoch))
    layer = next(layer for layer in record.layers if layer.layer == name)
    frame = charts.histogram_frame(layer)
    if frame.empty:
        st.caption("Some of its activations are NaN or infinite.")
        return
    draw_chart(charts.histogram, frame, key=f"{place}_histogram", alt=f"activations of {plain(name)} in epoch {epoch}")
    st.caption(
        f"{layer_title(name)} after epoch {record.epoch:,}: mean {layer.activation_mean:.3g}, variance "
        f"{layer.activation_variance:.3g}, {layer.dead:.0%} of units dead, {layer.saturated:.0%} of "
        "activations saturated."
        if record.epoch
        else f"{layer_title(name)} before training: mean {layer.activation_mean:.3g}, variance "
        f"{layer.activation_variance:.3g}."
    )


def layer_title(name: str) -> str:
    """A layer's name for display, such as Layer 3."""
    return "Output" if name == "output" else f"Layer {foreign(name.rpartition('_')[2])}"
