"""What a person decided about one Instance, laid over what the pipeline decides anew.

A reviewer has the last word on what he saw: what he covered is masked, what he left is kept. On
anything that he did not see, a line found only now or a new doubt about the search, the pipeline
decides as always, so that a review never releases what nobody looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.decisions.findings import (
    Decision,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
)
from scrub_pixels.decisions.redactions import redactions
from scrub_pixels.decisions.settings import DecisionSettings, OnUncertain
from scrub_pixels.geometry import FrameSpan, Region, Shape, coverage

UNSURE_PLACES = "places that may be text and could not be read"
"""The reason for a hold because of UNSURE lines, one for all so that a queue can be filtered by it."""

SAME = 0.5
"""Share of a line that must lie in a place to be the line that was seen there, or to be covered."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A place with a finding that a person was shown."""

    region: Region
    frames: FrameSpan


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision about one Instance.

    Parameters
    ----------
    redactions
        All that is to be masked of what was seen, and what was drawn besides.
    seen
        Every place with a finding that was shown; a finding there that no redaction covers is kept.
    proposed
        The redactions that were shown as proposed; of those without a finding (device rules, regions
        of a policy), the ones that were not shown stay.
    reasons
        The reasons for the hold that were shown, and are thereby answered.
    """

    redactions: tuple[Redaction, ...]
    seen: tuple[Seen, ...] = ()
    proposed: tuple[Redaction, ...] = ()
    reasons: tuple[str, ...] = ()


def reviewed(
    decision: Decision, review: Review | Sequence[Redaction], shape: Shape, settings: DecisionSettings
) -> Decision:
    """Return a decision with a person's decision laid over it.

    Parameters
    ----------
    decision
        What the pipeline decides by itself.
    review
        What the person decided; redactions alone are added to the pipeline's own.
    shape
        ``(Rows, Columns)`` of the frames.
    settings
        What happens in doubt about what nobody saw.
    """
    if not isinstance(review, Review):
        return replace(decision, redactions=(*decision.redactions, *review))
    findings = tuple(_answered(finding, review, shape) for finding in decision.findings)
    unseen = [f for f in findings if f.verdict is Verdict.BENIGN or not _was_seen(f, review.seen)]
    reasons = (*_unanswered(decision, review), *_unsure(unseen, settings))
    by_findings = redactions(decision.findings, shape, settings)
    others = [r for r in decision.redactions if r not in by_findings and r not in review.proposed]
    return Decision(findings, (*review.redactions, *redactions(unseen, shape, settings), *others),
                    Disposition.HOLD if reasons else Disposition.RELEASE, reasons)


def _answered(finding: Finding, review: Review, shape: Shape) -> Finding:
    if finding.verdict is Verdict.BENIGN or not _was_seen(finding, review.seen):
        return finding
    if _covered(finding, review.redactions, shape):
        masked = Evidence(EvidenceKind.REVIEWER, "masked by a reviewer", True)
        return replace(finding, verdict=Verdict.PHI, evidence=(*finding.evidence, masked))
    kept = Evidence(EvidenceKind.REVIEWER, "kept by a reviewer", False)
    return replace(finding, verdict=Verdict.BENIGN, evidence=(*finding.evidence, kept))


def _was_seen(finding: Finding, seen: Iterable[Seen]) -> bool:
    """Tell whether a finding stands, in all its frames, where a person was shown one."""
    line = finding.line
    places = [s for s in seen if _share(line.region, s.region) >= SAME]
    return all(any(frame in place.frames for place in places) for frame in line.frames)


def _share(region: Region, other: Region) -> float:
    shared = region.intersection(other)
    return shared.area / region.area if shared else 0.0


def _covered(finding: Finding, masked: Sequence[Redaction], shape: Shape) -> bool:
    """Tell whether redactions cover a line in any of its frames."""
    line = finding.line
    near = [r for r in masked if r.frames.overlaps(line.frames) and r.region.overlaps(line.region)]
    starts = {max(r.frames.start, line.frames.start) for r in near}
    for frame in sorted(starts):
        area = coverage([r.region for r in near if frame in r.frames], shape)[line.region.slices]
        if area.size and area.mean() >= SAME:
            return True
    return False


def _unanswered(decision: Decision, review: Review) -> list[str]:
    return [r for r in decision.reasons if r not in review.reasons and r != UNSURE_PLACES]


def _unsure(unseen: Sequence[Finding], settings: DecisionSettings) -> tuple[str, ...]:
    unsure = any(finding.verdict is Verdict.UNSURE for finding in unseen)
    return (UNSURE_PLACES,) if unsure and settings.on_uncertain is not OnUncertain.MASK else ()
