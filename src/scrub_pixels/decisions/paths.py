"""Names of files and folders: which parts of a path are plainly technical, and so nobody's name.

A folder may be called after a person whom no header in it names. So a part of a path is plain only
if every word of it is known, its numbers are short counters, and it shows no date: what is not
known is not plain, as it is with text in pictures.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from scrub_pixels.decisions.patterns import pattern_names
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary

SHORTEST_TERM = 3
"""Shorter words count only if they are listed: two letters may be initials."""

LARGEST_COUNTER, LARGEST_BESIDE_A_WORD, MOST_DIGITS = 999, 9999, 8
"""Numbers up to these are counters; longer ones, and more digits in one part, may be numbers of records."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_TELLING = ("date", "month", "age", "network", "person")


def is_plain(part: str) -> bool:
    """Tell whether a file or folder name is made of technical words and counters alone.

    Parameters
    ----------
    part
        One part of a path, with its suffix.
    """
    words = [word for word in tokens(fold(_CAMEL.sub(" ", part))) if word.isalpha()]
    numbers = [number for number in tokens(fold(part)) if not number.isalpha()]
    return _are_plain_words(words) and _are_counters(numbers, bool(words)) and not shows_a_date(part)


def shows_a_date(text: str) -> bool:
    """Tell whether the numbers of a path, whatever stands between them, can be a date or an age."""
    parted = re.sub(r"[\W_]+", "-", fold(text)).strip("-")
    return any(name.startswith(_TELLING) for name in pattern_names(parted))


def _are_plain_words(words: list[str]) -> bool:
    """Terms that are also names count beside one that is none; of single letters, one."""
    vocabulary, listed = load_vocabulary(), _listed()
    letters = [word for word in words if len(word) == 1]
    longer = [word for word in words if len(word) > 1 and word not in listed]
    if len(letters) > 1 or not all(_is_term(word, vocabulary) for word in longer):
        return False
    sure = any(word in listed for word in words) or any(not vocabulary.is_name(word) for word in longer)
    return sure or not longer


def _is_term(word: str, vocabulary: Vocabulary) -> bool:
    return len(word) >= SHORTEST_TERM and word in vocabulary.words and word not in vocabulary.rare


def _are_counters(numbers: list[str], has_words: bool) -> bool:
    largest = LARGEST_BESIDE_A_WORD if has_words else LARGEST_COUNTER
    short = sum(map(len, numbers)) <= MOST_DIGITS
    return short and all(number.isdecimal() and int(number) <= largest for number in numbers)


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    text = (resources.files("scrub_pixels.decisions") / "path_words.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
