"""Runs that a page creates and queues."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import TrainingConfig
from explorer.errors import ExplorerError
from explorer.runs.run import Run

if TYPE_CHECKING:
    pass
from explorer.pages import messages, resources, selection


def train(config: TrainingConfig, again: bool = False) -> None:
    """Trains a configuration and shows its run; one that was trained to its end before is shown, unless `again`."""
    before = None if again else resources.store().trained_before(config)
    if run := before or submit(config, again=True):
        selection.open_run(run.name, trained_before=before is not None)


def submit(config: TrainingConfig, again: bool = False) -> Run | None:
    """A run of a configuration, made and queued unless there is one; None when that failed, which is told."""
    try:
        run = None if again else resources.store().trained_before(config)
        if run is None:
            run = resources.store().create(config)
            resources.run_queue().submit(run)
        return run
    except ExplorerError as error:
        messages.tell(f"{error}.")
        return None


def train_twin(run: Run, config: TrainingConfig) -> None:
    """Trains a run's twin, or finds it where it was trained before, and shows both."""
    train(config)
    if st.query_params.get(selection.RUN) != run.name:
        st.query_params[selection.TWIN] = run.name
    messages.redraw()
