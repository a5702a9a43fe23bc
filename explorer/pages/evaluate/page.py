"""The Evaluate page: the metrics of a saved model, its mistakes, and the images they are made on."""

from dataclasses import replace

import streamlit as st

from explorer.config import FIELDS
from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.errors import DataError, ExplorerError, ModelError, RunError
from explorer.evaluation.predictions import CARRIED, SPLITS, TEST, VALIDATION, Request
from explorer.evaluation.saved_models import SavedModel, best_first, offered
from explorer.pages import download, ignored, layout, resources, settings
from explorer.pages.evaluate import dropout_samples, export, failures, metrics, own_image, two_models, weights
from explorer.pages.evaluate.shared import EvaluatedModel, NotYet, answered, look_for, show_failure, title
from explorer.pages.evaluate.state import (
    MODEL,
    SPLIT,
    TAB,
    all_chosen,
    choice_key,
    chosen,
    forget_choices,
    look,
    share_choice,
    start_choice,
)
from explorer.pages.navigation import address, link
from explorer.pages.run.links import run_link, run_name
from explorer.pages.text import capitalized, foreign, sentence
from explorer.plain_text import times

REPLACED = ":material/history:"
TABS = {
    "Where it fails": failures.draw,
    "Classes": metrics.classes,
    "Confidence": metrics.confidence,
    "Uncertainty": dropout_samples.draw,
    "Your own image": own_image.draw,
    "Two models": two_models.draw,
    "Weights": weights.draw,
    "Export": export.draw,
}


def render() -> None:
    """Draws the page."""
    st.title("Evaluate a saved model", anchor=False)
    resources.task_process().start()  # warms up the process that opens models while the user reads
    try:
        models = resources.library().models()
    except RunError as error:
        st.error(sentence(error))
        return
    with layout.place():
        for model in models:
            if model.problem:
                st.warning(f"Unavailable: {sentence(model.problem)}", icon=":material/link_off:")
    choice = best_first(offered(models), _dataset(models))
    if not choice:
        st.info(
            "There are no saved models yet. Train one on the **Train** page, or put a `.keras` or `.h5` model file "
            "into the models folder."
        )
        return
    remarks = layout.place()
    model, request = _choice(choice)
    try:
        _evaluation(model, request, choice)
    except NotYet as waiting:
        look_for(waiting)
    with remarks:
        ignored.draw(all_chosen())


def _evaluation(model: SavedModel, request: Request, models: list[SavedModel]) -> None:
    try:
        predictions = answered(resources.library().predictions(request), f"Opening {run_name(model.name)}")
        datasets.check_available(predictions.facts.dataset)  # it may have been removed since it was read
        dataset = resources.dataset(predictions.facts.dataset).divided(predictions.division)
        # while its run trains, the file may be replaced between the list of models and its evaluation
        current = resources.library().as_predicted(model, request, predictions)
    except DataError as error:
        download.offer(*[request.dataset] if request.dataset else [])
        if not request.dataset or datasets.available(request.dataset):  # otherwise the offer says it
            st.error(sentence(error))
        return
    except ExplorerError as error:
        if isinstance(error, ModelError):  # the file may have been replaced by one that the choices do not fit
            forget_choices(model.name)
        show_failure(error, request)
        return
    with layout.place():
        if current is None:
            st.info("Its run has saved a better model since; these are the metrics of the earlier one.", icon=REPLACED)
            st.button("Evaluate the newer model", icon=":material/refresh:")
    evaluated = EvaluatedModel(
        current or replace(model, run=None), request, predictions, dataset, predictions.evaluation(dataset)
    )
    with layout.place():
        _headline(evaluated)
    metrics.overall(evaluated)
    _tabs(evaluated, models)


def _dataset(models: list[SavedModel]) -> str:
    """The data set whose best model is shown at first: the sidebar's, else that of the newest run."""
    of_runs = (model.run.config.dataset for model in models if model.run and model.run.config)
    return settings.chosen_dataset() or next(of_runs, "")


def _choice(models: list[SavedModel]) -> tuple[SavedModel, Request]:
    by_name = {model.name: model for model in models}
    start_choice(MODEL, list(by_name))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.selectbox(
        "Model",
        list(by_name),
        key=MODEL,
        format_func=lambda name: title(by_name[name]),
        help="Runs with the accuracy of their saved epoch, the lowest validation loss first; then those of other data "
        "sets, and other model files in the models folder.",
    )
    model = by_name[name]
    splits, noun = _splits(model), _noun(model)
    start_choice(SPLIT, splits)
    split = right.segmented_control(
        noun.capitalize(),
        splits,
        required=True,
        key=SPLIT,
        format_func=str.capitalize,
        help=f"Select models on the validation {noun}; look at the test {noun} only once, at the end."
        if len(splits) > 1
        else f"This data set has no test {noun}.",
        width="stretch",
    )
    share_choice(MODEL, list(by_name))
    share_choice(SPLIT, splits)
    return model, model.request(split=split, **chosen(model.name))


def _splits(model: SavedModel) -> tuple[str, ...]:
    """The splits offered: without test images if the run's data set has none, which is not known of a file."""
    name = model.request().dataset
    return SPLITS if not name or DATASETS[name].test_images else (VALIDATION,)


def _noun(model: SavedModel) -> str:
    """What the images of a model's data set are called; the data set of a file is not known yet."""
    name = model.request().dataset
    return DATASETS[name].noun if name else "images"


def _headline(evaluated: EvaluatedModel) -> None:
    facts, spec = evaluated.predictions.facts, evaluated.dataset.spec
    st.caption(
        f"**{run_name(evaluated.model.name)}** ({foreign(evaluated.model.description)}) "
        f"· {facts.parameters:,} parameters "
        f"· {evaluated.evaluation.images:,} {evaluated.split} {spec.noun} of {spec.title}"
        + (f" · {foreign(facts.origin)}" if facts.origin else "")
    )
    run = evaluated.model.run
    if run and address("train", run=run.name):
        with st.container(horizontal=True):
            run_link(run.name, icon=":material/model_training:")
            link("compare", "Compare it with others", icon=":material/compare_arrows:", runs=run.name)
    if evaluated.split == TEST:
        looks = look(evaluated.request)
        st.warning(
            f"**Test {spec.noun}**: this model has been evaluated on them {times(looks)} here. Selecting models on the "
            f"test {spec.noun} makes their metrics too optimistic; select on the validation {spec.noun}.",
            icon=":material/visibility:",
        )
    if facts.scaling != CARRIED:
        _scaling(evaluated)
    if facts.reading_note:
        _outputs(evaluated)


def _scaling(evaluated: EvaluatedModel) -> None:
    facts, field = evaluated.predictions.facts, FIELDS["input_scaling"]
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    left.selectbox(
        "Input scaling",
        field.choices,
        index=field.choices.index(facts.scaling),
        format_func=field.title,
        key=choice_key("scaling", evaluated.model.name),
    )
    right.caption(sentence(capitalized(facts.note)))


def _outputs(evaluated: EvaluatedModel) -> None:
    """Draws how the outputs are read and why, with a choice if their values allow more than one reading."""
    facts = evaluated.predictions.facts
    note = f"About the model's outputs: {sentence(facts.reading_note)}"
    if len(facts.choices) < 2:
        st.caption(note)
        return
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    left.selectbox(
        "Read outputs as",
        facts.choices,
        index=facts.choices.index(facts.reading),
        key=choice_key("outputs", evaluated.model.name),
    )
    right.caption(note)


def _tabs(evaluated: EvaluatedModel, models: list[SavedModel]) -> None:
    tabs = {name: draw for name, draw in TABS.items() if draw is not own_image.draw or evaluated.dataset.spec.pictures}
    for tab, draw in zip(st.tabs(list(tabs), key=TAB, on_change="rerun"), tabs.values(), strict=True):
        if tab.open:  # draws only the open tab
            with tab:
                draw(evaluated, models)
