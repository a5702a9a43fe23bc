"""Two models on the same images: who is right where, and whether the difference is more than chance."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.cards import cards
from explorer.evaluation.comparison import Comparison
from explorer.evaluation.figures import Evaluation
from explorer.evaluation.library import SavedModel
from explorer.evaluation.predictions import TEST, VALIDATION, Predictions
from explorer.views import state
from explorer.views.evaluate_shared import Shown, answered, title

IMAGES = 18


def draw(shown: Shown, models: list[SavedModel]) -> None:
    """The choice of the other model, the counts, the sentence and the images."""
    others = {model.name: model for model in models if model.name != shown.model.name}
    if not others:
        st.info("There is only one saved model; a second one to compare it with comes from the **Train** page.")
        return
    state.start_choice(state.OTHER, list(others))
    name = st.selectbox(
        f"Compare {shown.model.name} with",
        list(others),
        format_func=lambda name: title(others[name]),
        key=state.OTHER,
    )
    state.share_choice(state.OTHER, list(others))
    other = others[name]
    scaling = state.chosen_scaling(name)
    facts = shown.predictions.facts
    wanted = {"split": shown.split, "dataset": facts.dataset, "division": facts.division}
    request = other.request(**wanted, **({"scaling": scaling} if scaling else {}))
    if shown.split == VALIDATION and other.request().division != facts.division:
        st.warning(
            f"{name} was validated on other images, so it has been trained on some of these: it looks better here than "
            "it is. Compare the two on the test images.",
            icon=":material/warning:",
        )
    try:
        predictions = answered(state.library().predictions(request), f"Opening {name}")
    except ExplorerError as error:
        st.error(f"{error}.", icon=":material/block:")
        return
    if shown.split == TEST:
        state.look(request)
    _compare(shown, name, predictions)


def _compare(shown: Shown, name: str, predictions: Predictions) -> None:
    a, b = shown.evaluation, predictions.evaluation(shown.dataset)
    comparison = Comparison.of(a.right, b.right)
    st.markdown(f"**{comparison.sentence(shown.model.name, name)}**")
    columns = st.columns(4)
    columns[0].metric("Both are right", f"{comparison.both:,}")
    columns[1].metric(f"Only {shown.model.name} is right", f"{comparison.only_a:,}")
    columns[2].metric(f"Only {name} is right", f"{comparison.only_b:,}")
    columns[3].metric("Neither is right", f"{comparison.neither:,}")
    st.caption(f"Accuracy {a.accuracy:.2%} against {b.accuracy:.2%}, on the same {a.images:,} {shown.split} images.")
    left, right = st.columns(2, gap="medium")
    with left:
        _images(shown, b, ~b.right & a.right, f"{shown.model.name} is right and {name} says")
    with right:
        _images(shown, a, ~a.right & b.right, f"{name} is right and {shown.model.name} says")


def _images(shown: Shown, wrong: Evaluation, chosen, words: str) -> None:
    """The images of one kind, with the answers of the model that is wrong, the most confident first."""
    positions = chosen.nonzero()[0]
    positions = positions[(-wrong.confidence[positions]).argsort(kind="stable")][:IMAGES]
    st.markdown(f"**{words}**")
    if len(positions):
        st.html(cards(shown.dataset, shown.split, wrong, positions))
    else:
        st.caption("No image.")
