"""Draws the sidebar: one widget per setting, which together give a configuration."""

import math
from collections.abc import Callable, Sequence

import streamlit as st

from explorer.config import DATA, FIELDS, MORE, NETWORK, Field, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.pages import layout, points_settings, settings
from explorer.pages.text import sentence
from explorer.palette import SPLIT_COLORS
from explorer.plain_text import decimal, exact
from explorer.presets import BEST_PRESETS, PRESETS, Preset


def sidebar(
    above: Callable[[TrainingConfig | None], None] | None = None, below_data: Callable[[], None] = lambda: None
) -> TrainingConfig | None:
    """Draws the settings and returns them; None if one is invalid, with an error beside it.

    `above` draws into the place above them, for example a button that needs them; `below_data` below the data set.
    """
    with st.sidebar:
        top = st.container()
        values = {name: _widget(field) for name, field in FIELDS.items() if field.group == DATA}
        points_settings.draw(values["dataset"])
        below_data()
        _presets()
        values |= {name: _widget(field) for name, field in FIELDS.items() if field.group == NETWORK}
        _more(values)
    config = TrainingConfig(**values) if None not in values.values() else None
    _highlight(settings.tried_fields(config))
    if above:
        with top:
            above(config)
    return config


def _highlight(fields: Sequence[str]) -> None:
    """Frames the settings that a click elsewhere has just changed."""
    if fields:
        # a setting on a log scale has a slider and a box
        frames = ", ".join(f".st-key-{name}, .st-key-{settings.slider_key(name)}" for name in fields)
        color = SPLIT_COLORS["validation"]
        st.html(f"<style>{frames} {{ outline: 3px solid {color}; outline-offset: 4px; border-radius: 4px; }}</style>")


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
        with column:
            _preset(preset, preset.name.upper())
    for preset in BEST_PRESETS.values():
        _preset(preset, preset.title)


def _preset(preset: Preset, label: str) -> None:
    st.button(
        label,
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
    # any other value can be typed
    step = field.step or (0.05 if field.maximum <= 1 else 1.0)
    kind = {"format": "%g", "step": step, "key": field.name, "help": field.help}
    return st.number_input(field.label, field.minimum, field.maximum, st.session_state[field.name], **kind)


def _choice(field: Field) -> str:
    about = field.help
    if field.name == "dataset" and (missing := _missing()):
        about += f" Not on this machine yet: {', '.join(missing)}."
    now = st.session_state[field.name]
    choices = list(dict.fromkeys((*field.choices, now)))  # a data set that was removed is not one of the choices
    return st.selectbox(field.label, choices, choices.index(now), format_func=field.title, key=field.name, help=about)


def _missing() -> list[str]:
    """The titles of the explorer's data sets that are not downloaded.

    They are not marked in the box: a browser sends the text of what is chosen, which must stay what it was.
    """
    return [spec.title for name, spec in datasets.BUILT_IN.items() if not datasets.available(name)]


def _logarithmic(field: Field) -> float | int | None:
    """A slider on a log scale, and beside it a box in which the exact value can be typed."""
    slider = settings.slider_key(field.name)
    marks = _marks(field)
    value, problem = _parsed(field)
    if value is not None and value not in marks:
        marks = sorted({*marks, float(value)})  # the slider shows what is typed, not the mark beside it
    st.session_state[slider] = (
        float(value) if value is not None else min(marks, key=lambda mark: abs(mark - field.default))
    )
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="small")
    left.select_slider(
        field.label,
        marks,
        format_func=decimal,
        key=slider,
        help=field.help,
        on_change=_typed_from_slider,
        args=(field.name, slider),
    )
    now = st.session_state[field.name]
    right.text_input(
        f"{field.label}, exact value",
        now,
        key=field.name,
        label_visibility="collapsed",
        on_change=settings.renew_slider,
        args=(field.name,),
    )
    with layout.place():
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
    if slider == settings.slider_key(name):  # not one that has been replaced, which a slow browser still sends
        st.session_state[name] = exact(st.session_state[slider])


def _marks(field: Field) -> list[float]:
    """1, 2, 5, 10, … between the field's bounds, and the bounds themselves."""
    lowest, highest = math.floor(math.log10(field.minimum)), math.ceil(math.log10(field.maximum))
    steps = [float(f"{m}e{e}") for e in range(lowest, highest + 1) for m in (1, 2, 5)]
    return sorted({field.minimum, field.maximum, *(s for s in steps if field.minimum <= s <= field.maximum)})
