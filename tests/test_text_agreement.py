"""Looks at letters agree, however badly they read; looks at tissue do not."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, SearchSettings, load_reader
from scrub_pixels.text.agreement import agreement, all_looks_agree, is_too_narrow, looks_agree
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.reading import Choice, LineReader

SETTINGS = SearchSettings()
LYING, TURNED, SHORT = Region(40, 40, 14, 90), Region(20, 40, 60, 14), Region(40, 40, 14, 20)


@dataclass
class Says:
    """A recogniser that says one thing after the other."""

    texts: tuple[str, ...]
    confidence: float = 0.6
    name: str = "says"
    asked: list[int] = field(default_factory=list)

    def recognize(self, crops):
        self.asked += [len(self.asked)] * len(crops)
        return [Reading(self.texts[(len(self.asked) - 1) % len(self.texts)], self.confidence)]


def line(region, text="", rotation=0):
    return Candidate(region, 0.7, Choice(Reading(text, 0.6 if text else 0.0), rotation), False)


def agrees(texts, candidate, confidence=0.6, told=looks_agree):
    image = np.random.default_rng(3).integers(0, 255, (120, 160), np.uint8)
    return told(image, candidate, LineReader(Says(texts, confidence), SETTINGS))


@pytest.mark.parametrize(("region", "turn"), [(TURNED, 90), (TURNED, 270), (SHORT, 0)])
def test_turned_and_short_text_has_to_read_alike(region, turn):
    assert agrees(("MARIA", "MAR1A", "MARIA", "NARIA"), line(region, "MARIA", turn))
    assert not agrees(("HUE", "ce", "HIA", "SIUA"), line(region, "HUE", turn))


def test_alike_but_without_confidence_is_no_agreement():
    assert not agrees(("7", "7", "7", "7"), line(SHORT, "7"), 0.17)


def test_what_reads_as_ideographs_has_to_read_alike_however_long_it_is():
    assert agrees(("山田太郎",), line(LYING, "山田太郎"))
    assert not agrees(("海康", "彼の", "樂", "華"), line(LYING, "海康"))


def test_a_longer_line_that_was_read_in_part_stays():
    assert agrees(("asil", "xq", "", "mre"), line(LYING, "ACMLSR"))


def test_of_a_longer_line_that_was_not_read_two_looks_have_to_agree():
    assert agrees(("e", "macanred", "", "macared"), line(LYING))
    assert not agrees(("NERD", "x", "ED", ""), line(LYING))


@pytest.mark.parametrize("texts", [("bnavn", "taom", "b0a4bm", ""), ("B23", "0963", "PaRd", "Bokch")])
def test_an_upright_line_of_which_most_looks_spell_something_stays(texts):
    assert agrees(texts, line(LYING), 0.2)


def test_of_a_short_upright_line_all_looks_have_to_spell_something():
    assert agrees(("B23", "0963", "PaRd", "Bokch"), line(SHORT), 0.3)
    assert not agrees(("306938", "2mVr", "30EF", "9"), line(SHORT), 0.3)
    assert not agrees(("B23", "0963", "PaRd", "Bokch"), line(TURNED, "B23", 90), 0.3)


@pytest.mark.parametrize("text", ["Birth: 08.10.08", "3:32:52 PM", "Ng"])
def test_what_reads_the_same_in_all_looks_is_text_though_no_other_view_shows_it(text):
    assert agrees((text,), line(LYING, text), 0.9, all_looks_agree)
    assert not agrees((text, "x", "", "1l"), line(LYING, text), 0.9, all_looks_agree)
    assert not agrees((text,), line(LYING, text), 0.6, all_looks_agree)


def test_strokes_read_as_ideographs_have_to_read_more_surely():
    assert agrees(("李明",), line(SHORT, "李明"), 0.95, all_looks_agree)
    assert not agrees(("十一",), line(SHORT, "十一"), 0.84, all_looks_agree)


def test_no_reading_at_all_is_no_agreement():
    looks = [Reading("", 0.0)] * 4
    assert agreement(line(TURNED, "", 90), looks) == 0.0


@pytest.mark.parametrize(
    ("region", "text", "narrow"),
    [
        (Region(0, 0, 9, 17), "0P2008", True),
        (Region(0, 0, 9, 24), "0P2008", False),
        (Region(0, 0, 5, 48), "José Björklund of somewhere", False),
        (Region(0, 0, 9, 17), "", False),
    ],
)
def test_more_letters_than_fit_in_a_place_are_too_many(region, text, narrow):
    assert is_too_narrow(line(region, text)) is narrow


def test_too_narrow_is_judged_along_the_text():
    assert is_too_narrow(line(Region(0, 0, 17, 9), "0P2008", 90))
    assert not is_too_narrow(line(Region(0, 0, 60, 9), "0P2008", 90))


@pytest.mark.parametrize("shape", [(3, 3), (1, 40), (40, 1), (5, 5)])
def test_a_place_of_any_size_can_be_looked_at(shape):
    image = np.random.default_rng(4).integers(0, 255, shape, np.uint8)
    reader = LineReader(Says(("A",), 0.9), SETTINGS)
    assert looks_agree(image, line(Region.whole(shape), "A", 0), reader)


@pytest.fixture(scope="module")
def reader():
    return LineReader(load_reader("rapidocr"), SETTINGS)


def speckle(seed):
    noise = np.random.default_rng(seed).rayleigh(35, (140, 260)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.2), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_turned_letters_over_speckle_agree_and_bare_speckle_does_not(reader, seed):
    ground = speckle(seed)
    named = ground.copy()
    cv2.putText(named, "Perez Maria", (64, 78), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 230, 1, cv2.LINE_AA)
    place = Region(60, 112, 140, 24).moved(0, 0)
    turned = [np.ascontiguousarray(np.rot90(p, -1)) for p in (ground, named)]
    place = Region(60, turned[0].shape[1] - 86, 130, 26)
    bare, text = (Candidate(place, 0.7, reader.read(p, place), False) for p in turned)
    assert text.choice.rotation in (90, 270)
    assert looks_agree(turned[1], text, reader)
    assert not looks_agree(turned[0], bare, reader)
