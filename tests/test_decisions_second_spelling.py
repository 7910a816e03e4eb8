"""A closer look vouches for a term that was misread, never for a name, an identifier or a label."""

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
    KeepPolicy,
    Verdict,
    judge,
    misspelt_lines,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)
NOBODY = Identity()


def _line(text: str, looks: Sequence[str] = (), row: int = 300, others: Sequence[str] = ()) -> TextLine:
    region = Region(row, 10, 12, 8 * len(text))
    return TextLine(region, FrameSpan(0, 1), text, 0.95, 0.99, 0, tuple(others), tuple(looks))


def _verdict(line: TextLine, identity: Identity = NOBODY, modality: str = "") -> Verdict:
    return judge([line], identity, DecisionSettings(), Context(SHAPE, modality))[0].verdict


def _worth_a_look(line: TextLine, settings: DecisionSettings | None = None) -> bool:
    chosen = settings or DecisionSettings()
    return misspelt_lines(judge([line], NOBODY, chosen, Context(SHAPE)), chosen) == (line,)


@pytest.mark.parametrize(("text", "looks"), [
    ("CERVX", ["CERVX", "CERVIX", "CERVX", "CERVIX", "CERVX", "CERVIX"]),
    ("Uiew", ["View", "View", "View", "View", "Ulew", "View"]),
    ("T\u6b63E 24", ["\u6b63E 24", "\u6b63E 24", "TE 24", "TE24", "TE 24", "\u6b6324"]),
    ("ICrossXBeam", ["NCrossXBeam", "MCrossXBeam", "NCrossXBeam", "WCrossXBeam", "WCrossXBeam"]),
    ("SCU--", ["SCU--\u2014", "SCV--\u2014-", "SCV----", "SCV--\u2014-", "SCU--", "SCU--"]),
    ("Dun R 65dB", ["Dun R 65dB", "Dyn R 65dB", "Dun R 65dB", "Dyn R 65dB", "Dun R 65dB", "Dyn R 65dB"]),
])
def test_a_term_that_looks_agree_on_stays(text: str, looks: list[str]) -> None:
    assert _verdict(_line(text, row=8)) is Verdict.PHI
    assert _verdict(_line(text, looks, row=8)) is Verdict.BENIGN


@pytest.mark.parametrize(("text", "looks"), [
    ("CERVX", ["CERVX", "CERVIX", "CERVX", "CERVIX", "CERVX", "CERVX"]),
    ("Kowalski", ["CERVIX"] * 6),
    ("Gant", ["Gait", "Gain", "Gain", "Gain", "Gain", "Gain"]),
    ("CERVX", ["CERVIX", "CERVIX", "CERVIX", "CERVIX", "12.03.1950", "CERVIX"]),
    ("CERVX", ["CERVIX", "CERVIX", "CERVIX", "CERVIX", "Kowalski", "CERVIX"]),
    ("ICrossXBeam", ["ICrossXBeam"] * 6),
    ("JLiver", ["JLiver"] * 4 + ["1Liver", "HLiver"]),
    ("OLIVER", ["LIVER"] * 6),
    ("Longg", ["Long"] * 6),
])
def test_what_looks_disagree_on_or_is_a_name_goes(text: str, looks: list[str]) -> None:
    assert _verdict(_line(text, looks)) is Verdict.PHI


def test_no_look_outweighs_an_identifier_nor_a_competing_reading() -> None:
    looks = ["CERVIX"] * 6
    header = Identity((Identifier("PatientName", IdentifierKind.NAME, "Cervin^Ann"),))
    assert _verdict(_line("CERVX", looks), header) is Verdict.PHI
    assert _verdict(_line("CERVX", looks, others=["MRN 4711"])) is Verdict.PHI
    assert _verdict(replace(_line("CERVX", looks), confidence=0.4)) is Verdict.PHI


def test_a_homograph_of_a_name_stays_only_on_the_modality_that_writes_it() -> None:
    assert _verdict(_line("CILON", ["COLON"] * 6, 8), modality="ES") is Verdict.BENIGN
    assert _verdict(_line("CILON", ["COLON"] * 6, 8), modality="US") is Verdict.PHI


def test_only_what_is_one_letter_from_a_term_is_worth_a_closer_look() -> None:
    assert _worth_a_look(_line("CERVX"))
    assert _worth_a_look(_line("CBO", row=8))
    for text in ("Kowalski", "CERVIX", "CERVX 12.03.1950", "Name: CERVX", "OLIVER", "MRN 4711"):
        assert not _worth_a_look(_line(text)), text
    assert not _worth_a_look(replace(_line("CERVX"), rotation=90))
    assert not _worth_a_look(_line("CERVX", ["CERVX"]))
    assert not _worth_a_look(_line("CERVX"), DecisionSettings(policy=KeepPolicy.ALL_TEXT))


def test_a_narrow_place_that_was_tried_as_turned_text_may_be_a_letter() -> None:
    letter = TextLine(Region(7, 254, 27, 10), FrameSpan(0, 1), "m", 0.3, 0.97, 90)
    assert _worth_a_look(letter)
    assert not _worth_a_look(replace(letter, reading="Ann Kowalski"))
    assert _worth_a_look(replace(letter, region=Region(7, 254, 60, 10)))  # letters above each other, perhaps
    assert not _worth_a_look(replace(letter, region=Region(7, 254, 27, 40)))
