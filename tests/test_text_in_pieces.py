"""A line is read in pieces between its blanks, and between nothing else."""

from __future__ import annotations

import numpy as np

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.in_pieces import read_in_pieces
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image, Reading

TOP, LEFT, HEIGHT = 12, 10, 9


class _Counter:
    """Reads every crop as how many bars it shows."""

    def __init__(self, confidence: float = 0.99) -> None:
        self.confidence = confidence

    def recognize(self, crops):
        return [Reading(str(_bars(crop)), self.confidence) for crop in crops]


def _bars(crop: Image) -> int:
    inked = np.concatenate(([False], (crop[..., 0] > 100).any(axis=0)))
    return int(np.sum(np.diff(inked.astype(int)) == 1))


def _row(*numbers: int, pitch: int = 7, wide: int = 5, blank: int = 14) -> tuple[Image, TextLine]:
    """Return a picture of groups of so many bars, and the line they are."""
    image = np.zeros((36, 400, 3), np.uint8)
    x = LEFT
    for count in numbers:
        for _ in range(count):
            image[TOP : TOP + HEIGHT, x : x + wide] = 200
            x += pitch
        x += blank - pitch
    region = Region(TOP - 1, LEFT - 1, HEIGHT + 2, x - LEFT)
    return image, TextLine(region, FrameSpan(0, 1), "read", 0.99, 0.99)


def _pieces(image: Image, line: TextLine, confidence: float = 0.99) -> tuple[str, ...]:
    return read_in_pieces(image, [line], _Counter(confidence))[0].pieces


def test_a_row_is_read_between_its_blanks() -> None:
    assert _pieces(*_row(7, 1, 3, 2, 3, 3)) == ("7", "1", "3", "2", "3", "3")


def test_narrow_digits_of_a_font_of_one_width_are_no_blanks() -> None:
    assert _pieces(*_row(7, 4, 3, 2, 3, pitch=8, wide=1, blank=20)) == ("7", "4", "3", "2", "3")


def test_blanks_of_one_width_part_letters_that_nearly_touch() -> None:
    assert _pieces(*_row(7, 1, 3, 2, 3, pitch=6, wide=5, blank=10)) == ("7", "1", "3", "2", "3")


def test_narrow_digits_beside_wide_ones_are_no_blanks() -> None:
    image, line = _row(7, 3, 5, 2, 3, pitch=6, wide=5, blank=13)
    second = LEFT + 6 * 6 + 13 + 2 * 6 + 13  # the number of five, of which three digits are a sample wide
    for i in (1, 2, 3):
        x = second + 6 * i
        image[TOP : TOP + HEIGHT, x : x + 5] = 0
        image[TOP : TOP + HEIGHT, x + 2] = 200
    assert _pieces(image, line) in ((), ("7", "3", "5", "2", "3"))


def test_few_pieces_doubtful_ones_and_texture_say_nothing() -> None:
    assert _pieces(*_row(7, 3, 2)) == ()
    assert _pieces(*_row(7, 1, 3, 2, 3), confidence=0.4) == ()
    image, line = _row(7, 1, 3, 2, 3)
    noise = np.random.default_rng(1).integers(0, 255, image.shape, np.uint8)
    assert _pieces(noise, line) == ()
    assert _pieces(np.zeros_like(image), line) == ()
