"""What devices draw and detectors take for letters is told by its shape; letters of any size are not it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text.arrowheads import are_arrowheads
from scrub_pixels.text.graphics import is_only_graphics
from scrub_pixels.text.scale_bars import is_scale_bar

FONTS = [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX]
WORDS = ["WW", "VA", "AVA", "MM", "D", "E", "F", "L", "I", "ELF", "Perez, Maria", "MRN 482913", "1", "7"]
TESTS = [are_arrowheads, is_scale_bar, is_only_graphics]


def focus_marks(side=7, count=3):
    image = np.zeros((80, 60), np.uint8)
    for n in range(count):
        top = 10 + n * (2 * side - 2)
        corners = [[30, top], [30, top + 2 * side - 2], [30 - side, top + side - 1]]
        cv2.fillPoly(image, [np.array(corners)], 220)
    return image


def bar(colour=False, length=100, thick=14):
    ramp = np.linspace(255, 20, length).astype(np.uint8)
    image = np.zeros((length + 20, thick + 16, 3), np.uint8)
    image[10 : 10 + length, 8 : 8 + thick] = ramp[:, None, None]
    if colour:
        image[10 : 10 + length // 2, 8 : 8 + thick, 0] = 0
        image[10 + length // 2 : 10 + length, 8 : 8 + thick, 2] = 0
    return image


def ruler(noise=False):
    image = np.zeros((300, 60), np.uint8)
    for row in range(10, 300, 25):
        image[row, 30:34] = 200
        if noise:
            image[row + 1 : row + 6, 24:40] = np.random.default_rng(row).integers(0, 14, (5, 16))
    return image


def lettering(word, font, thickness, turn):
    (wide, high), below = cv2.getTextSize(word, font, 0.6, thickness)
    image = np.zeros((high + below + 16, wide + 16), np.uint8)
    cv2.putText(image, word, (8, 8 + high), font, 0.6, 230, thickness, cv2.LINE_AA)
    return np.ascontiguousarray(np.rot90(image, turn))


def whole(image):
    return Region.whole(image.shape[:2])


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("count", [1, 3])
def test_focus_marks_are_arrowheads_whichever_way_they_point(turn, count):
    image = np.ascontiguousarray(np.rot90(focus_marks(count=count), turn))
    assert are_arrowheads(image, whole(image))


def test_an_arrowhead_beside_a_letter_is_not_all():
    image = focus_marks(count=1)
    cv2.putText(image, "E", (36, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220, 1)
    assert not are_arrowheads(image, whole(image))


@pytest.mark.parametrize("turned", [False, True], ids=["upright", "lying"])
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_a_bar_of_levels_is_one(turned, colour):
    image = bar(colour)
    image = np.ascontiguousarray(np.rot90(image)) if turned else image
    assert is_scale_bar(image, whole(image))
    assert turned or is_scale_bar(np.ascontiguousarray(image[:, :, 0] | image[:, :, 2]), whole(image))


def test_stray_samples_at_the_ends_of_a_bar_are_no_part_of_it():
    image = bar(colour=True)
    for row, column in ((7, 12), (8, 17), (8, 9), (110, 15), (111, 10)):
        image[row, column] = 60
    assert is_scale_bar(image, whole(image))


def test_letters_above_a_bar_are_not_taken_for_it():
    image = cv2.copyMakeBorder(bar(thick=20), 20, 0, 0, 0, cv2.BORDER_CONSTANT)
    cv2.putText(image, "R", (12, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (200, 200, 200), 1)
    assert not is_scale_bar(image, whole(image))


@pytest.mark.parametrize("place", [(15, 40), (2, 60), (10, 40)], ids=["beside", "across", "on"])
def test_letters_on_or_beside_a_bar_are_not_taken_for_it(place):
    image = cv2.copyMakeBorder(bar(thick=20), 0, 0, 0, 30, cv2.BORDER_CONSTANT)
    cv2.putText(image, "VV", place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0), 1)
    assert not is_scale_bar(image, whole(image))


@pytest.mark.parametrize("noise", [False, True], ids=["clean", "coded"])
def test_a_bar_of_a_ruler_is_only_a_drawing(noise):
    assert is_only_graphics(ruler(noise), Region(105, 22, 14, 22))


def test_letters_beside_a_ruler_are_more_than_a_drawing():
    image = ruler()
    cv2.putText(image, "A", (40, 118), cv2.FONT_HERSHEY_PLAIN, 0.8, 90, 1)
    assert not is_only_graphics(image, Region(105, 22, 14, 32))


@pytest.mark.parametrize("is_drawn", TESTS)
@pytest.mark.parametrize("word", WORDS)
def test_letters_are_no_drawing(word, is_drawn):
    for font in FONTS:
        for thickness in (1, 2):
            for turn in range(4):
                image = lettering(word, font, thickness, turn)
                assert not is_drawn(image, whole(image)), (font, thickness, turn)


@pytest.mark.parametrize("is_drawn", TESTS)
@pytest.mark.parametrize("word", ["WILLIAM", "ILLI", "EFE", "KOWALSKA", "HILL"])
@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_words_of_the_smallest_letters_are_no_drawing_however_they_stand(word, thickness, is_drawn):
    for size in (0.4, 0.5, 0.52, 0.56, 0.6):
        (wide, high), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_PLAIN, size, thickness)
        upright = np.zeros((high + 20, wide + 20), np.uint8)
        cv2.putText(upright, word, (8, high + 8), cv2.FONT_HERSHEY_PLAIN, size, 160, thickness)
        for turn in range(4):
            image = np.ascontiguousarray(np.rot90(upright, turn))
            rows, columns = np.nonzero(image)
            tight = Region.from_edges(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
            for around in range(4):
                assert not is_drawn(image, tight.expanded(around, around, image.shape)), (size, turn, around)


@pytest.mark.parametrize("is_drawn", TESTS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 3), (20, 60)])
def test_an_empty_place_of_any_size_is_no_drawing(shape, is_drawn):
    for level in (0, 128, 255):
        assert not is_drawn(np.full(shape, level, np.uint8), Region.whole(shape))
        assert not is_drawn(np.full((*shape, 3), level, np.uint8), Region.whole(shape))
