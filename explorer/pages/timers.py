"""Keeps a page's own timers from asking while a drawing is still on its way to the browser.

Where Streamlit has drawn a page but has not sent all of it, a request begins another drawing, and what was not sent is
lost. After a click that is drawn again anyway; a timer asks for one part only, so the page would stay half drawn, and
without the timers that the lost part had started. A timer asks again after its interval. Two of the same interval that
ask one right after the other would always do so; the first one skips a turn, so that the second one has its own.
"""

import time

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

UNANSWERED_SECONDS = 5.0  # after which a request has led to no drawing: the part that it asked for is gone


class Drawing:
    """Whether a drawing of one page is on its way."""

    def __init__(self) -> None:
        self._asked = -UNANSWERED_SECONDS
        self._begun = False
        self._part = ""  # that the latest timer asked for
        self._skip: set[str] = set()  # parts whose drawing has refused another one's timer

    def takes(self, request: ClientState) -> bool:
        """Whether a request is passed on: each but a timer's while a drawing is on its way, or that skips a turn."""
        now, part = time.monotonic(), request.fragment_id if request.is_auto_rerun else ""
        if request.is_auto_rerun:
            if self._begun or now - self._asked < UNANSWERED_SECONDS:
                if self._part not in ("", part):
                    self._skip.add(self._part)
                return False
            if part in self._skip:
                self._skip.remove(part)
                return False
        self._asked, self._part = now, part
        return True

    def note(self, message: ForwardMsg) -> None:
        """Notes what was sent to the browser."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begun, self._asked = True, -UNANSWERED_SECONDS
        elif kind == "script_finished":
            self._begun = False
