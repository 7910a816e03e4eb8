"""Letters that stand far apart are read as the line they spell; what is set as usual is not shown again."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from scrub_pixels.decisions import Context, DecisionSettings, Identity, Verdict, judge
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.detectors import load_detectors
from scrub_pixels.text.letterspaced import Letterspaced
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.picture import PictureSearch
from scrub_pixels.text.readers import Reading, load_reader
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.settings import SearchSettings

SETTINGS = SearchSettings()
SHAPE = (220, 640)


@pytest.fixture(scope="module")
def reader():
    return load_reader("rapidocr")


@pytest.fixture(scope="module")
def search(reader):
    return PictureSearch(load_detectors("both", reader), LineReader(reader, SETTINGS), SETTINGS)


@pytest.fixture(scope="module")
def letterspaced(reader):
    detector = load_detectors("both", reader).fine
    return Letterspaced(detector, BoxReader(LineReader(reader, SETTINGS), SETTINGS), SETTINGS)


def ground_of(kind: str) -> np.ndarray:
    if kind == "black":
        return np.zeros(SHAPE, np.uint8)
    speckle = np.random.default_rng(7).normal(60, 22, SHAPE)
    return np.clip(cv2.GaussianBlur(speckle, (0, 0), 1.5) * 1.2, 0, 255).astype(np.uint8)


def drawn(image: np.ndarray, text: str, pitch: int, row: int = 110) -> Region:
    """Write letters `pitch` samples from one left edge to the next, and return where their ink is."""
    before = image.copy()
    for place, letter in enumerate(text):
        at = (40 + place * pitch, row)
        cv2.putText(image, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 230, 2, cv2.LINE_AA)
    rows, columns = (np.flatnonzero((image != before).any(axis=axis)) for axis in (1, 0))
    return Region(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)


def masked_share(search: PictureSearch, image: np.ndarray, ink: Region) -> float:
    """Return the share of a place that the lines judged as PHI cover."""
    found = search.search(image)
    lines = [TextLine(c.region, FrameSpan(0, 1), c.choice.best.text, c.choice.best.confidence, c.detection)
             for c in found]
    judged = judge(lines, Identity(), DecisionSettings(), Context(SHAPE))
    covered = np.zeros(SHAPE, bool)
    for finding in judged:
        if finding.verdict is Verdict.PHI:
            covered[finding.line.region.slices] = True
    return float(covered[ink.slices].mean())


@pytest.mark.parametrize("kind", ["black", "speckle"])
@pytest.mark.parametrize("pitch", [28, 38, 46])
@pytest.mark.parametrize("text", ["MARGARET", "4471823", "KOWALSKI"])
def test_a_name_of_letters_far_apart_is_identifying(search, kind, pitch, text):
    image = ground_of(kind)
    ink = drawn(image, text, pitch)
    assert masked_share(search, image, ink) > 0.97


def test_the_row_is_read_as_the_line_it_spells(search, letterspaced):
    image = ground_of("black")
    ink = drawn(image, "KOWALSKI", 42)
    letters = [Region(ink.row, 40 + 42 * k, ink.rows, 18) for k in range(8)]
    marks = [Candidate(letter, 0.9, Choice(Reading("X", 0.9))) for letter in letters]
    found = letterspaced.found(image, marks)
    assert {c.choice.best.text for c in found} == {"KOWALSKI"}
    assert all(c.region.intersection(ink) == ink for c in found)


def test_a_single_letter_or_ordinary_type_is_not_shown_again(letterspaced):
    image = ground_of("black")
    ink = drawn(image, "L", 42)
    assert letterspaced.found(image, [Candidate(ink, 0.9, Choice(Reading("L", 0.9)))]) == []
    ink = drawn(image, "Depth", 15, 180)
    line = Candidate(ink, 0.9, Choice(Reading("Depth", 0.99)))
    parts = [replace(line, region=replace(ink, column=ink.column + 15 * k, columns=14)) for k in range(5)]
    assert letterspaced.found(image, [line, *parts]) == []


def test_a_row_in_a_picture_of_two_columns_does_not_crash(letterspaced):
    marks = [Candidate(Region(0, k, 60, 1), 0.9, Choice(Reading("I", 0.9))) for k in range(2)]
    assert letterspaced.found(np.zeros((60, 2), np.uint8), marks) == []


def test_words_set_wide_are_no_letters(letterspaced):
    image = ground_of("black")
    ink = drawn(image, "GAIN", 26)
    wide = Candidate(ink, 0.9, Choice(Reading("GAIN", 0.97)))
    value = Candidate(replace(ink, column=ink.right + 40, columns=14), 0.9, Choice(Reading("9", 0.97)))
    assert letterspaced.found(image, [wide, value]) == []
    by_letter = replace(wide, choice=Choice(Reading("G A I N", 0.97)))
    assert {c.choice.best.text for c in letterspaced.found(image, [by_letter])} == {"GAIN"}


@pytest.mark.parametrize("text", ["1 2 / 0 3 / 1 9 6 4", "4 4 7 1 8 2", "Born 1 9 6 4"])
def test_digits_one_by_one_are_a_number(text):
    assert _verdict(text) is Verdict.PHI


@pytest.mark.parametrize("text", ["1 2 3 4 5 6", "2 4 6 8", "8 6 4 2 0", "1 2 3", "3.2 cm"])
def test_scales_and_few_digits_are_none(text):
    assert _verdict(text) is Verdict.BENIGN


def _verdict(text: str) -> Verdict:
    line = TextLine(Region(100, 40, 16, 12 * len(text)), FrameSpan(0, 1), text, 0.97, 0.99)
    (finding,) = judge([line], Identity(), DecisionSettings(), Context(SHAPE))
    return finding.verdict
