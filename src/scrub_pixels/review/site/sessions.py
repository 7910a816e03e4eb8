"""Sessions and the one-time tokens that open them: in memory only, gone when the server ends."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from scrub_pixels.review.site.people import Person

TOKEN_BYTES = 32
TOKEN_SECONDS = 600.0
"""How long an opening URL is good for."""
IDLE_SECONDS = 900.0
LONGEST_SECONDS = 12 * 3600.0
"""A session ends after this long, however busy it was."""
MOST_SESSIONS = 1000
MOST_TOKENS = 4

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser.

    Parameters
    ----------
    person
        Who it is.
    csrf
        What every request that changes something has to carry.
    started, seen
        Seconds of the server's clock: sign-in, last thing the person did.
    """

    person: Person
    csrf: str
    started: float
    seen: float

    def __repr__(self) -> str:
        return "Session()"


class Sessions:
    """The open sessions, by digest of their cookie.

    Parameters
    ----------
    idle
        Seconds without anything done after which a session ends.
    longest
        Seconds after which it ends in any case.
    clock
        Seconds that only grow.
    """

    def __init__(self, idle: float = IDLE_SECONDS, longest: float = LONGEST_SECONDS,
                 clock: Clock = time.monotonic) -> None:
        self.idle, self._longest, self._clock = idle, longest, clock
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, person: Person) -> tuple[str, Session]:
        """Begin a session; returns the new cookie, which is never one that a browser brought."""
        cookie, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        session = Session(person, secrets.token_urlsafe(TOKEN_BYTES), now, now)
        with self._lock:
            self._forget_ended()
            while len(self._open) >= MOST_SESSIONS:
                del self._open[min(self._open, key=lambda key: self._open[key].seen)]
            self._open[_digest(cookie)] = session
        return cookie, session

    def find(self, cookie: str, *, active: bool = True) -> Session | None:
        """Return the session of a cookie, or None if it has ended.

        Parameters
        ----------
        active
            Whether the person did something; what the page does by itself keeps no session alive.
        """
        with self._lock:
            self._forget_ended()
            session = self._open.get(_digest(cookie))
            if session and active:
                session = self._open[_digest(cookie)] = replace(session, seen=self._clock())
            return session

    def left(self, session: Session) -> float:
        """Return the seconds until a session ends if nothing is done."""
        now = self._clock()
        return max(0.0, min(session.seen + self.idle, session.started + self._longest) - now)

    def close(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(_digest(cookie), None)

    def close_of(self, name: str) -> None:
        """End every session of a person."""
        with self._lock:
            self._open = {key: s for key, s in self._open.items() if s.person.name != name}

    def _forget_ended(self) -> None:
        self._open = {key: s for key, s in self._open.items() if self.left(s) > 0}


class OpeningTokens:
    """Tokens for opening URLs: each is good once and for a short while."""

    def __init__(self, seconds: float = TOKEN_SECONDS, clock: Clock = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._issued: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Return a new token; of those issued before, the newest few stay good."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._lock:
            self._issued[token.encode()] = self._clock() + self._seconds
            while len(self._issued) > MOST_TOKENS:
                del self._issued[next(iter(self._issued))]
        return token

    def redeem(self, token: str) -> bool:
        """Tell whether a token is good, and make it void."""
        given = token.encode("utf-8", "replace")
        with self._lock:
            for issued, until in list(self._issued.items()):
                if hmac.compare_digest(issued, given):
                    del self._issued[issued]
                    return self._clock() < until
        return False


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
