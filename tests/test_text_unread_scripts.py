"""Text in scripts that nobody reads stays text: by two detectors, and by the ink its reading leaves out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.detectors import Detectors, load_detectors
from scrub_pixels.text.half_read import unless_half_read
from scrub_pixels.text.readers import Reading, TextBox, load_reader
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.two_witnesses import TwoWitnesses

SETTINGS = SearchSettings()
PLACE = Region(100, 100, 20, 80)
LEVEL = 200


@dataclass
class Sees:
    """A detector that sees what is brighter than half, with a score for each number of times it is asked."""

    scores: tuple[float, ...]
    name: str = "stub"
    asked: int = 0

    def detect(self, image):
        score = self.scores[min(self.asked, len(self.scores) - 1)]
        self.asked += 1
        bright = np.argwhere(image >= LEVEL // 2)
        if not bright.size or score == 0:
            return []
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        return [TextBox(Region(int(top), int(left), int(bottom - top), int(right - left)), score)]

    def recognize(self, crops):
        return [Reading("", 0.0) for _ in crops]


@pytest.fixture
def picture() -> np.ndarray:
    image = np.zeros((300, 400), np.uint8)
    image[PLACE.slices] = LEVEL
    return image


def put_back(image, network, witness, lines=(), box=PLACE):
    detectors = Detectors(network, network, witness)
    boxes = BoxReader(LineReader(Sees((0.0,)), SETTINGS), SETTINGS)
    return TwoWitnesses(detectors, boxes, SETTINGS).put_back(image, [TextBox(box, 0.7)], lines)


def test_what_both_detectors_see_is_text_that_was_not_read(picture):
    (found,) = put_back(picture, Sees((0.7,)), Sees((0.9,)))
    assert found.choice == Choice(UNREAD) and not found.plain
    assert found.region.intersection(PLACE) == PLACE and found.region.area > PLACE.area


@pytest.mark.parametrize(
    ("network", "witness"),
    [
        ((0.7,), (0.0,)),
        ((0.7,), (0.7,)),
        ((0.0,), (0.9,)),
        ((0.7, 0.7, 0.0), (0.9,)),  # two sizes of four
        ((0.7,), (0.9, 0.0)),  # one size of three
    ],
)
def test_one_witness_or_too_few_sizes_are_not_enough(picture, network, witness):
    assert put_back(picture, Sees(network), Sees(witness)) == []


def test_three_sizes_of_four_and_two_of_three_are_enough(picture):
    assert put_back(picture, Sees((0.7, 0.0, 0.7)), Sees((0.9, 0.0, 0.9)))


def test_a_detector_without_a_witness_puts_nothing_back(picture):
    assert put_back(picture, Sees((0.9,)), None) == []


def test_a_place_that_a_line_explains_is_not_asked_about(picture):
    line = Candidate(PLACE, 0.9, Choice(Reading("Depth 15", 0.99)))
    network = Sees((0.9,))
    assert put_back(picture, network, Sees((0.9,)), [line]) == [] and network.asked == 0


@pytest.mark.parametrize(
    "box", [Region(100, 100, 6, 60), Region(100, 100, 61, 200), Region(100, 100, 80, 20)]
)
def test_only_lines_of_ordinary_size_are_asked_about(picture, box):
    network = Sees((0.9,))
    assert put_back(picture, network, Sees((0.9,)), box=box) == [] and network.asked == 0


def test_the_default_detectors_have_a_witness():
    reader = load_reader("rapidocr")
    assert load_detectors("both", reader).witness is reader
    assert load_detectors("network", reader).witness is None


def line_of(text: str, shown: str = "WEDNESDAY 45") -> tuple[np.ndarray, Candidate]:
    image = np.zeros((60, 320), np.uint8)
    cv2.putText(image, shown, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    region = Region(rows[0] - 1, columns[0] - 1, len(rows) + 2, columns[-1] - columns[0] + 3)
    return image, Candidate(region, 0.95, Choice(Reading(text, 0.98)))


@pytest.mark.parametrize("part", ["45", "U", "HR", ".B", "7"])
def test_a_reading_of_too_few_letters_is_none(part):
    assert unless_half_read(*line_of(part)).choice == Choice(UNREAD)


@pytest.mark.parametrize("text", ["45", "MI 0.8", "W", "15 cm", "I", "1.5", "Hz", "M", "B", "PRF 800Hz"])
def test_a_whole_reading_stays(text):
    image, line = line_of(text, text)
    assert unless_half_read(image, line) is line


def test_what_cannot_be_measured_stays_as_it_was_read():
    image, line = line_of("45")
    turned = replace(line, choice=replace(line.choice, rotation=90))
    assert unless_half_read(image, replace(line, plain=False)).choice.best.text == "45"
    assert unless_half_read(image, turned).choice.best.text == "45"


@pytest.mark.parametrize(
    ("network", "witness", "read"),
    [(0.7, 0.9, False), (0.0, 0.9, False), (0.9, 0.0, False), (0.7, 0.0, True), (0.0, 0.7, True),
     (0.0, None, False)],
)
def test_a_half_reading_is_one_only_where_a_detector_surely_sees_letters(network, witness, read):
    image, line = line_of("45")
    beside = None if witness is None else Sees((witness,))
    detectors = Detectors(Sees((network,)), Sees((network,)), beside)
    boxes = BoxReader(LineReader(Sees((0.0,)), SETTINGS), SETTINGS)
    judged = TwoWitnesses(detectors, boxes, SETTINGS).unless_half_read(image, line)
    assert (judged.choice == Choice(UNREAD)) is not read
