"""Holds the sidebar's settings in the session and in the URL, and takes them from presets and runs."""

from dataclasses import dataclass

import streamlit as st

from explorer.config import DATA, FIELDS, MORE, NETWORK, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.pages import ignored, messages, navigation
from explorer.plain_text import exact
from explorer.presets import preset
from explorer.runs.twin import differences

_SETTINGS = "settings"
_TRIED = "tried"


@dataclass(frozen=True)
class _Tried:
    """A change that was just put into the sidebar: where it was clicked, the fields, and the configuration."""

    place: str
    fields: tuple[str, ...]
    config: TrainingConfig


def start_field(name: str) -> None:
    """Sets a setting's first value in this session: the one in the URL if it is valid, else the default."""
    if name in st.session_state:
        return
    field = FIELDS[name]
    default = datasets.preferred() if name == "dataset" else field.default
    if _SETTINGS in st.session_state:  # back from another page: Streamlit has dropped the sidebar's widgets
        default = getattr(st.session_state[_SETTINGS], name)
    asked = st.query_params.get(name, str(default))
    try:
        set_field(name, field.parse(asked))
    except FieldError as error:
        ignored.note(f"{name}={asked}", f"it must be {error.allowed}")
        set_field(name, default)


def keep_field(name: str) -> None:
    """Keeps a setting whose widget is not drawn: Streamlit drops the value of a widget that is not drawn."""
    st.session_state[name] = st.session_state[name]


def current() -> TrainingConfig | None:
    """The configuration in the widgets now, before they are drawn again; None if a setting is not allowed."""
    values: dict[str, object] = {}
    for field in sorted(FIELDS.values(), key=lambda field: (DATA, NETWORK, MORE).index(field.group)):
        if not field.matters(values):
            values[field.name] = field.default
            continue
        try:
            values[field.name] = field.parse(f"{st.session_state.get(field.name, field.default)}".strip())
        except FieldError:
            return None
    return TrainingConfig(**values)


def chosen_dataset() -> str | None:
    """The data set in this session's sidebar; None before one was drawn."""
    config = st.session_state.get(_SETTINGS)
    return config.dataset if config else None


def share(config: TrainingConfig) -> None:
    """Puts the settings that differ from the defaults into the URL, so that the page can be shared."""
    st.session_state[_SETTINGS] = config
    for name, field in FIELDS.items():
        value = getattr(config, name)
        if value == (datasets.preferred() if name == "dataset" else field.default):
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != f"{value}":
            st.query_params[name] = f"{value}"


def apply_preset(name: str) -> None:
    """Puts a preset's settings into the sidebar, except for the data set."""
    for field in FIELDS:
        if field != "dataset":
            set_field(field, getattr(preset(name).config, field))


def apply_config(config: TrainingConfig) -> None:
    """Puts all settings of a configuration into the sidebar."""
    for field in FIELDS:
        set_field(field, getattr(config, field))


def use(config: TrainingConfig) -> None:
    """Puts all settings of a configuration into the sidebar after a click in a fragment."""
    apply_config(config)
    messages.redraw()


def open_with(config: TrainingConfig) -> None:
    """Leaves the page for the Train page, with a configuration in its sidebar; not from a callback."""
    apply_config(config)
    navigation.go_to("train")


def slider_key(name: str) -> str:
    """The key of the slider beside a typed number."""
    number = st.session_state.get(f"{name}_typed", 0)
    return f"{name}_slider_{number}" if number else f"{name}_slider"


def renew_slider(name: str) -> None:
    """Replaces the slider beside a number that was typed.

    The browser may send the old slider's position once more, with a click that follows at once; for the same slider,
    that would look as if it had been moved, and take back what was typed.
    """
    if slider_key(name) in st.session_state:
        st.session_state[f"{name}_typed"] = st.session_state.get(f"{name}_typed", 0) + 1


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; numbers that can be typed are stored as text."""
    st.session_state[name] = exact(value) if FIELDS[name].logarithmic else value
    renew_slider(name)


def try_change(config: TrainingConfig, changed: TrainingConfig, place: str) -> None:
    """Puts a configuration with one change into the sidebar after a click at a place, and highlights the change."""
    apply_config(changed)
    names = tuple(differences(config, changed))
    st.session_state[_TRIED] = _Tried(place, names, changed)
    if any(FIELDS[name].group == MORE for name in names):
        st.session_state["more"] = True  # unfolds the group
    messages.redraw()


def tried_at() -> str:
    """The place of the change that is in the sidebar; empty once the settings differ from it."""
    tried = st.session_state.get(_TRIED)
    return tried.place if tried else ""


def tried_fields(config: TrainingConfig | None) -> tuple[str, ...]:
    """The fields to highlight; forgets the change once the sidebar's configuration is another one."""
    tried = st.session_state.get(_TRIED)
    if tried and tried.config != config:
        tried = st.session_state.pop(_TRIED) and None
    return tried.fields if tried else ()


def follow(config: TrainingConfig | None) -> None:
    """Lets the sidebar start with the settings of the run in the URL, unless the URL has settings of its own."""
    fresh = _SETTINGS not in st.session_state and not set(FIELDS) & {*st.session_state, *st.query_params}
    if config is not None and fresh:
        apply_config(config)
