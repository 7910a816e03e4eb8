"""The project's own detector: its boxes are lines of text, and its weights are the known ones."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scrub_pixels.errors import MissingDependency
from scrub_pixels.geometry import Region
from scrub_pixels.text import network
from scrub_pixels.text.network import NetworkDetector, NetworkSettings, lines_of_map, load_network
from scrub_pixels.text.readers import TextDetector

DEFAULTS = NetworkSettings()


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    return load_network(1)


class Session:
    """Answers with a map whose text plane is the green channel, as a network would at half size."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, names, feed):
        image = feed["image"]
        self.shapes.append(image.shape)
        cells = image[0, ::2, ::2].astype(np.float32) / 255
        return [np.stack([cells[..., 1], cells[..., 0] * 0, cells[..., 2]])[None]]


def picture(*texts: tuple[str, tuple[int, int], float], shape=(240, 400)) -> np.ndarray:
    image = np.zeros(shape, np.uint8)
    for text, place, scale in texts:
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 230, max(1, int(scale)), cv2.LINE_AA)
    return image


def ink(image: np.ndarray) -> Region:
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return Region(rows[0], columns[0], rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0])


def plane(*boxes: tuple[int, int, int, int], shape=(60, 120), value=0.95) -> np.ndarray:
    cells = np.zeros(shape, np.float32)
    for top, left, bottom, right in boxes:
        cells[top:bottom, left:right] = value
    return cells


def covered(region: Region, found) -> float:
    mask = np.zeros((2000, 2000), bool)
    for box in found:
        mask[box.region.slices] = True
    return float(mask[region.slices].mean())


def test_it_is_a_detector(detector):
    assert isinstance(detector, TextDetector)
    assert detector.name


@pytest.mark.parametrize("scale", [0.4, 0.6, 1.0])
def test_text_is_found_and_nothing_far_from_it(detector, scale):
    image = picture(("ANNA MUSTER 12.03.1957", (12, 60), scale))
    found = detector.detect(image)
    assert covered(ink(image), found) >= 0.95
    assert all(ink(image).expanded(8, 8, image.shape).contains(b.region) for b in found)
    assert all(0 < b.score <= 1 for b in found)


def test_large_letters_are_found_by_the_reduced_pass(detector):
    image = picture(("Muster", (20, 160), 4.0), shape=(240, 640))
    assert covered(ink(image), detector.detect(image)) >= 0.9


@pytest.mark.parametrize("turns", [1, 3])
def test_turned_text_is_one_upright_line(detector, turns):
    image = np.ascontiguousarray(np.rot90(picture(("MUSTER 4711", (30, 60), 0.5), shape=(96, 256)), turns))
    found = detector.detect(image)
    assert covered(ink(image), found) >= 0.9
    assert max(b.region.rows for b in found) > 4 * max(b.region.columns for b in found)


def test_grey_and_colour_of_the_same_picture_agree(detector):
    image = picture(("Name: Muster", (12, 60), 0.5))
    colour = np.repeat(image[..., None], 3, 2)
    assert detector.detect(image) == detector.detect(colour)


def test_pictures_without_text_give_no_boxes(detector):
    ramp = np.linspace(0, 255, 300).astype(np.uint8)[None].repeat(200, 0)
    ruled = np.zeros((200, 300), np.uint8)
    ruled[::20, :] = 200
    for image in (np.zeros((200, 300), np.uint8), np.full((200, 300), 255, np.uint8), ramp, ruled):
        assert detector.detect(image) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.booleans(), st.randoms(use_true_random=False))
def test_boxes_lie_inside_images_of_any_size(rows, columns, colour, random):
    shape = (rows, columns, 3) if colour else (rows, columns)
    image = np.random.default_rng(random.randrange(10**6)).integers(0, 256, shape, dtype=np.uint8)
    found = NetworkDetector(Session(), replace(DEFAULTS, least_cells=1)).detect(image)
    assert all(Region.whole((rows, columns)).contains(b.region) for b in found)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float32, (20, 30), elements=st.floats(0, 1, width=32)))
def test_every_sure_cell_lies_in_a_line(cells):
    lines = lines_of_map(cells, replace(DEFAULTS, least_cells=1))
    inside = np.zeros((40, 60), bool)
    for region, _ in lines:
        inside[region.slices] = True
    assert inside[::2, ::2][cells >= DEFAULTS.strong].all()


def test_likely_cells_count_only_beside_sure_ones():
    weak = plane((10, 10, 16, 40), value=0.6)
    assert lines_of_map(weak, DEFAULTS) == []
    weak[12, 12] = 0.95
    assert [region for region, _ in lines_of_map(weak, DEFAULTS)] == [Region(20, 20, 12, 60)]


def test_words_of_a_line_are_joined_and_columns_kept_apart():
    joined = lines_of_map(plane((10, 5, 16, 20), (10, 23, 16, 40)), DEFAULTS)
    apart = lines_of_map(plane((10, 5, 16, 20), (10, 60, 16, 90)), DEFAULTS)
    stacked = lines_of_map(plane((10, 5, 16, 40), (18, 5, 24, 40)), DEFAULTS)
    assert [r for r, _ in joined] == [Region(20, 10, 12, 70)]
    assert len(apart) == len(stacked) == 2


def test_a_full_stop_belongs_to_its_line():
    lines = lines_of_map(plane((10, 5, 18, 40), (16, 41, 18, 43), (10, 45, 18, 70)), DEFAULTS)
    assert [r for r, _ in lines] == [Region(20, 10, 16, 130)]


def test_upright_blobs_are_joined_along_the_column():
    lines = lines_of_map(plane((5, 50, 20, 55), (23, 50, 45, 55)), DEFAULTS)
    assert [r for r, _ in lines] == [Region(10, 100, 80, 10)]


def test_codes_are_returned_unless_told_otherwise():
    image = np.zeros((96, 96, 3), np.uint8)
    image[20:60, 30:80, 2] = 255
    wanted = Region(20, 30, 40, 50)
    assert [b.region for b in NetworkDetector(Session(), DEFAULTS).detect(image)] == [wanted]
    assert NetworkDetector(Session(), replace(DEFAULTS, codes=False)).detect(image) == []


def test_large_images_are_searched_in_tiles_and_agree_with_the_whole():
    image = np.zeros((400, 700, 3), np.uint8)
    image[100:130, 20:680, 1] = 255
    image[300:320, 330:360, 1] = 255
    session = Session()
    tiled = NetworkDetector(session, replace(DEFAULTS, tile=256, overlap=64, reduced=False)).detect(image)
    whole = NetworkDetector(Session(), replace(DEFAULTS, reduced=False)).detect(image)
    assert tiled == whole and len(whole) == 2
    assert len(session.shapes) > 1 and max(max(s[1:3]) for s in session.shapes) <= 256 + 16


def test_changed_weights_are_refused(monkeypatch):
    monkeypatch.setattr(network, "NETWORK", replace(network.NETWORK, digest="0" * 64))
    with pytest.raises(MissingDependency):
        load_network(1)
