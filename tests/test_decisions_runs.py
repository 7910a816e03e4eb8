"""Lost blanks, letters misread in labels and units, menus, boxes around several lines, lone initials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from test_decisions_names import GIVEN, ROMANISED, SURNAMES

from scrub_pixels.decisions import Context, DecisionSettings, Identity, Verdict, judge
from scrub_pixels.decisions.redactions import redactions
from scrub_pixels.decisions.scan import AtomKind, scan
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)
MIDDLE, HEADER = 300, 8
ONE, MANY = FrameSpan(0, 1), FrameSpan(0, 9)


def _line(text: str, row: int = MIDDLE, column: int = 10, others: Sequence[str] = ()) -> TextLine:
    return TextLine(Region(row, column, 12, 8 * len(text)), ONE, text, 0.99, 0.99, 0, tuple(others))


def _verdicts(*lines: TextLine) -> list[Verdict]:
    return [f.verdict for f in judge(lines, Identity(), DecisionSettings(), Context(SHAPE))]


def _kept(text: str, row: int = MIDDLE) -> bool:
    return _verdicts(_line(text, row)) == [Verdict.BENIGN]


@pytest.mark.parametrize("text", [
    "Lowerpole", "LOWERPOLE", "Scan Ranqe (mm)", "Sex / Aqe", "Patlent Name", "Frq 8.5 HHz", "ED 39 cm/s",
    "Vmax 39 ca/s", "Focus 22om", "CrossxBean",
    "PSAXMV LEVEL", "mA71", "xD 15,37 cm", "Peak 83 aHg", "RUO", "Patient I0",
])
def test_what_small_fonts_do_to_phrases_labels_and_units_is_undone(text: str) -> None:
    assert _kept(text)


@pytest.mark.parametrize("text", [
    "Lowerpolek", "Kowalski HHz", "Tom 22om Smith", "Iqbal", "Siddiqi", "Tariq", "Maqsood", "Qasim", "Aqel",
    "Patlent Name: Long", "Physiclan Small", "CarlaBean", "Bean", "Authur", "Statton", "Aqe 45",
    "xD Smith 15 cm", "LUO", "Patient 10", "PSAXTON", "Tom I0",
])
def test_names_that_look_like_it_stay_names(text: str) -> None:
    assert not _kept(text)


def test_a_label_with_a_letter_misread_announces_its_value() -> None:
    assert _verdicts(_line("Physiclan"), _line("Small", column=110))[1] is Verdict.PHI


def test_no_phrase_without_its_blanks_is_declared_a_name() -> None:
    vocabulary = load_vocabulary()
    runs = set(vocabulary.runs) - vocabulary.lookalikes - set(vocabulary.words)
    assert len(runs) > 200
    assert all([a.kind for a in scan(run, vocabulary)] == [AtomKind.TERM] for run in runs)


def _menu(row: int, *words: str) -> list[TextLine]:
    return [_line(word, row, 10 + 80 * i) for i, word in enumerate(words)]


def test_the_words_of_a_menu_stay_beside_what_stands_above_it() -> None:
    name = _line("KOWALSKI, ADAM", HEADER - 6)
    menu = _menu(HEADER + 8, "File", "View", "Tools", "Help", "Edit")
    assert _verdicts(name, *menu) == [Verdict.PHI, *[Verdict.BENIGN] * 5]


@pytest.mark.parametrize("row", [
    ("Edit",), ("Edit", "View"), ("Edit", "View", "Kowalski", "Help"), ("Brandt", "View", "Tools", "Help"),
])
def test_what_is_no_whole_menu_is_judged_as_ever(row: tuple[str, ...]) -> None:
    name = _line("KOWALSKI, ADAM", HEADER - 6)
    assert _verdicts(name, *_menu(HEADER + 8, *row))[1] is Verdict.PHI


def _redacted(lines: Sequence[TextLine]) -> list[Region]:
    findings = judge(lines, Identity(), DecisionSettings(), Context(SHAPE))
    return [r.region for r in redactions(findings, SHAPE, DecisionSettings())]


def _box(frames: FrameSpan = ONE, rows: int = 40) -> TextLine:
    region = Region(MIDDLE, 10, rows, 300)
    return TextLine(region, frames, "Westbrook Kowalski", 0.99, 0.99, 0, ("Depth 12 cm",))


def _inner(frames: FrameSpan = ONE) -> TextLine:
    return TextLine(Region(MIDDLE + 24, 14, 12, 90), frames, "Depth 12 cm", 0.99, 0.99)


def test_a_line_in_a_box_of_several_stays_and_the_rest_of_the_box_goes() -> None:
    found = _redacted([_box(), _inner()])
    assert not any(region.overlaps(_inner().region) for region in found)
    whole = _box().region
    covered = {(r, c) for region in found for r in range(region.row, region.bottom)
               for c in range(region.column, region.right)}
    kept = _inner().region
    places = {(r, c) for r in range(whole.row, whole.bottom) for c in range(whole.column, whole.right)}
    assert places - covered == {(r, c) for r in range(kept.row, kept.bottom)
                                for c in range(kept.column, kept.right)}


@pytest.mark.parametrize("lines", [
    [_box(MANY), _inner(MANY)],
    [_box(rows=20), TextLine(Region(MIDDLE + 4, 14, 12, 90), ONE, "Depth 12 cm", 0.99, 0.99)],
    [_box(), TextLine(Region(MIDDLE + 24, 14, 12, 90), ONE, "Depth 12 cm", 0.7, 0.99)],
    [_box(), TextLine(Region(MIDDLE + 32, 14, 12, 90), ONE, "Depth 12 cm", 0.99, 0.99)],
    [replace(_box(), alternatives=()), _inner()],
    [replace(_box(), alternatives=("Kowalski 000",)), replace(_inner(), reading="000")],
    [replace(_box(), reading="Kowalski Depth 12 cm"), _inner()],
], ids=["over frames", "as tall", "hardly read", "across the edge", "in no reading", "dots", "in all"])
def test_a_box_is_masked_whole_where_that_is_not_sure(lines: list[TextLine]) -> None:
    assert any(region.contains(lines[0].region) for region in _redacted(lines))


def test_two_letters_below_identifying_text_are_initials() -> None:
    name, initials = _line("Phys: Kowalski", 560), _line("LS", 578)
    assert _verdicts(name, initials) == [Verdict.PHI, Verdict.PHI]
    assert _verdicts(_line("LS", 578)) == [Verdict.BENIGN]
    assert _verdicts(name, _line("LS", 578, 400))[1] is Verdict.BENIGN


def test_a_share_is_no_initials() -> None:
    assert _kept("AO%", HEADER)
    assert not _kept("AO", HEADER)


@pytest.mark.parametrize("place", [
    Region(MIDDLE + 12, 10, 20, 120), Region(MIDDLE - 12, 10, 20, 120), Region(MIDDLE, 190, 20, 120),
], ids=["below", "above", "at the right"])
def test_a_mask_does_not_grow_into_a_harmless_line_that_touches_it(place: Region) -> None:
    name = TextLine(Region(MIDDLE, 10, 20, 200), ONE, "Kowalski", 0.99, 0.99)
    kept = TextLine(place, ONE, "Depth 12 cm", 0.99, 0.99)
    (mask,) = _redacted([name, kept])
    assert mask.contains(name.region)
    shared = mask.intersection(kept.region)
    assert shared == name.region.intersection(kept.region)


def test_a_mask_grows_as_ever_where_a_harmless_line_takes_most_of_its_place() -> None:
    name = TextLine(Region(MIDDLE, 10, 20, 200), ONE, "Kowalski", 0.99, 0.99)
    over = TextLine(Region(MIDDLE + 8, 30, 20, 100), ONE, "Depth 12 cm", 0.99, 0.99)
    (mask,) = _redacted([name, over])
    assert mask.bottom > name.region.bottom


def _piece(text: str, column: int = 42, **fields: object) -> TextLine:
    return replace(_line(text, MIDDLE, column), region=Region(MIDDLE + 1, column, 10, 40), **fields)  # type: ignore[arg-type]


def test_a_piece_of_a_harmless_line_in_its_place_is_no_word_of_its_own() -> None:
    whole = _line("SUPRASPINATUS", others=("SUPRASPINATUS",))
    assert _verdicts(whole, _piece("PINATU")) == [Verdict.BENIGN, Verdict.BENIGN]


@pytest.mark.parametrize("piece", [
    _piece("PINTO"), _piece("PINATU", column=400), _piece("PINATU", alternatives=("PINTO",)),
    _piece("PINATU", frames=FrameSpan(0, 2)), _piece("PINATU", rotation=90), _piece("PINATU", confidence=0.5),
], ids=["other letters", "elsewhere", "read otherwise", "longer", "turned", "hardly read"])
def test_what_is_no_piece_of_it_is_judged_by_itself(piece: TextLine) -> None:
    assert _verdicts(_line("SUPRASPINATUS"), piece)[1] is Verdict.PHI


CONTEXTS = (
    "{0} 3.5 MHz", "{0} 4.2 cm", "{0}: 94%", "{0}=7.6", "Gain {0} 20", "Depth 12 cm {0}", "RT {0}", "RT{0}",
    "TIS<2.0{0}", "C:/{0}/image.dcm", "{0}...", "12/60 {0}", "Chest {0} 35 mA 5.5 0.6", "{0} 8.5 HHz",
    "+ {0} 15.37 cm", "{0} 22om", "PSAX{0}", "Lower{0}", "Lat: F {0}", "Scan {0} (mm)",
)  # fmt: skip
"""Places where technical words stand, in which no name may be taken for one."""

HOMOGRAPHS = load_vocabulary().company | load_vocabulary().band | load_vocabulary().rare | {"day"}
"""Terms that are declared to be names, and the one unit that is one: ``60 day``."""


@pytest.mark.parametrize("form", CONTEXTS)
def test_no_name_stays_for_standing_among_technical_words(form: str) -> None:
    some = (*SURNAMES[::2], *GIVEN[::4], *ROMANISED[::2])
    names = [name.upper() for name in some if name not in HOMOGRAPHS]
    assert len(names) > 600
    assert [text for text in map(form.format, names) if _kept(text)] == []


def test_no_name_stays_in_a_menu_or_in_a_stack_of_settings() -> None:
    kept = []
    for name in (name.title() for name in SURNAMES[::8] if name not in HOMOGRAPHS):
        menu = _menu(HEADER, "File", "View", name, "Help", "Tools")
        settings = ("FR 20 Hz", "MI 0.8", name, "Gain 20")
        stack = [_line(text, MIDDLE + 14 * i) for i, text in enumerate(settings)]
        kept += [name for found in (_verdicts(*menu)[2], _verdicts(*stack)[2]) if found is Verdict.BENIGN]
    assert kept == []
