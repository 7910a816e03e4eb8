"""Tables: rows of numbers that look like the number of a record when their blanks are lost.

The row of a dose report is a term and short numbers, a third of them decimal fractions. What vouches for it
are the gaps in its ink, or the other lines of its row; nothing but how long its digits run may speak against
it, and no run of its numbers may be one of the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scrub_pixels.decisions.findings import Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.decisions.layout import same_row
from scrub_pixels.decisions.matching import within
from scrub_pixels.decisions.reading import Heard, Lexicon, hear, testimony
from scrub_pixels.decisions.scan import AtomKind
from scrub_pixels.decisions.settings import DecisionSettings, KeepPolicy
from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.text.lines import TextLine

IN_ROW = "a number in the row of a table"
_RUN_OF_DIGITS = re.compile(r"grouped digits|number of \d+ digits|date year first")
"""What numbers look like whose blanks are lost; a date with its year first would still be one with them."""

_WITH_FRACTIONS = re.compile(r"[a-z].*\d.*\d[.,]\d", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"(?<![\d.,])0\d")
_LEAST_NUMBERS, _MOST_ERRORS, _FEWEST = 4, 2, 3
_KNOWN = frozenset({AtomKind.TERM, AtomKind.NUMBER, AtomKind.MEASURE})
_SHARED = 0.5


def rows_in_doubt(findings: Iterable[Finding], settings: DecisionSettings) -> tuple[TextLine, ...]:
    """Return the lines that are masked for nothing but a run of digits, and may be the row of a table.

    Parameters
    ----------
    findings
        The findings of an Instance.
    settings
        What is taken for harmless; nothing needs to be read in pieces where all text goes.
    """
    if settings.policy is KeepPolicy.ALL_TEXT:
        return ()
    masked = (f for f in findings if f.verdict is Verdict.PHI and not f.line.rotation and not f.line.pieces)
    return tuple(
        f.line
        for f in masked
        if is_run_of_digits(f.evidence)
        and f.line.confidence >= settings.min_confidence
        and _WITH_FRACTIONS.match(f.line.reading)
    )


def is_run_of_digits(evidence: Iterable[Evidence]) -> bool:
    """Tell whether nothing but how long its digits run speaks against a line."""
    speaking = [e for e in evidence if e.speaks_for_phi]
    return bool(speaking) and all(
        e.kind is EvidenceKind.PATTERN and _RUN_OF_DIGITS.fullmatch(e.detail) for e in speaking
    )


def is_row(texts: Iterable[str], lexicon: Lexicon) -> bool:
    """Tell whether texts that stand in one row, from left to right, are a row of a dose table.

    Parameters
    ----------
    texts
        A term and short numbers, each by itself or several in one text.
    lexicon
        Vocabulary and header.
    """
    joined = " ".join(texts)
    heard = hear(joined, lexicon, in_band=True)
    if not heard.atoms or heard.atoms[0].kind is not AtomKind.TERM or _LEADING_ZERO.search(heard.text):
        return False
    known = all(atom.kind in _KNOWN for atom in heard.atoms)
    numbers = _numbers(heard)
    fractions = sum(not number.isdigit() for number in numbers)
    if not known or len(numbers) < _LEAST_NUMBERS or _FEWEST * fractions < len(numbers):
        return False
    clear = not heard.hits and not any(e.speaks_for_phi for e in testimony(heard))
    return clear and not any(lexicon.matcher.hits(run) for run in _runs(numbers))


def _numbers(heard: Heard) -> list[str]:
    return re.findall(r"\d+(?:[.,]\d+)?", heard.text)


def _runs(numbers: Sequence[str]) -> Iterable[str]:
    """Yield what neighbouring numbers are together, as a record's number in groups would be."""
    whole = [compact(number) for number in numbers]
    for start in range(len(whole)):
        for stop in range(start + 2, len(whole) + 1):
            yield "".join(whole[start:stop])


def _written(line: TextLine) -> str:
    """Return a line with the blanks between its pieces if these are the letters of all its readings."""
    spelling = compact(fold("".join(line.pieces)))
    same = bool(spelling) and all(within(compact(fold(r)), spelling, _MOST_ERRORS) for r in line.readings)
    return " ".join(line.pieces) if same else line.reading


def in_row(line: TextLine, harmless: Sequence[TextLine], lexicon: Lexicon) -> bool:
    """Tell whether a line is a row of a table by itself, in pieces, or together with the lines of its row.

    Parameters
    ----------
    line
        Against which nothing but a run of digits speaks.
    harmless
        The other lines that stand in its row and its frames; empty if something speaks against one of them.
    lexicon
        Vocabulary and header.
    """
    if is_row([_written(line)], lexicon):
        return True
    lines = sorted((line, *harmless), key=lambda one: (-one.region.columns, one.region.column))
    kept: list[TextLine] = []
    for one in lines:
        if not any(_covers(other, one) for other in kept):
            kept.append(one)
    kept.sort(key=lambda one: one.region.column)
    return line in kept and is_row(map(_written, kept), lexicon)


def _covers(one: TextLine, other: TextLine) -> bool:
    shared = min(one.region.right, other.region.right) - max(one.region.column, other.region.column)
    return shared >= _SHARED * other.region.columns


def row_of(line: TextLine, lines: Iterable[TextLine]) -> list[TextLine]:
    """Return the other lines that stand in the row of a line, in its frames."""
    others = (o for o in lines if o is not line and o.frames.overlaps(line.frames))
    return [o for o in others if same_row(line, o)]
