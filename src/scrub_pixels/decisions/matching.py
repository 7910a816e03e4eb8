"""Matching: whether a reading shows an identifier of the header, in whatever form screens write it.

Names are compared word by word (any order, exact, by skeleton, within one or two errors, cut off),
and run together; numbers with separators and leading zeros dropped, and cut off; dates and times by
all spellings their values can have. Every hit says which words it rests on, so that the judge can
tell a patient called Long from the long axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity
from scrub_pixels.decisions.spelling import as_digits, compact, fold, skeleton, spelt_out, tokens

_K = IdentifierKind

_PARTICLES = frozenset(
    "van von der den del de la le di da dos du el al bin ibn st mc mac san and of the for dr prof md mr mrs "
    "ms jr sr ii iii phd rn rdms rvt inc ltd llc gmbh co corp".split()
)
"""Words in names and addresses that identify nobody."""

_PERSONAL_IDS = frozenset({"PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID"})
"""Numbers that identify even without a digit; a step or a protocol without one is a description."""

_SHORTEST_WORD = 3
_SHORTEST_CUT = 4
_SHORTEST_CUT_MARKED = 3
_SHORTEST_RUN = 6
_SHORTEST_ID = 4
_DIGIT = re.compile(r"\d")
_ELLIPSIS = re.compile(r"(?:\.{2,}|…|~|\*)\s*$")


@dataclass(frozen=True, slots=True)
class Hit:
    """An identifier that a reading shows.

    Parameters
    ----------
    keyword
        The attribute.
    form
        How it is shown: ``word``, ``similar word``, ``cut off``, ``run together``, ``number`` ...
    personal
        True for a person's name or number, False for a place's.
    words
        The folded words of the reading it rests on; empty if it rests on the whole reading.
    """

    keyword: str
    form: str
    words: tuple[str, ...] = field(default=(), repr=False)
    personal: bool = True

    @property
    def whole(self) -> bool:
        """True if the hit needs no further proof: it rests on the whole reading, not on one word."""
        return not self.words


@dataclass(frozen=True, slots=True)
class _Word:
    keyword: str
    text: str = field(repr=False)
    skeleton: str = field(repr=False)


@dataclass(frozen=True)
class Matcher:
    """The forms of every identifier of an Identity, prepared once and compared many times."""

    identity: Identity

    def hits(self, reading: str) -> tuple[Hit, ...]:
        """Return every identifier that `reading` shows, each with the form it was known by."""
        folded = fold(reading)
        words = tuple(dict.fromkeys((*tokens(folded), *_misread_words(folded))))
        found: tuple[Hit, ...] = (
            *self._short_hits(folded),
            *self._word_hits(words, bool(_ELLIPSIS.search(folded))),
            *self._run_hits(folded),
        )
        if _DIGIT.search(folded):
            found = (*found, *self._number_hits(folded), *self._moment_hits(folded))
        return tuple(dict.fromkeys(found))

    # -- prepared forms ---------------------------------------------------------------------

    @cached_property
    def _words(self) -> tuple[_Word, ...]:
        named = (_K.NAME, _K.INSTITUTION, _K.ADDRESS)
        return tuple(
            _Word(i.keyword, word, skeleton(word))
            for i in self.identity.of(*named)
            for word in _words_of(i.value)
            if len(word) >= _SHORTEST_WORD and word not in _PARTICLES
        )

    @cached_property
    def _by_word(self) -> dict[str, str]:
        return {w.text: w.keyword for w in reversed(self._words)}

    @cached_property
    def _by_skeleton(self) -> dict[str, str]:
        return {w.skeleton: w.keyword for w in reversed(self._words)}

    @cached_property
    def _person_keywords(self) -> frozenset[str]:
        return frozenset(i.keyword for i in self.identity.of(_K.NAME))

    @cached_property
    def _person_words(self) -> tuple[_Word, ...]:
        persons = (w for w in self._words if w.keyword in self._person_keywords and len(w.text) >= 4)
        return tuple(dict.fromkeys(persons))

    @cached_property
    def _whole(self) -> dict[str, str]:
        """Values as a whole: for those too short or too ordinary to be looked for inside a line."""
        kinds = (_K.NAME, _K.ID, _K.INSTITUTION, _K.ADDRESS, _K.DEVICE_SERIAL, _K.PHONE)
        values = (
            (compact(text), i.keyword)
            for i in self.identity.of(*kinds)
            for text in _spellings(i.value)
            if i.kind is not _K.ID or i.keyword in _PERSONAL_IDS or any(c.isdigit() for c in text)
        )
        return {value: keyword for value, keyword in values if len(value) >= 2}

    @cached_property
    def _short(self) -> dict[str, str]:
        """Short names by skeleton, for readings with digits among the letters (``O8`` for ``OB``)."""
        return {skeleton(v): k for v, k in self._whole.items() if v.isalpha() and len(v) <= _SHORTEST_WORD}

    @cached_property
    def _runs(self) -> tuple[tuple[str, str], ...]:
        """Names and institutions run together, in both orders."""
        runs = (
            (run, i.keyword)
            for i in self.identity.of(_K.NAME, _K.INSTITUTION, _K.ADDRESS)
            for run in _run_together(i.value)
            if len(run) >= _SHORTEST_RUN
        )
        return tuple(dict.fromkeys((skeleton(run), keyword) for run, keyword in runs))

    @cached_property
    def _numbers(self) -> tuple[tuple[str, str], ...]:
        kinds = (_K.ID, _K.PHONE, _K.DEVICE_SERIAL)
        values = ((form, i.keyword) for i in self.identity.of(*kinds) for form in _number_forms(i.value))
        return tuple(dict.fromkeys((v, keyword) for v, keyword in values if _tells(v)))

    @cached_property
    def _moments(self) -> dict[str, str]:
        spelt = (
            (form, i.keyword)
            for i in self.identity.of(_K.DATE, _K.TIME)
            for form in (_date_forms(i) if i.kind is _K.DATE else _time_forms(i))
        )
        return {form: keyword for form, keyword in spelt}

    # -- comparisons ------------------------------------------------------------------------

    def _short_hits(self, folded: str) -> Iterator[Hit]:
        """A reading that is nothing but a value, or the beginning of one that was cut off."""
        bare = compact(folded)
        keyword = self._whole.get(bare)
        if keyword is not None:
            yield Hit(keyword, "whole value", () if len(bare) > _SHORTEST_WORD else (bare,))
        elif bare.isalnum() and not bare.isalpha() and not bare.isdigit() and skeleton(bare) in self._short:
            yield Hit(self._short[skeleton(bare)], "similar word")

    def _word_hits(self, words: Iterable[str], cut: bool) -> Iterator[Hit]:
        for word in words:
            if len(word) < _SHORTEST_WORD:
                continue
            if word in self._by_word:
                yield self._word_hit(self._by_word[word], "word", word)
            elif (len(word) > _SHORTEST_WORD or not word.isalpha()) and skeleton(word) in self._by_skeleton:
                yield self._word_hit(self._by_skeleton[skeleton(word)], "similar word", word)
            else:
                yield from self._nearly(word, cut)

    def _word_hit(self, keyword: str, form: str, word: str) -> Hit:
        return Hit(keyword, form, (word,), keyword in self._person_keywords)

    def _nearly(self, word: str, cut: bool) -> Iterator[Hit]:
        least = _SHORTEST_CUT_MARKED if cut else _SHORTEST_CUT
        for name in self._person_words:
            if len(word) >= least and len(name.text) > len(word) and name.text.startswith(word):
                yield Hit(name.keyword, "cut off", (word,))
            elif within(word, name.text, _errors_allowed(name.text)):
                yield Hit(name.keyword, "similar word", (word,))

    def _run_hits(self, folded: str) -> Iterator[Hit]:
        line = skeleton(compact(folded))
        for run, keyword in self._runs:
            if run in line:
                yield Hit(keyword, "run together")

    def _number_hits(self, folded: str) -> Iterator[Hit]:
        chunks = {chunk for chunk in map(_bare, (*folded.split(), folded)) if _tells(chunk)}
        for value, keyword in self._numbers:
            if any(_same_number(chunk, value) for chunk in chunks):
                yield Hit(keyword, "number")

    def _moment_hits(self, folded: str) -> Iterator[Hit]:
        for chunk in (*folded.split(), folded):
            keyword = self._moments.get(chunk.strip(" ()[],;*"))
            if keyword is not None:
                yield Hit(keyword, "date or time")


def _misread_words(folded: str) -> Iterator[str]:
    """Yield the words in which digits stand among the letters (``d0e``)."""
    for chunk in map(compact, folded.split()):
        if any(c.isdigit() for c in chunk) and any(c.isalpha() for c in chunk):
            yield chunk


def _spellings(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((fold(value), spelt_out(value))))


def _words_of(value: str) -> tuple[str, ...]:
    """Return the words of a value; hyphenated and apostrophed ones also run together."""
    words = [word for text in _spellings(value) for word in tokens(text) if word.isalpha()]
    joined = [
        compact(part) for text in _spellings(value) for part in re.split(r"[\s^=,;]+", text)
        if re.search(r"[-'.]", part) and not any(c.isdigit() for c in part)
    ]  # fmt: skip
    return tuple(dict.fromkeys((*words, *joined)))


def _run_together(value: str) -> Iterator[str]:
    for text in _spellings(value):
        for group in text.split("="):
            parts = [compact(part) for part in re.split(r"[\s^,]+", group) if compact(part)]
            if len(parts) > 1:
                yield "".join(parts)
                yield parts[1] + parts[0]
                yield parts[0] + parts[1]


def _number_forms(value: str) -> tuple[str, ...]:
    """Return a number whole and, where letters lead it, without them."""
    whole = _bare(value)
    return tuple(dict.fromkeys((whole, re.sub(r"^[a-z]+0*", "", whole))))


def _bare(text: str) -> str:
    """Return the letters and digits of a number without leading zeros."""
    return compact(fold(text)).lstrip("0")


def _tells(value: str) -> bool:
    return len(value) >= _SHORTEST_ID and any(c.isdigit() for c in value)


def _same_number(chunk: str, value: str) -> bool:
    """Tell whether a chunk is a number, holds it, is cut from it, or is it misread."""
    if chunk == value or value.startswith(chunk) or (len(value) > _SHORTEST_ID and value in chunk):
        return True
    return len(chunk) > _SHORTEST_ID and as_digits(value).lstrip("0") == as_digits(chunk).lstrip("0")


def _errors_allowed(name: str) -> int:
    return 2 if len(name) >= 9 else 1 if len(name) >= 5 else 0


def within(one: str, other: str, most: int) -> bool:
    """Tell whether two words differ by at most `most` insertions, deletions or substitutions."""
    if most == 0 or abs(len(one) - len(other)) > most or len(set(one) - set(other)) > most:
        return False
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
        if min(row) > most:
            return False
    return row[-1] <= most


_ENGLISH_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def _date_forms(identifier: Identifier) -> Iterator[str]:
    """Yield the spellings of a date that no pattern tells from an ordinary number."""
    digits = re.sub(r"\D", "", identifier.value)[:8]
    if len(digits) != 8:
        return
    year, month, day = digits[:4], digits[4:6], digits[6:]
    numeric = ((year, month, day), (day, month, year), (month, day, year))
    for parts in (*numeric, (year[2:], month, day), (day, month, year[2:]), (month, day, year[2:])):
        yield "".join(parts)
        yield from (sep.join(parts) for sep in "-/. ")
    yield from (f"{a}{sep}{b}" for a, b in ((day, month), (month, day), (month, year[2:])) for sep in "-/.")
    if 1 <= int(month) <= 12:
        yield from (f"{day}{sep}{_ENGLISH_MONTHS[int(month) - 1]}" for sep in ("", "-", " "))


def _time_forms(identifier: Identifier) -> Iterator[str]:
    digits = re.sub(r"\D", "", identifier.value.split(".")[0])
    if len(digits) >= 6:
        hour, minute, second = digits[:2], digits[2:4], digits[4:6]
        yield hour + minute + second
        yield from (sep.join((hour, minute, second)) for sep in ":.-; ")
        yield from (sep.join((hour, minute)) for sep in ":;h")
