"""What a cine costs the networks: standing frames nothing, a clock its own place, no appearance twice."""

from __future__ import annotations

import numpy as np
import pytest
from test_text_search import Shown, speckle, written

from scrub_pixels.text import Detectors, RememberingReader, find_text, load_detectors, load_reader

SHAPE = (240, 400)
WHOLE = SHAPE[0] * SHAPE[1]


class Counted:
    """A detector or a reader, and what it was asked: samples of every search, bytes of every crop."""

    def __init__(self, asked) -> None:
        self._asked, self.name = asked, asked.name
        self.searched: list[int] = []
        self.read: list[bytes] = []

    def detect(self, image):
        self.searched.append(image.shape[0] * image.shape[1])
        return self._asked.detect(image)

    def recognize(self, crops):
        self.read += [repr(crop.shape).encode() + crop.tobytes() for crop in crops]
        return self._asked.recognize(crops)


@pytest.fixture(scope="module")
def networks():
    reader = load_reader("rapidocr")
    return reader, load_detectors("both", reader)


def searched(networks, images):
    """Search a film; return the first and the cheaper detector, the reader, and what was found."""
    reader, detectors = networks
    first, fine, counted = Counted(detectors.first), Counted(detectors.fine), Counted(reader)
    found = find_text(Shown(tuple(images)), RememberingReader(counted), detectors=Detectors(first, fine))
    return first, fine, counted, found


def film(frames, moving=False, clock=False):
    """Draw a standing overlay; ground that flickers no more than coding noise, or moves; and a clock."""
    noise = np.random.default_rng(5)
    for frame in range(frames):
        image = np.zeros(SHAPE, np.uint8)
        image[80:200, 120:340] = speckle(50 + frame if moving else 50, (120, 220))
        image = np.clip(image + noise.integers(-2, 3, SHAPE), 0, 255).astype(np.uint8)
        written(image, "SMITH JOHN", (10, 20))
        if clock:
            written(image, f"{frame % 60:02d}", (370, 20))
        yield image


def test_a_standing_cine_costs_the_networks_what_its_first_frame_does(networks):
    asked = [searched(networks, film(frames))[:3] for frames in (1, 6, 40)]
    assert [len(first.searched) for first, _, _ in asked] == [len(asked[0][0].searched)] * 3
    assert [len(fine.searched) for _, fine, _ in asked] == [len(asked[0][1].searched)] * 3
    assert [len(counted.read) for _, _, counted in asked] == [len(asked[0][2].read)] * 3


@pytest.mark.parametrize("clock", [False, True])
def test_the_dearer_detector_sees_the_whole_frame_three_times_at_most(networks, clock):
    first, _, _, _ = searched(networks, film(30, moving=True, clock=clock))
    assert sum(samples >= WHOLE / 2 for samples in first.searched) <= 3


def test_a_clock_costs_its_own_place_and_not_the_frame(networks):
    once = searched(networks, film(1, clock=True))
    first, fine, _, _ = searched(networks, film(24, clock=True))
    more = sorted(first.searched + fine.searched)
    for samples in once[0].searched + once[1].searched:
        more.remove(samples)
    assert more and sum(more) / 23 <= 0.35 * WHOLE
    assert max(more) < WHOLE / 2


def test_no_appearance_is_read_twice(networks):
    _, _, counted, _ = searched(networks, film(30, moving=True, clock=True))
    assert counted.read and len(counted.read) == len(set(counted.read))


def test_every_frame_is_accounted_for_and_the_clock_is_read_in_each(networks):
    found = searched(networks, film(12, moving=True, clock=True))[3]
    assert found.frames_searched == 12
    readings = {reading for line in found.lines for reading in line.readings}
    assert sum(f"{frame:02d}" in readings for frame in range(12)) >= 10
