"""Letters above each other beside a colour bar are laid out as a line; nothing else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.closer_look import looked_closer
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image, Reading
from scrub_pixels.text.stacked import unstacked

PLACE = Region(10, 10, 90, 34)


def _stack(letters: str = "CMXS", bar: bool = True) -> Image:
    image = np.zeros((160, 80, 3), np.uint8)
    for i, letter in enumerate(letters):
        cv2.putText(image, letter, (14, 32 + 20 * i), cv2.FONT_HERSHEY_PLAIN, 1.0, (200, 200, 200), 1)
    if bar:
        image[5:120, 30:44] = (200, 40, 20)
    return image


def test_a_stack_beside_a_bar_becomes_a_line() -> None:
    line = unstacked(_stack(), PLACE, [])
    assert line is not None and line.ndim == 2
    rows, columns = line.shape
    assert columns > 2 * rows
    count = cv2.connectedComponentsWithStats((line > 0).astype(np.uint8), connectivity=8)[0]
    assert count - 1 == 4
    assert unstacked(_stack(bar=False), PLACE, []) is not None


def test_a_part_of_the_stack_gives_the_whole() -> None:
    whole, part = (unstacked(_stack(), region, []) for region in (PLACE, Region(10, 10, 45, 34)))
    assert whole is not None and part is not None
    assert np.array_equal(whole, part)


@pytest.mark.parametrize("spoil", [
    lambda image: cv2.putText(image, "N", (50, 52), cv2.FONT_HERSHEY_PLAIN, 1.0, (200, 200, 200), 1)[:, :],
    lambda image: cv2.putText(image, "ANN", (30, 60), cv2.FONT_HERSHEY_PLAIN, 1.0, (220, 220, 0), 1),
    lambda image: image[..., 0],
    lambda image: np.zeros_like(image),
], ids=["beside", "coloured letters", "grey", "empty"])
def test_anything_else_in_the_place_gives_it_up(spoil) -> None:
    assert unstacked(spoil(_stack(bar=False)), Region(10, 10, 90, 60), []) is None


def test_marks_of_other_lines_are_theirs() -> None:
    image = cv2.putText(_stack(), "N", (50, 52), cv2.FONT_HERSHEY_PLAIN, 1.0, (200, 200, 200), 1)
    wide = Region(10, 10, 90, 60)
    assert unstacked(image, wide, []) is None
    assert unstacked(image, wide, [Region(38, 48, 18, 16)]) is not None


def test_two_letters_and_seven_are_no_unit() -> None:
    assert unstacked(_stack("CM"), Region(10, 10, 50, 34), []) is None
    small = np.zeros((200, 80, 3), np.uint8)
    for i in range(7):
        cv2.putText(small, "N", (14, 32 + 20 * i), cv2.FONT_HERSHEY_PLAIN, 1.0, (200, 200, 200), 1)
    assert unstacked(small, Region(10, 10, 160, 34), []) is None


def test_the_line_is_read_upright_if_looks_agree() -> None:
    class Reciting:
        name = "reciting"

        def __init__(self, *texts: str) -> None:
            self.texts = texts

        def recognize(self, crops):
            return [Reading(self.texts[i % len(self.texts)], 0.9) for i in range(len(crops))]

    line = TextLine(PLACE, FrameSpan(0, 1), "S", 0.6, 0.9, 270, ("SO",))
    (closer,) = looked_closer(_stack(), [line], Reciting("CM/S"))
    assert (closer.reading, closer.rotation, closer.alternatives) == ("CM/S", 0, ())
    assert looked_closer(_stack(), [line], Reciting("CM/S", "GMIS")) == [line]
