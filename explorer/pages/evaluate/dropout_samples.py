"""Monte Carlo dropout: predictions with dropout left on, and the images on which they vary most."""

from dataclasses import replace

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.image_cards import cards
from explorer.evaluation.image_filter import most_uncertain
from explorer.evaluation.metrics import Evaluation
from explorer.pages import resources
from explorer.pages.evaluate.shared import EvaluatedModel, answered, show_failure
from explorer.pages.evaluate.state import SAMPLES
from explorer.pages.run.links import run_name

CHOICES = (10, 30, 100)
IMAGES = 24


def draw(evaluated: EvaluatedModel, _) -> None:
    """Draws the number of samples, the metrics of their mean beside those without sampling, and the images."""
    if not evaluated.predictions.facts.dropout_layers:
        st.info(
            "This network has no dropout, so its predictions are the same every time. Train one with **Dropout** (in "
            "the Train page's sidebar, under *More settings*) to see here where its predictions vary."
        )
        return
    samples = st.segmented_control(
        "Samples",
        CHOICES,
        default=CHOICES[0],
        required=True,
        key=SAMPLES,
        help="Each sample drops different units at random; the prediction is the mean of the samples' probabilities "
        "(Gal and Ghahramani, Dropout as a Bayesian approximation, 2016).",
    )
    request = replace(evaluated.request, samples=samples)
    try:
        predictions = answered(
            resources.library().predictions(request), f"Sampling {run_name(evaluated.model.name)} {samples} times"
        )
    except ExplorerError as error:
        show_failure(error, request)
        return
    noun = evaluated.dataset.spec.noun
    mean, spread = predictions.evaluation(evaluated.dataset), predictions.spread
    _metrics(evaluated.evaluation, mean)
    right, wrong = (float(spread[which].mean()) if which.any() else 0.0 for which in (mean.right, ~mean.right))
    st.caption(
        f"Mean of {samples} samples on {mean.images:,} {evaluated.split} {noun}, {predictions.seconds:.1f} s. The "
        f"probability of the predicted class varies between samples by {right:.1%} where the prediction is correct and "
        f"{wrong:.1%} where it is incorrect (mean standard deviation)."
    )
    st.markdown(f"**{noun.capitalize()} on which the samples differ most**")
    positions = most_uncertain(spread)[:IMAGES]
    notes = {int(position): f"± {spread[position]:.0%} between samples" for position in positions}
    st.html(cards(evaluated.dataset, evaluated.split, mean, positions, notes))


def _metrics(single: Evaluation, mean: Evaluation) -> None:
    """The metrics of the mean of the samples, beside those without sampling."""
    with st.container(horizontal=True, gap="medium"):
        for name, now, before, digits in (
            ("Accuracy of the mean", mean.accuracy, single.accuracy, "{:.2%}"),
            ("Loss of the mean", mean.loss, single.loss, "{:.4f}"),
            ("Calibration error of the mean", mean.calibration_error, single.calibration_error, "{:.2%}"),
        ):
            unsampled = f"{digits.format(before)} without sampling"
            st.metric(name, digits.format(now), unsampled, delta_color="off", delta_arrow="off", width="content")
