"""Parts: what of a line that shows an identifier is harmless for sure, and stands apart in it.

``Smith^John   MI 0.8``: a detector may draw one box around two fields. The line is cut where its ink has
a gap that is wider than those between its words, each part is read by itself, and what is then proven
harmless without a name, a label or an identifier near it keeps its place. In doubt the whole line goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from pydicom import Dataset

from scrub_pixels.decisions.decide import decide
from scrub_pixels.decisions.findings import Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.decisions.identity import harvest
from scrub_pixels.decisions.matching import Matcher
from scrub_pixels.decisions.redactions import SURE, Room, mask_of
from scrub_pixels.decisions.room import FAINT, Shown, stands_still
from scrub_pixels.decisions.scan import CUT_TERM, MISSPELT, Atom, AtomKind, scan
from scrub_pixels.decisions.series import SeriesContext
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary
from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import LEAST_CONTRAST, column_gaps, contrast_map, fitted, ink_of
from scrub_pixels.text.lines import TextLine, TextSearch
from scrub_pixels.text.readers import Image, TextRecognizer

NARROWEST, WIDER = 0.5, 1.4
"""Share of a line's height that a cut is wide at least, and how many times as wide it is as other blanks.

In a font of one width a blank alone may be wider than a letter: without others it says nothing."""

BLANK = 0.25
"""Share of a line's height from which a gap is a blank between words."""

MOST_PARTS = 4
_MARGIN = 0.15
_LEAST_LETTERS = 3

_TECHNICAL = ("anatomy.", "measurement.", "parameter.", "ultrasound.", "units.", "probe")
"""Sections of the vocabulary, and other details, of what is written beside identifiers by scanners."""

_SIDE = "anatomy.side"
_OF_PLACES = ("Institution", "place", "contact")
_GUESSED = frozenset({CUT_TERM, MISSPELT})
_A = AtomKind
_VOUCHING = frozenset({_A.TERM, _A.MEASURE})
_KNOWN = _VOUCHING | {_A.NUMBER, _A.BAND_NAME}

Judge = Callable[[Sequence[TextLine]], Sequence[Finding]]
"""Returns a finding for every line of an Instance, in their order."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line.

    Parameters
    ----------
    text
        What it reads; never part of the repr.
    confidence
        Of the reading.
    ink
        Where it stands.
    place
        The same with half of the gaps beside it; at the ends of the line, up to the edge of its mask.
    """

    text: str = field(repr=False)
    confidence: float
    ink: Region
    place: Region


@dataclass(frozen=True)
class Witnesses:
    """What tells whether a part is harmless: vocabulary, header, reader, and all that decides about lines."""

    vocabulary: Vocabulary = field(repr=False)
    matcher: Matcher = field(repr=False)
    reader: TextRecognizer
    judge: Judge


def witnesses_of(
    search: TextSearch, dataset: Dataset, settings: DecisionSettings, context: SeriesContext | None,
    reader: TextRecognizer,
) -> Witnesses:
    """Return who is asked about parts of the lines of an Instance.

    Parameters
    ----------
    search, dataset, settings, context
        As `decide` has them.
    reader
        Reads the parts.
    """

    def judge(lines: Sequence[TextLine]) -> Sequence[Finding]:
        return decide(replace(search, lines=tuple(lines)), dataset, settings, context).findings

    known = harvest(dataset).merged((context or SeriesContext()).identity)
    return Witnesses(load_vocabulary(), Matcher(known), reader, judge)


def rooms_within(
    findings: Sequence[Finding], shown: Shown, settings: DecisionSettings, witnesses: Witnesses
) -> tuple[Room, ...]:
    """Return the places of harmless parts of masked lines.

    Parameters
    ----------
    findings
        All findings of an Instance.
    shown
        Returns the renderings of a frame, the one that is displayed first.
    settings
        How far a redaction reaches beyond the box of its line.
    witnesses
        Who is asked about a part.
    """
    found: list[Room] = []
    for place, finding in enumerate(findings):
        if not _may_have_parts(finding, witnesses.vocabulary):
            continue
        parts = parts_of(finding.line, shown, settings, witnesses.reader)
        kept = _harmless(parts, finding.line, witnesses)
        if kept and len(kept) < len(parts) and _is_proven(place, findings, parts, kept, witnesses.judge):
            found += [Room(finding.line, parts[i].place) for i in kept]
    return tuple(found)


def _may_have_parts(finding: Finding, vocabulary: Vocabulary) -> bool:
    """Tell whether a line is read for sure, reads the same throughout, and says something technical."""
    line = finding.line
    sure = line.confidence >= SURE and len(line.readings) == 1 and not line.rotation
    if finding.verdict is not Verdict.PHI or not sure or not _is_of_a_person(finding):
        return False
    atoms = scan(line.reading, vocabulary)
    return len(atoms) > 1 and any(map(_is_telling, atoms))


def _is_of_a_person(finding: Finding) -> bool:
    """Tell whether the header or a pattern shows what the line holds, and that it is no place.

    Words that nobody knows, and names of places, may have technical terms in them (``Hartford Breast Care``).
    """
    against = tuple(_against(finding))
    shown = any(e.kind in {EvidenceKind.HEADER_MATCH, EvidenceKind.PATTERN} for e in against)
    return shown and not any(e.detail.startswith(_OF_PLACES) for e in against)


def parts_of(
    line: TextLine, shown: Shown, settings: DecisionSettings, reader: TextRecognizer
) -> tuple[Part, ...]:
    """Return the parts of a line from left to right, none if it is in one piece or on no plain ground."""
    pictures = shown(line.frames.start)
    if not all(fitted(picture, line.region)[1] for picture in pictures) or not stands_still(shown, line):
        return ()
    inks = _inks(pictures[0], line.region)
    if not 1 < len(inks) <= MOST_PARTS or not _are_apart(pictures, line.region, inks):
        return ()
    extra, shape = max(1, round(_MARGIN * inks[0].rows)), (pictures[0].shape[0], pictures[0].shape[1])
    read = reader.recognize(
        [np.ascontiguousarray(pictures[0][ink.expanded(extra, extra, shape).slices]) for ink in inks]
    )
    mask = mask_of(line.region, settings)
    cuts = [mask.column, *((a.right + b.column) // 2 for a, b in pairwise(inks)), mask.right]
    places = [Region(mask.row, a, mask.rows, b - a) for a, b in pairwise(cuts)]
    return tuple(
        Part(reading.text.strip(), reading.confidence, ink, place)
        for reading, ink, place in zip(read, inks, places, strict=True)
    )


def _inks(image: Image, box: Region) -> list[Region]:
    """Return where the ink of the parts stands: between gaps wider than any within them."""
    tight, _ = fitted(image, box)
    ink, window = ink_of(image, tight, (0, 0))
    height = tight.rows
    gaps = [gap for gap in column_gaps(ink.mask, 1) if gap[1] - gap[0] >= BLANK * height]
    cuts = _cuts([b - a for a, b in gaps], height)
    edges = [tight.column, *(window.column + e for i in cuts for e in gaps[i]), tight.right]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Region(tight.row, a, height, b - a) for a, b in pairs if b > a]


def _cuts(widths: Sequence[int], height: int) -> list[int]:
    """Return which of the blanks of a line part fields: those that are much wider than all others."""
    for least in sorted(set(widths)):
        others = [width for width in widths if width < least]
        if others and least >= max(NARROWEST * height, WIDER * max(others)):
            return [i for i, width in enumerate(widths) if width >= least]
    return []


def _are_apart(pictures: Sequence[Image], box: Region, inks: Sequence[Region]) -> bool:
    """Tell whether nothing but ground is between the parts, their soft edges aside."""
    for picture in pictures:
        ink, window = ink_of(picture, box, (2, 2))
        contrast = contrast_map(picture[window.slices])
        rows = contrast[ink.inner.row : ink.inner.bottom]
        gaps = ((a.right + 1 - window.column, b.column - 1 - window.column) for a, b in pairwise(inks))
        if any(rows[:, a:b].max(initial=0) > max(LEAST_CONTRAST, FAINT * ink.contrast) for a, b in gaps):
            return False
    return True


def _harmless(parts: Sequence[Part], line: TextLine, witnesses: Witnesses) -> list[int]:
    """Return which parts are harmless by themselves; before an identifier a term alone may be its label."""
    plain = [_is_plain(part, line, witnesses) for part in parts]
    last = max((i for i, is_plain in enumerate(plain) if not is_plain), default=-1)
    return [i for i, part in enumerate(parts) if plain[i] and (i > last or _shows_number(part, witnesses))]


def _shows_number(part: Part, witnesses: Witnesses) -> bool:
    return any(a.kind in {_A.MEASURE, _A.NUMBER} for a in scan(part.text, witnesses.vocabulary))


def _is_plain(part: Part, line: TextLine, witnesses: Witnesses) -> bool:
    """Tell whether a part is technical by itself, as sure as can be, and stands so in the line's reading."""
    own, whole = compact(fold(part.text)), compact(fold(line.reading))
    announces = part.text.endswith(":")
    if part.confidence < SURE or not own or announces or whole.count(own) != 1:
        return False
    if witnesses.matcher.hits(part.text):
        return False
    if not _stands_there(whole.index(own), len(own), len(whole), part, line):
        return False
    atoms = scan(part.text, witnesses.vocabulary)
    known = all(a.kind in _KNOWN and a.detail not in _GUESSED for a in atoms)
    return known and bool(atoms) and atoms[0].kind in _VOUCHING and _is_firm(atoms)


_ADRIFT = 0.15


def _stands_there(start: int, length: int, whole: int, part: Part, line: TextLine) -> bool:
    """Tell whether the characters of a part are, among those of its line, where its ink is among the ink."""
    begin = (part.ink.column - line.region.column) / line.region.columns
    end = (part.ink.right - line.region.column) / line.region.columns
    return abs(begin - start / whole) <= _ADRIFT and abs(end - (start + length) / whole) <= _ADRIFT


def _is_firm(atoms: Sequence[Atom]) -> bool:
    """Tell whether terms are technical and not initials, names are none, and every number is announced."""
    vouching = [a for a in atoms if a.kind in _VOUCHING]
    terms = [a for a in atoms if a.kind in {_A.TERM, _A.BAND_NAME}]
    measured = any(a.kind is _A.MEASURE for a in atoms)
    return (
        all(a.detail.startswith(_TECHNICAL) for a in terms)
        and (len(vouching) > 1 or all(a.kind is _A.TERM for a in terms))
        and all(before.kind is _A.TERM for before, a in pairwise(atoms) if a.kind is _A.NUMBER)
        and (measured or not any(map(_may_be_initials, atoms, [*atoms[1:], None])))
    )


def _may_be_initials(atom: Atom, after: Atom | None) -> bool:
    """Tell whether a term of one or two letters announces no value and is no side of what follows.

    A whole number after it may be an age (``LT 45``).
    """
    if atom.kind is not _A.TERM or len(atom.text) >= _LEAST_LETTERS:
        return False
    if after is None:
        return True
    return after.text.isdecimal() if after.kind is _A.NUMBER else atom.detail != _SIDE


def _is_telling(atom: Atom) -> bool:
    return atom.kind is _A.MEASURE or atom.kind is _A.TERM and atom.detail.startswith(_TECHNICAL)


def _is_proven(
    place: int, findings: Sequence[Finding], parts: Sequence[Part], kept: Sequence[int], judge: Judge
) -> bool:
    """Tell whether the parts would stay as lines of their own, and all else is what it was.

    A date or a name of which a part is cut off is read otherwise.
    """
    line = findings[place].line
    lines = [TextLine(p.ink, line.frames, p.text, p.confidence, line.detection) for p in parts]
    others = [f.line for i, f in enumerate(findings) if i != place]
    judged = judge([*others, *lines])[len(others) :]
    stay = all(judged[i].verdict is Verdict.BENIGN for i in kept)
    rest = {e for i, f in enumerate(judged) if i not in kept for e in _against(f)}
    return stay and set(_against(findings[place])) <= rest


def _against(finding: Finding) -> Iterator[Evidence]:
    return (e for e in finding.evidence if e.speaks_for_phi)
