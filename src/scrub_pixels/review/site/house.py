"""Everything the site works with, and who is in it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scrub_pixels.review.desk import Desk
from scrub_pixels.review.site.accounts import Accounts, Throttle
from scrub_pixels.review.site.people import Person
from scrub_pixels.review.site.releaser import Releaser
from scrub_pixels.review.site.sessions import OpeningTokens, Session, Sessions
from scrub_pixels.review.site.vendor import Assets
from scrub_pixels.review.site.visits import Visits

TOKEN_HEADER = "x-csrf-token"
BACKGROUND_HEADER = "x-background"
"""Set on what the page asks for by itself: that keeps no session alive."""
VISIT_HEADER = "x-visit"
"""Tells the open pages of one person apart."""


@dataclass(frozen=True)
class House:
    """The site's parts.

    Parameters
    ----------
    desk, releaser
        The review itself.
    assets
        The files of the page.
    cookie
        Name of the session cookie; it differs between ports, as cookies do not.
    prefix
        Path below its host under which a proxy serves the site, as ``/review``; mostly empty.
    secure
        Whether the site is reached by https.
    owner
        Who opens it by a one-time token, if it is not shared.
    accounts
        Who may sign in, if it is shared.
    announce
        Tells the person at the terminal of a new opening token.
    """

    desk: Desk
    releaser: Releaser
    assets: Assets
    cookie: str
    prefix: str = ""
    secure: bool = False
    owner: Person | None = None
    accounts: Accounts | None = None
    announce: Callable[[str], None] = lambda token: None
    sessions: Sessions = field(default_factory=Sessions)
    tokens: OpeningTokens = field(default_factory=OpeningTokens)
    throttle: Throttle = field(default_factory=Throttle)
    visits: Visits = field(default_factory=Visits)

    @property
    def shared(self) -> bool:
        """Whether people sign in with a password."""
        return self.accounts is not None

    def session(self, request: Request) -> Session | None:
        """Return the session a request belongs to; an account's role is what it is now."""
        active = BACKGROUND_HEADER not in request.headers
        session = self.sessions.find(request.cookies.get(self.cookie, ""), active=active)
        if session is None or self.accounts is None:
            return session
        person = self.accounts.person(session.person.name)
        return replace(session, person=person) if person else None

    def carries_token(self, request: Request, session: Session) -> bool:
        """Tell whether a request comes from a page of this session."""
        given = request.headers.get(TOKEN_HEADER, "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), session.csrf.encode())

    def let_in(self, person: Person, response: Response) -> Response:
        """Begin a session with a cookie that is new, whatever the browser brought."""
        value, _ = self.sessions.open(person)
        response.set_cookie(self.cookie, value, httponly=True, samesite="strict", secure=self.secure,
                            path=self.prefix or "/")
        self.desk.note(person.name, "signed in")
        return response

    def signed_out(self) -> Response:
        """Answer a request of nobody."""
        return JSONResponse({"error": "You are signed out.", "remedy": "Sign in again; your draft is kept.",
                             "shared": self.shared}, 401)
