"""Keeps what is measured before training in the session: initial signals and the learning-rate finder."""

import secrets
import tempfile
from concurrent.futures import Future
from dataclasses import dataclass

import streamlit as st

from explorer.config import TrainingConfig
from explorer.pages import messages, resources, settings
from explorer.runs.signals import EpochSignals

_START = "start_signals"
_RANGE = "range_test"
_SESSION = "session"


def measure_start(config: TrainingConfig) -> "Future[EpochSignals]":
    """The signals of the sidebar's network before training; cancels this session's earlier request."""
    return resources.initial_signals().ask(config, who=_session())


def measure_reference(config: TrainingConfig) -> "Future[EpochSignals]":
    """The signals of a network to compare with, before training."""
    return resources.initial_signals().ask(config)


def keep_start(config: TrainingConfig, signals: EpochSignals) -> None:
    """Stores the latest measurement, which is shown until the next one is finished."""
    st.session_state[_START] = config, signals


def latest_start() -> tuple[TrainingConfig, EpochSignals] | None:
    """The latest measurement of this session, and its configuration."""
    return st.session_state.get(_START)


def _session() -> str:
    return st.session_state.setdefault(_SESSION, secrets.token_hex(8))


# --- The learning-rate finder ----------------------------------------------------------------------------


@dataclass(frozen=True)
class LearningRateFinder:
    """A use of the learning-rate finder: its settings, the file that it writes, and its future suggestion."""

    start: TrainingConfig
    path: str
    future: Future

    def points(self) -> list:
        """The steps so far."""
        from explorer.workers import tasks

        return tasks.read_points(self.path)


def start_lr_finder(config: TrainingConfig) -> None:
    """Starts the learning-rate finder on the sidebar's network."""
    from explorer.workers import tasks

    path = f"{tempfile.mkdtemp(prefix='range-test-')}/points.jsonl"
    future = resources.task_process().ask(tasks.range_test, config.to_dict(), path, seconds=120)
    st.session_state[_RANGE] = LearningRateFinder(lr_finder_settings(config), path, future)


def current_lr_finder() -> LearningRateFinder | None:
    """The latest use of the learning-rate finder in this session."""
    return st.session_state.get(_RANGE)


def lr_finder_settings(config: TrainingConfig) -> TrainingConfig:
    """A configuration with only the settings that the finder depends on: it sets its own learning rates and length."""
    defaults = TrainingConfig()
    free = ("learning_rate", "schedule", "epochs", "patience")
    return config.with_(**{name: getattr(defaults, name) for name in free})


def suggested_rate(config: TrainingConfig) -> float | None:
    """The learning rate that this session's finder suggested for a configuration; None if it measured another one."""
    finder = current_lr_finder()
    if (
        finder is None
        or not finder.future.done()
        or finder.future.exception()
        or finder.start != lr_finder_settings(config)
    ):
        return None
    return finder.future.result().rate


def use_rate(rate: float) -> None:
    """Puts a learning rate into the sidebar."""
    settings.set_field("learning_rate", rate)
    messages.redraw()
