"""A person's decision laid over the pipeline's: the last word on what was seen, none on what was not."""

from __future__ import annotations

from dataclasses import replace

from scrub_pixels.decisions import (
    Decision,
    DecisionSettings,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    OnUncertain,
    Redaction,
    Review,
    Seen,
    Verdict,
    reviewed,
)
from scrub_pixels.decisions.review import UNSURE_PLACES
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE, ALL = (100, 200), FrameSpan(0, 3)
NAME, RULER, LATE = Region(5, 10, 10, 60), Region(50, 10, 10, 20), Region(80, 100, 10, 40)


def finding(region: Region, verdict: Verdict, frames: FrameSpan = ALL) -> Finding:
    line = TextLine(region, frames, "X", 0.9, 0.9)
    return Finding(line, verdict, (Evidence(EvidenceKind.PATTERN, "date", True),))


def decision(*findings: Finding, reasons: tuple[str, ...] = ()) -> Decision:
    boxes = tuple(Redaction(f.line.region, f.line.frames, "proposed") for f in findings)
    return Decision(findings, boxes, Disposition.HOLD if reasons else Disposition.RELEASE, reasons)


def look(given: Decision, review: Review, settings: DecisionSettings | None = None) -> Decision:
    return reviewed(given, review, SHAPE, settings or DecisionSettings())


def seen(*regions: Region) -> tuple[Seen, ...]:
    return tuple(Seen(region, ALL) for region in regions)


def test_what_was_seen_and_left_is_kept_and_what_was_covered_goes():
    reasons = (UNSURE_PLACES,)
    given = decision(finding(NAME, Verdict.PHI), finding(RULER, Verdict.UNSURE), reasons=reasons)
    box = Redaction(NAME, ALL, "reviewer")
    found = look(given, Review((box,), seen(NAME, RULER), given.redactions, given.reasons))
    assert found.disposition is Disposition.RELEASE and found.redactions == (box,)
    assert [f.verdict for f in found.findings] == [Verdict.PHI, Verdict.BENIGN]
    assert {f.evidence[-1].kind for f in found.findings} == {EvidenceKind.REVIEWER}


def test_a_line_nobody_saw_is_masked_as_always_and_an_unsure_one_holds():
    given = decision(finding(NAME, Verdict.PHI), finding(LATE, Verdict.PHI))
    found = look(given, Review((), seen(NAME), given.redactions))
    assert found.disposition is Disposition.RELEASE
    assert [r.region.contains(LATE) for r in found.redactions] == [True]
    unsure = decision(finding(LATE, Verdict.UNSURE), reasons=(UNSURE_PLACES,))
    held = look(unsure, Review((), reasons=unsure.reasons))
    assert held.disposition is Disposition.HOLD and held.reasons == (UNSURE_PLACES,)
    masking = DecisionSettings(on_uncertain=OnUncertain.MASK)
    assert look(unsure, Review((), reasons=unsure.reasons), masking).disposition is Disposition.RELEASE


def test_a_doubt_that_was_not_shown_holds_again():
    given = decision(reasons=("the search saw: barcode", "the search saw: handwriting"))
    held = look(given, Review((), reasons=("the search saw: barcode",)))
    assert held.reasons == ("the search saw: handwriting",) and held.disposition is Disposition.HOLD
    assert look(given, Review((), reasons=given.reasons)).disposition is Disposition.RELEASE


def test_seen_in_some_frames_is_not_seen_in_all():
    given = decision(finding(NAME, Verdict.PHI))
    found = look(given, Review((), (Seen(NAME, FrameSpan(0, 2)),)))
    assert found.redactions and found.findings[0].verdict is Verdict.PHI
    both = (Seen(NAME, FrameSpan(0, 2)), Seen(NAME, FrameSpan(2, 3)))
    assert look(given, Review((), both)).findings[0].verdict is Verdict.BENIGN


def test_a_line_covered_in_one_of_its_frames_is_not_called_harmless():
    given = decision(finding(NAME, Verdict.PHI))
    found = look(given, Review((Redaction(NAME, FrameSpan(1, 2), "reviewer"),), seen(NAME)))
    assert found.findings[0].verdict is Verdict.PHI


def test_redactions_alone_are_added_to_those_found():
    given = decision(finding(NAME, Verdict.PHI), reasons=("r",))
    found = reviewed(given, (Redaction(LATE, ALL, "reviewer"),), SHAPE, DecisionSettings())
    assert len(found.redactions) == 2 and found.disposition is Disposition.HOLD


def test_a_region_of_a_device_rule_goes_unless_it_was_shown():
    rule = Redaction(Region(0, 0, 20, 200), ALL, "device rule")
    given = replace(decision(), redactions=(rule,))
    assert look(given, Review(())).redactions == (rule,)
    assert look(given, Review((), proposed=(rule,))).redactions == ()
