"""Analysis of a sweep: importance of settings, one setting at a time, and linked views of all trials."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import RunError
from explorer.pages import layout, resources
from explorer.runs.metrics import OBJECTIVES
from explorer.sweeps.importance import FEWEST_TRIALS, SAMPLES, Importance, importances
from explorer.sweeps.study import TRIAL_COMPLETED, Study, TrialRecord
from explorer.sweeps.study_spec import StudySpec

SLICES_A_ROW = 3


def analysis(study: Study) -> None:
    """Draws how the settings relate to the results of completed trials; nothing if there are fewer than two."""
    try:
        spec, trials = study.spec, study.trials()
    except RunError:  # shown by the part above
        return
    readable = {summary.name for summary in resources.store().list() if summary.config}
    done = [t for t in trials if t.state == TRIAL_COMPLETED and t.runs and t.runs[-1] in readable]
    if len(done) < 2:
        return
    fields, table = _table(spec, done)
    varied = [name for name in fields if table[name].nunique() > 1]
    if not varied:
        return
    st.header("Importance of settings", anchor=False)
    shares = _importances(study.name, len(done), [t.trial for t in done], table[varied].to_dict("records"),
                          [t.value for t in done])  # fmt: skip
    with layout.place():
        _importance(spec, shares, len(done))
    # the most important first, here and in the linked views
    varied.sort(key=lambda name: -shares[name].share if name in shares else 0.0)
    _slices(spec, table, varied)
    if len(varied) > 1:
        _linked(spec, table, varied)


def _importance(spec: StudySpec, shares: dict[str, Importance], trials: int) -> None:
    from explorer.charts import sweep

    if not shares:
        st.caption(f"The importance of each setting is shown after {FEWEST_TRIALS} completed trials.")
        return
    chart = sweep.importance(shares, trials)
    st.altair_chart(chart, key="chart_importance", alt="importance of each setting, with its uncertainty")
    st.caption(
        f"Share of the variance in {OBJECTIVES[spec.objective].validation_title.lower()} that each setting explains "
        f"over {trials:,} completed trials (fANOVA): mean ± one standard deviation, in points, over {SAMPLES} "
        "bootstrap samples of the trials. Shares that differ by less may be equal."
    )


def _slices(spec: StudySpec, table: Any, varied: Sequence[str]) -> None:
    """Draws each setting against the objective."""
    from explorer.charts import sweep

    for start in range(0, len(varied), SLICES_A_ROW):
        row = varied[start : start + SLICES_A_ROW]
        for column, name in zip(st.columns(SLICES_A_ROW), row, strict=False):
            column.altair_chart(
                sweep.slice_of(table[["title", name, spec.objective]], name, spec.objective),
                key=f"slice_{name}",
                alt=f"{FIELDS[name].label} against the objective",
            )


def _linked(spec: StudySpec, table: Any, varied: Sequence[str]) -> None:
    from explorer.charts import linked

    metric = spec.objective
    chart = linked.linked(table, [*varied, metric], (varied[0], metric), (varied[0], varied[1]), metric)
    with st.container(key="linked_views"):  # wider than a phone, so it scrolls by itself
        st.altair_chart(chart, key="chart_linked", alt="parallel coordinates, scatter plot and heat map of all trials")
    st.caption(
        "Draw a rectangle in any of the three charts to keep only its trials in the other two; double-click to "
        "remove it."
    )


def _table(spec: StudySpec, done: Sequence[TrialRecord]) -> Any:
    """The table of runs for the linked charts: one row per completed trial, with its mean over seeds."""
    from explorer.runs.run_table import run_table

    store = {summary.name: summary for summary in resources.store().list()}
    table = run_table([store[trial.runs[-1]] for trial in done], resources.store().names())
    values = {trial.runs[-1]: trial.value for trial in done}
    table[spec.objective] = table["run"].map(values)
    return spec.space.fields(), table


@st.cache_data(max_entries=20, show_spinner=False)
def _importances(
    study: str, count: int, numbers: list[int], settings: list[dict], values: list[float]
) -> dict[str, Importance]:
    return importances(settings, values)
