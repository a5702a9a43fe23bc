"""Creates runs from a page and adds them to the run queue: one run for a click, however often it is delivered."""

from typing import Any

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.pages import messages, resources, selection, settings
from explorer.pages.clicks import uninterrupted
from explorer.pages.session import session
from explorer.runs.fix_mark import FixMark
from explorer.runs.run import Run


@uninterrupted
def train_settings() -> None:
    """Trains the settings in the sidebar as they are now: the button was drawn before the last of them was typed."""
    config = settings.current()
    if config is not None and datasets.available(config.dataset):
        train(config)


@uninterrupted
def train(config: TrainingConfig, again: bool = False) -> None:
    """Trains a configuration and shows its run; shows the earlier run if there is a completed one, unless `again`."""
    config = resources.run_queue().limits.capped(config)
    before = None if again else resources.store().trained_before(config)
    if run := before or submit(config, again=True):
        selection.open_run(run.name, trained_before=before is not None)


def submit(
    config: TrainingConfig,
    again: bool = False,
    name: str | None = None,
    trial: dict[str, Any] | None = None,
    fix: FixMark | None = None,
) -> Run | None:
    """The completed run of a configuration, else this session's active one, else a new one in the queue.

    `again` leaves out completed runs; `trial` and `fix` mark a new one. Returns None, with a message, if no run can be
    created.
    """
    config = resources.run_queue().limits.capped(config)
    try:
        run = None if again else resources.store().trained_before(config)
        if run is None:
            datasets.check_available(config.dataset)
        return run or resources.run_queue().submit_once(
            config, lambda: resources.store().create(config, name, trial, fix), session(), fix
        )
    except ExplorerError as error:
        messages.post(f"{error}.")
        return None


@uninterrupted
def train_twin(run: Run, config: TrainingConfig) -> None:
    """Trains a run's twin, unless it has been trained already, and shows both."""
    train(config)
    if st.query_params.get(selection.RUN) != run.name:
        st.query_params[selection.TWIN] = run.name
