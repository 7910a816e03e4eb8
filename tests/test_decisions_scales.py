"""Numbers of a scale stay when they were taken for turned text; numbers of records do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)


def _mark(text: str, row: int, right: int = 207, confidence: float = 0.99) -> TextLine:
    width = 6 * len(text)
    return TextLine(Region(row, right - width, 9, width), FrameSpan(0, 4), text, confidence, 0.9)


def _scale(texts: Sequence[str] = ("5", "10", "15"), rows: Sequence[int] = (119, 150, 181)) -> list[TextLine]:
    return [_mark(text, row) for text, row in zip(texts, rows, strict=True)]


def _turned(text: str, top: int, bottom: int, *others: str) -> TextLine:
    region = Region(top, 188, bottom - top, 20)
    return TextLine(region, FrameSpan(0, 4), text, 0.9, 0.9, rotation=90, alternatives=others)


def _kept(*lines: TextLine, identity: Identity | None = None) -> list[bool]:
    found = judge(lines, identity or Identity(), DecisionSettings(), Context(SHAPE))
    return [finding.verdict is Verdict.BENIGN for finding in found]


@pytest.mark.parametrize("reading", ["51015", "SIOIS", "1015", "51O15"])
def test_a_scale_that_was_taken_for_turned_text_stays(reading: str) -> None:
    assert _kept(_turned(reading, 117, 192), *_scale()) == [True] * 4


def test_part_of_a_scale_counts_like_the_whole() -> None:
    assert _kept(_turned("1815", 148, 192, "1015"), *_scale()) == [True] * 4


@pytest.mark.parametrize("numbers", [
    _scale()[1:],  # two numbers are no scale
    _scale(rows=(119, 150, 201)),  # not as far apart as they count
    _scale(("5", "10", "25")),
    _scale(("4", "7", "1")),
    _scale(("1", "2", "3"), rows=(150, 161, 172)),  # stacked digits stand closer than numbers of a scale
    [_mark("5", 119), _mark("10", 150, confidence=0.7), _mark("15", 181)],
    [_mark("5", 119, right=300), _mark("10", 150, right=300), _mark("15", 181, right=300)],
    [_mark("5", 319), _mark("10", 350), _mark("15", 381)],
])
def test_a_turned_number_goes_where_no_scale_is(numbers: list[TextLine]) -> None:
    assert not _kept(_turned("51015", 117, 192), *numbers)[0]


def test_a_turned_text_longer_than_the_numbers_in_its_box_goes() -> None:
    assert not _kept(_turned("MRN 5101577", 117, 192), *_scale())[0]


def test_an_identifier_of_the_header_goes_beside_any_scale() -> None:
    identity = Identity((Identifier("PatientID", IdentifierKind.ID, "51015"),))
    assert not _kept(_turned("51015", 117, 192), *_scale(), identity=identity)[0]


def _cell(text: str, column: int, row: int = 40) -> TextLine:
    return TextLine(Region(row, column, 12, 8 * len(text)), FrameSpan(0, 1), text, 0.93, 0.97)


HEADS = [_cell("Patient ID", 150), _cell("Birth Date", 300), _cell("Date", 450), _cell("Description", 560)]


@pytest.mark.parametrize("reading", ["Nane", "Nase", "Hame", "Name"])
def test_the_heads_of_a_table_stay_if_one_of_them_is_misread(reading: str) -> None:
    assert _kept(_cell(reading, 16), *HEADS) == [True] * 5


def test_a_head_stays_that_reads_in_two_ways() -> None:
    worn = replace(_cell("Hame", 16), alternatives=("Hane",))
    assert _kept(worn, *HEADS) == [True] * 5
    assert not any(_kept(replace(worn, alternatives=("Novak",)), *HEADS)[:1])


@pytest.mark.parametrize("row", [
    [_cell("Kowalski", 16), *HEADS],
    [_cell("Nane", 16), *HEADS[:2]],  # too few to be a table
    [_cell("Nane", 16), _cell("Liver", 150), _cell("Kidney", 300), _cell("Spleen", 450)],  # no other label
    [_cell("Name", 16), _cell("Nate", 80), *HEADS],  # a form: the label's value
    [_cell("Nane", 16), _cell("Hane", 80), *HEADS],
    [_cell("Nane", 16), _cell("Patient ID: 4711081", 150), *HEADS[1:]],
])
def test_a_word_like_a_label_goes_where_no_heads_are(row: list[TextLine]) -> None:
    assert not all(_kept(*row))
    unknown = [kept for line, kept in zip(row, _kept(*row), strict=True) if line.reading in ("Nane", "Nate")]
    assert not any(unknown)


@pytest.mark.parametrize("reading", [
    "RT KIDHEY TRV", "RT KIONEY TRV", "Nedian Nerve", "TAPSE 18.80 Cn", "Peak 104 muHg", "In: 29",
    "ACHILLES ...",
])
def test_small_fonts_misread_stay(reading: str) -> None:
    assert _kept(_cell(reading, 200, row=300)) == [True]


@pytest.mark.parametrize("reading", [
    "In", "In: Kowalski", "In 29", "General H...", "ACHILLES K...", "Kidhey", "Nedian", "Rehder",
    "LT REHDER SAG",
])
def test_what_may_be_a_name_goes(reading: str) -> None:
    """Alone and where names stand, even a misspelt term may be one."""
    assert _kept(_cell(reading, 16, row=2)) == [False]
