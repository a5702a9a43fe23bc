"""What is around the page: who may talk to the server, and what its end does."""

import asyncio
import atexit
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

from explorer.isolation import isolate

FOREIGN_NAME = "This server answers to its own names only; whoever runs it adds one by --server.allowedHosts NAME.\n"
FOREIGN_PAGE = (
    "This server takes nothing from pages of another address; whoever runs it behind a proxy allows the proxy's by "
    "--server.corsAllowedOrigins ADDRESS.\n"
)


class OwnNamesOnly:
    """Refuses what was sent to a name that is not the server's own, and what a page of another origin sends.

    A foreign page can point a name of its own at this machine (DNS rebinding), and any page may open a WebSocket to
    any address. The names are those of Streamlit's setting `server.allowedHosts`, which by itself is kept for
    WebSockets only. An origin is the server's own when it is where the request was sent to, port included, or stands
    in `server.corsAllowedOrigins`; Streamlit by itself lets in every port of this machine.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refusal(scope, receive, send)
        else:  # answered by 403
            await send({"type": "websocket.close", "code": 1008})


def _refusal(headers: Headers) -> PlainTextResponse | None:
    """What a request with such headers is refused by; None where it is let in."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_host_allowed(hosts[0]):
        return PlainTextResponse(FOREIGN_NAME, 421)
    if not all(is_own_origin(origin, hosts[0]) for origin in headers.getlist("origin")):
        return PlainTextResponse(FOREIGN_PAGE, 403)
    return None


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of an origin was served under the host that a request names, or is allowed by the settings."""
    if origin in st.get_option("server.corsAllowedOrigins"):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


MIDDLEWARE = [Middleware(OwnNamesOnly)]


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict]:
    """Has the server work in a private folder, opens the browser as Streamlit does, and ends what was started."""
    isolate()
    if not st.get_option("server.headless"):
        address = get_url(st.get_option("browser.serverAddress"))
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)
    yield {}
    # uvicorn ends the process by the signal that asked for its end, and what waits for Python's own end never runs
    atexit._run_exitfuncs()
