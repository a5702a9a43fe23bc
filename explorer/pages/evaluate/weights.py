"""Inside a model: what its first layer looks for, and how its weights are spread."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.images import as_uri, filter_sheet
from explorer.pages import resources
from explorer.pages.evaluate.shared import Shown, answered, show_failure
from explorer.pages.text import foreign

COLUMNS = 10


def draw(shown: Shown, _) -> None:
    """The first layer's weights as images, and a ridge of weights for each layer."""
    try:
        inside = answered(resources.library().inside(shown.request), f"Looking into {foreign(shown.model.name)}")
    except ExplorerError as error:
        show_failure(error, shown.request)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _filters(inside.filters, inside.units)
    with right:
        _weights(inside.histograms)


def _filters(filters, units: int) -> None:
    st.markdown("**What the first layer looks for**")
    if not len(filters):
        st.caption("Its first dense layer does not see the pixels, so its weights are no images.")
        return
    shown = f"the first {len(filters)} of {units:,}" if len(filters) < units else f"all {units:,}"
    words = f"the weights of {shown} units of the first dense layer, each as an image"
    source = as_uri(filter_sheet(filters, min(COLUMNS, len(filters))))
    st.html(f'<img src="{source}" alt="{words}" style="width:100%;image-rendering:pixelated">')
    st.caption(
        f"{words[:1].upper()}{words[1:]}: a unit answers most to an image that looks like its tile. Grey is zero; each "
        "tile has its own scale. What looks like noise has hardly moved from its first random weights."
    )


def _weights(histograms: list) -> None:
    from explorer.charts.evaluation import weight_frame, weight_ridges

    st.altair_chart(
        weight_ridges(weight_frame(histograms)),
        key="weights",
        alt="histograms of the weights of each dense layer, the first layer on top",
    )
