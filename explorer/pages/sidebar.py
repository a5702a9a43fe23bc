"""Draws the sidebar: one widget per setting, which together give a configuration."""

import math

import streamlit as st

from explorer.config import DATA, FIELDS, MORE, NETWORK, Field, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.pages import settings
from explorer.pages.text import sentence
from explorer.presets import PRESETS


def sidebar() -> TrainingConfig | None:
    """Draws the settings and returns them; None if one is invalid, with an error beside it."""
    with st.sidebar:
        values = {name: _widget(field) for name, field in FIELDS.items() if field.group == DATA}
        _presets()
        values |= {name: _widget(field) for name, field in FIELDS.items() if field.group == NETWORK}
        _more(values)
    return TrainingConfig(**values) if None not in values.values() else None


def _more(values: dict[str, object]) -> None:
    """Adds the settings of the collapsed group; its widgets are drawn only while it is open, which saves time."""
    panel = st.expander(MORE, key="more", on_change="rerun")
    for field in (field for field in FIELDS.values() if field.group == MORE):
        if not field.matters(values):
            values[field.name] = field.default
        elif panel.open:
            with panel:
                values[field.name] = _widget(field)
        else:
            values[field.name] = _undrawn(field)


def _undrawn(field: Field) -> object:
    """The value of a setting whose widget is not drawn; an invalid one still gives an error."""
    settings.start_field(field.name)
    settings.keep_field(field.name)
    value, problem = _parsed(field)
    if problem:
        st.error(problem)
    return value


def _presets() -> None:
    st.caption("Start from a preset")
    for column, preset in zip(st.columns(len(PRESETS), gap="small"), PRESETS.values(), strict=True):
        column.button(
            preset.name.upper(),
            key=f"preset_{preset.name}",
            help=f"{preset.title}. {preset.description}",
            on_click=settings.apply_preset,
            args=(preset.name,),
            width="stretch",
        )


def _widget(field: Field) -> object:
    """One widget, whose default is its current value.

    Streamlit sends a value that was set in the session only once. If the browser skips that answer because the next one
    has overtaken it, the widget starts from its default, which the browser would send back as if it had been typed.
    """
    settings.start_field(field.name)
    if field.choices:
        return _choice(field)
    if field.logarithmic:
        return _logarithmic(field)
    if isinstance(field.default, float):
        return _fraction(field)
    draw = st.slider if field.maximum <= 100 else st.number_input
    value = st.session_state[field.name]
    return draw(field.label, int(field.minimum), int(field.maximum), value, key=field.name, help=field.help)


def _fraction(field: Field) -> float:
    # a step that suits fractions; any other value can be typed
    step = 0.05 if field.maximum <= 1 else 1.0
    kind = {"format": "%g", "step": step, "key": field.name, "help": field.help}
    return st.number_input(field.label, field.minimum, field.maximum, st.session_state[field.name], **kind)


def _choice(field: Field) -> str:
    title = _dataset_title if field.name == "dataset" else field.title
    now = field.choices.index(st.session_state[field.name])
    return st.selectbox(field.label, field.choices, now, format_func=title, key=field.name, help=field.help)


def _dataset_title(name: str) -> str:
    return FIELDS["dataset"].title(name) + ("" if datasets.available(name) else " (not downloaded)")


def _logarithmic(field: Field) -> float | int | None:
    """A slider on a log scale, and beside it a box in which the exact value can be typed."""
    slider = f"{field.name}_slider"
    marks = _marks(field)
    value, problem = _parsed(field)
    st.session_state[slider] = min(marks, key=lambda mark: abs(math.log(mark / (value or field.default))))
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="small")
    left.select_slider(
        field.label,
        marks,
        format_func=lambda mark: f"{mark:g}",
        key=slider,
        help=field.help,
        on_change=_typed_from_slider,
        args=(field.name, slider),
    )
    now = st.session_state[field.name]
    right.text_input(f"{field.label}, exact value", now, key=field.name, label_visibility="collapsed")
    if problem:
        st.error(problem)
    return value


def _parsed(field: Field) -> tuple[object, str]:
    """A setting's value and an empty text; None and an error message if it is invalid."""
    try:
        return field.parse(f"{st.session_state[field.name]}".strip()), ""
    except FieldError as error:
        return None, sentence(f"{field.label}: {error.value!r} is not allowed; it must be {error.allowed}")


def _typed_from_slider(name: str, slider: str) -> None:
    st.session_state[name] = f"{st.session_state[slider]:g}"


def _marks(field: Field) -> list[float]:
    """1, 2, 5, 10, … between the field's bounds, and the bounds themselves."""
    lowest, highest = math.floor(math.log10(field.minimum)), math.ceil(math.log10(field.maximum))
    steps = [float(f"{m}e{e}") for e in range(lowest, highest + 1) for m in (1, 2, 5)]
    return sorted({field.minimum, field.maximum, *(s for s in steps if field.minimum <= s <= field.maximum)})
