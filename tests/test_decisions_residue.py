"""The second look: what it takes for remains of a masked text, and what it leaves alone."""

import pytest
from pydicom import Dataset

from scrub_pixels.decisions import (
    Decision,
    DecisionSettings,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
    frames_to_look_at,
    residue,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SPAN = FrameSpan(0, 4)
MASKED = Redaction(Region(20, 20, 14, 100), SPAN, "test")


def line(text, region, confidence=0.95):
    return TextLine(region, FrameSpan(0, 1), text, confidence, 0.9)


def left_over(*lines, findings=()):
    dataset = Dataset()
    dataset.Rows, dataset.Columns = 400, 600
    decision = Decision(tuple(findings), (MASKED,), Disposition.RELEASE)
    return residue(lines, 0, decision, dataset, DecisionSettings())


def test_letters_that_stick_out_of_a_mask_are_masked_in_all_of_its_frames():
    (more,) = left_over(line("SON", Region(20, 121, 14, 30)))
    assert more.frames == SPAN
    assert more.region.contains(Region(20, 121, 14, 30))


@pytest.mark.parametrize(
    "stray",
    [
        line("SON", Region(200, 300, 14, 30)),
        line("ab", Region(20, 121, 14, 30), 0.3),
        line("I", Region(20, 121, 14, 5)),
        line("MI 0.8", Region(20, 121, 14, 50)),
    ],
    ids=["far away", "not read", "an edge", "harmless"],
)
def test_what_is_no_remainder_stays(stray):
    assert left_over(stray) == ()


def test_what_was_found_harmless_before_stays():
    known = line("LT KIDNEY SAG", Region(20, 124, 14, 100))
    finding = Finding(known, Verdict.BENIGN, (Evidence(EvidenceKind.VOCABULARY, "anatomy", False),))
    assert left_over(line("LY KIDNFY SAG", Region(20, 126, 14, 96)), findings=[finding]) == ()


@pytest.mark.parametrize(("pitch", "masked"), [(24, 0), (60, 1)], ids=["all of it", "hardly any of it"])
def test_a_column_of_harmless_values_read_as_one_turned_line_stays(pitch, masked):
    values = [line(text, Region(20 + pitch * i, 121, 14, 30)) for i, text in enumerate(("120", "50", "100"))]
    plain = (Evidence(EvidenceKind.MEASUREMENT, "number", False),)
    findings = [Finding(value, Verdict.BENIGN, plain) for value in values]
    column = line("OOSLO RETINAL", Region(20, 121, 2 * pitch + 14, 30))
    assert len(left_over(column, findings=findings)) == masked


def test_looks_are_spread_over_a_long_cine():
    redactions = [Redaction(Region(0, 0, 9, 9), FrameSpan(n, n + 1), "test") for n in range(100)]
    looks = frames_to_look_at(redactions, 8)
    assert len(looks) <= 8 and looks[0] == 0 and looks[-1] > 80
    assert frames_to_look_at([], 8) == []
