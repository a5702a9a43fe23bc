"""Messages for the next drawing of a page, and requests to redraw the whole page."""

import streamlit as st

_MESSAGE = "message"
_REDRAW = "redraw"


def post(message: str) -> None:
    """Stores a message for the next drawing of the whole page, since a callback cannot draw."""
    st.session_state[_MESSAGE] = message
    redraw()


def take() -> str:
    """Returns the stored message and removes it; empty if there is none.

    Called by a page that is being drawn as a whole, which also answers a request to redraw it.
    """
    message = waiting()
    forget()
    return message


def waiting() -> str:
    """Returns the stored message as `take` does, but keeps it: for a page that may begin anew while it is drawn."""
    redraw_wanted()
    return st.session_state.get(_MESSAGE, "")


def forget() -> None:
    """Removes the stored message."""
    st.session_state.pop(_MESSAGE, None)


def redraw() -> None:
    """Requests a redraw of the whole page, since a click within a fragment redraws only that fragment."""
    st.session_state[_REDRAW] = True


def redraw_wanted() -> bool:
    """Whether a redraw of the whole page was requested; removes the request."""
    return st.session_state.pop(_REDRAW, False)


def keep_at_end(key: str, end: int) -> None:
    """Moves a slider that is at its end to the new end; one that was moved elsewhere stays, within the new range."""
    known = f"{key}_end"
    if st.session_state.get(key) in (None, st.session_state.get(known)):
        st.session_state[key] = end
    st.session_state[known] = end
    st.session_state[key] = min(st.session_state[key], end)
