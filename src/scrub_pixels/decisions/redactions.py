"""Redactions: the rectangles around the lines that must go, grown a little, without hurting the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from scrub_pixels.decisions.findings import Finding, Redaction, Verdict
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.lines import TextLine

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
    benign = [f.line for f in findings if f.verdict is Verdict.BENIGN]
    masked = [f for f in findings if f.verdict is not Verdict.BENIGN]
    grown = [_redaction(f, benign, shape, settings) for f in masked]
    return tuple(sorted(_merged([r for r in grown if r], benign), key=lambda r: (r.frames, r.region)))


def _redaction(
    finding: Finding, benign: Iterable[TextLine], shape: Shape, settings: DecisionSettings
) -> Redaction | None:
    line = finding.line
    core = line.region.clipped(shape)
    if core is None:
        return None
    reach = max(settings.min_margin, math.ceil(settings.margin * min(core.rows, core.columns)))
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
    """Return `region` cut back so that it leaves `other` alone, never cut into `core`."""
    if not region.overlaps(other) or core.overlaps(other):
        return region
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


def _merged(found: Sequence[Redaction], benign: Sequence[TextLine]) -> list[Redaction]:
    """Return the redactions with those that nearly coincide made one."""
    result: list[Redaction] = []
    for redaction in found:
        pending = redaction
        while (partner := _partner(pending, result, benign)) is not None:
            result.remove(partner)
            pending = _joined(partner, pending)
        result.append(pending)
    return result


def _partner(one: Redaction, others: Iterable[Redaction], benign: Sequence[TextLine]) -> Redaction | None:
    return next((other for other in others if _mergeable(one, other, benign)), None)


def _mergeable(one: Redaction, other: Redaction, benign: Sequence[TextLine]) -> bool:
    shared = one.region.intersection(other.region)
    if one.frames != other.frames or shared is None:
        return False
    union = one.region.union(other.region)
    apart = one.region.area + other.region.area - shared.area
    return union.area <= _WASTE * apart and not _newly_covered(union, (one, other), benign)


def _newly_covered(union: Region, parts: Sequence[Redaction], benign: Iterable[TextLine]) -> bool:
    """Tell whether the union touches harmless text that its parts leave alone."""
    return any(
        line.region.overlaps(union)
        and line.frames.overlaps(parts[0].frames)
        and not any(line.region.overlaps(part.region) for part in parts)
        for line in benign
    )


def _joined(one: Redaction, other: Redaction) -> Redaction:
    reasons = dict.fromkeys((*one.reason.split("; "), *other.reason.split("; ")))
    return replace(one, region=one.region.union(other.region), reason="; ".join(reasons))
