"""Draws, in one line, how the settings in the sidebar differ from the run that is shown."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.pages import layout, settings, training
from explorer.runs import twin
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary

MOST_NAMED = 3


def draw(run: Run, config: TrainingConfig | None, listing: Sequence[RunSummary]) -> None:
    """Draws the line; nothing while the sidebar has the run's own settings."""
    shown_config = next((summary.config for summary in listing if summary.name == run.name), None)
    if shown_config is None or config is None or config == shown_config or layout.projector():
        return
    with st.container(key="setup_line", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":orange-badge[:material/tune: settings changed] {_differences(shown_config, config)}")
        st.button(
            "Train these",
            key="train_other",
            icon=":material/play_arrow:",
            disabled=not datasets.available(config.dataset),
            help="Trains a network with the settings in the sidebar.",
            on_click=training.train,
            args=(config,),
        )
        st.button(
            "Use these settings",
            key="use",
            help="Copies this run's settings to the sidebar.",
            on_click=settings.use,
            args=(shown_config,),
        )


def _differences(shown_config: TrainingConfig, config: TrainingConfig) -> str:
    """The sidebar's settings that differ, such as "depth 4 (this run: 20)"."""
    names = list(twin.differences(shown_config, config))
    few = config.with_(**{name: getattr(shown_config, name) for name in names[MOST_NAMED:]})
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"The sidebar differs from this run: {twin.describe_new_values(shown_config, few)}{more}."
