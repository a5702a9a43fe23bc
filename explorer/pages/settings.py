"""Holds the sidebar's settings in the session and in the URL, and takes them from presets and runs."""

import streamlit as st

from explorer.config import FIELDS, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.pages import messages
from explorer.presets import PRESETS

_SETTINGS = "settings"


def default_dataset() -> str:
    """CIFAR-10 if it is on this machine, else the digits, which always are."""
    return "cifar10" if datasets.available("cifar10") else "digits"


def start_field(name: str) -> None:
    """Sets a setting's first value in this session: the one in the URL if it is valid, else the default."""
    if name in st.session_state:
        return
    field = FIELDS[name]
    default = default_dataset() if name == "dataset" else field.default
    if _SETTINGS in st.session_state:  # back from another page: Streamlit has dropped the sidebar's widgets
        default = getattr(st.session_state[_SETTINGS], name)
    try:
        set_field(name, field.parse(st.query_params.get(name, str(default))))
    except FieldError:
        set_field(name, default)


def keep_field(name: str) -> None:
    """Keeps a setting whose widget is not drawn: Streamlit drops the value of a widget that is not drawn."""
    st.session_state[name] = st.session_state[name]


def share(config: TrainingConfig) -> None:
    """Puts the settings that differ from the defaults into the URL, so that the page can be shared."""
    st.session_state[_SETTINGS] = config
    for name, field in FIELDS.items():
        value = getattr(config, name)
        if value == (default_dataset() if name == "dataset" else field.default):
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != f"{value}":
            st.query_params[name] = f"{value}"


def apply_preset(name: str) -> None:
    """Puts a preset's settings into the sidebar, except for the data set."""
    for field in FIELDS:
        if field != "dataset":
            set_field(field, getattr(PRESETS[name].config, field))


def apply_config(config: TrainingConfig) -> None:
    """Puts all settings of a configuration into the sidebar."""
    for field in FIELDS:
        set_field(field, getattr(config, field))


def take_settings(config: TrainingConfig) -> None:
    """Puts a configuration into the Train page, from another page."""
    apply_config(config)
    st.toast("The Train page now uses these settings.", icon=":material/tune:")


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; numbers that can be typed are stored as text."""
    st.session_state[name] = f"{value:g}" if FIELDS[name].logarithmic else value
    st.session_state.pop(f"{name}_slider", None)


def try_change(config: TrainingConfig) -> None:
    """Puts a configuration into the sidebar after a click in a fragment."""
    apply_config(config)
    st.toast("Changed in the settings on the left. Press **Train** to try it.", icon=":material/tune:")
    messages.redraw()
