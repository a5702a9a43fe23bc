"""Trains a run's twin, with the same seed and one setting changed, and draws the curves of both in one chart."""

from dataclasses import asdict

import streamlit as st

from explorer.config import FIELDS, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.errors import ExplorerError, FieldError
from explorer.pages import resources, selection, training
from explorer.pages.chart import NO_ZERO, draw_chart
from explorer.pages.popovers import close, popover
from explorer.pages.text import sentence
from explorer.plain_text import decimal, exact
from explorer.runs import twin
from explorer.runs.history import RULES
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.snapshot import snapshot

# another data set or seed changes the start of training, and the number of epochs changes nothing in the curves
NOT_OFFERED = ("dataset", "seed", "epochs")
_POPOVER = "twin"


def change_one_thing(run: Run, config: TrainingConfig) -> None:
    """Draws the small form below a run."""
    with popover("Change one thing", _POPOVER, icon=":material/call_split:"):
        st.caption(
            "The twin has the same seed: the same initial weights where shapes allow, and the same "
            f"{DATASETS[config.dataset].noun} in the same order."
        )
        values = asdict(config)
        names = [name for name, field in FIELDS.items() if name not in NOT_OFFERED and field.matters(values)]
        name = st.selectbox("Setting", names, format_func=lambda n: FIELDS[n].label, key="twin_field")
        value = _value(name, config)
        changed = None
        if value is not None and value != getattr(config, name):
            try:
                changed = config.with_(**{name: value})
            except FieldError as error:
                st.error(sentence(error))
        if changed:
            st.markdown(f"**{twin.describe_changes(config, changed)}**")
            st.caption(twin.describe_common_start(config, changed))
        st.button(
            "Train the twin",
            key="twin_train",
            type="primary",
            disabled=changed is None,
            on_click=_train,
            args=(run, changed),
        )


def _train(run: Run, changed: TrainingConfig) -> None:
    close(_POPOVER)
    training.train_twin(run, changed)


def _value(name: str, config: TrainingConfig) -> object:
    """A widget for the new value; None, with an error message, if the value is invalid."""
    field, now = FIELDS[name], getattr(config, name)
    key = f"twin_value_{name}"
    if field.choices:
        others = [choice for choice in field.choices if choice != now]
        return st.selectbox("New value", others, format_func=field.title, key=key)
    text = st.text_input("New value", exact(now), key=key, help=f"Currently {decimal(now)}; must be {field.allowed}.")
    try:
        return field.parse(text.strip())
    except FieldError as error:
        st.error(sentence(f"{field.label}: {error.value!r} is not allowed; it must be {error.allowed}"))
        return None


def both(before: RunSummary, changed: RunSummary, place: str = "twin") -> None:
    """Draws the curves of a run and its twin, and says what they have in common at the start."""
    st.markdown(
        f"**One thing changed: {twin.describe_changes(before.config, changed.config) or 'nothing'}.** "
        f"{twin.describe_common_start(before.config, changed.config)}"
    )
    if not changed.records and not before.records:
        st.caption("The first point appears after the first epoch.")
        return
    from explorer.charts.epoch_axes import guessing
    from explorer.charts.twin import exploded, twin_rows
    from explorer.charts.twin import twins as chart

    classes, zeros = DATASETS[before.config.dataset].classes, False
    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        rows = twin_rows(before.records, changed.records, metric, guessing(metric, classes))
        wide = exploded(rows)
        zeros = zeros or (wide and bool((rows["value"] == 0).any()))
        draw_chart(chart, rows, metric, wide, place=column, key=f"{place}_{metric}", alt=f"{metric} of both runs")
    left_out = f" {NO_ZERO}" if zeros else ""
    st.caption(f"{_best(before, 'Original')} {_best(changed, 'With the change')}{left_out}")


def _best(summary: RunSummary, title: str) -> str:
    if summary.best is None:
        return f"{title}: no result yet."
    accuracy = OBJECTIVES["val_accuracy"].text(summary.best.val_accuracy)
    at = f"at epoch {summary.best.epoch:,} ({RULES['val_loss'].criterion}), one seed"
    return f"{title}: {accuracy} validation accuracy {at}."


def twin_of(run: Run) -> RunSummary | None:
    """The run that this one is a twin of, if the URL names one that can be read."""
    name = selection.chosen_twin()
    if not name or name == run.name:
        return None
    try:
        summary = snapshot(resources.store().get(name)).summary
    except ExplorerError:
        return None
    return summary if summary.config else None
