"""Says which parts of a link a page could not use, until something else is chosen on it."""

from collections.abc import Hashable

import streamlit as st

from explorer.pages.text import foreign

_IGNORED, _CHOSEN = "ignored", "ignored_at"
MOST_NAMED = 5  # parts of a link
NO_CHOICE, NO_RUN = "no such choice", "no such run"


def note(value: str, why: str) -> None:
    """Notes a part of a link that is ignored, and why; it is drawn with what the link has chosen."""
    st.session_state.pop(_CHOSEN, None)
    st.session_state[_IGNORED] = {**st.session_state.get(_IGNORED, {}), value: why}


def draw(chosen: Hashable) -> None:
    """Draws what was noted; `chosen` is all that the page lets people choose: once it changes, the note goes."""
    noted: dict[str, str] = st.session_state.get(_IGNORED, {})
    if not noted:
        return
    if st.session_state.setdefault(_CHOSEN, chosen) != chosen:
        del st.session_state[_IGNORED], st.session_state[_CHOSEN]
    else:
        parts = [f"{foreign(value)} ({foreign(why)})" for value, why in noted.items()]
        st.warning(f"Ignored from the link: {', '.join(parts[:MOST_NAMED])}.")
