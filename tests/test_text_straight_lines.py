"""A piece of a straight line is no text, whatever was read there; strokes of letters are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text.straight_lines import is_straight_line

BOX = Region(40, 50, 60, 14)


def _picture() -> np.ndarray:
    return np.zeros((140, 120), np.uint8)


def _with_line(
    thickness: int = 3, start: tuple[int, int] = (50, 10), end: tuple[int, int] = (64, 130)
) -> np.ndarray:
    return cv2.line(_picture(), start, end, 200, thickness)


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_the_edge_of_a_box_is_a_line(thickness: int) -> None:
    picture = _with_line(thickness)
    assert is_straight_line(picture, BOX)
    assert is_straight_line(np.ascontiguousarray(picture.T), Region(50, 40, 14, 60))
    assert is_straight_line(np.dstack([picture] * 3), BOX)


def test_specks_of_flow_beside_a_line_are_no_letters() -> None:
    picture = _with_line()
    picture[60:62, 52:54] = picture[90:92, 51:53] = 90
    assert is_straight_line(picture, BOX)


@pytest.mark.parametrize("text", ["1111", "IIII", "llll", "I", "1", "JONES", "///"])
def test_turned_letters_are_none(text: str) -> None:
    flat = np.zeros((14, 60), np.uint8)
    cv2.putText(flat, text, (1, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 200, 1)
    picture = _picture()
    picture[BOX.slices] = np.rot90(flat)
    assert not is_straight_line(picture, BOX)


@pytest.mark.parametrize("letter", ["l", "I", "1", "|"])
def test_a_tall_letter_ends_within_its_box(letter: str) -> None:
    picture = _picture()
    cv2.putText(picture, letter, (52, 95), cv2.FONT_HERSHEY_SIMPLEX, 1.8, 200, 2)
    assert not is_straight_line(picture, BOX)


def test_letters_beside_a_line_count() -> None:
    picture = _with_line(start=(62, 10), end=(62, 130))
    cv2.putText(picture, "J", (51, 70), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 120, 1)
    assert not is_straight_line(picture, BOX)


def test_a_line_that_bends_or_ends_or_has_a_gap_is_none() -> None:
    bent = cv2.polylines(_picture(), [np.array([[52, 10], [62, 70], [52, 130]], np.int32)], False, 200, 2)
    short = _with_line(start=(55, 42), end=(60, 96))
    broken = _with_line()
    broken[70:73] = 0
    assert not any(is_straight_line(picture, BOX) for picture in (bent, short, broken))


def test_at_the_edge_of_the_picture_nobody_can_tell() -> None:
    assert not is_straight_line(_with_line(start=(50, 0), end=(50, 139)), Region(0, 46, 60, 10))


def test_an_empty_box_is_no_line() -> None:
    assert not is_straight_line(_picture(), BOX)
