"""Draws the Train page: the network to train, the Train button, and the run."""

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import RunError
from explorer.pages import download, messages, resources, selection, settings, sidebar, training
from explorer.pages.chart import draw_steadily
from explorer.pages.run import page
from explorer.pages.text import sentence
from explorer.pages.train import before_training, latest_runs, lr_finder, network_card


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.header("Train a deep fully connected network", anchor=False)
    config = sidebar.sidebar()
    download.offer()
    try:
        resources.store().list()
    except RunError as error:
        st.error(sentence(error))
        return
    if resources.run_queue_problem():
        _run_queue_problem()
    left, buttons = st.columns([4, 1], vertical_alignment="center")
    with left:
        network_card.card(config)
    with buttons:
        _train_button(config)
    before_training.before_training(config)
    lr_finder.draw(config)
    if message := messages.take():
        st.error(sentence(message))
    chosen = selection.chosen_run()
    if chosen is None:
        st.fragment(page.rerun_on_change, run_every=page.IDLE_SECONDS)(latest_runs.states())
        st.info("Choose settings on the left and press **Train**: loss and accuracy appear here, epoch by epoch.")
    else:
        page.show(chosen)
    latest_runs.latest(chosen)
    if config is not None:
        settings.share(config)
        if datasets.available(config.dataset):
            resources.prepare(config)


def _run_queue_problem() -> None:
    st.error(f"The workers could not be started: {sentence(resources.run_queue_problem())}")
    st.button("Try again", on_click=resources.restart_run_queue)


def _train_button(config: TrainingConfig | None) -> None:
    missing = config is not None and not datasets.available(config.dataset)
    st.button(
        "Train",
        key="train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=config is None or missing,
        help="Train a network with the settings on the left." if not missing else "Download the data set first.",
        on_click=training.train,
        args=(config,),
    )
