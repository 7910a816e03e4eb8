"""Scan: one reading taken apart into atoms, each of which is known for what it is, or unknown.

The grammar is small on purpose. A reading is harmless only if nothing in it is unknown, so every rule
here that accepts something must be one no name passes. Reading errors are undone only where the
spelling itself shows that it is not a word anyone wrote (a digit inside a word, a small l
between capitals), and only if what comes out is vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice, product

from scrub_pixels.decisions.spelling import as_digits, fold
from scrub_pixels.decisions.vocabulary import Vocabulary


class AtomKind(Enum):
    """What one piece of a reading is."""

    TERM = "term"
    BAND_NAME = "term that is also a rare name"
    COMPANY_NAME = "term that is also a name"
    LETTER = "single letter"
    CODE = "letters with a number"
    MEASURE = "number with unit"
    NUMBER = "number"
    LONG_NUMBER = "long number"
    LABEL = "label"
    UNKNOWN = "unknown word"


@dataclass(frozen=True, slots=True)
class Atom:
    """One piece of a reading.

    Parameters
    ----------
    kind
        What it is.
    text
        Its folded spelling; never part of the repr.
    detail
        PHI-free: the section of the vocabulary, ``number with unit``, the label's section.
    start, stop
        Where it stands in the folded reading.
    """

    kind: AtomKind
    text: str = field(repr=False)
    detail: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    stop: int
    shape: str

    @property
    def is_number(self) -> bool:
        return self.shape == "number"

    @property
    def is_word(self) -> bool:
        return self.shape == "word"


_TOKEN = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number>\d+(?:[.,]\d+)?|(?<!\d)[.,]\d+)|(?P<mark>[^\w\s]|_)")
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ]{2})(?=[A-ZÀ-Ý])")
_CAMEL_WORD = re.compile(r"[^\W\d_]*[a-zß-öø-ÿ]{2}[A-ZÀ-Ý][^\W\d_]*")
_CODE_AND_WORD = re.compile(r"\b([A-Z]{2,3})([A-Z][a-z]+)\b")
_WINDOW = re.compile(r"^[HN](?=\s?=\s?\d{1,5}\s+L\s?=\s?-?\d{1,5}$)")
_GREEK_IN_WORD = re.compile(r"(?<=[A-Za-z])[\u03bd\u03c5]|[\u03bd\u03c5](?=[A-Za-z])")
_LATIN_FOR = {"\u03bd": "v", "\u03c5": "u"}
"""Greek letters that are read for Latin ones (nu, upsilon): no word has letters of both alphabets."""

_ON_AND_WORD = re.compile(r"\bOn([A-Z][a-z]{2,})\b(?=(\s\d{1,2}\s?/\s?\d{1,2}$)?)")
_SMALL_L = re.compile(r"(?<=[A-Z])l(?=[A-Z\d\W]|$)|(?<![A-Za-zÀ-ÿ])l(?=[A-Z])|(?<=\bT)l(?=[sbc](?![^\W\d_]))")
_SMALL_L_IN_NUMBER = re.compile(r"(?<=[\d/.:,-])l(?=\d)|(?<=\d)l(?=[\d/.:,-])|(?<=\b\d{3})l\b")
_CAPITAL_S_IN_NUMBER = re.compile(r"(?<=\d)S(?=\d)|(?<=\b\d{3})S\b|(?<=\b\d{4})S\b")
_LONE_Q = re.compile(r"(?<=[^\W\d_])q(?!u)")
_WITH_LONE_Q = re.compile(r"(?<![^\W_])[^\W\d_]+q(?!u)[^\W\d_]*(?![^\W_])")
_VOLTS = re.compile(r"(?<![^\W\d_])k[UY](?![^\W\d_])")
_CENTIMETRES = re.compile(r"(?<=\d)(?:(\s?)[cC]n|()om)(?![A-Za-z])")
_UNIT_FOR = {
    "HHz": "MHz", "HMz": "MHz", "kMz": "kHz", "ca/s": "cm/s", "cn/s": "cm/s", "nmHg": "mmHg", "mnHg": "mmHg",
    "muHg": "mmHg", "moHg": "mmHg", "aHg": "mmHg",
    "ca": "cm", "cmm": "cm", "cmh": "cm", "tbpm": "bpm", "m6yca": "mGycm",
}  # fmt: skip
_MISREAD_UNIT = re.compile(rf"(?:(?<=\d)|(?<=\d\s))(?:{'|'.join(_UNIT_FOR)})(?![^\W_])")
_DOSE_UNIT = re.compile(r"(?<=\()m6y(?:([-*.]?)c[am])?(?=\))")
_VOLUME_DOSE = re.compile(r"\bC[TI][DO][I\[]vo[lI](?![^\W_])")
_VELOCITY = re.compile(r"\b([AESD])(?=Vel\b)")
_TOTAL_DOSE = re.compile(r"(?<=^Total )OLP\b|(?<=\d Total )OLP\b|^OLP(?= ?\([mM][G6][yY])")
_IMAGE_NUMBER = re.compile(r"^In(?=\s?:\s?\d{1,4}$)")
_V_OF_PLANES = re.compile(r"(?<=[A-Z]{4} TR)U$|(?<=^PSAX M)U(?= LEVEL$)")
_LONE_L = re.compile(r"(?<=[a-z]{3}[itl] )[lI]$")
_FACTOR = re.compile(r"(?<=[a-z] )x[lI]\.(?=\d$)")
_U_FOR_V = re.compile(r"^([XS])[UY](?=\s?(?:C\d|\d{1,2}\.\d\s?mm)$)")
"""``SU 6.1mm`` is the sample volume, ``XU C3`` a setting: whole lines that no person has to do with."""

_AS_WRITTEN = re.compile(r"\bm[A\u00c0-\u00c2\u00c4\u00c5](s?)(?:\b|(?=\d{1,3}(?!\d)))")
_CALIPER = re.compile(r"^x(?=[A-Z]{1,2}\d?\s?\d{1,3}[.,]\d{1,2}\s?(?:cm|mm)$)")
_ID_OF_PATIENT = re.compile(r"(?<=Patient )(?:I0|1D|lD|IO|\[D)$")
_DOTTED = re.compile(r"(?<![A-Za-z0-9.])(?:[A-Za-z0]\s?\.\s?){1,4}[A-Za-z8](?![A-Za-z0-9])\.?")
_HOUR_OF_BREAST = re.compile(r"(?<=BREAST )(1[0-2]|[1-9])([03]0)(?=\s?N\+\d)")
_PERCENT_OF_OUTPUT = re.compile(r"^A[O0][XZ](?=\s?(?:100|[1-9]?\d)$)")
_PERCENT_OF_POWER = re.compile(r"^((?:Pwr|PWR|Power)\s?(?:100|[1-9]?\d))[XZ2]$")
_BELOW_INDEX = re.compile(r"(?<=\bTI[SBC])C(?=\d\.\d)")
_WEIGHT = re.compile(r"^EF[HNUu](?=\s?\d{3,5}[\s-]?g$)")
_VOLTS_AND_CHARGE = re.compile(r"\bk[VU](?=mAs(?:\b|CTD))")
_CHARGE_AND_DOSE = re.compile(r"(?<=mAs)(?=CTD)")
_UNIT_AHEAD = r"(?=\s*(?:cm|mm|mhz|khz|hz|db|bpm|m/s|cm/s|%|ml|mmhg|fps|kv|mas?)\b)"
_MISREAD_NUMBER = re.compile(
    r"(?<![^\W\d_])(?<!\d)(?=[\dOolISB.,]*\d)[\dOolISB.,]*[OolISB][\dOolISB.,]*" + _UNIT_AHEAD, re.IGNORECASE
)
_PROBE = re.compile(
    r"""(?x)^(?:
        (?:[clspxvedmiu]|ic|ec|ml|be|ev|ra|rm|ri|er|sp|lv|sc|ca|cf|la|lf|lm|vf|va|vl|vr|ve|cl|el|ep|pe|mc
          |pv|ip|is|il|xl|rab|ric|rnp|rsp|hst|eup)
        -?\d{1,2}-\d{1,2}(?:-?(?:rs|oc|xd|[adehirstuv]))?                        # C5-1, L12-5, IC9-4, RAB6-D
      | [1-9]\d?(?:[lcvpe]\d{0,2}|s|sc|vc|tc|vt|ld|ec|cd|ri)c?(?:-(?:rs|d|s|w))?   # 4C, 9L-D, 6L3, 3Sc-RS
      | m[3-6]sc?(?:-d)? | [lcp]a\d{3} | p[slvc]t-\d{2,4}[a-z]{0,3} | ust-\d{3,5} | eup-[a-z]{1,2}\d{2,4}
      | r?(?:hfl|hst|ic|c|l|p|d)[1-9]\d?xp?i?
      | [sx]\d-\d[tuh]?
    )$"""
)
_MARKS_IN_PHRASES = set("-/.:'&()+")
_GLUE = set(" :=<>#-+~(")
_GREEK = frozenset("αβγδλμπσφωθ")
"""Letters beside the Latin ones that stand for quantities."""

_LETTER_FOR = {"0": "o", "1": "il", "5": "s", "8": "b", "2": "z", "6": "g", "|": "i", "!": "i"}
_EXPONENT = {"2", "3"}
_LEVEL = re.compile(r"\s*[,/]?\s*(?:l|wl|c|wc)\s?[:=]\s?-?\d{1,5}(?!\d)")
_WINDOWS = frozenset({"w", "ww"})
_WIDEST = 0xFFFF
_LEADING_ZERO = re.compile(r"0\d\d")
_COUNTED = frozenset({"page", "pagina"})
_COUNTER = re.compile(r"\s*\d{1,2}\s?/\s?\d{1,2}$")
_VIEWS = ("psax", "plax")
_SIDES = ("lt", "rt", "left", "right")
_BEFORE_SITES, _SHORTEST_SITE = "ct", 5
_MOST_REPAIRS = 16
_SHORTEST_REPAIR = 3
_MOST_RUN = 3
_CONFUSED_IN_CODES = {"u": "vw", "v": "u", "w": "u", "o": "dq"}
_CONFUSED = {
    "u": "vwo", "v": "u", "w": "u", "h": "n", "n": "hm", "m": "n", "i": "l", "l": "i", "o": "cud", "c": "oe",
    "e": "c", "g": "q", "q": "g", "t": "i",
}  # fmt: skip
"""Letters of small fonts that readers take for each other: in short codes only those of one shape."""

_SHORTEST_COMPOUND = 8
_SHORTEST_CODE, _SHORTEST_CONFUSED = 3, 6
_SHORTEST_MISSPELT, _SHORTEST_ALONG = 4, 5
_COLONS = frozenset("itl")
_MISREAD_COLONS = _COLONS | {"s"}
_MOST_INITIALS = 3
_LEAST_COMPANY = 2
_PLANES = frozenset({"sag", "trv", "trans", "plane", "prox", "comp", "dist"})
_LONG, _ALONG = "long", "along"
_WITHOUT_VOWELS = re.compile(r"[^aeiouy]{2,4}")
_LEAST_CUT, _LEAST_WHOLE = 2, 6
_LEAST_SENTENCE, _LEAST_PLAIN, _LONGEST_CUT = 3, 2, 2
_SHORTEST_BROKEN, _SHORTEST_GLUED, _SHORTEST_PIECE, _LONGEST_PIECE = 8, 10, 5, 24
_CUT_OFF = re.compile(r"\s?(?:(?:\.\s?){2,}|\u2026\s?)$")
_FRACTION = re.compile(r"\d{1,3}[.,]\d{1,2}")
_WEIGHTS = frozenset({"efw"})
_ZOOM = re.compile(r"([a-z]{3,})x")
MISSPELT, CUT_TERM = "misspelt term", "cut term"
"""Details of atoms that are a term but for one letter, and the beginning of one."""

_SCAN_RANGE = re.compile(
    r"^(?:[is1]?\d{1,3}[.,]\d{2,3}-[is]\d{1,3}[.,]\d{2,3}|[1i]\d{2,3}\.\d{3}-5\d{2,3}\.\d{3})$"
)
"""Where a scan begins and ends along the body, inferior or superior: ``I91.250-S108.750``;
or with both letters read for the digits they look like."""


def scan(reading: str, vocabulary: Vocabulary) -> tuple[Atom, ...]:
    """Return the atoms of a reading in order; marks between them are left out."""
    return tuple(_Scanner(fold(_prepared(reading, vocabulary)), vocabulary).atoms())


def prepared(reading: str, vocabulary: Vocabulary) -> str:
    """Return the folded reading in which impossible spellings are undone; `scan` takes this apart."""
    return fold(_prepared(reading, vocabulary))


def _prepared(reading: str, vocabulary: Vocabulary) -> str:
    text = _GREEK_IN_WORD.sub(lambda match: _LATIN_FOR[match.group()], reading)
    text = _SMALL_L_IN_NUMBER.sub("1", _SMALL_L.sub("I", _WINDOW.sub("W", text)))
    text = _WITH_LONE_Q.sub(lambda match: _with_g(match.group(), vocabulary), text)
    text = _CAPITAL_S_IN_NUMBER.sub("5", text)
    text = _CENTIMETRES.sub(lambda match: f"{match[1] or ''}cm", _VOLTS.sub("kV", text))
    text = _MISREAD_UNIT.sub(lambda match: _UNIT_FOR[match.group()], text)
    text = _IMAGE_NUMBER.sub("Im", _V_OF_PLANES.sub("V", _LONE_L.sub("1", text)))
    text = _FACTOR.sub(r"x1.", _TOTAL_DOSE.sub("DLP", text))
    text = _U_FOR_V.sub(r"\1V", _VELOCITY.sub(r"\1 ", _VOLUME_DOSE.sub("CTDIvol", text)))
    text = _DOSE_UNIT.sub(lambda match: "mGy" if match[1] is None else f"mGy{match[1]}cm", text)
    text = _BELOW_INDEX.sub("<", _WEIGHT.sub("EFW", _VOLTS_AND_CHARGE.sub("kV ", text)))
    text = _VOLUME_DOSE.sub("CTDIvol", _CHARGE_AND_DOSE.sub(" ", text))
    text = _PERCENT_OF_POWER.sub(r"\1%", _PERCENT_OF_OUTPUT.sub("AO%", text))
    text = _HOUR_OF_BREAST.sub(r"\1:\2", text)
    text = _AS_WRITTEN.sub(r"milliamp\1", _ID_OF_PATIENT.sub("ID", _CALIPER.sub("x ", text)))
    text = _DOTTED.sub(lambda match: _undotted(match.group(), vocabulary), text)
    text = _MISREAD_NUMBER.sub(lambda match: as_digits(match.group().casefold()), text)
    text = _ON_AND_WORD.sub(lambda match: _switched_on(match, vocabulary), text)
    text = _CODE_AND_WORD.sub(lambda match: _parted(match, vocabulary), text)
    return _CAMEL_WORD.sub(lambda match: _uncamelled(match.group(), vocabulary), text)


def _with_g(word: str, vocabulary: Vocabulary) -> str:
    """``Ranqe`` is a range: no q of these languages stands before another letter than u."""
    turned = _LONE_Q.sub("g", word)
    known = fold(turned) in vocabulary.labels or fold(turned) in vocabulary.words
    return turned if known and fold(word) not in vocabulary.lookalikes else word


def _switched_on(match: re.Match[str], vocabulary: Vocabulary) -> str:
    """``OnPage 1/3`` is a switch that is on and the key beside it, if the word is the name of nobody."""
    word = fold(match[1])
    counts = word in _COUNTED and match[2] is not None
    plain = word in vocabulary.words and not vocabulary.is_name(word)
    return f"On {match[1]}" if counts or plain else match.group()


def _undotted(word: str, vocabulary: Vocabulary) -> str:
    """``D.O.B.``, ``D.0.B.`` and ``M.R.N.`` are labels; ``D.R.`` is a setting, ``J.B.`` are initials."""
    joined = re.sub(r"[\s.]", "", word).replace("0", "O").replace("8", "B")
    is_label = fold(joined) in vocabulary.labels and (len(joined) >= 3 or joined.upper() == "ID")
    return joined if is_label else word


def _parted(match: re.Match[str], vocabulary: Vocabulary) -> str:
    """``WFLow`` is a code and a word if both are terms."""
    known = all(fold(part) in vocabulary.words for part in match.groups())
    return f"{match[1]} {match[2]}" if known else match.group()


def _uncamelled(word: str, vocabulary: Vocabulary) -> str:
    """``GenOB`` is two words whose blank was lost, ``CrossXBeam`` is one, and so is ``CrossXBean``."""
    folded = fold(word)
    similar = _alike(folded, _CONFUSED) if len(folded) >= _SHORTEST_COMPOUND else ()
    whole = any(spelling in vocabulary.words for spelling in (folded, *similar))
    whole = whole or vocabulary.begins_term(folded)
    return word if whole else _CAMEL.sub(" ", word)


def _alike(word: str, confused: Mapping[str, str]) -> Iterator[str]:
    """Yield every spelling of a word with one letter turned into one that it is taken for."""
    for place, letter in enumerate(word):
        for other in confused.get(letter, ""):
            yield word[:place] + other + word[place + 1 :]


def _begins(phrase: Sequence[str], whole: Sequence[str], cut: str) -> bool:
    """Tell whether a phrase begins with whole words and a word that is cut."""
    count = len(whole)
    return len(phrase) > count and tuple(phrase[:count]) == tuple(whole) and phrase[count].startswith(cut)


class _Row:
    """The words and numbers of one reading in a row, and what stands between them."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.all = [_Token(m.group(), *m.span(), m.lastgroup or "mark") for m in _TOKEN.finditer(self.text)]
        self.tokens = [t for t in self.all if t.shape != "mark"]
        self.texts = tuple(t.text for t in self.tokens)

    def _atom(self, kind: AtomKind, at: int, count: int, detail: str) -> tuple[int, Atom]:
        start, stop = self.tokens[at].start, self.tokens[at + count - 1].stop
        return count, Atom(kind, self.text[start:stop], detail, start, stop)

    def _gap(self, at: int) -> str:
        """Return what stands between a token and the one after it."""
        return self.text[self.tokens[at].stop : self.tokens[at + 1].start]

    def _glued(self, at: int) -> bool:
        return 0 <= at < len(self.tokens) - 1 and not self._gap(at)

    def _close_together(self, at: int, count: int) -> bool:
        gaps = (self._gap(i).strip() for i in range(at, at + count - 1))
        return all(len(gap) <= 2 and set(gap) <= _MARKS_IN_PHRASES for gap in gaps)

    def _plain(self, word: str) -> bool:
        return word in self.vocabulary.words and not self.vocabulary.is_name(word)

    def _needs_company(self, word: str) -> bool:
        return word in self.vocabulary.company or word in self.vocabulary.band

    def _is_term(self, word: str) -> bool:
        """Tell whether a word is a term, or one word of a phrase."""
        return word in self.vocabulary.words or word in self.vocabulary.in_phrases

    def _is_known(self, word: str) -> bool:
        """Tell whether a word says something by itself: a term, a label or a name."""
        listed = word in self.vocabulary.words or word in self.vocabulary.labels
        return listed or self.vocabulary.is_someone(word)

    def _is_cut(self) -> bool:
        """Tell whether an ellipsis ends the reading."""
        return bool(self.tokens) and _CUT_OFF.fullmatch(self.text[self.tokens[-1].stop :]) is not None


class _Numbers(_Row):
    """Numbers: with a unit, with a label, short, or too long."""

    def _number(self, at: int, before: Atom | None) -> tuple[int, Atom]:
        token = self.tokens[at]
        digits = len(token.text.replace(",", ".").split(".")[0])
        unit = self._unit(at)
        if unit is not None and digits <= 4 and not _LEADING_ZERO.match(token.text):
            return self._atom(AtomKind.MEASURE, at, 1 + unit, "number with unit")
        if digits <= 3:
            return self._atom(AtomKind.NUMBER, at, 1, "number")
        large = digits == 5 and (self._is_huge(at, before) or self._is_weight(at, before))
        if digits == 4 and self._labelled(at, before) or large:
            return self._atom(AtomKind.MEASURE, at, 1, "labelled number")
        return self._atom(AtomKind.LONG_NUMBER, at, 1, f"number of {digits} digits")

    def _labelled(self, at: int, before: Atom | None) -> bool:
        """Tell whether a setting that takes large values stands right before a number."""
        if before is None:
            return False
        gap, word = self.text[before.stop : self.tokens[at].start], before.text.split()[-1]
        takes_large = word in self.vocabulary.large or before.detail == "parameter.large"
        return takes_large and set(gap) <= _GLUE and (len(word) > 1 or bool(set(gap) & {"=", ":"}))

    def _is_huge(self, at: int, before: Atom | None) -> bool:
        """Tell whether a number of five digits is a whole examination's mAs, or a window's width."""
        if before is None or not self._labelled(at, before):
            return False
        if self.tokens[at].text.startswith("0") or int(self.tokens[at].text[:5]) > _WIDEST:
            return False
        if before.text in _WINDOWS:
            return _LEVEL.match(self.text[self.tokens[at].stop :]) is not None
        return before.text == "milliamps" and self.text[: before.start].endswith("total ")

    def _is_weight(self, at: int, before: Atom | None) -> bool:
        """Tell whether a number of five digits is the weight of a fetus, in grams."""
        weighed = before is not None and before.text in _WEIGHTS
        return weighed and self.texts[at + 1 :] in {("g",), ("9",)}

    def _unit(self, at: int) -> int | None:
        """Return how many tokens after a number are its unit, None if it has none (``%`` is no token)."""
        rest = self.text[self.tokens[at].stop :].lstrip()
        if rest[:1] in {"%", "°"}:
            return int(rest[:1] == "°" and rest[1:2] in {"c", "f"} and not rest[2:3].isalnum())
        count = self._unit_word(at + 1)
        if count and self._slash_after(at + count):
            count += self._unit_word(at + count + 1)
        return count or None

    def _unit_word(self, at: int) -> int:
        if at >= len(self.tokens) or self.tokens[at].text not in self.vocabulary.units:
            return 0
        if self._gap(at - 1).strip(" /)]"):
            return 0
        exponent = self._glued(at) and self.tokens[at + 1].text in _EXPONENT
        return 2 if exponent else 1

    def _slash_after(self, at: int) -> bool:
        return at + 1 < len(self.tokens) and self._gap(at).strip() == "/"


class _Sentences(_Numbers):
    """Terms in company: cut by an ellipsis, broken by a blank, or run together."""

    def _broken(self, at: int) -> tuple[int, Atom] | None:
        """A long term in which a blank was seen (``SUPRASP INATUS``): both parts are unknown, no names."""
        parts = self.tokens[at : at + 2]
        if len(parts) < 2 or not all(t.is_word for t in parts) or self._gap(at) != " ":
            return None
        run = "".join(t.text for t in parts)
        known = len(run) >= _SHORTEST_BROKEN and self._plain(run)
        apart = min(len(t.text) for t in parts) > 1 and not any(self._is_known(t.text) for t in parts)
        return self._atom(AtomKind.TERM, at, 2, self.vocabulary.words[run]) if known and apart else None

    def _cut_phrase(self, at: int) -> tuple[int, Atom] | None:
        """The beginning of a phrase before an ellipsis (``PSAX MV LE...``), a whole word of it at least."""
        count = len(self.tokens) - at
        if count < 2 or not self._is_cut() or self._needs_company(self.texts[at]):
            return None
        *whole, cut = self.texts[at:]
        if len(cut) < _LEAST_CUT or len(whole) < 2 and len(whole[0]) + len(cut) < _LEAST_WHOLE:
            return None
        known = self.vocabulary.phrases.get(whole[0], ())
        begun = any(_begins(phrase, whole, cut) for phrase, _ in known)
        together = begun and self._close_together(at, count)
        return self._atom(AtomKind.TERM, at, count, CUT_TERM) if together else None

    def _is_in_sentence(self, at: int, least: int) -> bool:
        """Tell whether all other words of a reading are terms, so many at least, two of them no names."""
        others = [t.text for i, t in enumerate(self.tokens) if i != at and t.is_word]
        plain = sum(map(self._plain, others))
        return all(map(self._is_term, others)) and len(others) >= least and plain >= _LEAST_PLAIN

    def _glued_sentence(self, at: int) -> tuple[int, Atom] | None:
        """Words of a report whose blanks were lost (``Theliveris``), among others that are known."""
        word = self.tokens[at].text
        if len(word) < _SHORTEST_GLUED or self.vocabulary.is_someone(word) or not self._parts(word):
            return None
        others = [t.text for i, t in enumerate(self.tokens) if i != at and t.is_word]
        known = sum(map(self._is_term, others))
        whole = all(self._is_term(other) or self._parts(other) for other in others)
        return self._atom(AtomKind.TERM, at, 1, "report.words") if whole and known >= 2 else None

    def _parts(self, word: str) -> bool:
        """Tell whether a word is terms and little words run together, one of them long, and no names."""
        if len(word) > 2 * _LONGEST_PIECE:
            return False
        reached = {0: False}
        for stop in range(2, len(word) + 1):
            ends = [start for start in reached if self._is_piece(word[start:stop])]
            if ends:
                reached[stop] = any(reached[s] or stop - s >= _SHORTEST_PIECE for s in ends)
        return reached.get(len(word), False)

    def _is_piece(self, word: str) -> bool:
        if len(word) < 2 or len(word) > _LONGEST_PIECE:
            return False
        section = self.vocabulary.words.get(word, "")
        return section == "function" or len(word) > 2 and section != "" and self._plain(word)


class _Scanner(_Sentences):
    """Walks over the row; each step consumes at least one token."""

    def atoms(self) -> Iterator[Atom]:
        position = 0
        before: Atom | None = None
        while position < len(self.tokens):
            count, before = self._step(position, before)
            yield before
            position += count

    def _step(self, at: int, before: Atom | None) -> tuple[int, Atom]:
        found = self._probe(at) or self._phrase(at) or self._cut_phrase(at)
        found = found or self._run_together(at) or self._broken(at) or self._repaired(at)
        if found is None:
            found = self._number(at, before) if self.tokens[at].is_number else self._word(at)
        return found

    def _probe(self, at: int) -> tuple[int, Atom] | None:
        """A transducer's designation, as a whole word between spaces."""
        start = self.tokens[at].start
        if start and not self.text[start - 1].isspace():
            return None
        chunk = self.text[start:].split(maxsplit=1)[0].strip("()[]:;,.*")
        detail = "probe" if _PROBE.match(chunk) else "scan range" if _SCAN_RANGE.match(chunk) else ""
        count = sum(start <= t.start < start + len(chunk) for t in self.tokens)
        return self._atom(AtomKind.CODE, at, count, detail) if detail else None

    def _phrase(self, at: int) -> tuple[int, Atom] | None:
        hit = self.vocabulary.phrase_at(self.texts, at)
        if hit is None or not self._close_together(at, hit[0]):
            return None
        if self._glued(at + hit[0] - 1) and self._repaired(at):
            return None  # ``D1AM`` is not a first distance but a diameter
        return self._atom(AtomKind.TERM, at, *hit)

    def _run_together(self, at: int) -> tuple[int, Atom] | None:
        """A phrase in which blanks were lost (``Lowerpole``, ``PSAXMV LEVEL``)."""
        run = ""
        for count, token in enumerate(self.tokens[at : at + _MOST_RUN], 1):
            if not token.is_word or count > 1 and self._gap(at + count - 2) != " ":
                return None
            run += token.text
            section = self.vocabulary.runs.get(run)
            if section is not None and run not in self.vocabulary.lookalikes:
                return self._atom(AtomKind.TERM, at, count, section)
        return None

    def _word(self, at: int) -> tuple[int, Atom]:
        word = self.tokens[at].text
        if word in self.vocabulary.labels and not self._beside_number(at, word):
            return self._atom(AtomKind.LABEL, at, 1, self.vocabulary.labels[word])
        if self._is_label_with_colon(at):
            return self._atom(AtomKind.LABEL, at, 1, self.vocabulary.labels[word[:-1]])
        attempts = (
            self._misread_phrase, self._term, self._letter, self._code, self._split, self._lookalike,
            self._label_lookalike, self._cut_term, self._zoomed, self._misspelt, self._with_colon,
            self._glued_sentence,
        )  # fmt: skip
        for attempt in attempts:
            found = attempt(at)
            if found is not None:
                return found
        return self._atom(AtomKind.UNKNOWN, at, 1, "unknown word")

    def _beside_number(self, at: int, word: str) -> bool:
        """``DR 60`` is a dynamic range, ``Dr. Who`` a person."""
        following = at + 1 < len(self.tokens) and self.tokens[at + 1].is_number
        leading = self._glued(at - 1) and self.tokens[at - 1].is_number
        return word in self.vocabulary.codes and (following or leading)

    def _term(self, at: int) -> tuple[int, Atom] | None:
        word = self.tokens[at].text
        section = self.vocabulary.words.get(word)
        if section is None or len(word) == 1:
            return None
        if word in self.vocabulary.company and not self._counts_pages(at):
            return self._atom(AtomKind.COMPANY_NAME, at, 1, section)
        named = word in self.vocabulary.band or (word in self.vocabulary.rare and self._digit_glued(at))
        kind = AtomKind.BAND_NAME if named else AtomKind.TERM
        return self._atom(kind, at, 1, section)

    def _digit_glued(self, at: int) -> bool:
        """``GATE5`` is more likely a misread Gates than a fifth gate."""
        return self._glued(at) and len(self.tokens[at + 1].text) == 1

    def _counts_pages(self, at: int) -> bool:
        """``Page 1/3`` is no person, ``Page 39`` may be one with an age."""
        rest = self.text[self.tokens[at].stop :]
        return self.tokens[at].text in _COUNTED and _COUNTER.match(rest) is not None

    def _letter(self, at: int) -> tuple[int, Atom] | None:
        text = self.tokens[at].text
        if len(text) > 1 or not (text.isascii() or text in _GREEK):
            return None  # one ideograph is a word, and may be a name
        glued = self._glued(at) or self._glued(at - 1)
        return self._atom(AtomKind.CODE if glued else AtomKind.LETTER, at, 1, "single letter")

    def _code(self, at: int) -> tuple[int, Atom] | None:
        """Letters that only mean something with a number glued to them, or before it."""
        if self._beside_number(at, self.tokens[at].text):
            return self._atom(AtomKind.CODE, at, 1, "letters.codes")
        return None

    def _repaired(self, at: int) -> tuple[int, Atom] | None:
        """A word into which digits were misread, if it is vocabulary with them turned back.

        A nought is an O, or in a long word that nobody is called a D (``AB0OMEN``).
        """
        if self._glued(at - 1) or not self._glued(at):
            return None
        stop = at + 1
        while self._glued(stop - 1):
            stop += 1
        spelling = "".join(t.text for t in self.tokens[at:stop])
        if len(spelling) < _SHORTEST_REPAIR or 2 * sum(c.isdigit() for c in spelling) > len(spelling):
            return None
        choices = [_LETTER_FOR.get(c, c) for c in spelling]
        if len(spelling) >= _SHORTEST_CONFUSED and not self._may_be_someone(choices):
            choices = ["od" if c == "0" else choice for c, choice in zip(spelling, choices, strict=True)]
        for letters in islice(product(*choices), _MOST_REPAIRS):
            section = self.vocabulary.words.get("".join(letters))
            if section is not None:
                return self._atom(self._kind_of("".join(letters)), at, stop - at, section)
        return None

    def _may_be_someone(self, choices: Sequence[str]) -> bool:
        """Tell whether a word is a listed name with any of the letters that its digits are read for."""
        spelt = ("".join(letters) for letters in islice(product(*choices), _MOST_REPAIRS))
        return any(map(self.vocabulary.is_someone, spelt))

    def _kind_of(self, word: str) -> AtomKind:
        return AtomKind.COMPANY_NAME if self.vocabulary.is_name(word) else AtomKind.TERM

    def _split(self, at: int) -> tuple[int, Atom] | None:
        """Two terms whose space was lost: a side and a term, or two terms of four letters and more."""
        word = self.tokens[at].text
        if word in self.vocabulary.lookalikes:
            return None
        if word[:4] in _VIEWS and self._plain(word[4:]):
            return self._atom(AtomKind.TERM, at, 1, self.vocabulary.words[word[:4]])
        for cut in range(2, len(word) - 2):
            head, tail = word[:cut], word[cut:]
            sided = head in _SIDES and (self._is_terms(tail) or self._is_phrase(head, tail))
            if sided or self._are_glued(head, tail):
                return self._atom(AtomKind.TERM, at, 1, self.vocabulary.words.get(tail, "anatomy"))
        if word.startswith(_BEFORE_SITES) and len(word) >= 2 + _SHORTEST_SITE and self._is_of_body(word[2:]):
            return self._atom(AtomKind.TERM, at, 1, self.vocabulary.words[word[2:]])
        sided = word[:2] in _SIDES and any(
            word.endswith(plane) and self._are_glued(word[2 : -len(plane)], plane) for plane in _PLANES
        )
        return self._atom(AtomKind.TERM, at, 1, "anatomy.plane") if sided else None

    def _is_of_body(self, word: str) -> bool:
        """Tell whether a word is a part of the body, and a common name of nobody."""
        return self.vocabulary.words.get(word, "").startswith("anatomy.") and not self._needs_company(word)

    def _are_glued(self, head: str, tail: str) -> bool:
        """Tell whether two plain terms of four letters stand together, or any with a plane behind it."""
        if tail == _LONG and _WITHOUT_VOWELS.fullmatch(head):
            return self._plain(head)
        if tail in _PLANES and len(head) >= _SHORTEST_CODE:
            return head in self.vocabulary.words and head not in self.vocabulary.company
        if tail == _ALONG:
            return False  # ``TERESALONG`` is Teresa Long
        return min(len(head), len(tail)) > _SHORTEST_CODE and self._plain(head) and self._plain(tail)

    def _cut_term(self, at: int) -> tuple[int, Atom] | None:
        """The beginning of a long term before an ellipsis (``CrossXB...``), unless it is someone's name."""
        word = self.tokens[at].text
        if at + 1 < len(self.tokens) or not self._is_cut():
            return None
        known = self.vocabulary.begins_term(word) and not self.vocabulary.is_someone(word)
        known = known or len(word) <= _LONGEST_CUT and self._is_in_sentence(at, _LEAST_SENTENCE)
        return self._atom(AtomKind.TERM, at, 1, CUT_TERM) if known else None

    def _zoomed(self, at: int) -> tuple[int, Atom] | None:
        """A term and the mark of a factor, whose blank was lost (``Zoomx1.0``)."""
        match = _ZOOM.fullmatch(self.tokens[at].text)
        factor = match is not None and self._glued(at) and _FRACTION.fullmatch(self.tokens[at + 1].text)
        known = match is not None and self._plain(match[1])
        return self._atom(AtomKind.TERM, at, 1, "parameter.image") if factor and known else None

    def _misspelt(self, at: int) -> tuple[int, Atom] | None:
        """A word one letter away from a term, with a measured value behind it (``Facus 16cm``).

        No name of the lists that is as near to a term; like a rare name it needs its company, too.
        """
        word = self.tokens[at].text
        if len(word) < _SHORTEST_MISSPELT or self.vocabulary.is_someone(word):
            return None
        among = len(word) >= _SHORTEST_ALONG and self._is_among_terms(at)
        if not self._has_value(at) and not among and not self._is_in_sentence(at, _LEAST_SENTENCE + 1):
            return None
        near = any(self._plain(t) or t in self.vocabulary.rare for t in self.vocabulary.near(word))
        return self._atom(AtomKind.BAND_NAME, at, 1, MISSPELT) if near else None

    def _is_label_with_colon(self, at: int) -> bool:
        """Tell whether a label's colon was read as a letter and initials follow (``Sonos MA``)."""
        word, rest = self.tokens[at].text, self.texts[at + 1 :]
        initials = len(rest) == 1 and rest[0].isalpha() and len(rest[0]) <= _MOST_INITIALS
        return not at and initials and word[-1] in _MISREAD_COLONS and word[:-1] in self.vocabulary.labels

    def _with_colon(self, at: int) -> tuple[int, Atom] | None:
        """A term before a number, its colon read as a letter (``Gaint 1``), and no name of the lists."""
        word, rest = self.tokens[at].text, self.texts[at + 1 :]
        alone = not at and len(rest) == 1 and self.tokens[1].is_number and self._gap(0) == " "
        known = word[:-1] in self.vocabulary.words and word[:-1] not in self.vocabulary.company
        if len(word) <= _SHORTEST_CODE or word[-1] not in _COLONS or self.vocabulary.is_someone(word):
            return None
        return self._atom(AtomKind.BAND_NAME, at, 1, MISSPELT) if alone and known else None

    def _is_among_terms(self, at: int) -> bool:
        """Tell whether all other words of a reading are plain terms, two of them at least."""
        others = [t.text for i, t in enumerate(self.tokens) if i != at and t.is_word]
        return len(others) >= _LEAST_COMPANY and all(map(self._plain, others))

    def _has_value(self, at: int) -> bool:
        """Tell whether the rest of a reading is a number with a unit, or a decimal fraction."""
        if at or at + 1 >= len(self.tokens) or self._gap(at).strip(" :=<>"):
            return False
        unit = self._unit(at + 1) if self.tokens[at + 1].is_number else None
        fraction = _FRACTION.fullmatch(self.tokens[at + 1].text) is not None and unit is None
        return len(self.tokens) == at + 2 + (unit or 0) and (unit is not None or fraction)

    def _is_terms(self, word: str) -> bool:
        """Tell whether a word is a term of four letters that needs no company, or a phrase run together."""
        if len(word) > _SHORTEST_CODE and word in self.vocabulary.words:
            return word not in self.vocabulary.company
        return any(self._is_phrase(word[:cut], word[cut:]) for cut in range(3, len(word) - 2))

    def _is_phrase(self, head: str, tail: str) -> bool:
        return any(phrase == (head, tail) for phrase, _ in self.vocabulary.phrases.get(head, ()))

    def _lookalike(self, at: int) -> tuple[int, Atom] | None:
        """A term in which one letter was taken for its like (``PUR`` for ``PWR``, ``PAMCREAS``).

        Words that are names of someone are listed and left alone; what is found counts as a term that
        is also a name, so that it needs company where names stand.
        """
        word = self.tokens[at].text
        if len(word) < _SHORTEST_CODE:
            return None
        if word in self.vocabulary.lookalikes or self._glued(at) and not self._is_measured(at):
            return None
        long = len(word) >= _SHORTEST_CONFUSED
        nobody = long and not self.vocabulary.is_someone(word)
        for spelling in _alike(word, _CONFUSED if long else _CONFUSED_IN_CODES):
            rare = nobody and (spelling in self.vocabulary.band or spelling in self.vocabulary.rare)
            if rare or self._plain(spelling):
                return self._atom(AtomKind.BAND_NAME, at, 1, self.vocabulary.words[spelling])
        return None

    def _label_lookalike(self, at: int) -> tuple[int, Atom] | None:
        """A label in which one letter was taken for its like (``Patlent``), unless it is someone's name."""
        word = self.tokens[at].text
        if len(word) < _SHORTEST_CONFUSED or word in self.vocabulary.lookalikes:
            return None
        for spelling in _alike(word, _CONFUSED):
            if spelling in self.vocabulary.labels:
                token = self.tokens[at]
                section = self.vocabulary.labels[spelling]
                return 1, Atom(AtomKind.LABEL, spelling, section, token.start, token.stop)
        return None

    def _misread_phrase(self, at: int) -> tuple[int, Atom] | None:
        """A phrase of two terms, the first of which has a letter that was taken for its like (``DUT LE``)."""
        word = self.tokens[at].text
        known = word in self.vocabulary.words or word in self.vocabulary.lookalikes
        if known or len(word) < _SHORTEST_CODE or at + 1 >= len(self.tokens) or self._gap(at) != " ":
            return None
        for spelling in _alike(word, _CONFUSED_IN_CODES):
            if self._is_phrase(spelling, self.tokens[at + 1].text):
                return self._atom(AtomKind.TERM, at, 2, "phrase")
        return None

    def _is_measured(self, at: int) -> bool:
        """Tell whether a number with a unit follows a word."""
        return at + 1 < len(self.tokens) and self.tokens[at + 1].is_number and self._unit(at + 1) is not None
