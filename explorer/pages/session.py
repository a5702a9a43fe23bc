"""Tells one person's requests from another's: a random number in a cookie, the same in all tabs and after a reload."""

import re
import secrets
from http.cookies import CookieError, SimpleCookie

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "explorer_session"
_OWN = "browser_session"
_VALID = re.compile(r"[0-9a-f]{32}")


class SessionCookie:
    """Gives a browser without a session its cookie with the page, which no script can read and no other site sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _session(Headers(scope=scope).get("cookie", "")):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    cookie = f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Strict"
                    headers.append("set-cookie", cookie + "; Secure" * (scope["scheme"] == "https"))
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def session() -> str:
    """The session of the browser that draws the page; without cookies, that of the tab."""
    known = str(st.context.cookies.get(COOKIE, ""))
    return known if _VALID.fullmatch(known) else st.session_state.setdefault(_OWN, secrets.token_hex(16))


def _session(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel and _VALID.fullmatch(morsel.value) else ""
