"""Analysis of a sweep: importance of settings, one setting at a time, and linked views of all trials."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import RunError
from explorer.pages import resources
from explorer.runs.history import RULES
from explorer.sweeps.importance import FEWEST_TRIALS, importances
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
    from explorer.charts import linked, sweep

    fields, table = _table(spec, done)
    varied = [name for name in fields if table[name].nunique() > 1]
    if not varied:
        return
    st.subheader("Importance of settings", anchor=False)
    shares = _importances(study.name, len(done), [t.trial for t in done], table[varied].to_dict("records"),
                          [t.value for t in done])  # fmt: skip
    if shares:
        st.altair_chart(sweep.importance(shares), key="chart_importance", alt="importance of each setting")
        st.caption(
            f"Share of the variance in {RULES[spec.objective].metric.replace('val_', 'validation ')} that each setting "
            f"explains over {len(done)} completed trials (fANOVA)."
        )
    else:
        st.caption(f"The importance of each setting is shown after {FEWEST_TRIALS} completed trials.")
    varied.sort(key=lambda name: -shares.get(name, 0.0))  # the most important first, here and in the linked views
    for start in range(0, len(varied), SLICES_A_ROW):
        row = varied[start : start + SLICES_A_ROW]
        for column, name in zip(st.columns(SLICES_A_ROW), row, strict=False):
            column.altair_chart(
                sweep.slice_of(table[["run", name, spec.objective]], name, spec.objective),
                key=f"slice_{name}",
                alt=f"{FIELDS[name].label} against the objective",
            )
    if len(varied) > 1:
        metric = spec.objective
        chart = linked.linked(table, [*varied, metric], (varied[0], metric), (varied[0], varied[1]), metric)
        st.altair_chart(chart, key="chart_linked", alt="parallel coordinates, scatter plot and heat map of all trials")
        st.caption(
            "Draw a rectangle in any of the three charts to keep only its trials in the other two; double-click to "
            "remove it."
        )


def _table(spec: StudySpec, done: Sequence[TrialRecord]) -> Any:
    """The table of runs for the linked charts: one row per completed trial, with its mean over seeds."""
    from explorer.runs.comparison import run_table

    store = {summary.name: summary for summary in resources.store().list()}
    table = run_table([store[trial.runs[-1]] for trial in done])
    values = {trial.runs[-1]: trial.value for trial in done}
    table[spec.objective] = table["run"].map(values)
    return spec.space.fields(), table


@st.cache_data(max_entries=20, show_spinner=False)
def _importances(study: str, count: int, numbers: list[int], settings: list[dict], values: list[float]) -> dict:
    return importances(settings, values)
