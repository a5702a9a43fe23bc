"""Draws signal propagation at initialization, for the network in the sidebar before it is trained."""

from concurrent.futures import Future, wait

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.diagnosis import Evidence, diagnose
from explorer.errors import ExplorerError
from explorer.pages.chart import draw_chart
from explorer.pages.run import findings, learning_rate
from explorer.pages.text import sentence
from explorer.pages.train import state
from explorer.presets import PRESETS
from explorer.runs.signals import EpochSignals

POLL_SECONDS = 0.25
# A measurement usually takes 0.2 to 0.35 s, less than drawing the page a second time, so it is worth waiting for.
PATIENCE_SECONDS = 0.5
NOT_YET = "Available once all settings are valid and the data set is on this machine."


def before_training(config: TrainingConfig | None) -> None:
    """Draws the panel; to be called only while it is seen, since it measures."""
    if config is None or not datasets.available(config.dataset):
        st.caption(NOT_YET)
        return
    future = _future(config)
    learning_rate.rate_curve(config, place="before")
    wait([future], PATIENCE_SECONDS)
    waiting = _waiting(config)
    st.fragment(_panel, run_every=POLL_SECONDS if waiting else None)(config, waiting)


def _panel(config: TrainingConfig, was_waiting: bool) -> None:
    future, references = _future(config), _references(config)
    if was_waiting and not _waiting(config):
        st.rerun()  # the polling ends
    if future.done() and future.exception() is not None:
        error = future.exception()
        if not isinstance(error, ExplorerError):
            raise error
        st.warning(sentence(error))
        return
    if future.done():
        state.keep_start(config, future.result())
        noun = DATASETS[config.dataset].noun
        st.caption(f"Measured on the first 256 training {noun} in the untrained network; seed {config.seed}.")
    elif state.latest_start():
        st.caption(":material/hourglass_top: Measuring… These charts still show the previous settings.")
    else:
        st.caption(":material/hourglass_top: Measuring… The first time takes a few seconds, later ones less than one.")
    latest = state.latest_start()
    if latest is None:
        return
    _draw(*latest, {name: f.result() for name, f in references.items() if f.done() and f.exception() is None})


def _draw(config: TrainingConfig, signals: EpochSignals, references: dict[str, EpochSignals]) -> None:
    from explorer.charts import initial_signals as charts
    from explorer.charts.signal_views import SIGNAL_VIEWS

    titles = {PRESETS[name].title: reference for name, reference in references.items()}
    for column, signal in zip(st.columns(3), charts.START_SIGNALS, strict=True):
        frame = charts.start_frame(signals, titles, signal)
        names, label = tuple(preset.title for preset in PRESETS.values()), SIGNAL_VIEWS[signal].label
        key, alt = f"before_{signal}", f"{label} by depth before training"
        draw_chart(charts.start, frame, signal, names, place=column, key=key, alt=alt)
    lines = zip((dash for _, dash in charts.DASHES), titles, strict=False)
    st.caption(" · ".join([f":material/timeline: **{charts.THESE}**", *(f"{dash} {title}" for dash, title in lines)]))
    problems = diagnose(Evidence(config, (), [signals]))
    for finding in problems:
        findings.line(finding)
    if not problems:
        st.markdown(
            ":green-badge[:material/check_circle: no problem found] The signal passes through all layers, "
            "forward and backward."
        )


def _waiting(config: TrainingConfig) -> bool:
    # the references are measured only after the network itself
    return not _future(config).done() or not all(future.done() for future in _references(config).values())


def _future(config: TrainingConfig) -> "Future[EpochSignals]":
    return state.measure_start(config)


def _references(config: TrainingConfig) -> "dict[str, Future[EpochSignals]]":
    """The three presets on the chosen data set, each measured once per process."""
    if not _future(config).done():
        return {}  # the network in the sidebar comes first
    configs = {name: preset.config.with_(dataset=config.dataset) for name, preset in PRESETS.items()}
    return {name: state.measure_reference(reference) for name, reference in configs.items()}
