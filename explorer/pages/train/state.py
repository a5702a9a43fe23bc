"""What is asked before training: the network's start, and range tests."""

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


def ask_start(config: TrainingConfig) -> "Future[EpochSignals]":
    """The signals of the sidebar's network before training; an earlier question of this session is withdrawn."""
    return resources.initial_signals().ask(config, who=_session())


def ask_reference(config: TrainingConfig) -> "Future[EpochSignals]":
    """The same of a network to compare with."""
    return resources.initial_signals().ask(config)


def keep_start(config: TrainingConfig, signals: EpochSignals) -> None:
    """Keeps the latest answer, which is shown until the next one is there."""
    st.session_state[_START] = config, signals


def kept_start() -> tuple[TrainingConfig, EpochSignals] | None:
    """The latest answer of this session, with the configuration that it speaks of."""
    return st.session_state.get(_START)


def _session() -> str:
    return st.session_state.setdefault(_SESSION, secrets.token_hex(8))


# --- The range test --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RangeTest:
    """A range test of this session: what it is of, the file it writes, and what it will suggest."""

    start: TrainingConfig
    path: str
    future: Future

    def points(self) -> list:
        """The steps so far."""
        from explorer.workers import tasks

        return tasks.read_points(self.path)


def start_range_test(config: TrainingConfig) -> None:
    """Starts a range test of the sidebar's network."""
    from explorer.workers import tasks

    path = f"{tempfile.mkdtemp(prefix='range-test-')}/points.jsonl"
    future = resources.task_process().ask(tasks.range_test, config.to_dict(), path, seconds=120)
    st.session_state[_RANGE] = RangeTest(range_start(config), path, future)


def current_range_test() -> RangeTest | None:
    """The latest range test of this session."""
    return st.session_state.get(_RANGE)


def range_start(config: TrainingConfig) -> TrainingConfig:
    """The settings that a range test depends on: it has rates of its own, and ends when the loss explodes."""
    defaults = TrainingConfig()
    free = ("learning_rate", "schedule", "epochs", "patience")
    return config.with_(**{name: getattr(defaults, name) for name in free})


def suggested_rate(config: TrainingConfig) -> float | None:
    """What this session's range test suggested for a configuration, if it was of that."""
    test = current_range_test()
    if test is None or not test.future.done() or test.future.exception() or test.start != range_start(config):
        return None
    return test.future.result().rate


def use_rate(rate: float) -> None:
    """Puts a learning rate into the sidebar."""
    settings.set_field("learning_rate", rate)
    messages.redraw()
