"""How often live runs are redrawn: twice per second for a few who watch, less often where there is more to redraw."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
SHARE = 0.2  # of one core, the most that redrawing takes for all who watch; training needs the cores
SLACK = 3  # a faster pace must fit so many times, so that it does not change to and fro
FRAMES = 4  # different drawings, at most, of a run between two redraws of a page
MOST = 0.05  # seconds of a redraw that count; the first one also imports what draws charts
FORGOTTEN = 10.0  # seconds after which a redraw that does not come is one of a page that was closed
ADAPTED = 20.0  # seconds after which a page takes another pace, if it has to
_SESSION, _PACE = "pace_session", "pace"


class Pace:
    """What redrawing each part of each open page costs, and so how often all of them can be redrawn."""

    def __init__(self) -> None:
        self._costs: dict[tuple[str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def took(self, part: tuple[str, str], cost: float, now: float, every: float) -> None:
        """Notes the processor time in seconds of redrawing a part of a page, which is redrawn every `every` seconds."""
        with self._lock:
            self._costs[part] = min(cost, MOST), now + every + FORGOTTEN

    def seconds(self, now: float, current: float = SECONDS[0]) -> float:
        """The seconds between two redraws, for a page that has been redrawn every `current` seconds."""
        with self._lock:
            self._costs = {part: noted for part, noted in self._costs.items() if noted[1] > now}
            needed = sum(cost for cost, _ in self._costs.values()) / SHARE
        fitting = next((step for step in SECONDS if step >= needed), SECONDS[-1])
        return fitting if fitting >= current or SLACK * needed <= current else current


@st.cache_resource
def _pace() -> Pace:
    return Pace()


def most_old() -> float:
    """How old in seconds what is drawn may be, so that not every session draws another epoch; 0 for a few sessions."""
    now = st.session_state.get(_PACE, SECONDS[0])
    return now / FRAMES if now > SECONDS[0] else 0.0


def refreshing(name: str, draw: Callable[..., None], *arguments: Any, active: bool) -> None:
    """Draws a part of the page, which is redrawn at the pace of the server while it is active.

    A part around it sets its pace anew. Redrawing the whole page for that would cost many times as much, and Streamlit
    can lose the end of a whole page, with the timers of its parts, if one of them asks for a redraw at that moment.
    """

    def timed(*arguments: Any) -> None:
        with _measured(name):
            draw(*arguments)

    def paced() -> None:
        st.session_state[_PACE] = now = _pace().seconds(time.monotonic(), st.session_state.get(_PACE, SECONDS[0]))
        st.fragment(timed, run_every=now if active else None)(*arguments)

    st.fragment(paced, run_every=ADAPTED if active else None)()


@contextmanager
def _measured(part: str) -> Iterator[None]:
    """Notes what the block costs as a redraw of a part of this session's page."""
    if _SESSION not in st.session_state:
        st.session_state[_SESSION] = secrets.token_hex(8)
    who, start = st.session_state[_SESSION], time.thread_time()
    try:
        yield
    finally:
        every = st.session_state.get(_PACE, SECONDS[0])
        _pace().took((who, part), time.thread_time() - start, time.monotonic(), every)
