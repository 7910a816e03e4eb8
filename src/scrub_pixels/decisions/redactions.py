"""Redactions: the rectangles around the lines that must go, grown a little, without hurting the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.decisions.findings import Decision, Finding, Redaction, Verdict
from scrub_pixels.decisions.layout import encloses
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.lines import TextLine

SURE = 0.9
"""Confidence from which a harmless reading accounts for the ink in its place."""

_ENDS = 2
"""Characters that a column of line ends is read as, at most."""

_EDGE = 8
"""Heights of a harmless line, as parts of one, that are an edge around it: one sample below 16."""

_MARGINS = 0.3
"""Share of a line's height by which the boxes of two lines overlap without their letters touching."""

_WASTE = 1.2
"""Two redactions become one if that covers at most this many times the area they cover apart."""


def redactions(
    findings: Sequence[Finding], shape: Shape, settings: DecisionSettings
) -> tuple[Redaction, ...]:
    """Return what must be masked so that no PHI and no UNSURE line can be read.

    Parameters
    ----------
    findings
        All findings of the Instance; the BENIGN ones bound the growth of the others.
    shape
        ``(Rows, Columns)`` of the frames.
    settings
        `margin` and `min_margin` say how far a rectangle reaches beyond the ink.
    """
    ordered = sorted(findings, key=_in_order)
    benign = _harmless(ordered)
    grown = [r for f in ordered if f.verdict is not Verdict.BENIGN
             for r in _redactions(f, benign, shape, settings)]

    def may_join(one: Redaction, other: Redaction) -> bool:
        return _nearly_coincide(one, other) and not _newly_covered(one, other, benign)

    return _sorted(_merged(grown, may_join))


@dataclass(frozen=True, slots=True)
class Room:
    """What the redaction of one line leaves to a harmless one beside it.

    Parameters
    ----------
    masked
        The line that is masked.
    region
        The place of the harmless line, in which no ink of the masked one stands.
    """

    masked: TextLine
    region: Region


def sparing(
    decision: Decision, rooms: Iterable[Room], shape: Shape, settings: DecisionSettings
) -> Decision:
    """Return a decision whose redactions leave rooms alone; itself if nothing comes of it.

    What is masked is never more than before: rooms are taken out of the redactions of the lines that they
    were found for, and of two boxes that nearly coincide no more is covered of a harmless line than each
    of them covers.

    Parameters
    ----------
    decision
        What was decided; redactions that are not of its findings stay as they are.
    rooms
        What the redactions of which lines leave alone.
    shape, settings
        As `redactions` has them.
    """
    before = redactions(decision.findings, shape, settings)
    others = list((Counter(decision.redactions) - Counter(before)).elements())
    left = _spared(decision.findings, before, tuple(rooms), shape, settings)
    return decision if left == before else replace(decision, redactions=(*left, *others))


def _spared(
    findings: Sequence[Finding], before: Sequence[Redaction], rooms: Sequence[Room], shape: Shape,
    settings: DecisionSettings,
) -> tuple[Redaction, ...]:
    ordered = sorted(findings, key=_in_order)
    benign = _harmless(ordered)
    apart: list[Redaction] = []
    for finding in ordered:
        if finding.verdict is not Verdict.BENIGN:
            own = sorted({room.region for room in rooms if room.masked == finding.line})
            apart += _apart(_redactions(finding, benign, shape, settings), own)

    sure = [(b.region, b.frames) for b in benign if b.confidence >= SURE]
    kept = [*sure, *((room.region, room.masked.frames) for room in rooms)]

    def may_join(one: Redaction, other: Redaction) -> bool:
        union = one.region.union(other.region)
        within = any(r.frames == one.frames and r.region.contains(union) for r in before)
        places = [region for region, frames in kept if frames.overlaps(one.frames)]
        return (within and _nearly_coincide(one, other) and not _newly_covered(one, other, benign)
                and not _covers_more(one.region, other.region, places))

    return _sorted(_merged(apart, may_join))


def _in_order(finding: Finding) -> tuple:
    """Return what tells findings apart: their order in a list is nobody's decision."""
    line = finding.line
    return (line.frames, line.region, line.rotation, finding.verdict.value, line.readings, line.confidence,
            _reason(finding))


def _harmless(findings: Iterable[Finding]) -> list[TextLine]:
    return [f.line for f in findings if f.verdict is Verdict.BENIGN]


def _sorted(found: Iterable[Redaction]) -> tuple[Redaction, ...]:
    return tuple(sorted(found, key=lambda r: (r.frames, r.region, r.reason)))


def _apart(found: Sequence[Redaction], rooms: Sequence[Region]) -> list[Redaction]:
    """Return redactions without what belongs to harmless lines."""
    left = list(found)
    for room in rooms:
        left = [replace(r, region=piece) for r in left for piece in minus(r.region, room)]
    return left


def _redactions(
    finding: Finding, benign: Sequence[TextLine], shape: Shape, settings: DecisionSettings
) -> list[Redaction]:
    """Return what masks one line; of one that is unread, or crosses others, what is not theirs."""
    core = finding.line.region.clipped(shape)
    if core is None:
        return []
    cores = [core]
    sure = [b for b in benign if b.confidence >= SURE and _throughout(b, finding.line)]
    if not (finding.line.confidence < settings.min_confidence or _may_cross_lines(finding.line)):
        sure = [b for b in sure if encloses(finding.line, b)]
    for other in sure:
        cores = [piece for core in cores for piece in _minus_line(core, other, finding.line)]
    return [_redaction(finding, core, benign, shape, settings) for core in cores]


def _minus_line(core: Region, harmless: TextLine, line: TextLine) -> list[Region]:
    """Return what of a piece is not a harmless line's, nor the edge around it of a box that was not read.

    No letter beside those of the harmless line is as thin as that, but its mask blackens coding blocks.
    """
    pieces = minus(core, harmless.region)
    if line.readings or pieces == [core]:
        return pieces
    edge = max(1, harmless.region.rows // _EDGE)
    return [piece for piece in pieces if min(piece.rows, piece.columns) > edge]


def mask_of(region: Region, settings: DecisionSettings) -> Region:
    """Return the box of a line with the margin that its mask has at most, over the edge of the frame too."""
    reach = _reach(region, settings)
    return region.expanded(reach, reach, (region.bottom + reach, region.right + reach))


def _reach(region: Region, settings: DecisionSettings) -> int:
    return max(settings.min_margin, math.ceil(settings.margin * min(region.rows, region.columns)))


def _may_cross_lines(line: TextLine) -> bool:
    """Tell whether turned text is so short that it may be the ends of lines that stand above each other."""
    return line.rotation % 180 != 0 and sum(c.isalnum() for c in line.reading) <= _ENDS


def _throughout(benign: TextLine, line: TextLine) -> bool:
    return benign.frames.start <= line.frames.start and line.frames.stop <= benign.frames.stop


def minus(region: Region, hole: Region) -> list[Region]:
    """Return what is left of `region` without `hole`: whole rows above and below, the rest beside it."""
    shared = region.intersection(hole)
    if shared is None:
        return [region]
    edges = (
        (region.row, region.column, shared.row, region.right),
        (shared.bottom, region.column, region.bottom, region.right),
        (shared.row, region.column, shared.bottom, shared.column),
        (shared.row, shared.right, shared.bottom, region.right),
    )
    return [Region.from_edges(t, x, b, r) for t, x, b, r in edges if b > t and r > x]


def _redaction(
    finding: Finding, core: Region, benign: Iterable[TextLine], shape: Shape, settings: DecisionSettings
) -> Redaction:
    line = finding.line
    reach = _reach(core, settings)
    region = core.expanded(reach, reach, shape)
    for other in benign:
        if other.frames.overlaps(line.frames):
            region = _kept_off(region, core, other.region)
    return Redaction(region, line.frames, _reason(finding))


def _reason(finding: Finding) -> str:
    for evidence in finding.evidence:
        if evidence.speaks_for_phi:
            return f"{evidence.kind.value}: {evidence.detail}"
    return finding.verdict.value


def _kept_off(region: Region, core: Region, other: Region) -> Region:
    """Return `region` cut back so that it leaves `other` alone, without cutting the ink in `core`.

    Boxes have margins: where two lines overlap by less than these, each keeps its half.
    """
    if not region.overlaps(other):
        return region
    shared = core.intersection(other)
    if shared is not None:
        limit = _MARGINS * min(core.rows, other.rows)
        if shared.rows <= limit and core.row != other.row:
            return _halved(region, core, other, shared)
        return _not_grown_towards(region, core, other, shared)
    top, left, bottom, right = region.row, region.column, region.bottom, region.right
    if other.bottom <= core.row:
        top = max(top, other.bottom)
    elif other.row >= core.bottom:
        bottom = min(bottom, other.row)
    elif other.right <= core.column:
        left = max(left, other.right)
    else:
        right = min(right, other.column)
    return Region.from_edges(top, left, bottom, right)


def _not_grown_towards(region: Region, core: Region, other: Region, shared: Region) -> Region:
    """Return `region` ending where `core` does, at the side of a line that reaches less than half into it.

    Nothing of `core` is given up: what was read as its letters stands within.
    """
    top, left, bottom, right = region.row, region.column, region.bottom, region.right
    if 2 * shared.rows <= min(core.rows, other.rows):
        if other.row > core.row and other.bottom >= core.bottom:
            bottom = core.bottom
        elif other.row < core.row and other.bottom <= core.bottom:
            top = core.row
    elif 2 * shared.columns <= min(core.columns, other.columns):
        if other.column > core.column and other.right >= core.right:
            right = core.right
        elif other.column < core.column and other.right <= core.right:
            left = core.column
    return Region.from_edges(top, left, bottom, right)


def _halved(region: Region, core: Region, other: Region, shared: Region) -> Region:
    """Return `region` cut at the middle of the rows that a line above or below shares with `core`."""
    middle = shared.row + (shared.rows + 1) // 2 if core.row < other.row else shared.row + shared.rows // 2
    if core.row < other.row:
        return Region.from_edges(region.row, region.column, middle, region.right)
    return Region.from_edges(middle, region.column, region.bottom, region.right)


MayJoin = Callable[[Redaction, Redaction], bool]


def _merged(found: Sequence[Redaction], may_join: MayJoin) -> list[Redaction]:
    """Return the redactions with those that nearly coincide made one."""
    result: list[Redaction] = []
    for redaction in found:
        pending = redaction
        while (partner := next((r for r in result if may_join(pending, r)), None)) is not None:
            result.remove(partner)
            pending = _joined(partner, pending)
        result.append(pending)
    return result


def _nearly_coincide(one: Redaction, other: Redaction) -> bool:
    shared = one.region.intersection(other.region)
    if one.frames != other.frames or shared is None:
        return False
    apart = one.region.area + other.region.area - shared.area
    return one.region.union(other.region).area <= _WASTE * apart


def _newly_covered(one: Redaction, other: Redaction, benign: Iterable[TextLine]) -> bool:
    """Tell whether the union touches harmless text that its parts leave alone."""
    union = one.region.union(other.region)
    return any(
        line.region.overlaps(union)
        and line.frames.overlaps(one.frames)
        and not any(line.region.overlaps(part.region) for part in (one, other))
        for line in benign
    )


def _covers_more(one: Region, other: Region, places: Iterable[Region]) -> bool:
    """Tell whether the union of two covers more of a place that is kept than they do."""
    union = one.union(other)
    return any(_covered(place, union) > _covered_by_two(place, one, other) for place in places)


def _covered(line: Region, by: Region) -> int:
    shared = line.intersection(by)
    return shared.area if shared is not None else 0


def _covered_by_two(line: Region, one: Region, other: Region) -> int:
    both = one.intersection(other)
    twice = _covered(line, both) if both is not None else 0
    return _covered(line, one) + _covered(line, other) - twice


def _joined(one: Redaction, other: Redaction) -> Redaction:
    reasons = dict.fromkeys((*one.reason.split("; "), *other.reason.split("; ")))
    return replace(one, region=one.region.union(other.region), reason="; ".join(reasons))
