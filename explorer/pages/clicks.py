"""Delivers each click once and to its end, which Streamlit does not do on a page that refreshes itself."""

import functools
from collections.abc import Callable

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner import RerunException

_CLICKS = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")


class OneClickOnce:
    """Removes clicks from the messages of a page's own timers.

    The browser sends a click a moment after it has noted it. When the timer of a part that refreshes itself ends in
    between, the timer's message carries the click as well, and its callback is called twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return

        async def receive_once() -> Message:
            message = await receive()
            if content := message.get("bytes"):
                message = {**message, "bytes": without_repeated_clicks(content)}
            return message

        await self._app(scope, receive_once, send)


def without_repeated_clicks(content: bytes) -> bytes:
    """A message of the browser, without clicks if a timer sent it; other messages are returned as they are."""
    try:
        message = BackMsg.FromString(content)
    except DecodeError:  # Streamlit reports it
        return content
    if not message.rerun_script.is_auto_rerun:
        return content
    states = message.rerun_script.widget_states
    kept = [state for state in states.widgets if state.WhichOneof("value") not in _CLICKS]
    if len(kept) == len(states.widgets):
        return content
    del states.widgets[:]
    states.widgets.extend(kept)
    return message.SerializeToString()


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
