"""Delivers each click once and to its end, which Streamlit does not do on a page that refreshes itself."""

import functools
from collections.abc import Callable

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.scriptrunner import RerunException

_CLICKS = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")


def remove_repeated_clicks(request: ClientState) -> None:
    """Removes clicks from a request of a page's own timer.

    The browser sends a click a moment after it has noted it. When the timer of a part that refreshes itself ends in
    between, the timer's message carries the click as well, and its callback is called twice.
    """
    if request.is_auto_rerun:
        kept = [state for state in request.widget_states.widgets if state.WhichOneof("value") not in _CLICKS]
        del request.widget_states.widgets[:]
        request.widget_states.widgets.extend(kept)


def uninterrupted(callback: Callable[..., None]) -> Callable[..., None]:
    """A callback that is called again when another message of the browser interrupts it; it must be idempotent.

    Streamlit raises a waiting message in a callback wherever that reads the session, and forgets the click.
    """

    @functools.wraps(callback)
    def whole(*args: object, **kwargs: object) -> None:
        try:
            callback(*args, **kwargs)
        except RerunException:
            callback(*args, **kwargs)
            raise

    return whole
