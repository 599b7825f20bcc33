"""Who is answered: this machine's own page with its token, and nobody else. Stands before every request.

- Host must be the address that was printed, so a foreign name that leads here (DNS rebinding) is refused.
- Origin and Sec-Fetch-Site must be this page's own; what changes something has to bring Origin.
- The token comes in the address once, then as a cookie (SameSite=Strict, HttpOnly).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WITHOUT_TOKEN = "This page needs its token: open the whole address that 'egi serve' printed."
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer that does not say otherwise itself."""
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of an answer that brings none of its own."""


class Guard:
    """ASGI middleware that refuses what the module says, and limits the size of a request.

    Parameters
    ----------
    app : ASGIApp
    port : int
    token : str
    body_bytes : int
        Of a request, at most.
    open_prefix : tuple of str
        Host name and beginning of the addresses that need no token (`Pad`); nothing else is answered on that host.
    """

    def __init__(
        self, app: ASGIApp, port: int, token: str, body_bytes: int, open_prefix: tuple[str, str] | None = None
    ) -> None:
        self.app, self.token, self.body_bytes = app, token, body_bytes
        self.host = f"127.0.0.1:{port}"
        self.cookie = f"egi-{port}"
        self.open = (f"{open_prefix[0]}:{port}", open_prefix[1]) if open_prefix else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets
        answer = _with_headers(send)
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None and scope["method"] == "POST":
            body = await _body(receive, self.body_bytes)
            if body is None:
                refusal = 413, f"The request is longer than {self.body_bytes} bytes."
            else:
                receive = _replayed(body, receive)
        if refusal is None:
            await self.app(scope, receive, answer)
        else:
            await JSONResponse({"error": refusal[1]}, refusal[0])(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and sentence; None for a request that is answered."""
        hosts, path = headers.getlist("host"), scope["path"]
        if scope["method"] not in ("GET", "POST"):
            return 405, "Only GET and POST are answered."
        if self.open and hosts == [self.open[0]]:
            if scope["method"] == "GET" and path.startswith(self.open[1]):
                return None
            return 403, "There is nothing at this address; open the one that 'egi serve' printed."
        if hosts != [self.host]:
            return 403, f"Only http://{self.host} is answered here."
        by_address = path == "/" and scope["method"] == "GET" and self._in_address(scope)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin not in ((f"http://{self.host}",) if scope["method"] == "POST" else (None, f"http://{self.host}")):
            return 403, "Requests from other pages are refused."
        opened = by_address and headers.get("sec-fetch-mode") == "navigate"  # a link in a mail, a file, a notebook
        if site not in (None, "same-origin", "none") and not opened:
            return 403, "Requests from other pages are refused."
        if not by_address and not self._is_token(_cookie(headers, self.cookie)):
            return 403, WITHOUT_TOKEN
        return None

    def _in_address(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and self._is_token(given[0])

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode())


def _cookie(headers: Mapping[str, str], name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


async def _body(receive: Receive, most: int) -> bytes | None:
    """The body of a request; None as soon as it is too long."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {**HEADERS, "content-security-policy": NOTHING}.items():
                headers.setdefault(name, value)
        await send(message)

    return answer
