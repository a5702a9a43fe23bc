"""The weights of a model: the first layer's as images, and the distribution of each layer's."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.images import as_uri, filter_sheet
from explorer.pages import resources
from explorer.pages.evaluate.shared import EvaluatedModel, answered, show_failure
from explorer.pages.run.links import run_name

COLUMNS = 10


def draw(evaluated: EvaluatedModel, _) -> None:
    """Draws the first layer's weights as images, and a histogram of each layer's weights."""
    try:
        inside = answered(
            resources.library().inside(evaluated.request), f"Reading the weights of {run_name(evaluated.model.name)}"
        )
    except ExplorerError as error:
        show_failure(error, evaluated.request)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _filters(inside.filters, inside.units)
    with right:
        _weights(inside.histograms)


def _filters(filters, units: int) -> None:
    st.markdown("**What the first layer responds to**")
    if not len(filters):
        st.caption("The first dense layer does not read pixels, so its weights cannot be shown as images.")
        return
    count = f"the first {len(filters)} of {units:,}" if len(filters) < units else f"all {units:,}"
    title = f"the weights of {count} units of the first dense layer, each as an image"
    source = as_uri(filter_sheet(filters, min(COLUMNS, len(filters))))
    st.html(f'<img src="{source}" alt="{title}" style="width:100%;image-rendering:pixelated">')
    st.caption(
        f"{title[:1].upper()}{title[1:]}: a unit responds most to an image that looks like its tile. Grey is zero; "
        "each tile has its own scale. A tile that looks like noise has hardly changed from its random initial weights."
    )


def _weights(histograms: list) -> None:
    from explorer.charts.evaluation import weight_frame, weight_ridges

    st.altair_chart(
        weight_ridges(weight_frame(histograms)),
        key="weights",
        alt="histograms of the weights of each dense layer, the first layer on top",
    )
