"""Comparison of two models on the same images: where each is right, and whether the difference is significant."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.evaluation.image_cards import cards
from explorer.evaluation.mcnemar import Comparison
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import TEST, Predictions
from explorer.evaluation.saved_models import SavedModel
from explorer.pages import resources
from explorer.pages.evaluate import state as evaluate_state
from explorer.pages.evaluate.shared import EvaluatedModel, answered, show_failure, title
from explorer.pages.run.links import run_link, run_name
from explorer.plain_text import percent

IMAGES = 18


def draw(evaluated: EvaluatedModel, models: list[SavedModel]) -> None:
    """Draws the choice of the other model, the verdict, the counts and the images."""
    others = {model.name: model for model in models if _fits(model, evaluated)}
    if not others:
        noun = evaluated.dataset.spec.noun
        which = noun if evaluated.split == TEST else f"validation {noun}"
        st.info(f"No other saved model can be compared with this one on the same {which}. Train one on **Train**.")
        return
    evaluate_state.start_choice(evaluate_state.OTHER, list(others))
    name = st.selectbox(
        f"Compare {run_name(evaluated.model.name)} with",
        list(others),
        format_func=lambda name: title(others[name]),
        key=evaluate_state.OTHER,
    )
    evaluate_state.share_choice(evaluate_state.OTHER, list(others))
    other = others[name]
    if other.run:
        run_link(other.run.name, icon=":material/model_training:")
    wanted = {"split": evaluated.split, "dataset": evaluated.dataset.spec.name, **evaluate_state.chosen(name)}
    request = other.request(**wanted)
    try:
        predictions = answered(resources.library().predictions(request), f"Opening {run_name(name)}")
    except ExplorerError as error:
        show_failure(error, request)
        return
    if evaluated.split == TEST:
        evaluate_state.look(request)
    _compare(evaluated, name, predictions)


def _fits(model: SavedModel, evaluated: EvaluatedModel) -> bool:
    """Whether a model can be compared with the one that is evaluated: the data set and the images must be the same.

    Of two divisions, each model may have been trained on the other's validation images.
    """
    request = model.request()
    same_images = evaluated.split == TEST or request.division == evaluated.request.division
    return model.name != evaluated.model.name and request.dataset in ("", evaluated.dataset.spec.name) and same_images


def _compare(evaluated: EvaluatedModel, name: str, predictions: Predictions) -> None:
    a, b = evaluated.evaluation, predictions.evaluation(evaluated.dataset)
    comparison, noun = Comparison.of(a.right, b.right), evaluated.dataset.spec.noun
    st.markdown(f"**{comparison.sentence(run_name(evaluated.model.name), run_name(name), noun)}**")
    columns = st.columns(4)
    columns[0].metric("Both are correct", f"{comparison.both:,}")
    columns[1].metric(f"Only {run_name(evaluated.model.name)} is correct", f"{comparison.only_a:,}")
    columns[2].metric(f"Only {run_name(name)} is correct", f"{comparison.only_b:,}")
    columns[3].metric("Neither is correct", f"{comparison.neither:,}")
    st.caption(
        f"Accuracy: {percent(a.accuracy)} and {percent(b.accuracy)}, on the same {a.images:,} {evaluated.split} {noun}."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        _images(
            evaluated, b, ~b.right & a.right, f"{run_name(evaluated.model.name)} is correct; {run_name(name)} predicts"
        )
    with right:
        _images(
            evaluated, a, ~a.right & b.right, f"{run_name(name)} is correct; {run_name(evaluated.model.name)} predicts"
        )


def _images(evaluated: EvaluatedModel, wrong: Evaluation, chosen, heading: str) -> None:
    """Draws the chosen images with the predictions of the model that is wrong, most confident first."""
    positions = chosen.nonzero()[0]
    positions = positions[(-wrong.confidence[positions]).argsort(kind="stable")][:IMAGES]
    st.markdown(f"**{heading}**")
    if len(positions):
        st.html(cards(evaluated.dataset, evaluated.split, wrong, positions))
    else:
        st.caption(f"No {evaluated.dataset.spec.noun}.")
