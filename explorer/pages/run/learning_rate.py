"""Draws the learning rate over the epochs, as scheduled and as used so far."""

import math
from collections.abc import Sequence

import streamlit as st

from explorer.config import CONSTANT, PLATEAU, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.pages.chart import draw_chart
from explorer.runs.history import EpochRecord


def rate_curve(config: TrainingConfig, records: Sequence[EpochRecord] = (), *, place: str) -> None:
    """Draws the curve, unless the learning rate is constant."""
    if config.schedule == CONSTANT:
        return
    from explorer.charts import learning_rate as charts
    from explorer.training import schedules

    images = DATASETS[config.dataset].counts(config.validation_split)[0]
    steps = math.ceil(images / config.batch_size)
    frame = charts.rate_frame(schedules.preview(config, steps), records)
    draw_chart(charts.rate_curve, frame, key=f"{place}_rate", alt="learning rate over the epochs")
    if config.schedule == PLATEAU:
        st.caption(
            "The learning rate is reduced when the validation loss stops improving, which cannot be drawn in advance."
        )
