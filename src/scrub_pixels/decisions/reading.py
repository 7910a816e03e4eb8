"""Reading: all witnesses that can be heard on one reading alone, in one ordered table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from scrub_pixels.decisions.findings import Evidence, EvidenceKind
from scrub_pixels.decisions.matching import Hit, Matcher
from scrub_pixels.decisions.patterns import pattern_names
from scrub_pixels.decisions.scan import CUT_TERM, MISSPELT, Atom, AtomKind, prepared, scan
from scrub_pixels.decisions.spelling import as_digits, tokens
from scrub_pixels.decisions.vocabulary import Vocabulary

_ORIENTATIONS = frozenset("lrapsihfv")
_MOST_LETTERS = 3
_DESIGNATIONS = frozenset({"probe", "scan range"})
_DIGIT_IN_WORD = re.compile(
    r"(?<![a-z\d])(?:[a-z]{1,15}(?:(?:00|[012568])[a-z]{1,15}){1,4}|[0158][a-z]{2,15}|0+[a-z]{1,15})(?![a-z\d])"
    r"|(?<![a-z\d])[a-z]{1,15}(?:(?:00|[015])[a-z]{1,15}){1,4}[01](?![a-z\d]|[.,]\d)"
)
"""A word in which digits stand for letters, before one of them or behind; ``G5C1`` has too few letters."""

_ON_A_BREAST = frozenset({"breast", "rad", "arad", "antirad", "fn", "cmfn", "nipple", "areola", "subareolar"})
_SIDED_BREASTS = frozenset({"rtbreast", "ltbreast", "rightbreast", "leftbreast"})
_CLOCK_FACE = re.compile(r"^[^:;]*(?<!\d)(?:1[0-2]|[1-9]):[03]0(?!\s?[:;\d])[^:;]*$")
_MISREAD_CLOCK_FACE = re.compile(r"^[^:;]*breast\s?(?<!\d)1[68]:[03]0\s?n\+\d(?!\d)[^:;\d]*$")
"""``18:00 N+4`` is ten o'clock, four centimetres from the nipple, whatever the nought was taken for."""

_TIMER = re.compile(r"^\+\s?\d{1,2}:[0-5]\d:[0-5]\d$")
_REPAIRED = re.compile(r"[a-z]+\d+[a-z]+")
_LARGEST = 5
_LONE_TERM = 6
_TUBE_ROW = re.compile(
    r"(?:[a-z]+\s+)?(?:\d{1,2}\s+)?(?:70|80|90|1[0-5]0|135)\s+\d{2,3}\s?milliamps?(?:\s+\d{0,3}[.,]\d{1,2})+"
)
_ELLIPSIS = r"\s?(?:(?:\.\s?){2,}|\u2026)\s*$"
_CUT_VALUE = re.compile(
    rf"^(?:[^.\u2026~]|(?<=\d)\.(?=\d))*?[a-z]\s?[:=<>]?\s?\d{{1,3}}(?:[.,]\d{{1,2}})?{_ELLIPSIS}"
)
_CUT = re.compile(rf"[a-z]{_ELLIPSIS}")
_CUT_BEHIND_BLANK = re.compile(r"[a-z]\s(?:(?:\.\s?){2,}|\u2026)\s*$")
_LEAST_BEFORE_CUT, _MOST_CUT, _LEAST_WHOLE = 3, 2, 5
_CUT_CLOCK = re.compile(rf":[03]0?{_ELLIPSIS}")
_CUT_CLOCK_FACE = re.compile(rf"^[^:;]*breast\s(?:1[0-2]|[1-9]):[03]{_ELLIPSIS}")
_CONTROL_ROW = re.compile(r"(?:\d{4}\s+)?\d{1,2}\.\d(?:\s+[a-z]{1,2}\d{1,3}){2,}")
_FRACTION = re.compile(r"[=<>]\s?\d{1,3}[.,]\d*$")
_THREE_DIGITS = re.compile(r"\d{3,}")
_DIGIT = re.compile(r"\d")
_CHUNK = re.compile(r"\S+")
_DIGIT_BY_NUMBER = re.compile(
    r"(?<=\d)[oilsb]+(?=\d)|(?<=[-/.:])[oilsb](?=\d{1,3}(?![\d.]))|(?<![a-z\d])[oilsb](?=\d{0,3}[-/:])"
    r"|(?<=\d)[oilsb](?![a-z\d])"
)
_LINKS = frozenset({"of", "de", "del", "di", "no", "nr"})
_WITH_CAPTIONS = frozenset({"date", "data", "datum", "time"})
_LONG_NUMBER = re.compile(r"(?<![\d.,])\d{4,}(?![\d.,])")
_A = AtomKind
_NOT_KNOWN = frozenset({_A.UNKNOWN, _A.LABEL, _A.LONG_NUMBER})
_TERMS_OR_RARE = frozenset({_A.TERM, _A.BAND_NAME})
DIGIT_IN_WORD = "digit in a word"
_GUESSED = frozenset({CUT_TERM, MISSPELT})
_OF_THE_BODY = ("anatomy.", "measurement.", "units.", "parameter.")
_DIRECTIONS = frozenset({"anatomy.side", "anatomy.orientation"})
_NAMES = frozenset({_A.COMPANY_NAME, _A.BAND_NAME})
_SHORT_LABEL = re.compile(r"(?<![a-z\d])[a-z]{2}\s?:\s?$")
_IN_SENTENCES = frozenset({_A.TERM, _A.COMPANY_NAME})
_VOUCHING = frozenset({_A.TERM, _A.MEASURE})


@dataclass(frozen=True)
class Heard:
    """One reading with everything the witnesses look at.

    Parameters
    ----------
    text
        The folded reading, impossible spellings undone.
    atoms
        What it is made of.
    hits
        The identifiers of the header it shows.
    in_band
        True if it stands where names usually stand.
    trusted
        Words that this Instance's header vouches for (its maker's name, say).
    captions
        Labels that may stand alone.
    capitals
        Where in the text a capital L stands.
    ordinary
        Terms that are also rare names, and that scanners of this modality write where names stand.
    """

    text: str = field(repr=False)
    atoms: tuple[Atom, ...] = field(repr=False)
    hits: tuple[Hit, ...] = field(repr=False)
    in_band: bool = False
    trusted: frozenset[str] = field(default=frozenset(), repr=False)
    captions: frozenset[str] = field(default=frozenset(), repr=False)
    capitals: frozenset[int] = field(default=frozenset(), repr=False)
    ordinary: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_measurement(self) -> bool:
        """True if a number with a unit or a label is in it."""
        return any(atom.kind is _A.MEASURE for atom in self.atoms)

    @property
    def with_digits(self) -> str:
        """The text with misread digits turned back, empty if there are none.

        Terms with digits in them (``B30s``), probes and numbers with units are left out.
        """
        if not _DIGIT.search(self.text):
            return ""
        chunks = [self._spelled(match) for match in _CHUNK.finditer(self.text) if not self._is_known(match)]
        turned = [_turned_to_digits(chunk) for chunk in chunks]
        return " ".join(turned) if turned != chunks else ""

    def _spelled(self, chunk: re.Match[str]) -> str:
        """Return a chunk with its capital L marked: nobody reads one for a digit, as a small one is."""
        marked = ("k" if i in self.capitals else self.text[i] for i in range(chunk.start(), chunk.end()))
        return "".join(marked)

    def _is_known(self, chunk: re.Match[str]) -> bool:
        """Tell whether known designations and measurements cover a chunk, but for the marks in it."""
        known = [a for a in self.atoms if a.kind in _VOUCHING or a.detail in _DESIGNATIONS]
        setting = {n.start for n in known if n.detail == "labelled number"}
        known += [a for a, n in pairwise(self.atoms) if a.kind is _A.LETTER and n.start in setting]
        places = [i for i in range(chunk.start(), chunk.end()) if self.text[i].isalnum()]
        return all(any(a.start <= i < a.stop for a in known) for i in places)

    @property
    def is_caption(self) -> bool:
        """True if it is nothing but labels that are nobody's name, terms before them (``Exam Date:``)."""
        labels = [atom.text for atom in self.atoms if atom.kind is _A.LABEL]
        if not labels or self.atoms[-1].kind is not _A.LABEL or ":" in self.text[: self.atoms[-1].start]:
            return False
        plain = all(a.kind in {_A.TERM, _A.LABEL} or a.text in _LINKS for a in self.atoms)
        known = self.captions | _WITH_CAPTIONS
        return plain and set(labels) <= known and not set(labels) <= _WITH_CAPTIONS

    @property
    def has_company(self) -> bool:
        """True if something in it is a plain term or a measurement, so that it is not a lone name."""
        return any(atom.kind in _VOUCHING for atom in self.atoms)


def _turned_to_digits(chunk: str) -> str:
    """Return a chunk in which letters may be misread digits as the number it would then be."""
    digits = as_digits(chunk)
    numeric = not any(c.isalpha() for c in digits)
    if numeric and sum(c.isdigit() for c in chunk) > 1:
        return digits
    return _DIGIT_BY_NUMBER.sub(lambda match: as_digits(match.group()), chunk)


@dataclass(frozen=True)
class Lexicon:
    """What readings are compared with: vocabulary, header, words the header vouches for, and words that
    scanners of its modality write where names stand."""

    vocabulary: Vocabulary = field(repr=False)
    matcher: Matcher = field(repr=False)
    trusted: frozenset[str] = field(default=frozenset(), repr=False)
    ordinary: frozenset[str] = field(default=frozenset(), repr=False)


def hear(reading: str, lexicon: Lexicon, in_band: bool) -> Heard:
    """Return a reading prepared for the witnesses."""
    text = prepared(reading, lexicon.vocabulary)
    aligned = len(text) == len(reading)
    return Heard(
        text=text,
        atoms=scan(reading, lexicon.vocabulary),
        hits=lexicon.matcher.hits(reading),
        in_band=in_band,
        trusted=lexicon.trusted,
        ordinary=lexicon.ordinary,
        captions=lexicon.vocabulary.lone_labels,
        capitals=frozenset(i for i, c in enumerate(reading) if c == "L" and aligned),
    )


def header_match(heard: Heard) -> Iterator[Evidence]:
    """An identifier of the header, unless it can only be a term that looks like one."""
    for hit in heard.hits:
        if not hit.personal and hit.form == "word" and _is_lone_term(heard):
            continue
        excused = any(excuse(hit, heard) for excuse in (_is_ordinary_number, _is_term, _is_maker))
        if hit.whole or not excused:
            yield Evidence(EvidenceKind.HEADER_MATCH, f"{hit.keyword}, {hit.form}", True)


def _is_lone_term(heard: Heard) -> bool:
    """Tell whether a line is one plain term: ``Vascular`` tells no institution from another."""
    return [a.kind for a in heard.atoms] == [_A.TERM] and len(heard.atoms[0].text) >= _LONE_TERM


def _is_ordinary_number(hit: Hit, heard: Heard) -> bool:
    """A number of two or three digits is an identifier only where names usually stand."""
    return all(word.isdigit() for word in hit.words) and not heard.in_band


def _is_maker(hit: Hit, heard: Heard) -> bool:
    """Tell whether a word of the institution's name is the maker's, and nothing else stands beside it.

    ``PHILIPS`` is the logo even at *Philips Healthcare*; ``Philips Hospital`` is a place.
    """
    known = (a.text in heard.trusted or a.kind in _VOUCHING for a in heard.atoms)
    return not hit.personal and set(hit.words) <= heard.trusted and all(known)


def _is_term(hit: Hit, heard: Heard) -> bool:
    """Tell whether a header word is only the homograph of a term.

    The rule: the words of the hit must be vocabulary, and beside them the line must hold another plain
    term of two letters and more, or a measurement, that no hit rests on; where names usually stand, two
    if it is a person's. A phrase of the vocabulary (``long axis``) counts as a term. Where names do not
    usually stand, a plain term is a term even if it could be the cut-off beginning of a name, or is a
    word of the institution's name (``General``).
    """
    sure = (a for a in heard.atoms if a.kind not in _NOT_KNOWN and a.detail not in _GUESSED)
    known = {word: a.kind for a in sure for word in tokens(a.text)}
    if not set(hit.words) <= known.keys():
        return False
    if not heard.in_band and (hit.form == "cut off" or not hit.personal):
        if all(known[word] in _TERMS_OR_RARE for word in hit.words):
            return True
    named = {word for other in heard.hits for word in other.words}
    others = [a for a in heard.atoms if a.kind in _VOUCHING and not set(tokens(a.text)) <= named]
    return len(others) >= (2 if heard.in_band and hit.personal else 1)


def patterns(heard: Heard) -> Iterator[Evidence]:
    """Dates, times, numbers of records, telephones, ages, initials."""
    clock = {"time", "grouped digits"} if _is_clock_face(heard) or _is_timer(heard) else set()
    known = clock | ({"grouped digits"} if _is_table_row(heard) or _is_control_row(heard) else set())
    known |= {"cut by an ellipsis"} if _is_cut_setting(heard) or _is_cut_term(heard) else set()
    for name in pattern_names(_without_repaired(heard)):
        if name not in known:
            yield Evidence(EvidenceKind.PATTERN, name, True)


def _without_repaired(heard: Heard) -> str:
    """Return the text without scan ranges, large settings, and terms in which a digit stands for a letter."""
    text = heard.text
    for atom in heard.atoms:
        repaired = atom.kind in _TERMS_OR_RARE and _REPAIRED.fullmatch(atom.text)
        huge = atom.detail == "labelled number" and len(atom.text) == _LARGEST
        if repaired or huge or atom.detail == "scan range":
            text = text[: atom.start] + "x" * len(atom.text) + text[atom.stop :]
    return text


def _is_table_row(heard: Heard) -> bool:
    """Tell whether a line is a row of a dose table: a tube's voltage and its current in mA, then fractions.

    ``Topogram 1 120 35 mA 5.5 0.6``: numbers of records and dates would have to hold a voltage and a unit.
    """
    return _TUBE_ROW.fullmatch(heard.text) is not None


def _is_cut_setting(heard: Heard) -> bool:
    """Tell whether what an ellipsis cuts is the short value of a setting (``Depth 7...``)."""
    kinds = [atom.kind for atom in heard.atoms[-2:]]
    if _is_clock_face(heard) and _CUT_CLOCK.search(heard.text):
        return True
    if _CUT_VALUE.search(heard.text) is None or len(kinds) < 2 or kinds[1] not in {_A.NUMBER, _A.MEASURE}:
        return False
    rare = kinds[0] is _A.BAND_NAME and any(atom.kind is _A.TERM for atom in heard.atoms[:-2])
    return kinds[0] is _A.TERM or rare


def _is_cut_term(heard: Heard) -> bool:
    """Tell whether what an ellipsis cuts is a term: the beginning of a long one (``CrossXB...``).

    Or it is a letter or two after a sentence of terms (``Grayscale and color Doppler i...``): after less it
    may be a label or a place (``Study D...``, ``General H...``). Behind a blank nothing of the next word is
    left, and the last one is whole (``ACHILLES ...``).
    """
    if not heard.atoms or _CUT.search(heard.text) is None:
        return False
    *before, last = heard.atoms
    plain = len(before) >= _LEAST_BEFORE_CUT and any(a.kind is _A.TERM for a in before)
    short = last.kind is not _A.UNKNOWN and last.text.isalpha() and len(last.text) <= _MOST_CUT
    whole = last.kind is _A.TERM and len(last.text) >= _LEAST_WHOLE and _CUT_BEHIND_BLANK.search(heard.text)
    if whole and all(a.kind is _A.TERM for a in before):
        return True
    return last.detail == CUT_TERM or plain and short and all(a.kind in _IN_SENTENCES for a in before)


def _is_control_row(heard: Heard) -> bool:
    """Tell whether a line is settings with their numbers glued to them, a probe's number before them."""
    return _CONTROL_ROW.fullmatch(heard.text) is not None


def _is_clock_face(heard: Heard) -> bool:
    """Tell whether ``10:00`` is a position on a breast rather than a time of day."""
    words = {word for atom in heard.atoms for word in tokens(atom.text)}
    breast = bool(words & _ON_A_BREAST) or any(word in _SIDED_BREASTS for word in words)
    return breast and any(p.search(heard.text) for p in (_CLOCK_FACE, _MISREAD_CLOCK_FACE, _CUT_CLOCK_FACE))


def _is_timer(heard: Heard) -> bool:
    """Tell whether a time is one that has passed: with a plus sign before it, and no time of the header.

    Clocks show no sign, and the header's times are those that a time of day would be near.
    """
    return _TIMER.match(heard.text) is not None and not heard.hits


def misread_digits(heard: Heard) -> Iterator[Evidence]:
    """The same, where letters were read for digits (``12-O7-94``, ``31S5``)."""
    text = heard.with_digits
    if text:
        for name in (*pattern_names(text), *(["long number"] if _LONG_NUMBER.search(text) else ())):
            yield Evidence(EvidenceKind.PATTERN, f"{name}, misread", True)


def labels(heard: Heard) -> Iterator[Evidence]:
    """A word that announces an identifier; without one in its line it is only a caption."""
    caption = heard.is_caption
    for atom in heard.atoms:
        if atom.kind is _A.LABEL:
            yield Evidence(EvidenceKind.LABEL, atom.detail.removeprefix("label."), not caption)


def unknown_words(heard: Heard) -> Iterator[Evidence]:
    """Words that are not vocabulary, and units and codes that stand without their number."""
    count = sum(atom.kind is _A.UNKNOWN for atom in heard.atoms)
    if count:
        yield Evidence(EvidenceKind.UNKNOWN_WORD, f"{count} unknown", True)


def long_numbers(heard: Heard) -> Iterator[Evidence]:
    """Numbers too long for a measurement, without unit or label."""
    row = _is_control_row(heard)
    for atom in heard.atoms:
        if atom.kind is _A.LONG_NUMBER and not (row and atom is heard.atoms[0]):
            yield Evidence(EvidenceKind.PATTERN, atom.detail, True)


def lone_names(heard: Heard) -> Iterator[Evidence]:
    """Terms that are also names, without the company that shows them to be terms."""
    for atom in heard.atoms:
        if atom.text in heard.trusted or (heard.is_caption and atom.text in _LINKS):
            continue
        if atom.kind in _NAMES and _follows_short_label(atom, heard):
            yield Evidence(EvidenceKind.LABEL, "a term that is also a name, after a colon", True)
        elif atom.kind is _A.COMPANY_NAME and not heard.has_company:
            yield Evidence(EvidenceKind.UNKNOWN_WORD, "a term that is also a common name", True)
        elif len(heard.atoms) == 1 and _may_be_initials(atom, heard):
            if heard.in_band:
                yield Evidence(EvidenceKind.POSITION, "maybe initials, where names stand", True)
            elif not atom.detail.startswith(_OF_THE_BODY):
                yield Evidence(EvidenceKind.PATTERN, "maybe initials", True)
        elif atom.kind is _A.BAND_NAME and not _has_number_or_company(heard):
            yield from _as_name(heard, atom)


def _follows_short_label(atom: Atom, heard: Heard) -> bool:
    """Tell whether two letters and a colon stand before an atom: ``PL: LONG`` was ``Pt: LONG``."""
    return _SHORT_LABEL.search(heard.text[: atom.start]) is not None


def _may_be_initials(atom: Atom, heard: Heard) -> bool:
    """``GB`` or ``TH`` alone in a header is someone's initials rather than a term; a side is a side."""
    marked = "%" in heard.text or heard.text.endswith(":")
    plain = atom.detail in _DIRECTIONS or atom.text in heard.ordinary or marked
    return atom.kind is _A.TERM and len(atom.text) == 2 and atom.text.isalpha() and not plain


def _as_name(heard: Heard, atom: Atom) -> Iterator[Evidence]:
    alone = len(heard.atoms) == 1 and atom.text in heard.ordinary
    if heard.in_band and not alone:
        yield Evidence(EvidenceKind.POSITION, "a term that is also a name, where names stand", True)
    elif _has_initial(heard) or _glued_numbers(heard):
        yield Evidence(EvidenceKind.PATTERN, "a term that is also a name, with an initial or a digit", True)


def _has_initial(heard: Heard) -> bool:
    """Tell whether single letters stand in it, but for the value of a term (``Lat: F``)."""
    letters = [atom for atom in heard.atoms if atom.kind is _A.LETTER]
    value = len(heard.atoms) == 2 and ":" in heard.text[heard.atoms[0].stop : heard.atoms[1].start]
    return bool(letters) and not (value and letters == [heard.atoms[1]])


def _has_number_or_company(heard: Heard) -> bool:
    numbers = {atom for atom in heard.atoms if atom.kind in {_A.NUMBER, _A.CODE}}
    return heard.has_company or bool(numbers - _glued_numbers(heard))


def _glued_numbers(heard: Heard) -> set[Atom]:
    """Return single digits glued to a name: more likely its last letter, misread (``RANGE1``)."""
    pairs = zip(heard.atoms, heard.atoms[1:], strict=False)
    return {n for name, n in pairs if name.kind is _A.BAND_NAME and name.stop == n.start and len(n.text) == 1}


def lone_letters(heard: Heard) -> Iterator[Evidence]:
    """Several single letters and nothing else are initials, unless they name directions."""
    letters = [atom.text for atom in heard.atoms if atom.kind is _A.LETTER]
    alone = len(letters) == len(heard.atoms)
    if alone and len(letters) > 1 and not set(letters) <= _ORIENTATIONS:
        yield Evidence(EvidenceKind.PATTERN, "initials", True)
    elif len(letters) > _MOST_LETTERS and not set(letters) <= _ORIENTATIONS:
        yield Evidence(EvidenceKind.PATTERN, "many single letters", True)


def glued_codes(heard: Heard) -> Iterator[Evidence]:
    """A letter with three or more digits glued behind it, alone, is a number of a record (``B204``)."""
    if len(heard.atoms) == 2 and heard.atoms[0].kind is _A.CODE and heard.atoms[1].kind is _A.NUMBER:
        first, second = heard.atoms
        if first.stop == second.start and len(first.text) == 1 and _THREE_DIGITS.fullmatch(second.text):
            yield Evidence(EvidenceKind.PATTERN, "letter and digits", True)


def digits_in_words(heard: Heard) -> Iterator[Evidence]:
    """A digit between letters that is none of the known designations is a misread word (``J0E``)."""
    known = [atom for atom in heard.atoms if atom.kind in _VOUCHING or atom.detail in _DESIGNATIONS]
    for match in _DIGIT_IN_WORD.finditer(heard.text):
        inside = any(atom.start <= match.start() and match.end() <= atom.stop for atom in known)
        inside = inside or match.group()[-1].isdigit() and not _is_mostly_letters(match.group())
        if _is_clock_face(heard) and heard.text[: match.start()].endswith(":"):
            continue
        if not inside and not _FRACTION.search(heard.text[: match.start()]):
            yield Evidence(EvidenceKind.PATTERN, DIGIT_IN_WORD, True)


def _is_mostly_letters(word: str) -> bool:
    return sum(c.isalpha() for c in word) > sum(c.isdigit() for c in word)


def harmless_parts(heard: Heard) -> Iterator[Evidence]:
    """What speaks for the line: the sections its terms are from, and its measurements."""
    kinds = {_A.MEASURE: EvidenceKind.MEASUREMENT, _A.NUMBER: EvidenceKind.MEASUREMENT}
    for atom in heard.atoms:
        if atom.kind not in _NOT_KNOWN:
            yield Evidence(kinds.get(atom.kind, EvidenceKind.VOCABULARY), atom.detail, False)
    if not heard.atoms:
        yield Evidence(EvidenceKind.VOCABULARY, "marks only", False)


Witness = Callable[[Heard], Iterable[Evidence]]

WITNESSES: tuple[Witness, ...] = (
    header_match,
    patterns,
    misread_digits,
    labels,
    unknown_words,
    long_numbers,
    lone_names,
    lone_letters,
    glued_codes,
    digits_in_words,
    harmless_parts,
)
"""Every witness on a reading, in the order in which its evidence is listed."""


def testimony(heard: Heard) -> tuple[Evidence, ...]:
    """Return what all witnesses say about one reading, without repeats."""
    return tuple(dict.fromkeys(evidence for witness in WITNESSES for evidence in witness(heard)))
