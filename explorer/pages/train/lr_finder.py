"""Draws the learning-rate finder: the loss while the learning rate grows, and a button that applies the suggestion."""

import math
from concurrent.futures import Future

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.pages import messages
from explorer.pages.chart import draw_chart
from explorer.pages.text import LONGEST_SENTENCE, foreign, sentence
from explorer.pages.train.before_training import NOT_YET
from explorer.pages.train.state import current_lr_finder, lr_finder_settings, start_lr_finder, use_rate
from explorer.plain_text import decimal
from explorer.training.lr_finder import Suggestion

POLL_SECONDS = 0.4


def draw(config: TrainingConfig | None) -> None:
    """Draws the panel; nothing is trained before its button is pressed."""
    if config is None or not datasets.available(config.dataset):
        st.caption(NOT_YET)
        return
    st.caption(
        "Trains a copy of this network while the learning rate grows at every step, from 1e-6 to 10, until the "
        "loss diverges. Then it tries several rates below that, each for a few hundred steps from the same initial "
        "weights, and suggests the one with the lowest loss. No run is changed."
    )
    finder = current_lr_finder()
    running = finder is not None and not finder.future.done()
    st.button(
        "Find a learning rate",
        key="range_run",
        icon=":material/speed:",
        disabled=running,
        on_click=start_lr_finder,
        args=(config,),
    )
    if finder is not None:
        st.fragment(_panel, run_every=POLL_SECONDS if running else None)(config, running)


def _panel(config: TrainingConfig, was_running: bool) -> None:
    finder = current_lr_finder()
    if finder is None or (was_running and finder.future.done()) or messages.redraw_wanted():
        st.rerun()
    points = finder.points()
    if finder.start != lr_finder_settings(config):
        st.caption(":material/info: This curve was measured with settings other than the sidebar's.")
    suggestion = _suggestion(finder.future)
    if points:
        _chart(config, points, suggestion)
        if suggestion is None and not finder.future.done():
            st.caption(":material/hourglass_top: Measuring, then trying several rates.")
    elif not finder.future.done():
        st.caption(":material/hourglass_top: Compiling the network: a few seconds, once per network shape.")
    if suggestion is None:
        return
    st.markdown(foreign(suggestion.explanation, LONGEST_SENTENCE))
    if suggestion.rate is not None:
        st.button(
            f"Use learning rate {decimal(suggestion.rate)}",
            key="range_use",
            type="primary",
            icon=":material/check:",
            on_click=use_rate,
            args=(suggestion.rate,),
        )


def _suggestion(future: Future):
    """What the finder suggests; None while it runs, and, with an error message, if it failed."""
    if not future.done():
        return None
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, ExplorerError):
        raise error
    st.error(sentence(error))
    return None


def _chart(config: TrainingConfig, points: list, suggestion: Suggestion | None) -> None:
    from explorer.charts import lr_finder as charts
    from explorer.charts.epoch_axes import guessing

    trials, picked = (suggestion.trials, suggestion.rate) if suggestion else ((), None)
    rows = charts.frame(points, trials, picked)
    limits = charts.limits(rows, guessing("loss", datasets.DATASETS[config.dataset].classes))
    draw_chart(charts.chart, rows, limits, key="range_chart", alt="loss against learning rate")
    if not math.isfinite(points[-1].loss):
        st.caption("The last loss was NaN or infinite.")
