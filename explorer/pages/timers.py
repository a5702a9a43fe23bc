"""Keeps a page's own timers from asking while a drawing is still on its way to the browser.

Where Streamlit has drawn a page but has not sent all of it, a request begins another drawing, and what was not sent is
lost. After a click that is drawn again anyway; a timer asks for one part only, so the page would stay half drawn, and
without the timers that the lost part had started. A timer asks again after its interval.
"""

import time

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

UNANSWERED_SECONDS = 5.0  # after which a request has led to no drawing: the part that it asked for is gone


class TimersWait:
    """Leaves out a timer's requests until the last drawing has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        drawing = Drawing()

        async def receive_in_turn() -> Message:
            while True:
                message = await receive()
                if not (content := message.get("bytes")) or drawing.takes(content):
                    return message

        async def send_noted(message: Message) -> None:
            await send(message)
            if content := message.get("bytes"):
                drawing.note(content)

        await self._app(scope, receive_in_turn, send_noted)


class Drawing:
    """Whether a drawing of one page is on its way."""

    def __init__(self) -> None:
        self._asked = -UNANSWERED_SECONDS
        self._begun = False

    def takes(self, content: bytes) -> bool:
        """Whether a message of the browser is passed on: all but a timer's while a drawing is on its way."""
        try:
            message = BackMsg.FromString(content)
        except DecodeError:  # Streamlit reports it
            return True
        if message.WhichOneof("type") != "rerun_script":
            return True
        now = time.monotonic()
        if message.rerun_script.is_auto_rerun and (self._begun or now - self._asked < UNANSWERED_SECONDS):
            return False
        self._asked = now
        return True

    def note(self, content: bytes) -> None:
        """Notes what was sent to the browser."""
        kind = ForwardMsg.FromString(content).WhichOneof("type")
        if kind == "new_session":
            self._begun, self._asked = True, -UNANSWERED_SECONDS
        elif kind == "script_finished":
            self._begun = False
