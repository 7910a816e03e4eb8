"""Text over tissue that nobody reads is believed if it is seen again, and found to its ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, SearchSettings, TextBox
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.seen_again import SeenAgain

SETTINGS = SearchSettings()
PLACE = Region(100, 120, 14, 84)
BOX = TextBox(PLACE, 0.7, False)


def picture() -> np.ndarray:
    """Return speckle with a bar as bright as nothing else where the text is."""
    noise = np.random.default_rng(5).normal(0, 1, (240, 320)).astype(np.float32)
    image = np.clip(50 + 60 * cv2.GaussianBlur(noise, (0, 0), 2.0), 0, 120).astype(np.uint8)
    image[PLACE.slices] = 250
    return image


@dataclass
class Seeing:
    """A detector that sees the bright bar wherever it is shown as tall as one of `heights`."""

    heights: tuple[int, ...] = (14, 21, 28, 42)
    score: float = 0.7
    shift: tuple[int, int] = (0, 0)
    name: str = "seeing"
    asked: list[tuple[int, int]] = field(default_factory=list)

    def detect(self, image: np.ndarray) -> list[TextBox]:
        self.asked.append(image.shape[:2])
        x, y, wide, high = cv2.boundingRect((image > 200).astype(np.uint8))
        if not any(abs(high - known) <= 3 for known in self.heights):
            return []
        left, right = (round(part * high) for part in self.shift)
        return [TextBox(Region(y, x + left, high, wide - left + right), self.score)]


@dataclass
class Saying:
    """A reader that reads the same thing everywhere."""

    text: str = "5J04"
    confidence: float = 0.45
    name: str = "saying"

    def recognize(self, crops):
        return [Reading(self.text, self.confidence) for _ in crops]

    def detect(self, image):
        return []


def seen_again(detector: Seeing, reader: Saying) -> SeenAgain:
    return SeenAgain(detector, BoxReader(LineReader(reader, SETTINGS), SETTINGS), SETTINGS)


def test_what_is_seen_at_most_sizes_is_text_that_is_unread() -> None:
    (found,) = seen_again(Seeing((14, 21, 28)), Saying()).put_back(picture(), [BOX], [])
    assert found.region.contains(PLACE) and found.choice.best.text == ""
    (read,) = seen_again(Seeing(), Saying("HALVORSEN", 0.97)).put_back(picture(), [BOX], [])
    assert read.choice.best.text == "HALVORSEN"


@pytest.mark.parametrize(
    "detector, reader",
    [
        (Seeing((14, 42)), Saying()),
        (Seeing(score=0.5), Saying()),
        (Seeing(), Saying("II", 0.45)),
        (Seeing(), Saying("5J04", 0.2)),
    ],
)
def test_what_is_seen_at_few_sizes_or_read_as_tissue_is_none(detector: Seeing, reader: Saying) -> None:
    assert seen_again(detector, reader).put_back(picture(), [BOX], []) == []


def test_only_open_boxes_of_lines_are_looked_at_and_hopeless_ones_not_for_long() -> None:
    line = Candidate(PLACE, 0.9, Choice(Reading("DR 60", 0.99)))
    square = TextBox(Region(100, 120, 40, 40), 0.9, False)
    for boxes, lines in (([BOX], [line]), ([square], []), ([TextBox(PLACE, 0.5, False)], [])):
        detector = Seeing()
        assert seen_again(detector, Saying()).put_back(picture(), boxes, lines) == []
        assert detector.asked == []
    hopeless = Seeing(())
    seen_again(hopeless, Saying()).put_back(picture(), [BOX], [])
    assert len(hopeless.asked) == 2


def test_lines_within_a_box_that_is_taller_than_letters_stay_when_the_box_does_not() -> None:
    tall = PLACE.expanded(20, 20, (240, 320))
    line = Candidate(tall, 0.82, Choice(Reading("R 04 D", 0.5)), plain=False)
    (found,) = seen_again(Seeing((14, 21, 28)), Saying(confidence=0.4)).kept(picture(), [line])
    assert found.region.contains(PLACE) and found.region.rows < tall.rows
    assert seen_again(Seeing(()), Saying("", 0.0)).kept(picture(), [line]) == []


def test_what_reads_alike_in_all_looks_stays_though_no_view_shows_it() -> None:
    line = Candidate(PLACE, 0.85, Choice(Reading("3:32:52 PM", 0.89)), plain=False)
    unseen = Seeing(())
    assert seen_again(unseen, Saying("3:32:52 PM", 0.89)).kept(picture(), [line]) == [line]
    assert seen_again(unseen, Saying("7Lh", 0.5)).kept(picture(), [line]) == []


def test_a_line_over_texture_reaches_as_far_as_it_is_seen() -> None:
    part = Region(PLACE.row, PLACE.column + 40, PLACE.rows, 44)
    line = Candidate(part, 0.8, Choice(Reading("ORSEN", 0.95)), plain=False)
    (longer,) = seen_again(Seeing(), Saying()).lengthened(picture(), [line])
    assert abs(longer.region.column - PLACE.column) <= 1 and longer.region.rows == PLACE.rows
    plain = Candidate(part, 0.8, Choice(Reading("ORSEN", 0.95)))
    few = Candidate(part, 0.8, Choice(Reading("12", 0.95)), plain=False)
    assert seen_again(Seeing(), Saying()).lengthened(picture(), [plain, few]) == [plain, few]
    elsewhere = Candidate(part.moved(60, 0), 0.8, Choice(Reading("ORSEN", 0.95)), plain=False)
    assert seen_again(Seeing(), Saying()).lengthened(picture(), [elsewhere]) == [elsewhere]
