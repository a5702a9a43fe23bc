"""Two models on the same images: who is right where, and whether the difference is more than chance."""

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
    """The choice of the other model, the counts, the sentence and the images."""
    others = {model.name: model for model in models if model.name != shown.model.name}
    if not others:
        st.info("There is only one saved model; a second one to compare it with comes from the **Train** page.")
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
            f"{foreign(shown.model.name)} and {foreign(name)} kept other images back to validate on, so they are not "
            "compared there: each may have been trained on the other's. On the test images they can be."
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
    st.caption(f"Accuracy {a.accuracy:.2%} against {b.accuracy:.2%}, on the same {a.images:,} {shown.split} images.")
    left, right = st.columns(2, gap="medium")
    with left:
        _images(shown, b, ~b.right & a.right, f"{foreign(shown.model.name)} is right and {foreign(name)} says")
    with right:
        _images(shown, a, ~a.right & b.right, f"{foreign(name)} is right and {foreign(shown.model.name)} says")


def _images(shown: Shown, wrong: Evaluation, chosen, words: str) -> None:
    """The images of one kind, with the answers of the model that is wrong, the most confident first."""
    positions = chosen.nonzero()[0]
    positions = positions[(-wrong.confidence[positions]).argsort(kind="stable")][:IMAGES]
    st.markdown(f"**{words}**")
    if len(positions):
        st.html(cards(shown.dataset, shown.split, wrong, positions))
    else:
        st.caption("No image.")
