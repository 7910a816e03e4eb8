"""Patterns: what dates, times, numbers of records, telephones, ages and initials look like.

All are applied to folded text. A pattern is one witness among several: a line that matches none is not
harmless for that, it still has to be made of known words and measurements only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from scrub_pixels.decisions.spelling import fold

_MONTH_NAMES = """
    jan january januar janvier enero gennaio janeiro januari janv ene
    feb february februar fevrier febrero febbraio fevereiro februari fev fevr
    mar march marz maerz mars marzo marco maart mrz mrt
    apr april avril abril aprile avr abr
    may mai mayo maggio maio mei mag
    jun june juni juin junio giugno junho giu
    jul july juli juillet julio luglio julho lug juil
    aug august aout agosto augustus ago
    sep sept september septembre septiembre settembre setembro set
    oct october oktober octobre octubre ottobre outubro okt ott out
    nov november novembre noviembre novembro
    dec december dezember decembre diciembre dicembre dezembro dez dic
"""
_MONTH = "(?:" + "|".join(sorted((fold(m) for m in _MONTH_NAMES.split()), key=len, reverse=True)) + ")"
_SEP = r"[-/.,_\\|]"
_Y = r"(\d{4}|\d{2})"
_YEAR = r"(?:\d{4}|\d{2})"
_PEOPLE = "perf|req|user|staff|sono|rn|rdms|initials|examiner|signed|verified|approved"  # also terms: "perf"
_WORD_SPLIT = r"[a-z]{3} ?[a-z]{0,6}"
_STREET = "(?:st|street|ave|avenue|rd|road|blvd|drive|lane)"
_OF_DAYS = "lmp|edd|edc"  # of a pregnancy: its last menstrual period, its due date
_DOMAINS = "com|org|net|edu|gov|de|fr|uk|it|es|nl"
_TH = "(?:st|nd|rd|th)?"
_YEARS = "y(?:r|rs|o|/o|ears?)?|jahre?|ans?|anni|anos|jaar"
_GAP = r"[\s./,_'-]{0,3}"
_DAY_LIKE, _YEAR_LIKE = rf"[\do]{{1,2}}{_GAP}", rf"{_GAP}[\do]{{2,4}}"
_MONTH_LIKE = (
    "(?:j[a4]n|fe[b8]|m[a4][ryi1]|[a4]pr|ju[nl1i]|au[g9]|[s5]ept?|[o0][ck]t|n[o0]v|de[czs]|[o0]tt|[a4][gb][o0r])"
)
"""Short names of months with the letters that readers take for digits."""

_MONTH_CUT = "(?:ja|fe|ma|ap|ju|au|se|oc|no|de)"
"""Months whose last letter was read as a mark (``07Ma-98``)."""

_CUT = "(?:(?:[.\u3002]\\s?){3}|[.\u3002]{2}\\s*$|\u2026|~)"

_CUT_MISREAD = r"(?:[.:;\u3002\u2026]\s?){2,}$"
"""The dots of an ellipsis, some of them taken for colons."""

_CUT_NUMBER = (
    r"^\W*\d{1,8}(?:\s?[-/.:,]\s?\d{1,4}){0,3}\s?"
    r"(?=[es\s]*[.:;\u3002\u2026])(?:[.:;,es\u3002\u2026]\s?){2,}$"
)
"""The beginning of a date, a time or a number, and dots that were read as marks and letters."""

Check = Callable[[re.Match[str]], bool]


def _always(match: re.Match[str]) -> bool:
    return True


def _day_and_month(match: re.Match[str]) -> bool:
    """Tell whether two of the three groups can be day and month (in either order)."""
    numbers = [int(group) for group in match.groups() if group.isdigit()]
    return any(_is_day_month(a, b) for a, b in ((numbers[0], numbers[1]), (numbers[1], numbers[2])))


def _day_month(match: re.Match[str]) -> bool:
    """Tell whether two groups can be day and month (in either order)."""
    return _is_day_month(int(match[1]), int(match[2]))


def _year_first(match: re.Match[str]) -> bool:
    """Tell whether month and day follow a year; ``16/4/1`` is too short to be one."""
    return sum(map(len, match.groups())) >= 5 and _is_day_month(int(match[2]), int(match[3]))


def _is_day_month(a: int, b: int) -> bool:
    return 1 <= min(a, b) <= 12 and 1 <= max(a, b) <= 31


def _not_a_line(match: re.Match[str]) -> bool:
    """Tell whether digits are cut off; one or two with a wave behind them stand at the mark of a scale."""
    return "~" not in match.group() or re.search(r"\d{3}$", match.string[: match.start() + 1]) is not None


def _grouped_digits(match: re.Match[str]) -> bool:
    """Tell whether groups of digits are a number of a record rather than a scale or a counter."""
    chunks = re.split(r"\s+", match.group().strip())
    digits = sum(c.isdigit() for c in match.group())
    if digits < 5:
        return False
    values = [_scale_value(chunk) for chunk in chunks]
    if len(chunks) == 1:
        return values[0] is None and not _is_counter(match.group())
    numbers = [value for value in values if value is not None]
    return len(numbers) < len(chunks) or not (_is_scale(numbers) or _partly_decimal(chunks))


def _scale_value(chunk: str) -> float | None:
    plain = re.fullmatch(r"-?(?:\d{0,3}(?:[.,]\d{1,3})?|\d{4}[.,]\d{1,2})", chunk)
    return float(chunk.replace(",", ".")) if plain and re.search(r"\d", chunk) else None


def _is_counter(text: str) -> bool:
    """``12/60``: frame of frames, no leading zero."""
    pair = re.fullmatch(r"(\d{1,4})\s?/\s?(\d{1,4})", text)
    return pair is not None and int(pair[1]) <= int(pair[2]) and not pair[1].startswith("0")


def _is_scale(values: list[float]) -> bool:
    """Three or more numbers at equal steps, as along a ruler."""
    steps = {round(b - a, 3) for a, b in zip(values, values[1:], strict=False)}
    return len(values) >= 3 and len(steps) == 1 and steps != {0.0}


def _partly_decimal(chunks: list[str]) -> bool:
    """A third of decimal fractions: a row of a table, no number of a record has them."""
    return 3 * sum(bool(re.fullmatch(r"-?\d{0,3}[.,]\d{1,3}", chunk)) for chunk in chunks) >= len(chunks)


PATTERNS: tuple[tuple[str, re.Pattern[str], Check], ...] = tuple(
    (name, re.compile(pattern), check)
    for name, pattern, check in (
        ("date", rf"(?<!\d)(\d{{1,2}}){_SEP}(\d{{1,2}}){_SEP}{_Y}(?!\d)", _day_and_month),
        ("date", rf"(?<![\d.,])(\d{{1,2}})\s?({_SEP})\s?(\d{{1,2}})\s?\2\s?{_Y}(?!\d)", _day_and_month),
        ("date year first", r"(?<!\d)(\d{4}|\d{2})[-/._ ](\d{1,2})[-/._ ](\d{1,2})(?!\d)", _year_first),
        ("date with blanks", r"(?<!\d)(\d{1,2}) (\d{1,2}) (\d{4})(?!\d)", _day_and_month),
        ("date with month name", rf"(?<!\d)\d{{1,2}}{_TH}{_GAP}{_MONTH}{_GAP}{_YEAR}(?!\d)", _always),
        ("date with month name", rf"(?<![a-z]){_MONTH}{_GAP}\d{{1,2}}{_TH}{_GAP}\d{{4}}(?!\d)", _always),
        ("date with month name", rf"(?<!\d)\d{{4}}{_GAP}{_MONTH}{_GAP}\d{{1,2}}(?!\d)", _always),
        ("date, month misread", rf"(?<![\d.])\d\d?[-/.] ?{_WORD_SPLIT}[-/.] ?{_YEAR}(?![\d.])", _always),
        ("date, month misread", rf"(?<![\d.])\d\d?([-/])(?=\d*[a-z])\w{{2,4}}\1{_YEAR}(?![\d.])", _always),
        ("date, month misread", rf"(?<![\da-z]){_DAY_LIKE}{_MONTH_LIKE}{_YEAR_LIKE}(?![\da-z])", _always),
        ("date, month misread", rf"(?<![\da-z.])[0-3]?\d{_MONTH_CUT}[-/]\d{{2}}(?!\d)", _always),
        ("day and month", rf"(?<![a-z])(?:{_OF_DAYS})\W{{0,3}}(\d\d?)\s?[-/]\s?(\d\d?)(?!\d)", _day_month),
        ("street", rf"(?<![\d.,/])\d{{1,5}}\s+(?:[a-z]{{3,}}\.?\s+){{1,2}}{_STREET}\b(?!\W*\d)", _always),
        ("month and year", rf"(?<![a-z]){_MONTH}{_GAP}(?:19|20)\d\d(?!\d)", _always),
        ("month and year", r"(?<!\d)(?:0?[1-9]|1[0-2])[-/.](?:19|20)\d\d(?!\d)", _always),
        ("month and year", r"^0\d/\d\d$", _always),
        ("time", r"(?<!\d)\d{1,2}\s?[:;]\s?[0-5]\d(?:\s?[:;.,]\s?[0-5]\d)?(?:[.,]\d+)?(?!\d)", _always),
        ("time", r"(?<!\d)[0-2]?\d[.h][0-5]\d(?:[.m][0-5]\d)?\s?(?:[ap]\.?m\b|uhr|hrs?\b)", _always),
        ("time", r"(?<!\d)[0-2]?\dh[0-5]\d(?!\d)", _always),
        ("time", r"(?<!\d)[01]?\d\s?[ap]\.?m\b", _always),
        ("network address", rf"\S+@\S+|https?:|www\.|\w\.(?:{_DOMAINS})\b", _always),
        ("label of a person", rf"(?<![a-z])(?:{_PEOPLE})\s?[:=]\s?[^\W0-9_]", _always),
        ("person name with carets", r"\w\s?\^|\^\s?\w", _always),
        ("age", rf"(?<![\d.,])\d{{1,3}}\s?-?(?:{_YEARS})(?![a-z])", _always),
        ("age", r"^0\d\d\s?[dwmy]$", _always),
        ("age and sex", r"^[\W_]*(?:[mfw]\s?[/,-]?\s?\d{2,3}|\d{1,3}\s?[/,-]?\s?[mfw])[\W_]*$", _always),
        ("age and sex", r"(?<![a-z\d])[mfw]\s?/\s?\d{2,3}(?![\d.])", _always),
        ("age and sex", r"(?<![\d.])\d{2,3}\s?/\s?[mfw](?![a-z])", _always),
        ("cut by an ellipsis", rf"[a-z]\s?{_CUT}", _always),
        ("cut by an ellipsis", rf"\d\s?{_CUT}", _not_a_line),
        ("cut by an ellipsis", rf"[a-z]\s?{_CUT_MISREAD}", _always),
        ("cut by an ellipsis", _CUT_NUMBER, _always),
        ("initials", r"^(?:[a-z]\s?\.\s?){2,4}[a-z]?$", _always),
        ("grouped digits", r"(?<![\d.,])[.,]?\d+(?:[-./,_:\\()+ ]{1,2}\d+)*(?![\d])", _grouped_digits),
    )
)  # fmt: skip
"""Name, expression on folded text, and what a match must pass besides."""

_DIGIT = re.compile(r"\d")
_WITHOUT_DIGITS = tuple(row for row in PATTERNS if r"\d" not in row[1].pattern)


_BY_DIGIT = re.compile(r"(?<!\S)(?:[\d/.:\-]\s+){3,}[\d/.:\-](?!\S)")


def _is_by_digit(folded: str) -> bool:
    """Tell whether a number of four digits or more is written with a blank behind each, and is no scale."""
    spelt = (_DIGIT.findall(match.group()) for match in _BY_DIGIT.finditer(folded))
    return any(len(digits) >= 4 and not _is_scale([*map(int, digits)]) for digits in spelt)


def pattern_names(folded: str) -> Iterator[str]:
    """Yield the name of every pattern that folded text shows, each once."""
    shown: set[str] = set()
    for name, pattern, check in PATTERNS if _DIGIT.search(folded) else _WITHOUT_DIGITS:
        if name not in shown and any(check(match) for match in pattern.finditer(folded)):
            shown.add(name)
            yield name
    if _is_by_digit(folded):
        yield "digits one by one"
