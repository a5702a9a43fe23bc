"""Guards the web server: refuses requests from foreign hosts and origins, and cleans up when the server ends."""

import asyncio
import atexit
import os
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.server_util import get_url
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from explorer.errors import FieldError
from explorer.isolation import isolate
from explorer.pages.browser_messages import MendedMessages
from explorer.pages.session import SessionCookie
from explorer.workers.limits import Limits

FOREIGN_NAME = "This server answers only to its own host names. To add one, start it with --server.allowedHosts NAME.\n"
FOREIGN_PAGE = (
    "This server accepts no requests from pages of another origin. To run it behind a proxy, start it with "
    "--server.corsAllowedOrigins ADDRESS.\n"
)


class OwnNamesOnly:
    """Refuses requests to a host name that is not the server's own, and requests from pages of another origin.

    A foreign page can point its own host name at this machine (DNS rebinding), and any page may open a WebSocket to any
    address. The server's names are those in Streamlit's setting `server.allowedHosts`, which Streamlit itself checks
    for WebSockets only. An origin is the server's own if it is the address that the request was sent to, port included,
    or is listed in `server.corsAllowedOrigins`; Streamlit itself accepts every port of this machine.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refusal(scope, receive, send)
        else:  # the client receives status 403
            await send({"type": "websocket.close", "code": 1008})


def _refusal(headers: Headers) -> PlainTextResponse | None:
    """The response that refuses a request with these headers; None if it is allowed."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_host_allowed(hosts[0]):
        return PlainTextResponse(FOREIGN_NAME, 421)
    if not all(is_own_origin(origin, hosts[0]) for origin in headers.getlist("origin")):
        return PlainTextResponse(FOREIGN_PAGE, 403)
    return None


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an origin is the host that the request was sent to, or is allowed in the settings."""
    if origin in st.get_option("server.corsAllowedOrigins"):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


MIDDLEWARE = [Middleware(OwnNamesOnly), Middleware(SessionCookie), Middleware(MendedMessages)]


def _check_limits() -> None:
    """Ends the server with one sentence if a limit that its operator has set is not allowed."""
    try:
        Limits.from_environment()
    except FieldError as error:
        print(f"explorer: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_status)  # an exception would be printed with its traceback


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict]:
    """Isolates the server in a private folder, opens the browser as Streamlit does, and ends all child processes."""
    _check_limits()
    isolate()
    if not st.get_option("server.headless"):
        address = get_url(st.get_option("browser.serverAddress"))
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)
    yield {}
    # uvicorn ends the process with the signal that it received, so exit handlers would never run
    atexit._run_exitfuncs()
