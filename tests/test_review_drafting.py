"""Answers and what they do to boxes, and what one decision may say about another Instance."""

from __future__ import annotations

from dataclasses import replace

from test_review_pipeline import ALL, NAME, RULER, SHAPE, finding

from scrub_pixels.decisions import Decision, DecisionSettings, Disposition, Redaction, Verdict, redactions
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.drafting import Subject, answered, check, proposal
from scrub_pixels.review.spreading import change, changed, lesson_of
from scrub_pixels.store.queue import REVIEWER, Answer, Draft, Entry, Kind, Says, State

SETTINGS = DecisionSettings()
BESIDE = Region(5, 72, 10, 60)
"""So near to NAME that both are masked by one box."""


def a_case(*findings) -> tuple[Subject, Decision]:
    subject = Subject(SHAPE, 3, findings, SETTINGS)
    return subject, Decision(findings, redactions(findings, SHAPE, SETTINGS), Disposition.HOLD, ("r",))


def says(decision: Decision, *answers: tuple[int, Says], boxes=()) -> Draft:
    return Draft((*decision.redactions, *boxes), tuple(Answer(*answer) for answer in answers))


def covered(draft: Draft, region: Region) -> bool:
    return any(r.region.contains(region) for r in draft.redactions)


def test_keeping_one_finding_keeps_the_other_masked():
    subject, decision = a_case(finding(NAME, Verdict.PHI), finding(BESIDE, Verdict.PHI))
    assert len(decision.redactions) == 1, "one box masks both"
    for word in (Says.KEEP, Says.TERM):
        draft = answered(says(decision, (1, word)), subject)
        assert covered(draft, NAME) and not covered(draft, BESIDE)
        assert answered(draft, subject) == draft, "twice is once"


def test_what_a_person_drew_stays_whatever_is_answered():
    subject, decision = a_case(finding(NAME, Verdict.PHI))
    box = Redaction(NAME, ALL, REVIEWER)
    assert answered(says(decision, (0, Says.KEEP), boxes=(box,)), subject).redactions == (box,)


def test_phi_makes_sure_of_a_box_and_adds_no_second():
    subject, decision = a_case(finding(RULER, Verdict.BENIGN), finding(NAME, Verdict.PHI))
    draft = answered(says(decision, (0, Says.PHI), (1, Says.PHI)), subject)
    assert covered(draft, RULER) and len(draft.redactions) == 2
    assert [r.reason for r in draft.redactions if r.region.overlaps(RULER)] == [REVIEWER]
    check(draft, subject)
    assert answered(draft, subject) == draft


def entry(number: int, frames: int = 3) -> Entry:
    return Entry(number, str(number), "/in/x", None, "x", 1, 1, State.PENDING, Kind.HELD, 0.0, "US", "D", "s",
                 *SHAPE, frames, ("r",))


def test_a_line_taken_for_phi_is_kept_elsewhere_only_if_it_reads_the_same():
    _, decision = a_case(finding(NAME, Verdict.PHI), finding(RULER, Verdict.UNSURE))
    lesson = lesson_of(entry(1), decision, Draft(()))
    assert len(lesson.kept) == 2
    other = replace(decision.findings[0], line=replace(decision.findings[0].line, reading="DOE"))
    elsewhere = Decision((other, decision.findings[1]), decision.redactions, Disposition.HOLD)
    assert change(lesson, entry(2), elsewhere, proposal(elsewhere)).kept == (1,)
    assert change(lesson, entry(2), decision, proposal(decision)).kept == (0, 1)
    moved = replace(other, verdict=Verdict.UNSURE,
                    line=replace(other.line, region=Region(60, 150, 10, 20)))
    far = Decision((moved,), (), Disposition.HOLD)
    assert change(lesson, entry(2), far, proposal(far)).kept == ()


def test_boxes_follow_the_frames_there_are_and_never_leave_the_picture():
    _, decision = a_case()
    everywhere, once = Redaction(NAME, ALL, REVIEWER), Redaction(RULER, FrameSpan(2, 3), REVIEWER)
    lesson = lesson_of(entry(1), decision, Draft((everywhere, once)))
    longer = change(lesson, entry(2, frames=9), decision, Draft(()))
    assert [box.frames for box in longer.added] == [FrameSpan(0, 9), FrameSpan(2, 3)]
    shorter = change(lesson, entry(2, frames=1), decision, Draft(()))
    assert [box.frames for box in shorter.added] == [FrameSpan(0, 1)]
    small = replace(entry(2), rows=10, columns=10)
    assert change(lesson, small, decision, Draft(())).added == ()
    done = changed(Draft(()), longer)
    assert change(lesson, entry(2, frames=9), decision, done).added == (), "twice is once"
