"""Sentences that are kept for the next drawing of a page, and the wish to draw all of it anew."""

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    pass


_MESSAGE = "message"
_REDRAW = "redraw"


def tell(message: str) -> None:
    """Keeps a sentence for the next drawing of the page; a callback itself may not draw."""
    st.session_state[_MESSAGE] = message


def told() -> str:
    """The sentence that was kept, once."""
    return st.session_state.pop(_MESSAGE, "")


def redraw() -> None:
    """Has the whole page drawn anew: a click within a fragment redraws that alone."""
    st.session_state[_REDRAW] = True


def redraw_wanted() -> bool:
    """Whether a click asked for the whole page; once."""
    return st.session_state.pop(_REDRAW, False)


def keep_at_end(key: str, end: int) -> None:
    """Moves a slider that stood at its end to the new end, and leaves one that was put elsewhere where it is."""
    known = f"{key}_end"
    if st.session_state.get(key) in (None, st.session_state.get(known)):
        st.session_state[key] = end
    st.session_state[known] = end
    st.session_state[key] = min(st.session_state[key], end)
