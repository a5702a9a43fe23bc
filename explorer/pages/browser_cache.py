"""Keeps the server from naming a large message that the browser is about to forget, which would end the page.

Streamlit sends a large message whole once; later it only names it, if the browser listed it with its request. Between
request and answer the browser may forget it, since other drawings end meanwhile; it then shows nothing more until it is
reloaded.
"""

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class BrowserCache:
    """What one browser was sent in the last half of the drawings for which it keeps it; `kept_for` is in drawings."""

    def __init__(self, kept_for: int) -> None:
        self._recent = kept_for // 2
        self._drawings = 0
        self._sent: dict[str, int] = {}

    def note(self, message: ForwardMsg) -> None:
        """Notes what was sent to the browser; its cache ages with each drawing that nothing has overtaken."""
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self._sent[message.ref_hash or message.hash] = self._drawings
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._drawings += 1
            self._sent = {key: at for key, at in self._sent.items() if self._drawings - at <= self._recent}

    def remove_old(self, request: ClientState) -> None:
        """Removes from the list in a request what the browser may soon forget."""
        listed = request.cached_message_hashes
        listed[:] = [key for key in listed if key in self._sent]
