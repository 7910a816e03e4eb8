"""What small fonts do to technical text is undone, and what looks the same but identifies somebody is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from scrub_pixels.decisions import (
    Context,
    DecisionSettings,
    Identifier,
    IdentifierKind,
    Identity,
    Verdict,
    judge,
)
from scrub_pixels.decisions.redactions import redactions
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)
HEIGHT = 12


def _line(text: str, row: int = 300, column: int = 10, others: Sequence[str] = ()) -> TextLine:
    region = Region(row, column, HEIGHT, 8 * len(text))
    return TextLine(region, FrameSpan(0, 1), text, 0.99, 0.99, 0, tuple(others))


def _verdicts(*lines: TextLine) -> list[Verdict]:
    return [f.verdict for f in judge(lines, Identity(), DecisionSettings(), Context(SHAPE))]


def _kept(text: str, row: int = 300) -> bool:
    return _verdicts(_line(text, row)) == [Verdict.BENIGN]


@pytest.mark.parametrize("text", [
    "LUIDs 4.0 cm", "LUIDd1.5 cm", "CTOIvol (mGy> 4.25", "RT OUARY", "Tls 5.5 MI 0.2", "kU 120", "STANDARO",
    "D1am 0.5 cm", "Depth 4cn", "TIS<2.0MI=7.6AO=90%", "SRIII 3", "RTICA DIST", "LTCCAPROX", "DVTLE", "WFLOW",
    "145.250-5123.750", "W = 15670 L = 35", "Total mAs 17310 Total DLP 114 mGycm",
    "Topogram 1 120 35 mA 5.5 0.6", "120 35 mA 8.7", "9123 5.0 R15 G66 C6", "Lat: F", "10~",
    "DUT LE", "Depth 7...", "PRF 3.3 ...", "PRF 9.5 . . .", "E Vel 66.. .", "Dyn R 9...", "CrossXB...",
    "RT BREAST 10:00 ...", "RT BREAST 10:00N+4", "THIOn", "BPDPLANE", "RT LOBETRANS", "RT KIDNEYSAG", "XVC3",
    "Zoomx1.0", "Eh: A1", "REC", "EFW 13760 g", "SU 6.1mm", "XU C3", "Facus 16cm", "DLP (m6y-ca) 148.59",
    "Ratlo 8.70", "Cire 5.62 cm", "AO Diam 1.0 ca", "CTDIvoI (mGy)", "EVel 15 cm/s", "Total DLP 98 m6yca",
    "Morison", "Grayscale and color Doppler images i...", "Gaint 1", "Zoomt 100%", "Zoom xl.9",
    "Total OLP 98 mGycm", "OLP (mGy-cm>", "PSTO", "Gaint l", "RT KIDNEY TRU", "PSAX MU LEVEL", "Algor BF3",
    "Helical I81.250-562.750", "151,250-S101,750", "Sector MBOff THI OnPage 1/3", "OnZoom",
    "X\u03bd C3", "Scan kY mAs CTDIvol DLP TI cSL", "CTOIvol", "Exam Description: CT AB0OMEN",
    "H = 10871 L = 35", "XY C3",
])
def test_misread_and_unusual_technical_text_stays(text: str) -> None:
    assert _kept(text)


@pytest.mark.parametrize("text", [
    "SUE 4.0 cm", "LOU: 94%", "OLP 79 mGycm", "KU 120 Smith", "RTDIAMANT", "LTUMBRIGHT", "APADACA",
    "LEFTHAND", "D1am 05/12/1942", "Kowalski 4cn", "TIS<2.0BRIEN", "2.0LIVER", "145.250.5123-75", "W = 15670",
    "W: 03322 L: 40",
    "W = 96168 L = 35", "Total mAs 7312345", "Chest 28 8 67 35 mA 5.5 0.6", "Chest 681 930 35 mA 5.5 0.6",
    "91234 5.0 R15 G66 C6", "9123 Smith 5.0", "Lat: F Smith", "LAT F", "123~", "4711081 cm", "12/03/1950 cm",
    "DR SMITH 3.5 MHz", "Frank 3.5", "MEWBORN", "SUE LE", "DUT LEE", "Depth 7123...",
    "ID 7...", "Kowal...", "Depth Kow...", "12.3.1950...", "PHILLPS", "NEWBURN", "Doctor...",
    "Bolus Cross...", "SU", "SU 61mm", "SU 6.1mm Lee", "XU", "XU C3 Lee", "XY C3 Lee",
    "EFW 13760", "MRN 13760 g", "EFW 137601 g", "Study D...", "General H...", "Heart C...",
    "Foster 16cm", "Facus", "Facus 16cm Lee", "Lee Facus 16cm", "Gaines 2.0 cm", "Depp 4.5",
    "Arrowood", "KIDNEYLONGO", "LEESAG", "McOn", "Smithx1.0", "Zoomx19770412", "10:15 ...", "SMITH 10:00 ...",
    "Dr S...", "Kowalski A...", "Long J...", "Gain S...", "Martini 12", "Gaint", "Levert 12", "Gaint 1 Lee",
    "Zoom xl.9 Lee", "OLP", "OLP 98", "Sonos MA", "Sonoi TH", "PL: LONG", "PL : LONG", "TRU", "RT TRU",
    "MU LEVEL", "181.250-962.750", "151,250-101,750", "OnPage 39", "OnLong", "OnLee 1/3", "DUA: 94%",
    "Smith Facus: 16cm",
    "K\u03c5rt", "KY", "Ky 120", "H = 10871", "H = 10871 L = 35 Lee", "Lee AB0OMEN", "ME0", "G0RD0N",
    "R0B1N", "S1M0N", "G0RD0", "P0RT0", "AG0ST1N0", "BL00M",
])
def test_what_identifies_is_masked_however_technical_it_looks(text: str) -> None:
    assert not _kept(text)


def test_a_setting_that_is_also_a_rare_name_stays_among_settings() -> None:
    column = [_line(text, 4 + 16 * i) for i, text in enumerate(["CHI", "FR 20 Hz", "MI 0.8"])]
    assert _verdicts(*column) == [Verdict.BENIGN] * 3
    menu = [_line(text, 8, 10 + 80 * i) for i, text in enumerate(["File", "Image", "Zoom", "Gain 20"])]
    assert _verdicts(*menu)[0] is Verdict.BENIGN


def test_it_does_not_alone_nor_with_one_setting_nor_beside_a_person() -> None:
    assert not _kept("CHI", 4)
    assert _verdicts(_line("CHI", 4), _line("MI 0.8", 20))[0] is Verdict.PHI
    beside = [_line("Kowalski", 4, 40), _line("CHI", 4), _line("FR 20 Hz", 20), _line("MI 0.8", 36)]
    assert _verdicts(*beside)[1] is Verdict.PHI


@pytest.mark.parametrize("name", ["Smith", "Long", "White", "Key", "Frank", "Lee"])
def test_no_common_name_stays_among_settings(name: str) -> None:
    column = [_line(text, 4 + 16 * i) for i, text in enumerate([name, "FR 20 Hz", "MI 0.8", "Gain 20"])]
    assert _verdicts(*column)[0] is Verdict.PHI


def test_the_counter_of_a_loop_with_a_mark_glued_to_it_stays_above_its_rate() -> None:
    rate = _line("20Hz", 314, 42)
    assert _verdicts(_line("127/1281"), rate)[0] is Verdict.BENIGN
    assert _verdicts(_line("127/1281"))[0] is Verdict.PHI
    assert _verdicts(_line("127/4281"), rate)[0] is Verdict.PHI
    assert _verdicts(_line("7127/1281"), rate)[0] is Verdict.PHI


def test_a_piece_of_a_harmless_reading_says_nothing_against_it() -> None:
    assert _verdicts(_line("NODE", others=["LYMPH NODE", "MPH"])) == [Verdict.BENIGN]
    assert _verdicts(_line("LYMPH NODE", others=["SMITH"])) == [Verdict.PHI]
    assert _verdicts(_line("SMITH", others=["SMITHSON"])) == [Verdict.PHI]
    assert _verdicts(_line("12", others=["FR 124 Hz", "4711081"])) == [Verdict.PHI]


def test_a_column_of_line_ends_read_as_turned_text_leaves_the_lines_alone() -> None:
    first, second = _line("16CM", 240), _line("14HZ", 254)
    ends = TextLine(Region(236, 30, 34, 12), FrameSpan(0, 1), "NI", 0.91, 0.95, 270)
    findings = judge([first, second, ends], Identity(), DecisionSettings(), Context(SHAPE))
    masks = redactions(findings, SHAPE, DecisionSettings())
    assert findings[2].verdict is Verdict.PHI and masks
    assert not any(mask.region.overlaps(line.region) for mask in masks for line in (first, second))


def test_turned_words_are_masked_whole_whatever_lies_across_them() -> None:
    across = _line("16CM", 240)
    name = TextLine(Region(200, 30, 90, 12), FrameSpan(0, 1), "KOWALSKI", 0.95, 0.95, 270)
    findings = judge([across, name], Identity(), DecisionSettings(), Context(SHAPE))
    masks = redactions(findings, SHAPE, DecisionSettings())
    assert any(mask.region.contains(name.region) for mask in masks)


def test_a_misspelt_term_never_excuses_a_name_of_the_header() -> None:
    header = Identity((Identifier("PatientName", IdentifierKind.NAME, "Facus^Ann"),))
    found = judge([_line("Facus 16cm")], header, DecisionSettings(), Context(SHAPE))
    assert found[0].verdict is Verdict.PHI


def test_what_broke_off_from_a_box_over_texture_goes_with_it() -> None:
    name = TextLine(Region(291, 10, 29, 143), FrameSpan(0, 1), "Ref: Dr Kowalcz", 0.98, 0.8)
    crumb = TextLine(Region(298, 146, 12, 19), FrameSpan(0, 1), "es", 1.0, 0.8)
    apart = TextLine(Region(298, 176, 12, 19), FrameSpan(0, 1), "es", 1.0, 0.8)
    assert _verdicts(name, crumb) == [Verdict.PHI] * 2
    assert _verdicts(name, apart) == [Verdict.PHI, Verdict.BENIGN]


def _row(*texts: str) -> list[Verdict]:
    return _verdicts(*(_line(text, 40, 10 + 150 * i) for i, text in enumerate(texts)))


def test_the_heads_of_a_table_stay_and_labels_with_values_do_not() -> None:
    heads = ["Name", "Birth Date", "Date", "Description", "Modality"]
    assert _row(*heads) == [Verdict.BENIGN] * 5
    assert _row("Name", "Birth Date", "Date", "Kowalski", "Modality")[2] is Verdict.PHI
    assert _row("Name", "Date")[1] is Verdict.PHI
    assert _row("Name", "Birth Date", "Date:", "Description", "Modality")[2] is Verdict.PHI


def test_buttons_below_a_window_stay() -> None:
    buttons = [_line(text, 580, 10 + 260 * i) for i, text in enumerate(["OK", "Export", "Settings"])]
    assert _verdicts(*buttons)[0] is Verdict.BENIGN
    assert _verdicts(*buttons, _line("Kowalski", 580, 40))[0] is Verdict.PHI


def test_a_date_beside_a_setting_does_not_make_it_a_name() -> None:
    settings = [_line("CHI", 20), _line("FR 20 Hz", 36), _line("MI 0.8", 52)]
    assert _verdicts(_line("12.03.2019 10:15:00", 4), *settings)[1] is Verdict.BENIGN
    assert _verdicts(_line("MRN 4711", 4), *settings)[1] is Verdict.PHI


@pytest.mark.parametrize(("text", "modality"), [("CHI", "US"), ("STANDARD", "CT"), ("COLON", "ES")])
def test_what_a_modality_writes_at_the_edge_stays_there(text: str, modality: str) -> None:
    def verdict(modality: str, *lines: TextLine) -> Verdict:
        return judge(lines, Identity(), DecisionSettings(), Context(SHAPE, modality))[0].verdict

    assert verdict(modality, _line(text, 4)) is Verdict.BENIGN
    assert verdict("XA", _line(text, 4)) is Verdict.PHI
    assert verdict(modality, _line(text, 4), _line("Kowalski", 4, 50)) is Verdict.PHI
    assert verdict(modality, _line(f"{text}, A", 4)) is Verdict.PHI


def test_it_is_a_name_if_the_header_says_so() -> None:
    header = Identity((Identifier("PatientName", IdentifierKind.NAME, "Chi^Ann"),))
    context = Context(SHAPE, "US")
    assert judge([_line("CHI", 4)], header, DecisionSettings(), context)[0].verdict is Verdict.PHI


def test_two_letters_alone_where_names_stand_are_initials_unless_screens_write_them_there() -> None:
    def verdict(text: str, row: int, modality: str = "") -> Verdict:
        return judge([_line(text, row)], Identity(), DecisionSettings(), Context(SHAPE, modality))[0].verdict

    assert verdict("TH", 580) is Verdict.PHI
    assert [verdict(text, 300) for text in ("TH", "OT", "BC")] == [Verdict.PHI] * 3
    assert [verdict(text, 300) for text in ("GB", "AO", "TH On", "On")] == [Verdict.BENIGN] * 4
    assert [verdict(text, 580) for text in ("RT", "2D", "LS", "MI")] == [Verdict.BENIGN] * 4
    assert (verdict("CW", 580, "US"), verdict("CW", 580, "CT")) == (Verdict.BENIGN, Verdict.PHI)


def test_one_plain_term_tells_no_institution_from_another() -> None:
    place = Identifier("InstitutionName", IdentifierKind.INSTITUTION, "Waldheim Vascular Clinic")
    header = Identity((place,))

    def verdict(text: str) -> Verdict:
        return judge([_line(text, 8)], header, DecisionSettings(), Context(SHAPE))[0].verdict

    assert verdict("Vascular") is Verdict.BENIGN
    assert [verdict(t) for t in ("Waldheim", "Vascular Clinic", "Waldheim Vascular")] == [Verdict.PHI] * 3
    person = Identity((Identifier("PatientName", IdentifierKind.NAME, "Vascular^Ann"),))
    assert judge([_line("Vascular", 8)], person, DecisionSettings(), Context(SHAPE))[0].verdict is Verdict.PHI


def test_what_a_modality_writes_stays_beside_a_name_that_stands_there_in_full() -> None:
    name = Identifier("PatientName", IdentifierKind.NAME, "Kowalski^Adam")
    header = Identity((name, Identifier("PatientID", IdentifierKind.ID, "MRN471108")))

    def verdict(text: str, modality: str = "US") -> Verdict:
        lines = [_line("CHI", 4), _line(text, 20)]
        return judge(lines, header, DecisionSettings(), Context(SHAPE, modality))[0].verdict

    for beside in ("Adam Kowalski", "MRN471108", "12.03.1950"):
        assert verdict(beside) is Verdict.BENIGN
        assert verdict(beside, "XA") is Verdict.PHI
    for beside in ("Kowalsk", "Adam", "Nowak"):
        assert verdict(beside) is Verdict.PHI


def test_what_broke_off_from_a_date_over_texture_is_a_crumb_though_the_letter_between_was_lost() -> None:
    birth = TextLine(Region(242, 0, 53, 253), FrameSpan(0, 1), "D.O.B. May 24,", 0.96, 0.8)
    year = TextLine(Region(256, 271, 32, 76), FrameSpan(0, 1), "975", 0.93, 0.8)
    assert _verdicts(birth, year) == [Verdict.PHI] * 2
    far = TextLine(Region(256, 311, 32, 76), FrameSpan(0, 1), "975", 0.93, 0.8)
    assert _verdicts(birth, far) == [Verdict.PHI, Verdict.BENIGN]


def test_a_term_beside_a_remark_with_an_unknown_word_is_no_crumb_of_it() -> None:
    remark = _line("ESOPHAGUS AT 30 CM - ZENKERX", 300, 40)
    assert _verdicts(_line("GI", 300), remark) == [Verdict.BENIGN, Verdict.PHI]
    assert _verdicts(_line("G", 300, 26), remark)[0] is Verdict.PHI
    assert _verdicts(_line("GI", 300), _line("ZENKERX LIVER", 300, 40))[0] is Verdict.PHI


def _in_two_boxes(setting: str, value: str, column: int = 60, *others: str) -> Verdict:
    return _verdicts(_line(setting, others=others), _line(value, 300, column))[0]


def test_a_misread_setting_stays_before_its_value_in_a_box_of_its_own() -> None:
    assert _in_two_boxes("Facus:", "16cm", 68) is Verdict.BENIGN


@pytest.mark.parametrize(("setting", "value"), [
    ("Facus", "16cm"), ("Facus:", "16"), ("Facus:", "Gain 16cm"), ("SUE:", "94%"), ("Smith:", "16cm"),
    ("Name:", "16cm"),
])
def test_what_no_value_explains_is_masked_before_it(setting: str, value: str) -> None:
    assert _in_two_boxes(setting, value, 10 + 8 * len(setting) + 16) is Verdict.PHI


def test_nor_is_it_explained_by_a_value_far_off_or_one_of_its_readings_only() -> None:
    assert _in_two_boxes("Facus:", "16cm", 180) is Verdict.PHI
    assert _in_two_boxes("Facus:", "16cm", 68, "SUE:") is Verdict.PHI


def test_the_nought_of_a_fraction_is_no_letter_of_the_word_before_it() -> None:
    (finding,) = judge([_line("T1lt0.0")], Identity(), DecisionSettings(), Context(SHAPE))
    assert not any(evidence.detail == "digit in a word" for evidence in finding.evidence)
    (finding,) = judge([_line("G0RD0.")], Identity(), DecisionSettings(), Context(SHAPE))
    assert any(evidence.detail == "digit in a word" for evidence in finding.evidence)
