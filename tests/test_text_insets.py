"""A picture in the picture is found by what it copies, and its lines are known from the screen."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import find_text, load_reader
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


def drawn(seed):
    """Return a page of boxes and lines, as screens of programs show: strong edges that are found anywhere."""
    rng = np.random.default_rng(seed)
    page = np.full(SHAPE, 30, np.uint8)
    for _ in range(12):
        y, x = int(rng.integers(0, 400)), int(rng.integers(0, 500))
        cv2.rectangle(page, (x, y), (x + int(rng.integers(60, 300)), y + int(rng.integers(30, 200))), 160, 1)
    return page


def smooth(seed):
    """Return a head, say: bright tissue that changes slowly, with a strong rim."""
    rng = np.random.default_rng(seed)
    tissue = cv2.GaussianBlur(rng.normal(120, 120, SHAPE).astype(np.float32), (0, 0), 9) + 60
    shape = np.zeros(SHAPE, np.float32)
    cv2.ellipse(shape, (320, 240), (180, 210), 0, 0, 360, 1, -1)
    return (tissue * shape).clip(0, 255).astype(np.uint8)


def nested_boxes(seed):
    """Return a picture whose outline is like itself everywhere: a box within a box within a box."""
    page = np.zeros(SHAPE, np.uint8)
    for inward in range(0, 200, 20 + seed):
        cv2.rectangle(page, (inward, inward), (639 - inward, 479 - inward), 40 + inward, -1)
    return page


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ground", [drawn, smooth, nested_boxes])
def test_strong_edges_alone_are_no_copy(ground, seed):
    assert find_inset(ground(seed)) is None


@pytest.mark.parametrize(("scale", "row", "column"), [(0.21, 300, 400), (0.45, 240, 30)])
@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_a_copy_in_another_interpolation_or_blurred_is_found(scale, row, column, blur):
    image = screen(4)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    small = cv2.GaussianBlur(small, (0, 0), blur) if blur else small
    image[row : row + small.shape[0], column : column + small.shape[1]] = small
    found = find_inset(image)
    assert found is not None
    assert abs(found.scale - scale) <= 0.01


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


@dataclass(frozen=True)
class Shown:
    """An Instance of pictures that are shown as they are."""

    pictures: list[np.ndarray]

    @property
    def frames(self):
        return len(self.pictures)

    @property
    def pixels(self):
        return SimpleNamespace(rows=SHAPE[0], columns=SHAPE[1])

    def views(self, frame):
        return (SimpleNamespace(name="pixels", image=self.pictures[frame]),)


@pytest.fixture(scope="module")
def reader():
    return load_reader("rapidocr")


@pytest.mark.parametrize("first", [0, 2], ids=["in the first frame", "later"])
def test_a_copy_in_a_cine_is_known_from_the_frame_where_it_appears(reader, first):
    plain = screen(contrast=60)
    shown = with_copy(plain, 0.36, 280, 10)
    frames = [shown if number >= first else plain for number in range(4)]
    found = find_text(Shown(frames), reader).lines
    name = Region.from_edges(283.6, 17.2, 289.4, 71.2)
    ink = np.zeros(SHAPE, bool)
    ink[name.slices] = shown[name.slices] > 20
    over = [line for line in found if line.region.overlaps(name)]
    covered = np.zeros(SHAPE, bool)
    for one in over:
        covered[one.region.slices] = True
    assert covered[ink].mean() >= 0.98
    assert ink.sum() >= 40
    assert min(one.frames.start for one in over) == first
    assert max(one.frames.stop for one in over) == len(frames)
