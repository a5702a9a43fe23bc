"""HTTP responses read in a thread, with reliable time-outs, so that a download can be cancelled at any time."""

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
    """Yields the response, then its bytes, read by a thread so that cancelling never waits for the network.

    Raises `Broken` when the connection fails or the job's time-outs pass without data.
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
            while True:  # so that the thread can put its last piece and finish
                arrived.get_nowait()


def _next(job: Job, arrived: queue.Queue[Item]) -> Item:
    # the sockets have their own time-outs; this one covers what has none, such as looking up a host name
    patience, began = job.connect_timeout + job.stall_timeout, time.monotonic()
    while True:
        with suppress(queue.Empty):
            return arrived.get(timeout=0.1)
        if time.monotonic() - began > patience:
            raise Broken(f"no response within {patience:g} s")
        job.report(job.now.phase, job.now.done, job.now.total)


def _receive(job: Job, request: urllib.request.Request, arrived: queue.Queue[Item], abandoned: threading.Event) -> None:
    try:
        opener = urllib.request.build_opener(_TimeoutHandler(job.connect_timeout))
        with opener.open(request, timeout=job.stall_timeout) as response:
            arrived.put(response)
            while not abandoned.is_set() and (piece := response.read1(1 << 18)):
                arrived.put(piece)
        arrived.put(None)
    except (OSError, http.client.HTTPException, ValueError) as error:
        arrived.put(error)


def _reason(error: Exception, job: Job) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server responded with {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no data received for {job.stall_timeout:g} s"
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__


class _ConnectTimeout:
    """A connection with a separate time-out for connecting; urllib has only one for everything."""

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


class _HTTPConnection(_ConnectTimeout, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_ConnectTimeout, http.client.HTTPSConnection):
    pass


class _TimeoutHandler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """A handler for HTTP and HTTPS that replaces the two handlers of urllib it inherits from."""

    def __init__(self, connect_timeout: float):
        super().__init__()
        self.connect_timeout = connect_timeout

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPConnection, request, connect_timeout=self.connect_timeout)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPSConnection, request, connect_timeout=self.connect_timeout)
