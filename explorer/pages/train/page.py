"""Draws the Train page: the run that is watched first, and below it what can be looked at in tabs."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import RunError
from explorer.pages import download, ignored, layout, messages, resources, selection, settings, sidebar, training
from explorer.pages.chart import draw_steadily
from explorer.pages.run import details, export_buttons, page
from explorer.pages.run.waiting import queue_note
from explorer.pages.text import capitalized, sentence
from explorer.pages.train import (
    before_training,
    latest_runs,
    lr_finder,
    network_card,
    own_data,
    own_data_form,
    settings_difference,
    welcome,
)
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary

BEFORE, FINDER, MODEL, SETTINGS = "Before training", "Learning-rate finder", "Model", "Settings"
DATASET = "Data set"
PARTS = (details.FINDINGS, details.INSIDE, BEFORE, FINDER, MODEL, SETTINGS, DATASET)
PARTS_WITHOUT_RUN = (MODEL, BEFORE, FINDER)


def render() -> None:
    """Draws the page."""
    draw_steadily()
    try:
        listing = resources.store().list()
    except RunError as error:
        sidebar.sidebar()
        st.error(sentence(error))
        return
    remarks = layout.place()
    with layout.place():
        chosen = selection.chosen_run(listing)
    selection.check_twin(listing)
    trained = next((s.config for s in listing if chosen and s.name == chosen.name), None)
    settings.follow(trained)
    config = sidebar.sidebar(_train_button, own_data_form.form)
    latest_runs.latest(listing, chosen)
    with layout.place():
        own_data.report(listing)
        download.offer(*(each.dataset for each in (config, trained) if each))
        if message := messages.waiting():
            st.error(sentence(message))
        if resources.run_queue_problem():
            _run_queue_problem()
    if chosen is None:
        _without_run(config, listing)
    else:
        _with_run(chosen, config, listing)
    with remarks:
        ignored.draw((config, chosen and chosen.name))
    if config is not None:
        settings.share(config)
        fix = page.trained_next(chosen, listing) if chosen else None
        likely = (fix, config) if config == trained else (config, fix)
        resources.prepare([each for each in likely if each and datasets.available(each.dataset)])
    messages.forget()  # only now: where a run has changed meanwhile, the page has begun anew


def _with_run(run: Run, config: TrainingConfig | None, listing: Sequence[RunSummary]) -> None:
    with layout.place():
        settings_difference.draw(run, config, listing)
    page.show(run, listing)
    part = _choose(PARTS, "run_part")
    if part in (details.FINDINGS, details.INSIDE):
        details.refreshing(part, run, listing)
    elif part == MODEL:
        details.model(run, listing)
    elif part == SETTINGS:
        details.settings(run)
    else:
        _of_the_sidebar(part, config)
    export_buttons.render(run)
    page.watch(run, listing)


def _without_run(config: TrainingConfig | None, listing: Sequence[RunSummary]) -> None:
    st.fragment(latest_runs.watch, run_every=page.IDLE_SECONDS)(latest_runs.states(listing, None))
    welcome.purpose()
    with st.container(key="phone_train"):
        _train_button(config, "phone")
    if config is not None:
        welcome.examples(config.dataset, listing)
    part = _choose(PARTS_WITHOUT_RUN, "part")
    if part == MODEL:
        network_card.card(config, listing)
    else:
        _of_the_sidebar(part, config)


def _of_the_sidebar(part: str, config: TrainingConfig | None) -> None:
    """What concerns the settings in the sidebar, which may differ from those of the run above."""
    if part == BEFORE:
        before_training.before_training(config)
    elif part == DATASET:
        welcome.about(config)
    else:
        lr_finder.draw(config)


def _choose(parts: Sequence[str], key: str) -> str:
    """The part to draw. Not `st.tabs`: a part that refreshes in a tab that is closed meanwhile breaks the page."""
    return st.segmented_control(
        "Look at", parts, default=parts[0], required=True, key=key, label_visibility="collapsed"
    )


def _run_queue_problem() -> None:
    st.error(f"The workers could not be started: {sentence(resources.run_queue_problem())}")
    st.button("Try again", on_click=resources.restart_run_queue)


def _train_button(config: TrainingConfig | None, place: str = "") -> None:
    missing = config is not None and not datasets.available(config.dataset)
    st.button(
        "Train now" if place else "Train",
        key=f"train_{place}" if place else "train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=config is None or missing,
        help=capitalized(sentence(datasets.spec_of(config.dataset).absence))
        if missing
        else "Train a network with these settings.",
        on_click=training.train_settings,
    )
    if not place and (note := queue_note()):
        st.caption(note)
