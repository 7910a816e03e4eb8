"""Identifiers run together with other letters, or taken apart: ``xSmithJohn1``, ``Smi-th``, ``123-45-67``.

Whole words say nothing about these. Only what is long enough not to arise by chance is looked for,
and a name inside a technical term is that term: a patient named Stern erases no sternum, and one
named Philip no maker of equipment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate

from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.header.table import TABLES

SHORTEST_INSIDE, SHORTEST_APART = 5, 6
"""Letters of a name that is looked for inside a word, and of what is looked for across several."""


def stands_inside(names: Iterable[str], folded: str) -> bool:
    """Tell whether a name stands inside a longer word that is no term.

    Parameters
    ----------
    names
        Folded words of at least `SHORTEST_INSIDE` letters.
    folded
        Folded text.
    """
    chosen = tuple(names)
    found = [word for word in tokens(folded) if any(name in word for name in chosen)]
    return not set(found) <= _known()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Return the words of technical terms, and of the names of makers of equipment."""
    makers = json.loads((TABLES / "vendors.json").read_text())["vendors"]
    return frozenset(load_vocabulary(()).words) | {word for name in makers for word in tokens(fold(name))}


def stands_apart(whole: Iterable[str], folded: str) -> bool:
    """Tell whether a name or number stands in text with something between its letters.

    It has to begin where a word or number begins, and to end where one ends. What has letters and
    digits in it hardly arises by chance, and may touch others.

    Parameters
    ----------
    whole
        Folded names and numbers, letters and digits only, of at least `SHORTEST_APART`.
    folded
        Folded text.
    """
    words = tokens(folded)
    letters = "".join(words)
    found = [one for one in whole if one in letters]
    if not found:
        return False
    edges = {0, *accumulate(map(len, words))}
    return any(is_mixed(one) or _fits(one, letters, edges) for one in found)


def _fits(one: str, letters: str, edges: set[int]) -> bool:
    start = letters.find(one)
    while start >= 0:
        if start in edges and start + len(one) in edges:
            return True
        start = letters.find(one, start + 1)
    return False


def is_mixed(one: str) -> bool:
    """Tell whether a text has both letters and digits, as many numbers of patients and studies have."""
    return not one.isdigit() and any(map(str.isdigit, one))


def numbers_in(number: str) -> tuple[str, ...]:
    """Return a number without what separates its parts, and its digits alone if they are many."""
    words = tokens(number)
    whole = "".join(words)
    digits = [word for word in words if word.isdigit() and word != whole]
    return tuple(one for one in (whole, *digits) if len(one) >= SHORTEST_APART and any(map(str.isdigit, one)))
