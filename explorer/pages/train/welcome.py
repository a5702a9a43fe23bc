"""Draws the first visit: what this is for, what the data look like, and what others have trained."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.data.origin import Added
from explorer.errors import DataError
from explorer.pages import navigation, resources
from explorer.pages.chart import draw_chart
from explorer.pages.run.links import plain_name, run_name
from explorer.pages.text import foreign
from explorer.pages.train import latest_runs
from explorer.runs.run_summary import RunSummary

PURPOSE = (
    "See why a deep network learns, or does not: choose its settings, press **Train**, and watch loss and accuracy "
    "move while it learns to tell the classes apart."
)
NOTEBOOK = (
    "“The notebook” in this app is the exercise that it started from: 20 hidden layers of 100 units on CIFAR-10, "
    "trained three ways, which are the presets ELU, BN and SELU."
)
SHIPPED = "validation accuracy of the shipped runs per epoch"
_LATER_SECONDS = 0.3


def purpose() -> None:
    """Draws the sentence that says what this is for."""
    st.title("Train a deep fully connected network", anchor=False)
    st.markdown(PURPOSE)


def examples(dataset: str, listing: Sequence[RunSummary]) -> None:
    """Draws ten images, the shipped runs and where to begin.

    On the first drawing of a session they come a moment later, since the page must not wait for their libraries.
    """
    ready = resources.page_was_drawn()
    st.fragment(_examples, run_every=None if ready else _LATER_SECONDS)(dataset, listing, ready)


def _examples(dataset: str, listing: Sequence[RunSummary], ready: bool) -> None:
    if not ready:
        if resources.page_was_drawn():
            st.rerun()
        return
    _about(dataset)
    shipped = [summary for summary in listing if summary.status and summary.status.shipped and summary.best]
    if shipped:
        _shipped(shipped)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("gallery", "Start with the fault gallery", icon=":material/quiz:")
        st.caption("Networks that fail, and why: predict first, then watch. No settings needed.")
    st.caption(NOTEBOOK)


def about(config: TrainingConfig | None) -> None:
    """Draws what there is to know about the data set of the sidebar."""
    if config is None:
        st.caption("Available once all settings are valid.")
    else:
        _about(config.dataset)


def _about(name: str) -> None:
    """Draws what a data set holds, up to ten images of it if it is here, its licence, its citation and its source."""
    from explorer.evaluation.image_cards import examples

    spec = DATASETS[name]
    test = f" and {spec.test_images:,} test {spec.noun}" if spec.test_images else ""
    st.markdown(f"**{spec.title}**: {spec.labelled_images:,} labelled{test or f' {spec.noun}'}, {spec.classes} classes")
    if datasets.available(name):
        with suppress(DataError):  # the download offers it again
            st.html(examples(resources.dataset(name)))
    if isinstance(spec.origin, Added):  # by a person, who knows more about it than is stored
        return
    source = f"[{spec.source}]({spec.source})"
    st.caption(f"Licence: {foreign(spec.licence)}. {foreign(spec.citation, 300)}. {source}")


def _shipped(shipped: Sequence[RunSummary]) -> None:
    from explorer.charts import comparison, training_curves

    st.markdown("**Shipped runs** – open one to look inside")
    with st.container(horizontal=True):
        for summary in shipped:
            st.button(
                f"{run_name(summary.name)} · {latest_runs.accuracy(summary)}",
                key=f"shipped_{summary.name}",
                icon=":material/show_chart:",
                on_click=latest_runs.open_run,
                args=(summary,),
            )
    names = tuple(plain_name(summary.name) for summary in shipped)
    frame = comparison.overlay_frame([(name, s.records) for name, s in zip(names, shipped, strict=True)])
    rows = training_curves.of_metric(frame, "accuracy")
    draw_chart(comparison.overlay, rows, names, "accuracy", key="shipped_curves", alt=SHIPPED)
