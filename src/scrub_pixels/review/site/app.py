"""The site as an ASGI application: pages, files, the entrance, and the operations of `calls`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path

from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.review.site import entrance, pages
from scrub_pixels.review.site.bodies import json_object
from scrub_pixels.review.site.calls import ROUTES, Call, NotAllowed, Route
from scrub_pixels.review.site.guard import Boundary, Headers, Hosts, Prefix, SameSite, Sizes
from scrub_pixels.review.site.house import VISIT_HEADER, House
from scrub_pixels.review.site.shapes import Malformed
from scrub_pixels.review.views import BadDecision, NoSuchEntry, Picture, ReviewConflict

STATUS: tuple[tuple[type[ScrubError], int], ...] = (
    (NoSuchEntry, 404),
    (ReviewConflict, 409),
    (BadDecision, 422),
    (Malformed, 422),
    (NotAllowed, 403),
    (entrance.Unknown, 401),
    (entrance.Slower, 429),
    (Refusal, 422),
    (ScrubError, 503),
)
"""Which error of ours is answered how; the first that fits."""

KEY = "key"
LONGEST_VISIT = 64


def build(house: House, names: Iterable[str], origins: Iterable[str]) -> Starlette:
    """Return the application.

    Parameters
    ----------
    house
        Everything the site works with.
    names
        ``host:port`` by which browsers may call it.
    origins
        The same with the scheme.
    """
    middleware = [Middleware(Prefix, prefix=house.prefix), Middleware(Headers), Middleware(Boundary),
                  Middleware(Hosts, names=tuple(names)),
                  Middleware(Sizes), Middleware(SameSite, origins=tuple(origins))]
    routes = [*pages.routes(house), *entrance.routes(house), *(_operation(house, route) for route in ROUTES)]
    return Starlette(routes=routes, middleware=middleware,
                     exception_handlers={ScrubError: _explained, 404: _nothing, 405: _nothing})


def _operation(house: House, route: Route) -> Path:
    async def endpoint(request: Request) -> Response:
        session = house.session(request)
        if session is None:
            return house.signed_out()
        if request.method == "POST" and not house.carries_token(request, session):
            raise NotAllowed("The request lacks this page's token.", remedy="Load the page again.")
        if not session.person.role.may(route.role):
            raise NotAllowed(f"This needs the role {route.role.value}.", remedy="Ask one who has it.")
        call = Call(house.desk, house.releaser, session.person, request.path_params.get(KEY, ""),
                    request.path_params.get("frame", 0), await json_object(request), request.query_params,
                    request.headers.get(VISIT_HEADER, "")[:LONGEST_VISIT], house.visits)
        return _answer(await anyio.to_thread.run_sync(route.operation, call))

    return Path("/api" + route.path, endpoint, methods=[route.method])


def _answer(result: Any) -> Response:
    if isinstance(result, Picture):
        return Response(result.content, media_type=result.form.value)
    return JSONResponse(result)


async def _explained(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    said = {"error": getattr(error, "message", ""), "remedy": getattr(error, "remedy", "")}
    return JSONResponse(said, status)


async def _nothing(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "There is nothing here.", "remedy": "Go back to the list."},
                        getattr(error, "status_code", 404))
