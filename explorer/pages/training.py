"""Creates runs from a page and adds them to the run queue."""

import streamlit as st

from explorer.config import TrainingConfig
from explorer.errors import ExplorerError
from explorer.pages import messages, resources, selection
from explorer.runs.run import Run


def train(config: TrainingConfig, again: bool = False) -> None:
    """Trains a configuration and shows its run; shows the earlier run if there is a completed one, unless `again`."""
    before = None if again else resources.store().trained_before(config)
    if run := before or submit(config, again=True):
        selection.open_run(run.name, trained_before=before is not None)


def submit(config: TrainingConfig, again: bool = False) -> Run | None:
    """The completed run of a configuration, else a new one in the queue; None, with a message, if that fails."""
    try:
        run = None if again else resources.store().trained_before(config)
        if run is None:
            run = resources.store().create(config)
            resources.run_queue().submit(run)
        return run
    except ExplorerError as error:
        messages.post(f"{error}.")
        return None


def train_twin(run: Run, config: TrainingConfig) -> None:
    """Trains a run's twin, unless it has been trained already, and shows both."""
    train(config)
    if st.query_params.get(selection.RUN) != run.name:
        st.query_params[selection.TWIN] = run.name
    messages.redraw()
