"""Inside the network: one signal of all layers over the epochs, by depth, of one layer, and its histogram."""

import math
from collections.abc import Sequence

import streamlit as st

from explorer.pages import messages
from explorer.pages.chart import draw_chart
from explorer.pages.text import foreign, plain
from explorer.runs.signals import EpochSignals

EVERY_LAYER, BY_DEPTH, ONE_LAYER, HISTOGRAM = "Layers × epochs", "By depth", "One layer", "Histogram"
SLIDER_ENDS = 10
NO_ZERO = "Values of exactly 0 are left out: a logarithmic axis has no place for them."
WAYS = (EVERY_LAYER, BY_DEPTH, ONE_LAYER, HISTOGRAM)


def inside(
    run_id: str,
    signals: Sequence[EpochSignals],
    *,
    live: bool = False,
    place: str = "inside",
    signal: str = "gradient_rms",
    way: str = EVERY_LAYER,
) -> None:
    """Draws the signals of a run, at first the signal and the way that are named.

    `live` while more of them are to come; `place` tells the keys of two such charts on a page apart.
    """
    if not signals:
        st.caption("Nothing was measured inside this network: its run is of an earlier version, or has not begun.")
        return
    from explorer.charts import internals as charts  # pandas and Altair: not for the first page

    way = st.segmented_control(
        "View", WAYS, default=way, required=True, key=f"{place}_way", label_visibility="collapsed"
    )
    if way == HISTOGRAM:
        _histogram(signals, place, live)
        return
    chosen = _choose_signal(charts.SIGNAL_VIEWS, place, signal)
    view = charts.SIGNAL_VIEWS[chosen]
    if way == EVERY_LAYER:
        frame = charts.signal_frame(run_id, signals, chosen)
        build, key, words = charts.layers_by_epoch, f"{place}_heat_{chosen}", "of each layer after each epoch"
    elif way == BY_DEPTH:
        epoch = _epoch(signals, place, live)
        frame = charts.depth_frame(run_id, signals, chosen, epoch)
        build, key, words = charts.by_depth, f"{place}_depth_{chosen}", f"by depth in epoch {epoch}"
    else:
        layer = _layer(signals, place)
        frame = charts.signal_frame(run_id, signals, chosen)
        frame = frame[frame["layer"] == layer]
        build, key, words = charts.over_time, f"{place}_time_{chosen}", f"of {plain(layer)} over the epochs"
    if frame.empty:
        st.caption(_nothing(chosen, signals))
    else:
        draw_chart(build, frame, chosen, key=key, alt=f"{view.label} {words}")
    zeros = view.logarithmic and any(getattr(layer, chosen) == 0 for seen in signals for layer in seen.layers)
    st.caption(f"{view.words} {NO_ZERO if zeros and not frame.empty else ''}")


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
        return "The first step has yet to be made."
    return "There is no value above 0 here, so there is nothing to draw on a logarithmic scale."


def _epoch(signals: Sequence[EpochSignals], place: str, live: bool) -> int:
    first, last = signals[0].epoch, signals[-1].epoch
    if first == last:
        return last
    # its end moves in jumps: a slider whose bounds change is another one, and loses the hand that drags it
    end = last if not live else SLIDER_ENDS * 2 ** max(0, math.ceil(math.log2(last / SLIDER_ENDS)))
    messages.keep_at_end(f"{place}_epoch", end)
    return min(last, st.slider("Epoch", first, end, key=f"{place}_epoch"))


def _layer(signals: Sequence[EpochSignals], place: str) -> str:
    names = [layer.layer for layer in signals[-1].layers]
    return st.select_slider("Layer", names, format_func=layer_words, key=f"{place}_layer")


def _histogram(signals: Sequence[EpochSignals], place: str, live: bool) -> None:
    from explorer.charts import internals as charts

    left, right = st.columns(2)
    with left:
        name = _layer(signals, place)
    with right:
        epoch = _epoch(signals, place, live)
    found = min(signals, key=lambda s: abs(s.epoch - epoch))
    layer = next(layer for layer in found.layers if layer.layer == name)
    frame = charts.histogram_frame(layer)
    if frame.empty:
        st.caption("Not all of its activations are numbers.")
        return
    draw_chart(charts.histogram, frame, key=f"{place}_histogram", alt=f"activations of {plain(name)} in epoch {epoch}")
    st.caption(
        f"{layer_words(name)} after epoch {found.epoch:,}: mean {layer.activation_mean:.3g}, variance "
        f"{layer.activation_variance:.3g}, {layer.dead:.0%} of its units dead, {layer.saturated:.0%} of its values at "
        "a flat end."
        if found.epoch
        else f"{layer_words(name)} before training: mean {layer.activation_mean:.3g}, variance "
        f"{layer.activation_variance:.3g}."
    )


def layer_words(name: str) -> str:
    """A layer's name as a person reads it: Layer 3."""
    return "Output" if name == "output" else f"Layer {foreign(name.rpartition('_')[2])}"
