"""Keeps the server from naming a large message that the browser is about to forget, which would end the page.

Streamlit sends a large message whole once; later it only names it, if the browser listed it with its request. Between
request and answer the browser may forget it, since other drawings end meanwhile; it then shows nothing more until it is
reloaded.
"""

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class RecentMessagesOnly:
    """Leaves in the browser's list only what it was sent in the last half of the drawings for which it keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        cache = BrowserCache(st.get_option("global.maxCachedMessageAge"))

        async def receive_recent() -> Message:
            message = await receive()
            if content := message.get("bytes"):
                message = {**message, "bytes": cache.without_old(content)}
            return message

        async def send_noted(message: Message) -> None:
            if content := message.get("bytes"):
                cache.note(content)
            await send(message)

        await self._app(scope, receive_recent, send_noted)


class BrowserCache:
    """What one browser keeps, as far as the server knows; `kept_for` is in drawings."""

    def __init__(self, kept_for: int) -> None:
        self._recent = kept_for // 2
        self._drawings = 0
        self._sent: dict[str, int] = {}

    def note(self, content: bytes) -> None:
        """Notes what is sent to the browser; its cache ages with each drawing that nothing has overtaken."""
        message = ForwardMsg.FromString(content)
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self._sent[message.ref_hash or message.hash] = self._drawings
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._drawings += 1
            self._sent = {key: at for key, at in self._sent.items() if self._drawings - at <= self._recent}

    def without_old(self, content: bytes) -> bytes:
        """A message of the browser, without the messages in its list that it may soon forget."""
        try:
            message = BackMsg.FromString(content)
        except DecodeError:  # Streamlit reports it
            return content
        listed = message.rerun_script.cached_message_hashes
        recent = [key for key in listed if key in self._sent]
        if len(recent) == len(listed):
            return content
        listed[:] = recent
        return message.SerializeToString()
