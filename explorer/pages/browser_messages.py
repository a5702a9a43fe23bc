"""Middleware that mends the messages between a page and Streamlit, so that a page that refreshes itself stays whole."""

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.pages.browser_cache import BrowserCache
from explorer.pages.clicks import remove_repeated_clicks
from explorer.pages.timers import Drawing


class MendedMessages:
    """Passes the messages of each WebSocket through a `Conversation` of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        conversation = Conversation()

        async def receive_mended() -> Message:
            while True:
                message = await receive()
                content = message.get("bytes")
                if not content:
                    return message
                if mended := conversation.take(content):
                    return {**message, "bytes": mended}

        async def send_noted(message: Message) -> None:
            await send(message)
            if content := message.get("bytes"):
                conversation.note(content)

        await self._app(scope, receive_mended, send_noted)


class Conversation:
    """What one page and the server say to each other."""

    def __init__(self) -> None:
        self._drawing = Drawing()
        self._cache = BrowserCache(st.get_option("global.maxCachedMessageAge"))

    def take(self, content: bytes) -> bytes | None:
        """A message of the browser as it is passed on; None if it is left out."""
        try:
            message = BackMsg.FromString(content)
        except DecodeError:  # Streamlit reports it
            return content
        if message.WhichOneof("type") != "rerun_script":
            return content
        request = message.rerun_script
        if not self._drawing.takes(request):
            return None
        remove_repeated_clicks(request)
        self._cache.remove_old(request)
        return message.SerializeToString()

    def note(self, content: bytes) -> None:
        """Notes a message that was sent to the browser."""
        message = ForwardMsg.FromString(content)
        self._drawing.note(message)
        self._cache.note(message)
