"""The words that are harmless on a screen, the units, and the labels that announce an identifier.

The words are package data: ``*.txt`` files of sections. A line ``[ultrasound.mode]`` opens a
section, a line that starts with ``=`` is one phrase, any other line is words, ``#`` a comment.

* ``labels.txt``: words that announce an identifier.
* ``lone.txt``: those of them that may stay when they stand without a value.
* ``units.txt``: what may follow a number.
* ``homographs.txt``: terms that are also names, by the company they need.
* ``modalities.txt``: rare names' homographs that scanners of a modality write alone, at the edges.
* ``names.txt``: names that are one letter away from a term.
* all others: technical vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources

from scrub_pixels.decisions.spelling import fold, tokens

Tokens = tuple[str, ...]
Phrases = dict[str, tuple[tuple[Tokens, str], ...]]

_SPECIAL = ("labels", "units", "homographs", "lone", "names", "modalities")
_LARGE = "parameter.large"
_CODES = "letters.codes"
_SHORTEST_RUN = 8
"""Letters from which a phrase is known by its spelling without blanks."""

_SHORTEST_BEGINNING = 5
"""Letters from which the beginning of a term is known."""


@dataclass(frozen=True)
class Vocabulary:
    """Terms by spelling; everything folded.

    Parameters
    ----------
    words
        Section of every term of one token.
    phrases
        Terms of several tokens with their section, by first token, longest first.
    runs
        Section of every phrase of words, by its spelling without blanks; short ones are left out.
    large
        Terms after which a number of four digits is an ordinary value.
    codes
        Letters that a number may be glued to.
    company, band, rare
        Terms that are also names; `company` needs a term or a measurement in the same line,
        `band` only where a name is likely to stand, `rare` never, unless the header has it.
    lookalikes
        Names that one confusion of letters would turn into a term: they are not turned.
    names
        Names that are one letter away from a term, or begin like one: a word that is none of them, and
        as near to a term, is the term misspelt.
    ordinary
        By Modality (0008,0060): rare names' and initials' homographs that need no company where names stand.
    labels
        Section of every word that announces an identifier.
    lone_labels
        Those of them that say nothing when they stand alone, and are nobody's name.
    units
        Words that may follow a number.
    """

    words: dict[str, str] = field(repr=False)
    phrases: Phrases = field(repr=False)
    runs: dict[str, str] = field(repr=False)
    large: frozenset[str] = field(repr=False)
    codes: frozenset[str] = field(repr=False)
    company: frozenset[str] = field(repr=False)
    band: frozenset[str] = field(repr=False)
    rare: frozenset[str] = field(repr=False)
    lookalikes: frozenset[str] = field(repr=False)
    names: frozenset[str] = field(repr=False)
    ordinary: dict[str, frozenset[str]] = field(repr=False)
    labels: dict[str, str] = field(repr=False)
    lone_labels: frozenset[str] = field(repr=False)
    units: frozenset[str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.words) + sum(len(phrases) for phrases in self.phrases.values())

    def is_name(self, word: str) -> bool:
        """Tell whether a term is also a name, however rare."""
        return word in self.company or word in self.band or word in self.rare

    @cached_property
    def _by_rest(self) -> dict[str, tuple[str, ...]]:
        """Terms of some length by each of their spellings with one letter less."""
        found: dict[str, list[str]] = {}
        for word in self.words:
            if len(word) > 2:
                for rest in _with_one_less(word):
                    found.setdefault(rest, []).append(word)
        return {rest: tuple(words) for rest, words in found.items()}

    @cached_property
    def in_phrases(self) -> frozenset[str]:
        """Every word of a phrase."""
        found = (phrase for phrases in self.phrases.values() for phrase, _ in phrases)
        return frozenset(word for phrase in found for word in phrase)

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        plain = (word for word in self.words if not self.is_name(word))
        return frozenset(word[:stop] for word in plain for stop in range(_SHORTEST_BEGINNING, len(word)))

    def near(self, word: str) -> frozenset[str]:
        """Return the terms of three letters and more that one letter more, less or other makes of a word."""
        shared = {term for rest in _with_one_less(word) for term in self._by_rest.get(rest, ())}
        return frozenset(term for term in shared if term != word and _is_one_apart(term, word))

    def is_near_label(self, word: str) -> bool:
        """Tell whether another letter in one place makes a label of a word that is none."""
        alike = (label for label in self.labels if len(label) == len(word))
        return word not in self.labels and any(_is_one_apart(label, word) for label in alike)

    def begins_term(self, word: str) -> bool:
        """Tell whether a plain term begins with a word of some length, and is longer."""
        return word in self._beginnings

    def is_someone(self, word: str) -> bool:
        """Tell whether a word that is no term is on the lists of names that look like one."""
        return word in self.lookalikes or word in self.names

    def phrase_at(self, texts: Tokens, start: int) -> tuple[int, str] | None:
        """Return the number of tokens and the section of the longest phrase that begins at `start`."""
        for phrase, section in self.phrases.get(texts[start], ()):
            if texts[start : start + len(phrase)] == phrase:
                return len(phrase), section
        return None


def _with_one_less(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _is_one_apart(one: str, other: str) -> bool:
    """Tell whether two different words differ by one letter more, less or other."""
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return len(long) - len(short) == 1 and short in _with_one_less(long)


@lru_cache(maxsize=16)
def load_vocabulary(extra: tuple[str, ...] = ()) -> Vocabulary:
    """Return the built-in vocabulary, with `extra` terms under the section ``extra``."""
    terms = [*_technical(), *((tokens(fold(term)), "extra") for term in extra)]
    homographs = _by_section("homographs")
    return Vocabulary(
        words=_words((term, section) for term, section in terms if section != _CODES),
        phrases=_phrases(terms),
        runs=_runs(terms),
        large=frozenset(t[0] for t, section in terms if section == _LARGE and len(t) == 1),
        codes=frozenset(t[0] for t, section in terms if section == _CODES),
        company=homographs["company"],
        band=homographs["band"],
        rare=homographs["rare"],
        lookalikes=homographs["lookalike"],
        names=_by_section("names")["near"],
        ordinary=_by_section("modalities"),
        labels=_words(_read("labels")),
        lone_labels=_by_section("lone")["lone"],
        units=_by_section("units")["unit"],
    )


def _technical() -> Iterator[tuple[Tokens, str]]:
    names = sorted(entry.name for entry in resources.files(__name__).iterdir() if entry.name.endswith(".txt"))
    for name in names:
        if name.removesuffix(".txt") not in _SPECIAL:
            yield from _read(name.removesuffix(".txt"))


def _words(terms: Iterable[tuple[Tokens, str]]) -> dict[str, str]:
    words: dict[str, str] = {}
    for term, section in terms:
        if len(term) == 1:
            words.setdefault(term[0], section)
    return words


def _phrases(terms: Iterable[tuple[Tokens, str]]) -> Phrases:
    by_first: dict[str, dict[Tokens, str]] = {}
    for term, section in terms:
        if len(term) > 1:
            by_first.setdefault(term[0], {}).setdefault(term, section)
    return {
        first: tuple(sorted(found.items(), key=lambda item: -len(item[0])))
        for first, found in by_first.items()
    }


def _runs(terms: Iterable[tuple[Tokens, str]]) -> dict[str, str]:
    """Return the phrases that nobody takes for one word of a name when their blanks are lost."""
    runs: dict[str, str] = {}
    for term, section in terms:
        run = "".join(term)
        if len(term) > 1 and len(run) >= _SHORTEST_RUN and run.isalpha():
            runs.setdefault(run, section)
    return runs


def _by_section(name: str) -> dict[str, frozenset[str]]:
    sections: dict[str, set[str]] = {}
    for term, section in _read(name):
        sections.setdefault(section, set()).update(term[:1])
    return {section: frozenset(words) for section, words in sections.items()}


def _read(name: str) -> Iterator[tuple[Tokens, str]]:
    """Yield the terms of one file with their section."""
    section = ""
    text = (resources.files(__name__) / f"{name}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped.strip("[]")
        elif stripped and not stripped.startswith("#"):
            yield from ((term, section) for term in _terms(stripped) if term)


def _terms(line: str) -> Iterator[Tokens]:
    if line.startswith("="):
        yield tokens(fold(line[1:]))
    else:
        yield from (tokens(fold(word)) for word in line.split())
