"""A browser without a screen: it opens a page of a server, answers its timers, and counts what it is sent."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

COOKIE = "explorer_session"
STREAM = "/_stcore/stream"


@dataclass
class Received:
    """What a watcher has been sent: seconds until each whole page and each part was drawn, and counts.

    `begun` counts all drawings, also those that others overtook; `charts` the elements that hold the rows of a chart.
    """

    pages: list[float] = field(default_factory=list)
    redraws: list[float] = field(default_factory=list)
    begun: int = 0
    bytes: int = 0
    charts: int = 0
    headings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Watcher:
    """One browser. `received` has what it was sent since it was last replaced; large messages are kept
    for `kept_for` drawings."""

    def __init__(self, address: str, query: str) -> None:
        self._address = address.replace("http", "ws", 1) + STREAM
        self._query = query
        self._timers: dict[str, tuple[float, asyncio.Task]] = {}
        self._asked: dict[str, float] = {}
        self._kept: dict[str, tuple[int, str]] = {}
        self._drawings = self.kept_for = 0
        self._page, self._began = "", 0.0
        self.received = Received()
        self.drawn = asyncio.Event()

    @property
    def intervals(self) -> list[float]:
        """The seconds between the redraws that the page asks for, one of each of its parts."""
        return [interval for interval, _ in self._timers.values()]

    async def watch(self) -> None:
        """Opens the page and keeps it open until it is cancelled."""
        cookie = {"Cookie": f"{COOKIE}={secrets.token_hex(16)}"}  # each watcher is a browser of its own
        options = {"subprotocols": ["streamlit"], "max_size": None, "compression": None}
        async with connect(self._address, additional_headers=cookie, **options) as connection:
            await self._ask(connection)
            try:
                async for content in connection:
                    self._take(connection, content)
            finally:
                self._stop_timers(list(self._timers))

    async def _ask(self, connection: ClientConnection, fragment: str = "") -> None:
        """Asks for the whole page, or as a timer for one part of it, whether or not it has been answered before."""
        self._asked.setdefault(fragment, time.monotonic())
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.cached_message_hashes.extend(self._kept)
        state.context_info.url = self._address
        await connection.send(message.SerializeToString())

    def _take(self, connection: ClientConnection, content: bytes) -> None:
        message, received = ForwardMsg.FromString(content), self.received
        received.bytes += len(content)
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._kept[message.hash] = self._drawings, message.delta.fragment_id
        if kind == "ref_hash":
            self._kept[message.ref_hash] = self._drawings, self._kept[message.ref_hash][1]
        elif kind == "new_session":
            received.begun += 1
            self._page, self._began = message.new_session.page_script_hash, time.monotonic()
            self.kept_for = message.new_session.config.max_cached_message_age
            if not message.metadata.run.fragment_ids:
                self._stop_timers(list(self._timers))
        elif kind == "auto_rerun":
            self._start_timer(connection, message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._stop_timers(message.stop_auto_rerun.fragment_ids)
        elif kind == "script_finished":
            self._finished(message)
        elif kind == "delta":
            self._look_at(message)

    def _look_at(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.received.errors.append(element.exception.message)
        elif kind == "heading":
            self.received.headings.append(element.heading.body)
        elif kind == "vega_lite_chart":
            self.received.charts += 1

    def _finished(self, message: ForwardMsg) -> None:
        parts, now = list(message.metadata.run.fragment_ids), time.monotonic()
        if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:  # another drawing has begun
            for part in parts:
                self._asked.pop(part, None)
            return
        if parts:
            self.received.redraws += [now - self._asked.pop(part) for part in parts if part in self._asked]
        else:
            self.received.pages.append(now - self._asked.pop("", self._began))
            self._asked.clear()
            self.drawn.set()
        self._drawings += 1
        for key, (drawing, part) in list(self._kept.items()):
            if (not parts or part in parts) and self._drawings - drawing > self.kept_for:
                del self._kept[key]

    def _start_timer(self, connection: ClientConnection, part: str, seconds: float) -> None:
        if part in self._timers and self._timers[part][0] == seconds:
            return
        self._stop_timers([part])

        async def ask() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._ask(connection, part)

        self._timers[part] = seconds, asyncio.create_task(ask())

    def _stop_timers(self, parts: list[str]) -> None:
        for part in parts:
            if part in self._timers:
                self._timers.pop(part)[1].cancel()
