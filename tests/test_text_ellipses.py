"""Ellipses are found by their dots, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.ellipses import ellipsis_of
from scrub_pixels.text.readers import Image, Reading, TextBox
from scrub_pixels.text.reading import LineReader
from scrub_pixels.text.settings import SearchSettings

HEIGHT, LEFT, TOP = 10, 20, 15
LINE = Region(TOP, LEFT, HEIGHT, 40)


def _letters(count: int = 4, pitch: int = 9) -> Image:
    """Return a picture with upright bars for letters, as high as the line."""
    image = np.zeros((40, 140, 3), np.uint8)
    for i in range(count):
        image[TOP : TOP + HEIGHT, LEFT + i * pitch : LEFT + i * pitch + 3] = 200
    return image


def _dotted(start: int, pitch: int = 5, size: int = 2, row: int = TOP + HEIGHT - 2) -> Image:
    image = _letters()
    for i in range(3):
        image[row : row + size, start + i * pitch : start + i * pitch + size] = 200
    return image


@pytest.mark.parametrize(("size", "pitch"), [(1, 4), (2, 5), (3, 6), (2, 9)])
@pytest.mark.parametrize("right", [LEFT + 32, LEFT + 40, LEFT + 48])
def test_dots_are_found_wherever_the_box_ends(size: int, pitch: int, right: int) -> None:
    image = _dotted(LEFT + 34, pitch, size, TOP + HEIGHT - size)
    found = ellipsis_of(image, Region.from_edges(TOP, LEFT, TOP + HEIGHT, right))
    assert found is not None
    assert (found.start, found.stop) == (LEFT + 34, LEFT + 34 + 2 * pitch + size)


def test_the_first_dot_may_touch_the_last_letter() -> None:
    image = _dotted(LEFT + 30, 5, 2)
    found = ellipsis_of(image, LINE)
    assert found is not None
    assert found.stop == LEFT + 42


@pytest.mark.parametrize("image", [
    _letters(), _letters(6, 5),
    _dotted(LEFT + 34, row=TOP + 2),  # high above the foot: a ditto, a row of points
    _dotted(LEFT + 34, pitch=20),  # a scale
])
def test_nothing_else_is_an_ellipsis(image: Image) -> None:
    assert ellipsis_of(image, LINE) is None


def test_a_dotted_line_is_none() -> None:
    image = _dotted(LEFT + 34)
    image[:, LEFT + 22 : LEFT + 31] = 0
    image[TOP + HEIGHT - 2 : TOP + HEIGHT, LEFT + 29 : LEFT + 31] = 200
    assert ellipsis_of(image, LINE) is None


def test_two_dots_unequal_ones_and_colons_are_none() -> None:
    two = _dotted(LEFT + 34)
    two[:, LEFT + 44 :] = 0
    colon = _dotted(LEFT + 34)
    colon[TOP + 3 : TOP + 5] = colon[TOP + HEIGHT - 2 : TOP + HEIGHT]
    unequal = _dotted(LEFT + 34)
    unequal[TOP + HEIGHT - 5 : TOP + HEIGHT, LEFT + 39 : LEFT + 44] = 200
    for image in (two, colon, unequal):
        assert ellipsis_of(image, LINE) is None


def test_noise_crops_at_the_edge_and_tiny_boxes_do_no_harm() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 140, 3), np.uint8)
    for region in (LINE, Region(0, 0, 1, 2), Region(30, 130, 10, 10), Region(0, 0, 40, 140)):
        found = ellipsis_of(noise, region)
        assert found is None or found.start < found.stop <= 140


class _Recognizer:
    """Reads what it is told for crops of at least so many columns, and something else for shorter ones."""

    name = "told"

    def __init__(self, whole: str, head: str, columns: int) -> None:
        self.whole, self.head, self.columns = whole, head, columns

    def recognize(self, crops):
        return [Reading(self.whole if crop.shape[1] >= self.columns else self.head, 0.99) for crop in crops]


@pytest.mark.parametrize("whole", ["05-24e::", "05-24.", "05-24"])
def test_dots_that_were_misread_are_written_as_dots_and_the_box_covers_them(whole: str) -> None:
    settings = SearchSettings()
    reader = BoxReader(LineReader(_Recognizer(whole, "05-24", 36), settings), settings)
    found = reader.candidate(_dotted(LEFT + 34), TextBox(LINE, 0.9))
    assert found.choice.best.text == "05-24..."
    assert found.region.right == LEFT + 46
    assert reader.candidate(_letters(), TextBox(LINE, 0.9)).choice.best.text == whole
