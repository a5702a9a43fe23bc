"""Popovers that close after their action; Streamlit's own stay open."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def popover(label: str, key: str, **options: Any) -> DeltaGenerator:
    """A popover, for the content of a `with`; `options` are those of `st.popover`.

    The label is drawn as Markdown, so foreign text has to come from `explorer.pages.text`.
    """
    if st.session_state.pop(_closing(key), False):
        st.session_state[key] = False
    return st.popover(label, key=key, on_change="rerun", **options)


def close(key: str) -> None:
    """Lets a popover be closed when it is drawn next, in a callback or before a rerun."""
    st.session_state[_closing(key)] = True


def _closing(key: str) -> str:
    return f"{key}_closing"
