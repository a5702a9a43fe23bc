"""Comparison of two models on the same images: where each is right, and whether the difference is significant."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.cards import cards
from explorer.evaluation.library import SavedModel
from explorer.evaluation.mcnemar import Comparison
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import TEST, Predictions
from explorer.pages import resources
from explorer.pages.evaluate import state as evaluate_state
from explorer.pages.evaluate.shared import Shown, answered, show_failure, title
from explorer.pages.text import foreign

IMAGES = 18


def draw(shown: Shown, models: list[SavedModel]) -> None:
    """Draws the choice of the other model, the verdict, the counts and the images."""
    others = {model.name: model for model in models if model.name != shown.model.name}
    if not others:
        st.info("There is only one saved model. Train another on the **Train** page to compare the two.")
        return
    evaluate_state.start_choice(evaluate_state.OTHER, list(others))
    name = st.selectbox(
        f"Compare {foreign(shown.model.name)} with",
        list(others),
        format_func=lambda name: title(others[name]),
        key=evaluate_state.OTHER,
    )
    evaluate_state.share_choice(evaluate_state.OTHER, list(others))
    other = others[name]
    wanted = {"split": shown.split, "dataset": shown.dataset.spec.name, **evaluate_state.chosen(name)}
    request = other.request(**wanted)
    if shown.split != TEST and request.division != shown.request.division:
        st.info(
            f"{foreign(shown.model.name)} and {foreign(name)} have different validation images, so they cannot be "
            "compared on them: each may have been trained on the other's. Compare them on the test images instead."
        )
        return
    try:
        predictions = answered(resources.library().predictions(request), f"Opening {foreign(name)}")
    except ExplorerError as error:
        show_failure(error, request)
        return
    if shown.split == TEST:
        evaluate_state.look(request)
    _compare(shown, name, predictions)


def _compare(shown: Shown, name: str, predictions: Predictions) -> None:
    a, b = shown.evaluation, predictions.evaluation(shown.dataset)
    comparison = Comparison.of(a.right, b.right)
    st.markdown(f"**{comparison.sentence(foreign(shown.model.name), foreign(name))}**")
    columns = st.columns(4)
    columns[0].metric("Both are right", f"{comparison.both:,}")
    columns[1].metric(f"Only {foreign(shown.model.name)} is right", f"{comparison.only_a:,}")
    columns[2].metric(f"Only {foreign(name)} is right", f"{comparison.only_b:,}")
    columns[3].metric("Neither is right", f"{comparison.neither:,}")
    st.caption(f"Accuracy: {a.accuracy:.2%} and {b.accuracy:.2%}, on the same {a.images:,} {shown.split} images.")
    left, right = st.columns(2, gap="medium")
    with left:
        _images(shown, b, ~b.right & a.right, f"{foreign(shown.model.name)} is right; {foreign(name)} predicts")
    with right:
        _images(shown, a, ~a.right & b.right, f"{foreign(name)} is right; {foreign(shown.model.name)} predicts")


def _images(shown: Shown, wrong: Evaluation, chosen, heading: str) -> None:
    """Draws the chosen images with the predictions of the model that is wrong, most confident first."""
    positions = chosen.nonzero()[0]
    positions = positions[(-wrong.confidence[positions]).argsort(kind="stable")][:IMAGES]
    st.markdown(f"**{heading}**")
    if len(positions):
        st.html(cards(shown.dataset, shown.split, wrong, positions))
    else:
        st.caption("No images.")
