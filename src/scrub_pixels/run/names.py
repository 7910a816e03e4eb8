"""Names in OUT that keep the input's own: judged by every identity in IN, one for each input.

A folder may be called after a patient whom only some of the files below it name. So all of IN is
looked through before the first name is given, and every path is judged by all of them. Names are
given here and not by workers, so that they depend on what lies in IN, never on who was first.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator

from scrub_pixels.decisions import Identity, harvest
from scrub_pixels.decisions.identity import IdentifierKind
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import open_instance
from scrub_pixels.frames.turns import undisturbed
from scrub_pixels.header.needles import needles_of
from scrub_pixels.run.discovery import Source
from scrub_pixels.run.executors import Casualty, Executor
from scrub_pixels.run.feed import Feed
from scrub_pixels.run.observing import log
from scrub_pixels.run.work import Orders, Task, Unit, is_divisible
from scrub_pixels.store.layout import KEEP_UNKNOWN, KeptNames, has_unknown_words, tells

_LIKE_A_UID = re.compile(r"\d+(?:\.\d+){3,}")
"""Replaced in every path, so that the UIDs of all of IN need not be remembered."""

_NOT_IN_NAMES = frozenset({IdentifierKind.UID, IdentifierKind.TIME, IdentifierKind.AGE,
                           IdentifierKind.FREE_TEXT})
_CODE = 8

_STAYED = ("{} input paths hold words that are no technical terms, and they stay in OUT: names of people "
           "whom no header names would stay, too. Look at the names in OUT before you share it.")
_REPLACED = ("{} input paths hold words or numbers that are not plainly technical; keyed codes stand for "
             "them in OUT. If you know them to name nobody: --unknown-names keep.")


class ChosenNames:
    """Gives every input a name of its own; ask in the order of discovery.

    Parameters
    ----------
    names
        Makes harmless names of paths.
    """

    def __init__(self, names: KeptNames) -> None:
        self._names = names
        self._taken: set[bytes] = set()
        self.unknown = 0

    def name_for(self, source: Source) -> str:
        """Return the path below OUT; the second of two that would collide, in case too, gets a code."""
        self.unknown += has_unknown_words(source.relative)
        place = self._names.place(source.relative)
        if self._take(place.relative) or not place.otherwise:
            return place.relative
        self._take(place.otherwise)
        return place.otherwise

    def tell(self) -> None:
        """Warn of paths whose words are not known: how many, with which consequence, and what to do."""
        if not self.unknown:
            return
        message = _STAYED if self._names.naming == KEEP_UNKNOWN else _REPLACED
        log("unknown-names", logging.WARNING, paths=self.unknown, naming=self._names.naming,
            message=message.format(self.unknown))

    def _take(self, name: str) -> bool:
        code = hashlib.blake2b(name.casefold().encode(), digest_size=_CODE).digest()
        fresh = code not in self._taken
        self._taken.add(code)
        return fresh


def choose_names(sources: Iterator[Source], orders: Orders, executor: Executor) -> ChosenNames:
    """Look through all inputs for identities, and return what names them.

    Raises
    ------
    ScrubError
        If an input cannot even be looked at because the run itself cannot go on.
    """
    feed = Feed((Task(number, source, orders) for number, source in enumerate(sources)))
    found: dict = {}
    for unit, outcome in executor.run(identify_together, feed):
        if not isinstance(outcome, Casualty):
            found.update(dict.fromkeys(outcome))
        elif is_divisible(unit):
            feed.again(unit)
    return ChosenNames(KeptNames(orders.secret, judge_of(Identity(tuple(found))), orders.layout.value))


def identify_together(unit: Unit) -> Identity:
    """Return the identifiers in some inputs; what cannot be read has none, and will be refused."""
    merged = Identity()
    with undisturbed():
        for task in unit.tasks:
            merged = merged.merged(_identity(task))
    return Identity(tuple(i for i in merged if i.kind not in _NOT_IN_NAMES))


def _identity(task: Task) -> Identity:
    limits = task.orders.policy.limits
    try:
        return harvest(open_instance(task.source.read(limits.max_file_bytes), limits).dataset)
    except Refusal:
        return Identity()
    except Exception:  # noqa: BLE001 - the boundary: the input will be refused for this when its turn comes
        return Identity()


def judge_of(identity: Identity) -> Callable[[str], bool]:
    """Return what tells whether a part of a path identifies somebody."""
    told, needles = tells(identity), needles_of(identity)
    return lambda text: bool(_LIKE_A_UID.search(text)) or told(text) or needles.hit(text)
