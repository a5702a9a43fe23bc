"""A response and its bytes, with time-outs that hold, and never in the way of a cancel."""

import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import suppress

from explorer.data.download.errors import Broken
from explorer.data.download.job import Job

Item = http.client.HTTPResponse | bytes | Exception | None


def response_and_pieces(job: Job, request: urllib.request.Request) -> Generator:
    """Yield the response, then its bytes, read by a thread so that a cancel never waits for the network.

    Raises Broken when the connection fails, or nothing comes for as long as the job waits.
    """
    arrived: queue.Queue[Item] = queue.Queue(maxsize=8)
    abandoned = threading.Event()
    threading.Thread(target=_receive, args=(job, request, arrived, abandoned), daemon=True).start()
    try:
        while (item := _next(job, arrived)) is not None:
            if isinstance(item, Exception):
                raise Broken(_reason(item, job)) from item
            yield item
    finally:
        abandoned.set()
        with suppress(queue.Empty):
            while True:  # so that the thread can put its last piece and end
                arrived.get_nowait()


def _next(job: Job, arrived: queue.Queue[Item]) -> Item:
    # The sockets have time-outs of their own; this one is for what has none, such as looking up a name.
    patience, asked = job.connect_timeout + job.stall_timeout, time.monotonic()
    while True:
        with suppress(queue.Empty):
            return arrived.get(timeout=0.1)
        if time.monotonic() - asked > patience:
            raise Broken(f"nothing was heard for {patience:g} s")
        job.report(job.now.phase, job.now.done, job.now.total)


def _receive(job: Job, request: urllib.request.Request, arrived: queue.Queue[Item], abandoned: threading.Event) -> None:
    try:
        opener = urllib.request.build_opener(_ImpatientHandler(job.connect_timeout))
        with opener.open(request, timeout=job.stall_timeout) as response:
            arrived.put(response)
            while not abandoned.is_set() and (piece := response.read1(1 << 18)):
                arrived.put(piece)
        arrived.put(None)
    except (OSError, http.client.HTTPException, ValueError) as error:
        arrived.put(error)


def _reason(error: Exception, job: Job) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no byte came for {job.stall_timeout:g} s"
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__


class _Impatient:
    """A connection with a time-out of its own for connecting; urllib knows only one for everything."""

    def __init__(self, host: str, *, connect_timeout: float, **options):
        super().__init__(host, **options)
        self.connect_timeout = connect_timeout

    def connect(self) -> None:
        stall, self.timeout = self.timeout, self.connect_timeout
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectionError(f"no connection within {self.connect_timeout:g} s") from error
        self.sock.settimeout(stall)


class _HTTPConnection(_Impatient, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_Impatient, http.client.HTTPSConnection):
    pass


class _ImpatientHandler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens both kinds of address, in place of the two handlers of urllib that it descends from."""

    def __init__(self, connect_timeout: float):
        super().__init__()
        self.connect_timeout = connect_timeout

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPConnection, request, connect_timeout=self.connect_timeout)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPSConnection, request, connect_timeout=self.connect_timeout)
