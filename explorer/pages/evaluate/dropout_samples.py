"""Monte-Carlo dropout: what a model says with dropout left on, many times, and where it does not agree with itself."""

from dataclasses import replace

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.cards import cards
from explorer.evaluation.image_filter import most_uncertain
from explorer.pages import resources
from explorer.pages.evaluate.shared import Shown, answered, show_failure
from explorer.pages.evaluate.state import SAMPLES
from explorer.pages.text import foreign

CHOICES = (10, 30, 100)
IMAGES = 24


def draw(shown: Shown, _) -> None:
    """The choice of how many samples, the figures of their mean beside the single answer's, and the images."""
    if not shown.predictions.facts.dropout_layers:
        st.info(
            "This network has no dropout, so it gives the same answer every time. Train one with **Dropout** (in the "
            "Train page's sidebar, below *More settings*), and see here where its answers scatter."
        )
        return
    samples = st.segmented_control(
        "Samples",
        CHOICES,
        default=CHOICES[0],
        required=True,
        key=SAMPLES,
        help="Each sample asks the network with other units silenced; the mean of their probabilities is the answer "
        "(Gal and Ghahramani, Dropout as a Bayesian approximation, 2016).",
    )
    request = replace(shown.request, samples=samples)
    try:
        predictions = answered(
            resources.library().predictions(request), f"Asking {foreign(shown.model.name)} {samples} times"
        )
    except ExplorerError as error:
        show_failure(error, request)
        return
    single, mean = shown.evaluation, predictions.evaluation(shown.dataset)
    spread = predictions.spread
    with st.container(horizontal=True, gap="medium"):
        for name, now, before, digits in (
            ("Accuracy of the mean", mean.accuracy, single.accuracy, "{:.2%}"),
            ("Loss of the mean", mean.loss, single.loss, "{:.4f}"),
            ("Calibration error of the mean", mean.calibration_error, single.calibration_error, "{:.2%}"),
        ):
            told = f"{digits.format(before)} without sampling"
            st.metric(name, digits.format(now), told, delta_color="off", delta_arrow="off", width="content")
    right, wrong = (float(spread[which].mean()) if which.any() else 0.0 for which in (mean.right, ~mean.right))
    st.caption(
        f"Mean of {samples} samples on {mean.images:,} {shown.split} images, {predictions.seconds:.1f} s. From one "
        f"sample to the next the probability of the answer scatters by {right:.1%} where the answer is right and "
        f"{wrong:.1%} where it is wrong (mean standard deviation)."
    )
    st.markdown("**The images on which its samples differ most**")
    positions = most_uncertain(spread)[:IMAGES]
    notes = {int(position): f"± {spread[position]:.0%} between samples" for position in positions}
    st.html(cards(shown.dataset, shown.split, mean, positions, notes))
