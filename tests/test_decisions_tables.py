"""Rows of dose tables stay, numbers of records in them go; what an ellipsis cuts goes with all its parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scrub_pixels.decisions import (
    Context,
    DecisionSettings,
    Identifier,
    IdentifierKind,
    Identity,
    KeepPolicy,
    Verdict,
    judge,
    rows_in_doubt,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)
NOBODY = Identity()


def _line(text: str, row: int = 300, column: int = 10, pieces: str = "", columns: int = 0) -> TextLine:
    region = Region(row, column, 12, columns or 8 * len(text))
    parts = tuple(pieces.split("|")) if pieces else ()
    return TextLine(region, FrameSpan(0, 1), text, 0.95, 0.99, pieces=parts)


def _verdicts(*lines: TextLine, identity: Identity = NOBODY) -> list[Verdict]:
    return [f.verdict for f in judge(lines, identity, DecisionSettings(), Context(SHAPE))]


def _kept(*lines: TextLine, identity: Identity = NOBODY) -> list[bool]:
    return [verdict is Verdict.BENIGN for verdict in _verdicts(*lines, identity=identity)]


@pytest.mark.parametrize(("text", "pieces"), [
    ("Abdomen21201284.9660.51.2", "Abdomen|2|120|128|4.9|66|0.5|1.2"),
    ("Abdomen 2120 71 9.8 1760.51.2", "Abdomen|2|120|71|9.8|176|0.5|1.2"),
    ("Chest 3100678.757 0.50.6", "Chest 3|100|67|8.7|57|0.5|0.6"),
    ("Topogram 1 12035 mA 8.3 0.6", "Topogram|1|120|35 mA|8.3|0.6"),
    ("Topogram112035 mA5.30.6", "Topogram|1|120|35|mA|5.3|0.6"),
])
def test_a_row_whose_pieces_are_short_numbers_stays(text: str, pieces: str) -> None:
    assert _kept(_line(text)) == [False]
    assert _kept(_line(text, pieces=pieces)) == [True]


@pytest.mark.parametrize(("text", "pieces"), [
    ("Chest 5551234567", "Chest|555|123|4567"),
    ("Chest5551234567", "Chest|555|123|45|67"),
    ("Chest 4711081 1.5 2.5", "Chest|4711081|1.5|2.5"),
    ("Chest 47110812 1.5 2.5", "Chest|4711|0812|1.5|2.5"),
    ("Abdomen 03121950 1.5 2.5", "Abdomen|03|12|19|50|1.5|2.5"),
    ("Abdomen 12.03.1950 1.5 2.5", "Abdomen|12.0|3.19|50|1.5|2.5"),
    ("Kowalski 2120128 4.9 0.5", "Kowalski|2|120|128|4.9|0.5"),
    ("2120128 4.9 0.5", "2|120|128|4.9|0.5"),
    ("Abdomen21201284.9660.51.2", "Abdomen|2|120|4.9|66|0.5|1.2"),
    ("Abdomen21201284.9660.51.2", "Abdomen|2|120|128|4.9|J|0.5|1.2"),
    ("Name 21201284.9660.51.2", "Name|2|120|128|4.9|66|0.5|1.2"),
    ("Long 21201284.9660.51.2", "Long|2|120|128|4.9|66|0.5|1.2"),
])
def test_a_number_of_a_record_goes_whatever_its_pieces_are(text: str, pieces: str) -> None:
    assert _kept(_line(text, pieces=pieces)) == [False]


@pytest.mark.parametrize("number", ["120128", "2120128", "12012849", "2-120-128"])
def test_no_run_of_numbers_that_the_header_has_stays(number: str) -> None:
    header = Identity((Identifier("PatientID", IdentifierKind.ID, number),))
    row = _line("Abdomen21201284.9660.51.2", pieces="Abdomen|2|120|128|4.9|66|0.5|1.2")
    assert _kept(row, identity=header) == [False]
    assert _kept(row) == [True]


def test_a_row_that_was_found_in_several_lines_stays_as_a_whole() -> None:
    first, rest = _line("Chest 3 100 53"), _line("1.8 86 0.5 0.6", column=150)
    number = _line("53", column=106, columns=18)
    assert _kept(first, rest, number) == [True] * 3
    assert _kept(first) == [False]
    assert _kept(first, rest, _line("Kowalski", column=400))[0] is False
    assert _kept(first, _line("86 13 17", column=150))[0] is False


def test_only_runs_of_digits_behind_letters_with_fractions_are_read_in_pieces() -> None:
    def asked(text: str, settings: DecisionSettings | None = None) -> bool:
        chosen = settings or DecisionSettings()
        line = _line(text)
        return rows_in_doubt(judge([line], NOBODY, chosen, Context(SHAPE)), chosen) == (line,)

    assert asked("Abdomen21201284.9660.51.2")
    for text in ("Kowalski 21201284.9", "4711081", "Name 21201284.9", "Chest 5551234567", "Gain 20"):
        assert not asked(text), text
    assert not asked("Abdomen21201284.9660.51.2", DecisionSettings(policy=KeepPolicy.ALL_TEXT))


@pytest.mark.parametrize("text", [
    "05-24..:", "05-24e::", "05-24...", "09:36.:", "12.03..:", "4711:.", "05-2es..", "Gates..:", "Frank.:",
    "05-24 . :", "#4711..,",
])
def test_what_is_cut_goes_however_its_dots_were_read(text: str) -> None:
    assert _kept(_line(text)) == [False]


@pytest.mark.parametrize("text", ["0.6", "1.5", "12.5 cm", "10", "1/10", "Gain: 20", "MI 0.8", "37%"])
def test_numbers_that_nothing_cuts_stay(text: str) -> None:
    assert _kept(_line(text)) == [True]


def test_the_day_beside_a_month_that_is_cut_goes_with_it() -> None:
    month = _line("OCT...", column=24)
    assert _kept(_line("6", columns=11), month) == [False, False]
    assert _kept(_line("6", columns=11), _line("OCT...", row=340, column=24))[0] is True
    assert _kept(_line("65dB", columns=11), month)[0] is True
    assert _kept(_line("6", columns=11), _line("CrossXB...", column=24))[0] is True


def test_numbers_that_end_where_lines_are_cut_are_cut_as_well() -> None:
    panel = [_line("Kowal...", row=316, column=200, columns=60), _line("05-24", column=200, columns=60)]
    assert _kept(*panel) == [False, False]
    assert _kept(panel[0], replace(panel[1], region=Region(300, 200, 12, 40)))[1] is True
    assert _kept(panel[0], _line("0.6", column=200, columns=60))[1] is True


def test_an_initial_beside_a_name_goes_however_tall_its_box_is() -> None:
    header = Identity((Identifier("PatientName", IdentifierKind.NAME, "Capek^Lena"),))
    name = TextLine(Region(12, 48, 27, 57), FrameSpan(0, 1), "\u010capek", 0.97, 0.9)
    initial = TextLine(Region(18, 19, 16, 19), FrameSpan(0, 1), "L\u3002", 0.99, 0.9)
    assert _kept(initial, name, identity=header) == [False, False]
    assert _kept(replace(initial, reading="L"), replace(name, region=Region(100, 48, 27, 57)))[0] is True


@pytest.mark.parametrize("text", ["10.47", "10,47", "07.51.33"])
def test_a_number_like_hours_and_minutes_goes_beside_a_date_only(text: str) -> None:
    date, right, below = _line("12.03.1950"), _line(text, column=100), _line(text, row=315)
    assert _kept(date, right) == [False, False]
    assert _kept(date, below) == [False, False]
    assert _kept(_line("Depth 16 cm"), _line(text[:5], row=315)) == [True, True]
    assert _kept(date, _line("47.83", row=315))[1] is True


def test_an_ideographic_full_stop_is_one() -> None:
    assert _kept(_line("11.05\u300214")) == [False]
