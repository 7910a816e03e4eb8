"""A picture in the picture is found by what it copies, and its lines are known from the screen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.insets import copied_lines, find_inset
from scrub_pixels.text.readers import Reading
from scrub_pixels.text.reading import Choice

SHAPE = (480, 640)
NAME, MEASURE = Region(10, 20, 16, 150), Region(10, 490, 16, 130)


def screen(seed=1, contrast=200, colour=False):
    """Return a screen with a sector of speckle, a header and a measurement."""
    rng = np.random.default_rng(seed)
    speckle = cv2.GaussianBlur(rng.rayleigh(40, SHAPE).astype(np.float32), (0, 0), 1.2)
    sector = np.zeros(SHAPE, np.float32)
    cv2.ellipse(sector, (380, 60), (240, 240), 0, 50, 130, 1, -1)
    image = (speckle * sector).clip(0, 255).astype(np.uint8)
    for text, place in (("Perez, Maria", NAME), ("Dist 3.24 cm", MEASURE)):
        at = (place.column, place.bottom - 4)
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, contrast, 1, cv2.LINE_AA)
    return np.repeat(image[..., None], 3, axis=2) if colour else image


def with_copy(image, scale, row, column):
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shown = image.copy()
    shown[row : row + small.shape[0], column : column + small.shape[1]] = small
    return shown


def line(region, text="Perez, Maria"):
    return Candidate(region, 0.9, Choice(Reading(text, 0.95)))


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize(("scale", "row", "column"), [(0.36, 280, 10), (0.45, 240, 340), (0.3, 320, 200)])
def test_a_copy_of_the_screen_is_found_to_the_sample(scale, row, column, colour):
    inset = find_inset(with_copy(screen(colour=colour), scale, row, column))
    assert inset is not None
    for place in (NAME, MEASURE, Region.whole(SHAPE)):
        told = inset.place_of(place)
        exact = (row + scale * place.row, column + scale * place.column)
        assert abs(told.row - exact[0]) <= 2
        assert abs(told.column - exact[1]) <= 2


@pytest.mark.parametrize("quality", [60, 90])
def test_a_copy_is_found_in_a_picture_that_was_coded_with_loss(quality):
    image = with_copy(screen(), 0.4, 270, 20)
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert find_inset(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)) is not None


@pytest.mark.parametrize("contrast", [18, 200])
def test_the_lines_of_a_copy_are_known_from_the_screen_however_faint_they_are(contrast):
    image = with_copy(screen(contrast=contrast), 0.36, 280, 10)
    found = copied_lines(image, [line(NAME), line(MEASURE, "Dist 3.24 cm")])
    assert [c.choice.best.text for c in found] == ["Perez, Maria", "Dist 3.24 cm"]
    exact = Region.from_edges(283.6, 17.2, 289.4, 71.2)
    shared = found[0].region.intersection(exact)
    assert shared is not None
    assert shared.area >= 0.9 * exact.area
    assert found[0].region.area <= 3 * exact.area


def test_what_was_found_in_the_copy_is_not_told_again():
    image = with_copy(screen(), 0.36, 280, 10)
    told = copied_lines(image, [line(NAME)])[0]
    assert copied_lines(image, [line(NAME), told]) == []


def test_without_lines_nothing_is_looked_for():
    assert copied_lines(with_copy(screen(), 0.36, 280, 10), []) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_screen_without_a_copy_has_none(seed):
    assert find_inset(screen(seed)) is None


def test_a_smaller_copy_of_another_screen_is_none():
    other, image = screen(8)[:, ::-1].copy(), screen(9)
    small = cv2.resize(other, None, fx=0.36, fy=0.36, interpolation=cv2.INTER_AREA)
    image[280 : 280 + small.shape[0], 10 : 10 + small.shape[1]] = small
    assert find_inset(image) is None


@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (128, 4000), (127, 300), (600, 130)])
@pytest.mark.parametrize("level", [0, 77, 255, None])
def test_pictures_of_any_size_and_emptiness_have_none(shape, level):
    noise = np.random.default_rng(2).integers(0, 255, shape, np.uint8)
    assert find_inset(noise if level is None else np.full(shape, level, np.uint8)) is None


@pytest.mark.parametrize("step", [4, 16, 64])
def test_patterns_that_repeat_themselves_are_no_copies(step):
    rows, columns = np.indices(SHAPE)
    checks = (((rows // step + columns // step) % 2) * 200).astype(np.uint8)
    lines = copied_lines(checks, [line(NAME)])
    assert all(c.region.clipped(SHAPE) == c.region for c in lines)
