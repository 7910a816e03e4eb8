"""Needles: the original's identifiers, made ready to be looked for in text that is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.header.dummies import DATE, WORD
from scrub_pixels.header.run_together import (
    SHORTEST_APART,
    SHORTEST_INSIDE,
    numbers_in,
    stands_apart,
    stands_inside,
)

_K = IdentifierKind

_SHORTEST_NAME, _SHORTEST_ID, _SHORTEST_UID = 3, 4, 8

_IN_BYTES, _DIGITS_IN_SAMPLES = 6, 10

_MANY = 4096
"""Bytes from which it pays to drop first what no needle has."""

_LOWERED = bytes(range(256)).lower()

_PHRASE_KINDS = frozenset({_K.ID, _K.INSTITUTION, _K.ADDRESS, _K.PHONE, _K.DEVICE_SERIAL})

_NUMBER_KINDS = frozenset({_K.ID, _K.PHONE, _K.DEVICE_SERIAL})

_FIRST_IDEOGRAPHIC = "\u2e80"
"""From here on scripts write no blanks between words, so a name is looked for anywhere in the text."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_OURS = frozenset(tokens(fold(WORD))) | {"anonymous", "anonymized", "anonymised", "unknown", "none"}
"""Words that stand where an identifier was; finding them again gives nobody away."""


@dataclass(frozen=True)
class Needles:
    """What must not stand in text. The repr shows nothing of it.

    Parameters
    ----------
    words
        Single folded words, matched as whole words.
    phrases
        Folded values, matched where no letter or digit adjoins them.
    parts
        Folded words of scripts without blanks, matched anywhere.
    short
        Folded names of two letters, too common to look for; beside another name they are known.
    inside
        Folded names that are looked for within words too.
    apart
        Names, and numbers without separators, that are looked for across words too.
    """

    words: frozenset[str] = field(default=frozenset(), repr=False)
    phrases: tuple[str, ...] = field(default=(), repr=False)
    parts: tuple[str, ...] = field(default=(), repr=False)
    short: frozenset[str] = field(default=frozenset(), repr=False)
    inside: tuple[str, ...] = field(default=(), repr=False)
    apart: tuple[str, ...] = field(default=(), repr=False)

    def hit(self, text: str) -> bool:
        """Tell whether any needle stands in `text`, whatever stands between its letters or beside it."""
        folded = " ".join(fold(_visible(text)).split())
        if not self.words.isdisjoint(tokens(folded)):
            return True
        if any(map(folded.__contains__, self.parts)) or any(_stands(p, folded) for p in self.phrases):
            return True
        return self.is_run_together(folded) or stands_apart(self.apart, folded)

    def is_run_together(self, text: str) -> bool:
        """Tell whether a name stands inside a longer word that is no term."""
        return stands_inside(self.inside, fold(text))

    def removed_from(self, text: str) -> str:
        """Return `text` without the words in which a needle stands; empty if that is not enough."""
        words = text.split()
        for phrase in self.phrases:
            if " " in phrase:
                words = _without(phrase, words)
        kept = " ".join(self._without_names(words))
        return "" if self.hit(kept) else kept

    def _without_names(self, words: list[str]) -> list[str]:
        """Leave out words that are hit, and names of two letters that stand beside them."""
        gone = [self.hit(word) for word in words]
        for order in (range(len(words)), reversed(range(len(words)))):
            for place in order:
                beside = gone[max(0, place - 1) : place + 2]
                gone[place] = gone[place] or (any(beside) and fold(words[place]).strip(",.;") in self.short)
        return [word for word, dropped in zip(words, gone, strict=True) if not dropped]

    def in_bytes(self, content: bytes, samples: bool = False) -> bool:
        """Tell whether a needle of at least 6 characters stands in binary data, in ASCII or UTF-16.

        Ten neighbouring grey levels spell digits: where `samples` stand in it as they are, a smooth picture
        holds short numbers by chance, and only longer ones count.
        """
        least = _DIGITS_IN_SAMPLES if samples else _IN_BYTES
        long = [n for n in self._spelt if len(n) >= least or not n.isdigit()]
        if len(content) > _MANY:
            # What is left when all other bytes go holds every needle still, UTF-16 without its zeros too.
            spelling = content.translate(_LOWERED, self._no_letters)
            long = [n for n in long if n.encode() in spelling or "\0" in n]
        lowered = content.lower() if long else b""
        # Without the last zero, what is found in UTF-16 stands there in either byte order.
        return any(n.encode() in lowered or n.encode("utf-16-le")[:-1] in lowered for n in long)

    @cached_property
    def _spelt(self) -> tuple[str, ...]:
        """What is looked for in binary data."""
        return tuple(n for n in (*self.words, *self.phrases) if len(n) >= _IN_BYTES and n.isascii())

    @cached_property
    def _no_letters(self) -> bytes:
        """The bytes that stand in nothing that is looked for; zeros always: UTF-16 has one for a letter."""
        letters = "".join(self._spelt).encode().replace(b"\0", b"")
        return bytes({*range(256)} - {*letters, *letters.upper()})


def needles_of(identity: Identity, kept: frozenset[str] = frozenset(), own: Iterable[str] = ()) -> Needles:
    """Return the needles of an Identity.

    Parameters
    ----------
    identity
        What was harvested from the original.
    kept
        Keywords of attributes that the profile keeps; their values are no secret.
    own
        Values that this project made itself (a pseudonym met again).
    """
    chosen = [i for i in identity if i.keyword not in kept and i.value not in own]
    words = {word for i in chosen if i.kind is _K.NAME for word in tokens(fold(i.value))} - _OURS
    return Needles(
        frozenset(w for w in words if len(w) >= _SHORTEST_NAME and not w.isdigit()),
        tuple(dict.fromkeys(phrase for i in chosen for phrase in _phrases(i) if phrase not in _OURS)),
        tuple(sorted(w for w in words if len(w) >= 2 and w[0] >= _FIRST_IDEOGRAPHIC)),
        frozenset(w for w in words if len(w) == 2 and w.isalpha()),
        tuple(sorted(w for w in words if len(w) >= SHORTEST_INSIDE)),
        tuple(dict.fromkeys((*(w for w in sorted(words) if len(w) >= SHORTEST_APART), *_numbers(chosen)))),
    )


def _numbers(chosen: Iterable[Identifier]) -> Iterator[str]:
    for identifier in chosen:
        if identifier.kind in _NUMBER_KINDS:
            yield from numbers_in(fold(identifier.value))


def _visible(text: str) -> str:
    """Return `text` without characters that are not seen: soft hyphens, joiners, marks of direction."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != "Cf")


def contains_identifier(text: str, identity: Identity) -> bool:
    """Tell whether `text` (a file name, a label) holds an identifier of the original."""
    return needles_of(identity).hit(text)


def _phrases(identifier: Identifier) -> Iterator[str]:
    folded = " ".join(fold(identifier.value).split())
    if identifier.kind is _K.DATE:
        yield from _dates(folded)
    elif identifier.kind is _K.UID and len(folded) >= _SHORTEST_UID:
        yield folded
    elif identifier.kind in _PHRASE_KINDS and sum(map(str.isalnum, folded)) >= _SHORTEST_ID:
        yield folded


def _dates(value: str) -> Iterator[str]:
    """Yield the common spellings of a DA or DT value; the dummy date is nobody's."""
    if not re.match(r"(1[89]|20)\d{6}", value) or value[:8] == DATE:
        return
    year, month, day = value[:4], value[4:6], value[6:8]
    yield year + month + day
    for separator in "-/. ":
        yield separator.join((year, month, day))
        yield separator.join((day, month, year))
        yield separator.join((month, day, year))
    plain = (str(int(day)), str(int(month)))
    for separator in "-/.":
        yield from (separator.join((*order, year)) for order in {plain, plain[::-1]})
    name = _MONTHS[int(month) - 1] if 1 <= int(month) <= 12 else month
    for separator in ("-", " ", ""):
        yield from (separator.join((each, name, year)) for each in {day, plain[0]})


def _without(phrase: str, words: list[str]) -> list[str]:
    """Return `words` without the runs of them that spell a phrase of several words."""
    length, start, kept = phrase.count(" ") + 1, 0, []
    if not _stands(phrase, fold(" ".join(words))):
        return words
    while start < len(words):
        found = _stands(phrase, fold(" ".join(words[start : start + length])))
        kept += [] if found else [words[start]]
        start += length if found else 1
    return kept


def _stands(phrase: str, text: str) -> bool:
    """Tell whether `phrase` stands in `text` with no letter or digit adjoining it."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        if not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
            return True
        start = text.find(phrase, start + 1)
    return False
