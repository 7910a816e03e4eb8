"""Coming in and going out: the opening token, passwords, and signing out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scrub_pixels.errors import ScrubError
from scrub_pixels.review.site.bodies import json_object
from scrub_pixels.review.site.house import House
from scrub_pixels.review.site.shapes import Malformed, text_from

CHECKS_AT_ONCE = 2
"""A password check takes 64 MiB of memory on purpose; more than these wait."""


class Unknown(ScrubError):
    """No such token, name or password; answered with 401, and the same for each."""


class Slower(ScrubError):
    """Too many tries; answered with 429."""


def routes(house: House) -> list[Route]:
    """Return the ways in and out."""
    door = _Door(house)
    return [Route("/api/open", door.open, methods=["POST"]),
            Route("/api/open-again", door.open_again, methods=["POST"]),
            Route("/api/sign-in", door.sign_in, methods=["POST"]),
            Route("/api/sign-out", door.sign_out, methods=["POST"])]


class _Door:
    def __init__(self, house: House) -> None:
        self._house = house
        self._checks = anyio.CapacityLimiter(CHECKS_AT_ONCE)

    async def open(self, request: Request) -> Response:
        """Turn the token of an opening URL into a session."""
        house, body = self._house, await json_object(request)
        if house.owner is None:
            raise Unknown("This site is shared.", remedy="Sign in with your name and password.")
        if not house.tokens.redeem(text_from(body, "token")):
            raise Unknown("This link was used already, or is too old.",
                          remedy="Ask for a new one below; it is printed in the terminal.")
        house.throttle.succeeded("again")
        return await anyio.to_thread.run_sync(house.let_in, house.owner, JSONResponse({}))

    async def open_again(self, request: Request) -> Response:
        """Print a new opening URL in the terminal, for whoever sits at that."""
        house = self._house
        if house.owner is None:
            raise Unknown("This site is shared.", remedy="Sign in with your name and password.")
        self._hold_up("again")
        house.throttle.failed("again")
        house.announce(house.tokens.issue())
        return JSONResponse({})

    async def sign_in(self, request: Request) -> Response:
        """Turn a name and a password into a session."""
        house, body = self._house, await json_object(request)
        name, password = text_from(body, "name"), _password(body)
        if house.accounts is None:
            raise Unknown("This site has no accounts.", remedy="Open it by the link in the terminal.")
        keys = f"name {name}", f"address {request.client.host if request.client else ''}"
        self._hold_up(*keys)
        person = await anyio.to_thread.run_sync(house.accounts.check, name, password, limiter=self._checks)
        if person is None:
            house.throttle.failed(*keys)
            raise Unknown("Name or password is wrong.", remedy="An admin can set a new password.")
        house.throttle.succeeded(keys[0])
        return await anyio.to_thread.run_sync(house.let_in, person, JSONResponse({}))

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        house, session = self._house, self._house.session(request)
        if session is None or not house.carries_token(request, session):
            return house.signed_out()
        house.sessions.close(request.cookies.get(house.cookie, ""))
        await anyio.to_thread.run_sync(house.desk.note, session.person.name, "signed out")
        response = JSONResponse({})
        response.delete_cookie(house.cookie, path=house.prefix or "/")
        return response

    def _hold_up(self, *keys: str) -> None:
        seconds = self._house.throttle.wait(*keys)
        if seconds > 0:
            raise Slower("Too many tries.", remedy=f"Wait {max(1, round(seconds))} seconds.")


def _password(body: Mapping[str, Any]) -> str:
    value = body.get("password", "")
    if not isinstance(value, str) or len(value) > 1000:
        raise Malformed("This is no password.")
    return value
