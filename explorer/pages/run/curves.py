"""Draws the loss and accuracy curves of one run side by side."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
from cachetools import LRUCache, cached

from explorer.data.datasets import DATASETS
from explorer.pages import layout
from explorer.pages.chart import draw_chart
from explorer.runs.history import EpochRecord
from explorer.runs.run_summary import RunSummary

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_RUNS = 32


def curves(summary: RunSummary, place: str) -> None:
    """Draws loss and accuracy of a run side by side; `place` keeps the keys of two such pairs apart."""
    from explorer.charts import (
        training_curves as charts,
    )  # imports pandas and Altair, which the first page can do without

    tables = _tables(str(summary.run.path), summary.records, DATASETS[summary.config.dataset].classes)
    for column, (metric, rows) in zip(st.columns(2), tables.items(), strict=True):
        draw_chart(
            charts.curves,
            rows,
            metric,
            layout.projector(),
            place=column,
            key=f"{place}_{metric}",
            alt=f"training and validation {metric} per epoch",
        )


# made once for all who watch a run, which is known by its last epoch: even where two have equal results, their seconds
# differ
@cached(
    LRUCache(KEPT_RUNS),
    key=lambda path, records, classes: (path, len(records), records[-1], classes),
    condition=threading.Condition(),
)
def _tables(path: str, records: Sequence[EpochRecord], classes: int) -> "dict[str, pa.Table]":
    from explorer.charts import training_curves as charts
    from explorer.charts.epoch_axes import guessing

    frame = charts.curve_frame(path, records)
    return {
        metric: charts.arrow_table(charts.drawn_rows(frame, metric, guessing(metric, classes)))
        for metric in ("loss", "accuracy")
    }
