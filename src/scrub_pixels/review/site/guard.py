"""What every request has to pass, and what every answer carries: hosts, sizes, origins, headers.

Plain ASGI, outermost first: `Prefix` (of a proxy), `Headers`, `Boundary` (an error nobody foresaw says
nothing of a patient), `Hosts` (DNS rebinding), `Sizes`, `SameSite` (cross-site requests).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from traceback import extract_tb

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 1 << 20
SAFE_METHODS = frozenset({"GET", "HEAD"})

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
))
"""Nothing inline, nothing evaluated, nothing from elsewhere, no frame around it."""

HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()"),
)
NEVER_KEPT = "no-store"


class Prefix:
    """Take the path below which a proxy serves the site off a request; proxies may have done so before.

    Parameters
    ----------
    prefix
        As ``/review``; empty takes nothing off.
    """

    def __init__(self, app: ASGIApp, prefix: str = "") -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix and scope["type"] == "http" and scope["path"].startswith(f"{self._prefix}/"):
            scope = {**scope, "path": scope["path"][len(self._prefix):], "raw_path": None}
        await self._app(scope, receive, send)


class Boundary:
    """Answer an error nobody foresaw with its type and place in the code, never its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - a trace would quote values, and values are identifiers
            if not begun and scope["type"] == "http":
                await refuse(send, 500, f"An unforeseen error ({_place(error)}).",
                             "Nothing was lost. Load the page again; if it happens again, please report it.")


class Headers:
    """Put the security headers on every answer; what has none of its own is never kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers[name] = value
                headers.setdefault("Cache-Control", NEVER_KEPT)
            await send(message)

        await self._app(scope, receive, dressed)


class Hosts:
    """Refuse names that this site was not told it has: a hostile name may point to this machine.

    Parameters
    ----------
    names
        ``host:port`` as browsers send it.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name == b"host"]
            if len(given) != 1 or given[0].decode("latin-1").lower() not in self._names:
                await refuse(send, 421, "This site does not go by that name.",
                             "Use the address that was printed at its start.")
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)


class Sizes:
    """Refuse bodies that are larger than any decision is."""

    def __init__(self, app: ASGIApp, most: int = MOST_BODY_BYTES) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        declared = RequestHeaders(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._most:
            return await too_large(send)
        body = await _whole(receive, self._most)
        if body is None:
            return await too_large(send)
        await self._app(scope, _once(body, receive), send)


class SameSite:
    """Refuse what another site made this browser ask for.

    Browsers say where a request comes from (Fetch Metadata, Origin). What changes something has
    to say so; what only reads may come without, from an address typed or a program.

    Parameters
    ----------
    origins
        ``scheme://host:port`` of this site.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app, self._origins = app, frozenset(origin.lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._same(scope):
            await refuse(send, 403, "This request comes from another site.", "Open the review site itself.")
            return
        await self._app(scope, receive, send)

    def _same(self, scope: Scope) -> bool:
        headers = RequestHeaders(scope=scope)
        origin, site = headers.get("origin", "").lower(), headers.get("sec-fetch-site", "")
        if scope["method"] not in SAFE_METHODS:
            return origin in self._origins and site in ("", "same-origin")
        arrives = headers.get("sec-fetch-mode") == "navigate" and scope["path"] in ("/", "/open", "/sign-in")
        return site in ("", "none", "same-origin") or arrives


async def refuse(send: Send, status: int, error: str, remedy: str) -> None:
    """Answer with an error as JSON."""
    body = json.dumps({"error": error, "remedy": remedy}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def too_large(send: Send) -> None:
    """Answer a body over the limit."""
    await refuse(send, 413, "The request is too large.", "Decide in smaller portions.")


async def _whole(receive: Receive, most: int) -> bytes | None:
    """Return the body of a request, or None as soon as it is over the limit."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return body


def _once(body: bytes, receive: Receive) -> Receive:
    """Return what hands out a body that was read already, then waits for the end of the connection."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


def _place(error: Exception) -> str:
    frames = [frame for frame in extract_tb(error.__traceback__) if "scrub_pixels" in frame.filename]
    place = f"{Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} in {place}"
