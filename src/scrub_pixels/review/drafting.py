"""Drafts: checked against the Instance, completed by the answers, and turned into a Review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.decisions import (
    Decision,
    DecisionSettings,
    Finding,
    Redaction,
    Review,
    Seen,
    Verdict,
    redactions,
)
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.store.queue import REVIEWER, BadDecision, Draft, Entry, Says

MOST_REDACTIONS = 10_000
LONGEST_REASON = 200
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Subject:
    """What a draft is about.

    Parameters
    ----------
    shape, frames
        Size of the Instance.
    findings
        What was found in it.
    settings
        How redactions are made of findings.
    """

    shape: Shape
    frames: int
    findings: tuple[Finding, ...]
    settings: DecisionSettings


def proposal(decision: Decision) -> Draft:
    """Return the draft that an entry starts from."""
    return Draft(decision.redactions)


def check(draft: Draft, subject: Subject) -> None:
    """Refuse a draft that the Instance has no place for.

    Raises
    ------
    BadDecision
        If there are too many redactions, one lies outside the Instance, or an answer is about no
        finding or the second about one.
    """
    if len(draft.redactions) > MOST_REDACTIONS:
        raise BadDecision(f"A draft has more than {MOST_REDACTIONS} boxes.", remedy="Draw larger ones.")
    for number, redaction in enumerate(draft.redactions, 1):
        if redaction.region.clipped(subject.shape) != redaction.region:
            raise BadDecision(f"Box {number} reaches outside of the frame.", remedy="Draw it inside.")
        if redaction.frames.stop > subject.frames:
            raise BadDecision(f"Box {number} names frames that there are not.",
                              remedy=f"The Instance has {subject.frames}.")
        if len(redaction.reason) > LONGEST_REASON or not redaction.reason.isprintable():
            raise BadDecision(f"The reason of box {number} is no short text.", remedy="Leave it out.")
    answered = [answer.finding for answer in draft.answers]
    if any(not 0 <= number < len(subject.findings) for number in answered):
        raise BadDecision("An answer is about no finding of this entry.", remedy="Load the entry again.")
    if len(set(answered)) != len(answered):
        raise BadDecision("A finding is answered twice.", remedy="Leave one of the answers out.")


def answered(draft: Draft, subject: Subject) -> Draft:
    """Return a draft whose redactions follow its answers.

    KEEP and TERM take away what was proposed for their finding (what a person drew stays), and
    propose anew what else that covered; PHI makes sure that its finding is covered.
    """
    kept = _findings(draft, subject, (Says.KEEP, Says.TERM))
    gone = [r for r in draft.redactions if r.reason != REVIEWER and any(_covers(r, f) for f in kept)]
    staying = [r for r in draft.redactions if r not in gone]
    others = [f for f in subject.findings if f not in kept and f.verdict is not Verdict.BENIGN
              and any(_covers(r, f) for r in gone)]
    anew = _proposed([*others, *(replace(f, verdict=Verdict.BENIGN) for f in kept)], subject)
    bare = [f for f in _findings(draft, subject, (Says.PHI,))
            if not any(_covers(r, f) for r in (*staying, *anew))]
    named = [replace(f, verdict=Verdict.PHI) for f in bare]
    drawn = [replace(r, reason=REVIEWER) for r in _proposed(named, subject)]
    return replace(draft, redactions=(*staying, *anew, *drawn))


def _findings(draft: Draft, subject: Subject, says: Sequence[Says]) -> list[Finding]:
    return [subject.findings[answer.finding] for answer in draft.answers if answer.says in says]


def _proposed(findings: Sequence[Finding], subject: Subject) -> tuple[Redaction, ...]:
    return redactions(findings, subject.shape, subject.settings)


def _covers(redaction: Redaction, finding: Finding) -> bool:
    line = finding.line
    return redaction.frames.overlaps(line.frames) and share(line.region, redaction.region) >= HALF


def share(region: Region, other: Region) -> float:
    """Return which share of a region another one covers, 0 to 1."""
    shared = region.intersection(other)
    return shared.area / region.area if shared else 0.0


def drawn(draft: Draft, proposed: Iterable[Redaction]) -> tuple[Redaction, ...]:
    """Return what a draft masks that was not proposed."""
    known = set(proposed)
    return tuple(r for r in draft.redactions if r not in known)


def review_of(entry: Entry, draft: Draft, decision: Decision) -> Review:
    """Return what the pipeline is told once a draft is accepted."""
    seen = tuple(Seen(finding.line.region, finding.line.frames) for finding in decision.findings)
    return Review(draft.redactions, seen, decision.redactions, entry.reasons)
