"""The HTTP door: STOW-RS in, Karnak's masks for one image, health and figures.

Nothing of a request is ever logged. What an instance is called comes back only to the one who sent it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.metrics import CONTENT_TYPE, exposition
from scrub_pixels.gateway.multipart import BadMultipart, Reader, boundary_of
from scrub_pixels.gateway.reception import UID_FORM
from scrub_pixels.gateway.settings import HttpDoor, is_loopback
from scrub_pixels.gateway.spool import SpoolFull
from scrub_pixels.gateway.stow import Parts
from scrub_pixels.gateway.tls import server_context

if TYPE_CHECKING:
    from scrub_pixels.gateway.service import Gateway

LOG = logging.getLogger("scrub_pixels.gateway")
LAST_REQUESTS = 30.0
"""Seconds that requests under way have to end when the gateway stops."""

DICOM_JSON = "application/dicom+json"
OPEN_PATHS = frozenset({"/healthz", "/health"})
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Host names a browser may ask a loopback server by; others are DNS rebinding."""

PATIENCE = 60.0
"""Seconds to wait for the next piece of a body."""

RETRY_AFTER = {"Retry-After": "30"}


class TooMuch(Exception):
    """The body is longer than is taken."""


class TooSlow(Exception):
    """The body stopped coming."""


class HttpServer:
    """uvicorn in a thread of its own.

    Parameters
    ----------
    door
        Where, for whom, and how much.
    gateway
        What is behind it.
    """

    def __init__(self, door: HttpDoor, gateway: Gateway) -> None:
        self._socket = socket.create_server((door.host, door.port), backlog=64)
        config = uvicorn.Config(Guard(application(door, gateway), door), log_config=None, access_log=False,
                                server_header=False, lifespan="off", limit_concurrency=200,
                                timeout_graceful_shutdown=5)
        config.load()
        config.ssl = server_context(door.tls) if door.tls else None
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]},
                                        name="gateway-http", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way, and stop."""
        self._server.should_exit = True
        self._thread.join(LAST_REQUESTS)
        if self._thread.is_alive():  # a search cannot be broken off; nothing of it is kept
            LOG.warning("A request was still under way when the gateway stopped.")


class Guard:
    """Lets through who may come: bearer token, no foreign host name, no page of another site."""

    def __init__(self, app: Any, door: HttpDoor) -> None:
        self._app, self._token = app, door.token.encode()
        self._local = is_loopback(door.host)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 401 or 403, or pass the request on."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Any) -> Response | None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if self._local and _host(headers.get(b"host", b"")) not in LOCAL_NAMES or b"origin" in headers:
            return PlainTextResponse("Forbidden.", 403)
        if not self._token or scope["path"] in OPEN_PATHS:
            return None
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token):
            return None
        return PlainTextResponse("A token is needed.", 401, {"WWW-Authenticate": "Bearer"})


def _host(header: bytes) -> str:
    host = header.decode("latin-1").lower()
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def application(door: HttpDoor, gateway: Gateway) -> Starlette:
    """Return the routes of a gateway."""
    pages = _Pages(door, gateway)
    return Starlette(routes=[
        Route("/healthz", pages.health), Route("/health", pages.health), Route("/metrics", pages.metrics),
        Route("/studies", pages.store, methods=["POST"]),
        Route("/studies/{study}", pages.store, methods=["POST"]),
        Route("/deidentify-image", pages.masks, methods=["POST"]),
    ], exception_handlers={Exception: _trouble})


async def _trouble(request: Request, error: Exception) -> Response:
    return PlainTextResponse("The request could not be carried out.", 500)


class _Pages:
    """What the routes answer."""

    def __init__(self, door: HttpDoor, gateway: Gateway) -> None:
        self._door, self._gateway = door, gateway
        self._one = threading.Lock()

    async def health(self, request: Request) -> Response:
        """Say that the gateway lives, and whether it can take more."""
        failing = self._gateway.scrubbing.failure is not None
        return JSONResponse({"status": "failing" if failing else "ok"}, 503 if failing else 200)

    async def metrics(self, request: Request) -> Response:
        """Return the figures."""
        text = await run_in_threadpool(exposition, self._gateway)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def store(self, request: Request) -> Response:
        """STOW-RS (PS3.18 10.5): every part that is answered as stored is safely in the spool."""
        study = request.path_params.get("study", "")
        if study and not UID_FORM.fullmatch(study):
            return PlainTextResponse("The study is no UID.", 400)
        try:
            boundary = boundary_of(request.headers.get("content-type", ""))
            self._gateway.reception.check_room()
        except BadMultipart as error:
            return PlainTextResponse(error.message, 415)
        except SpoolFull as error:
            return PlainTextResponse(error.message, 503, RETRY_AFTER)
        return await self._stored(request, boundary, Parts(self._gateway.reception, study))

    async def _stored(self, request: Request, boundary: str, parts: Parts) -> Response:
        reader = Reader(boundary, parts)
        try:
            async for piece in _pieces(request, self._door.body):
                await run_in_threadpool(reader.write, piece)
            reader.finish()
        except BadMultipart as error:
            return PlainTextResponse(error.message, 400)
        except TooMuch:
            return PlainTextResponse("The request is too large.", 413)
        except (TooSlow, ClientDisconnect):
            return PlainTextResponse("The request did not come whole.", 408)
        finally:
            parts.abandon()
        if not (parts.answer.stored or parts.answer.failed):
            return PlainTextResponse("The request holds no instance.", 400)
        return JSONResponse(parts.answer.body, parts.answer.status, media_type=DICOM_JSON)

    async def masks(self, request: Request) -> Response:
        """Karnak's contract: masks for one image."""
        from scrub_pixels.gateway.karnak import BadRequest, answer, read_form

        try:
            form = await read_form(request, min(self._door.body, self._gateway.settings.spooling.largest))
            result = await run_in_threadpool(self._alone, answer, form)
        except BadRequest as error:
            return JSONResponse({"detail": error.message}, error.status)
        except ScrubError:
            return JSONResponse({"detail": "Failed to decode image."}, 400)
        return JSONResponse(result, headers={"Content-Type": "application/json; version=1"})

    def _alone(self, function: Any, form: Any) -> Any:
        """Run one search at a time: networks cost memory and all cores."""
        with self._one:
            return function(form, self._gateway.settings.policy, self._gateway.workspace.secret)


async def _pieces(request: Request, most: int) -> Any:
    """Yield the body in pieces, up to a bound, from a client that keeps sending."""
    size, stream = 0, request.stream().__aiter__()
    while True:
        try:
            piece = await asyncio.wait_for(stream.__anext__(), PATIENCE)
        except StopAsyncIteration:
            return
        except (TimeoutError, asyncio.TimeoutError):
            raise TooSlow from None
        size += len(piece)
        if size > most:
            raise TooMuch
        yield piece
