"""The outcome: what is masked where, and when an Instance is released, held or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from scrub_pixels.decisions import (
    Decision,
    DecisionSettings,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    OnUncertain,
    Verdict,
    decide,
    redactions,
)
from scrub_pixels.geometry import FrameSpan, Region, coverage
from scrub_pixels.text.lines import TextLine, TextSearch

SHAPE = (400, 600)


USUAL = Region(200, 10, 12, 80)
FIRST = FrameSpan(0, 1)


def line(text: str, region: Region = USUAL, **fields: object) -> TextLine:
    defaults = {"frames": FIRST, "confidence": 0.95, "detection": 0.95}
    return TextLine(region=region, reading=text, **(defaults | fields))  # type: ignore[arg-type]


def search(*lines: TextLine, **fields: object) -> TextSearch:
    defaults = {"shape": SHAPE, "frames": 1, "frames_searched": 1, "reader": "test"}
    return TextSearch(lines=lines, **(defaults | fields))  # type: ignore[arg-type]


def outcome(found: TextSearch, settings: DecisionSettings | None = None, **elements: object) -> Decision:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return decide(found, dataset, settings or DecisionSettings())


SPECK = line("", Region(350, 500, 6, 9), confidence=0.0, detection=0.1)


def test_an_instance_without_text_is_released_untouched() -> None:
    decision = outcome(search())
    assert (decision.disposition, decision.redactions, decision.reasons) == (Disposition.RELEASE, (), ())


def test_phi_is_masked_and_released_and_harmless_text_stays() -> None:
    keep, mask = line("MI 0.8"), line("DOE, JOHN", Region(40, 10, 12, 80))
    decision = outcome(search(keep, mask))
    assert decision.disposition is Disposition.RELEASE
    (redaction,) = decision.redactions
    assert redaction.region.contains(mask.region)
    assert not redaction.region.overlaps(keep.region)


@pytest.mark.parametrize(
    ("on_uncertain", "disposition", "explained"),
    [
        (OnUncertain.HOLD, Disposition.HOLD, True),
        (OnUncertain.MASK, Disposition.RELEASE, False),
        (OnUncertain.REFUSE, Disposition.REFUSE, True),
    ],
)
def test_what_may_be_text_follows_the_setting_and_is_always_proposed(
    on_uncertain: OnUncertain, disposition: Disposition, explained: bool
) -> None:
    decision = outcome(search(SPECK), DecisionSettings(on_uncertain=on_uncertain))
    assert decision.disposition is disposition
    assert bool(decision.reasons) is explained
    assert decision.redactions[0].region.contains(SPECK.region)


@pytest.mark.parametrize(
    "found",
    [search(frames=3, frames_searched=2), search(doubts=("barcode",)), search(frames=1, frames_searched=0)],
)
@pytest.mark.parametrize("on_uncertain", list(OnUncertain))
def test_an_incomplete_or_doubtful_search_is_never_released(
    found: TextSearch, on_uncertain: OnUncertain
) -> None:
    decision = outcome(found, DecisionSettings(on_uncertain=on_uncertain))
    refused = on_uncertain is OnUncertain.REFUSE
    assert decision.disposition is (Disposition.REFUSE if refused else Disposition.HOLD)
    assert len(decision.reasons) == 1


@pytest.mark.parametrize(
    ("says", "text", "disposition"),
    [
        ("YES", "MI 0.8", Disposition.HOLD),
        ("YES", "DOE", Disposition.RELEASE),
        ("NO", "MI 0.8", Disposition.RELEASE),
        ("NO", "DOE", Disposition.RELEASE),
    ],
)
def test_burned_in_annotation_raises_suspicion_and_never_lowers_it(
    says: str, text: str, disposition: Disposition
) -> None:
    decision = outcome(search(line(text)), BurnedInAnnotation=says)
    assert decision.disposition is disposition
    assert (decision.findings[0].verdict is Verdict.PHI) == (text == "DOE")


@pytest.mark.parametrize("value", [["YES", "NO"], None, "", "maybe"])
@pytest.mark.filterwarnings("ignore")
def test_odd_header_values_do_not_raise(value: object) -> None:
    dataset = Dataset()
    for keyword in ("BurnedInAnnotation", "Modality", "Manufacturer"):
        dataset.add_new(keyword, "LO", value)
    assert isinstance(decide(search(line("DOE")), dataset), Decision)


def test_reasons_and_redactions_show_no_text() -> None:
    decision = outcome(search(line("SENTINEL"), SPECK), PatientName="SENTINEL^ANNA")
    assert "SENTINEL" not in repr(decision)
    assert decision.redactions[0].reason == "header match: PatientName, word"


def finding(verdict: Verdict, region: Region, frames: FrameSpan = FIRST) -> Finding:
    evidence = Evidence(EvidenceKind.PATTERN, "date", verdict is not Verdict.BENIGN)
    return Finding(line("x", region, frames=frames), verdict, (evidence,))


def test_growth_is_a_share_of_the_height_and_stays_in_the_frame() -> None:
    (grown,) = redactions([finding(Verdict.PHI, Region(0, 590, 20, 10))], SHAPE, DecisionSettings())
    assert grown.region == Region(0, 588, 22, 12)
    (tall,) = redactions([finding(Verdict.PHI, Region(50, 50, 40, 90))], SHAPE, DecisionSettings())
    assert tall.region == Region(42, 42, 56, 106)


@pytest.mark.parametrize(
    "neighbour",
    [Region(190, 100, 9, 60), Region(221, 100, 9, 60), Region(200, 60, 20, 39), Region(200, 161, 20, 9)],
)
def test_growth_stops_at_harmless_text(neighbour: Region) -> None:
    core = Region(200, 100, 20, 60)
    found = [finding(Verdict.PHI, core), finding(Verdict.BENIGN, neighbour)]
    (redaction,) = redactions(found, SHAPE, DecisionSettings())
    assert redaction.region.contains(core) and not redaction.region.overlaps(neighbour)


def test_harmless_text_of_other_frames_bounds_nothing() -> None:
    other = finding(Verdict.BENIGN, Region(221, 100, 9, 60), FrameSpan(4, 5))
    masked = finding(Verdict.PHI, Region(200, 100, 20, 60))
    (redaction,) = redactions([masked, other], SHAPE, DecisionSettings())
    assert redaction.region.bottom == 224


def test_redactions_that_nearly_coincide_become_one() -> None:
    near = [finding(Verdict.PHI, Region(100, 100, 12, 80)), finding(Verdict.UNSURE, Region(101, 102, 12, 80))]
    assert len(redactions(near, SHAPE, DecisionSettings())) == 1
    apart = [finding(Verdict.PHI, Region(100, 100, 12, 80)), finding(Verdict.PHI, Region(111, 170, 12, 80))]
    assert len(redactions(apart, SHAPE, DecisionSettings())) == 2
    later = [near[0], finding(Verdict.PHI, Region(101, 102, 12, 80), FrameSpan(1, 2))]
    assert len(redactions(later, SHAPE, DecisionSettings())) == 2


REGIONS = st.builds(Region, st.integers(0, 380), st.integers(0, 560), st.integers(1, 20), st.integers(1, 40))


@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), REGIONS), max_size=12))
def test_every_sample_of_what_must_go_is_covered_but_for_margins_shared_with_what_stays(
    found: list[tuple[Verdict, Region]],
) -> None:
    findings = [finding(verdict, region) for verdict, region in found]
    masked = coverage((r.region for r in redactions(findings, SHAPE, DecisionSettings())), SHAPE)
    harmless = coverage((region for verdict, region in found if verdict is Verdict.BENIGN), SHAPE)
    for verdict, region in found:
        left = ~masked[region.slices]
        if verdict is not Verdict.BENIGN and left.any():
            edge = round(0.3 * region.rows)
            assert harmless[region.slices][left].all()
            assert not left[edge : region.rows - edge].any()


def test_what_a_sure_harmless_line_explains_stays_under_a_box_that_cannot_be_read() -> None:
    keep = line("MI 0.8", Region(200, 10, 12, 80), confidence=0.98)
    stack = line("", Region(150, 5, 120, 90), confidence=0.2)
    decision = outcome(search(keep, stack))
    covered = coverage([r.region for r in decision.redactions], SHAPE)
    assert not covered[keep.region.slices].any()
    assert covered[155:195, 10:90].all() and covered[216:265, 10:90].all()


def test_a_name_read_with_confidence_is_masked_whole_even_over_harmless_text() -> None:
    keep = line("MI 0.8", Region(200, 10, 12, 80), confidence=0.98)
    name = line("DOE, JOHN", Region(195, 20, 14, 90), confidence=0.98)
    covered = coverage([r.region for r in outcome(search(keep, name)).redactions], SHAPE)
    assert covered[name.region.slices].all()


def test_two_lines_whose_margins_overlap_share_them() -> None:
    keep = line("MI 0.8", Region(200, 10, 14, 80))
    name = line("DOE, JOHN", Region(210, 10, 14, 90))
    covered = coverage([r.region for r in outcome(search(keep, name)).redactions], SHAPE)
    assert not covered[200:212, 10:90].any()
    assert covered[212:224, 10:100].all()
