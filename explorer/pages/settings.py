"""The settings of the sidebar: their values in the session, in the page's address, and from presets and runs."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import FIELDS, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError
from explorer.presets import PRESETS

if TYPE_CHECKING:
    pass
from explorer.pages import messages

_SETTINGS = "settings"


def default_dataset() -> str:
    """CIFAR-10 where it is on this machine, else the digits that always are."""
    return "cifar10" if datasets.available("cifar10") else "digits"


def start_field(name: str) -> None:
    """Gives a setting its first value in this session: the URL's where that is allowed, else the default."""
    if name in st.session_state:
        return
    field = FIELDS[name]
    default = default_dataset() if name == "dataset" else field.default
    if _SETTINGS in st.session_state:  # back from another page, where the sidebar's widgets are forgotten
        default = getattr(st.session_state[_SETTINGS], name)
    try:
        set_field(name, field.parse(st.query_params.get(name, str(default))))
    except FieldError:
        set_field(name, default)


def keep_field(name: str) -> None:
    """Keeps a setting whose widget is not drawn: what Streamlit holds for a widget goes when that does."""
    st.session_state[name] = st.session_state[name]


def share(config: TrainingConfig) -> None:
    """Puts the settings that differ from the defaults into the URL, so that it can be sent to others."""
    st.session_state[_SETTINGS] = config
    for name, field in FIELDS.items():
        value = getattr(config, name)
        if value == (default_dataset() if name == "dataset" else field.default):
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != f"{value}":
            st.query_params[name] = f"{value}"


def apply_preset(name: str) -> None:
    """Puts a preset's settings into the sidebar; the data set stays as chosen."""
    for field in FIELDS:
        if field != "dataset":
            set_field(field, getattr(PRESETS[name].config, field))


def apply_config(config: TrainingConfig) -> None:
    """Puts all settings of a configuration into the sidebar."""
    for field in FIELDS:
        set_field(field, getattr(config, field))


def take_settings(config: TrainingConfig) -> None:
    """Has the Train page start from a configuration."""
    apply_config(config)
    st.toast("The Train page starts from these settings now.", icon=":material/tune:")


def set_field(name: str, value: object) -> None:
    """Puts one setting into its widget; typed numbers are kept as text."""
    st.session_state[name] = f"{value:g}" if FIELDS[name].logarithmic else value
    st.session_state.pop(f"{name}_slider", None)


def try_change(config: TrainingConfig) -> None:
    """Puts a configuration into the sidebar on a click from within a part that is redrawn alone."""
    apply_config(config)
    st.toast("It is in the settings on the left. Press **Train** to try it.", icon=":material/tune:")
    messages.redraw()
