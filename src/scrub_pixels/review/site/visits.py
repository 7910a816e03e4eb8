"""What each open page has taken, so that leaving it gives everything back, also what is still on its way."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

MOST_VISITS = 10_000
"""Visits remembered; the one not heard of for longest is forgotten, and its leases then end by themselves."""


class Visits:
    """The open pages by person and number, each with the entries it has taken.

    A page that is left cannot read the answers it still waits for. So it says only that it is left; what
    it had taken is given back then, and what is taken for it afterwards at once.
    """

    def __init__(self) -> None:
        self._taken: OrderedDict[tuple[str, str], set[str]] = OrderedDict()
        self._left: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, who: str, visit: str, key: str) -> bool:
        """Note that an entry was taken for a page; False if the page has been left."""
        with self._lock:
            if (who, visit) in self._left:
                return False
            if visit:
                self._taken.setdefault((who, visit), set()).add(key)
                self._taken.move_to_end((who, visit))
                _forget(self._taken)
            return True

    def gives_back(self, who: str, visit: str, key: str) -> None:
        """Note that a page gave back one entry."""
        with self._lock:
            self._taken.get((who, visit), set()).discard(key)

    def ends(self, who: str, visit: str) -> frozenset[str]:
        """Note that a page has been left, and return what it still had."""
        with self._lock:
            if visit:
                self._left[who, visit] = None
                _forget(self._left)
            return frozenset(self._taken.pop((who, visit), ()))


def _forget(visits: OrderedDict[tuple[str, str], Any]) -> None:
    while len(visits) > MOST_VISITS:
        visits.popitem(last=False)
