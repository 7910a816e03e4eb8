"""The header of a picture in a picture is found by its shape, and masked however badly it reads."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_text_search import Shown

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, SearchSettings, TextBox, find_text, load_detectors, load_reader
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.fine_print import FinePrint, is_unread_fine_print
from scrub_pixels.text.fine_rows import fine_rows, stacks
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.search import FINE_PRINT

SHAPE = (768, 1024)
WHOLE = Region.whole(SHAPE)
HEADER = ("MONTGOMERY VICTORIA", "PID 7143-2270", "1962/09/17  10:15:20")


def speckle(seed=3):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32), (0, 0), 1.5)
    return np.clip(60 + 80 * noise, 0, 255).astype(np.uint8)


def inset(shrink=0.36, bar=0):
    """Return a header as another screen shows it, and where its lines stand in it."""
    page = np.full((150, 560), bar, np.uint8)
    for number, line in enumerate(HEADER):
        cv2.putText(page, line, (14, 40 + 40 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 255, 1, cv2.LINE_AA)
    small = cv2.resize(page, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    tops = [round((26 + 40 * n) * shrink) for n in range(len(HEADER))]
    return small, [Region(top, round(14 * shrink), max(3, round(15 * shrink)), 40) for top in tops]


def with_inset(ground, at=(60, 80), **changes):
    picture, lines = inset(**changes)
    image = ground.copy()
    image[at[0] : at[0] + 200, at[1] : at[1] + 300] = 0
    image[at[0] : at[0] + picture.shape[0], at[1] : at[1] + picture.shape[1]] = picture
    return image, [line.moved(*at) for line in lines]


@pytest.mark.parametrize("bar", [0, 40])
def test_the_rows_of_an_inner_header_are_known_by_their_shape(bar):
    image, lines = with_inset(speckle(), bar=bar)
    rows = fine_rows(image, WHOLE, [])
    assert all(any(row.overlaps(line) for row in rows) for line in lines)
    assert fine_rows(np.dstack([image] * 3), WHOLE, []) == rows
    known = [line.expanded(4, 200, SHAPE) for line in lines]
    assert not [row for row in fine_rows(image, WHOLE, known) if row.overlaps(lines[0])]
    part = Region(40, 60, 240, 340)
    assert {r for r in rows if part.contains(r)} <= set(fine_rows(image, part, []))


def test_tissue_rules_ramps_and_specks_are_no_rows():
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[50:53, 40:300] = 200  # a rule
    drawn[100:104, 40:300] = np.linspace(30, 255, 260).astype(np.uint8)  # a ramp
    drawn[150:250:11, 100:106] = 220  # ticks
    drawn[300:310:9, 40:300:40] = 220  # specks
    assert fine_rows(drawn, WHOLE, []) == []
    noise = np.random.default_rng(2).random((6, 200)) < 0.35
    drawn[400:406, 40:240] = 220 * noise
    assert fine_rows(drawn, WHOLE, []) == []
    assert sum(row.area for row in fine_rows(speckle(), WHOLE, [])) < 0.01 * WHOLE.area
    assert fine_rows(np.zeros((4, 5), np.uint8), Region(0, 0, 4, 5), []) == []


@pytest.fixture(scope="module")
def reader():
    return load_reader("rapidocr")


def test_what_a_person_could_read_when_enlarged_is_found(reader):
    image, lines = with_inset(speckle(), shrink=0.3)
    search = find_text(Shown((image, image)), reader, detectors=load_detectors("both", reader))
    assert search.doubts == (FINE_PRINT,)
    covered = np.zeros(SHAPE, bool)
    for line in search.lines:
        covered[line.region.slices] = True
    assert all(covered[line.slices].mean() > 0.85 for line in lines)


def test_nothing_is_found_in_tissue(reader):
    search = find_text(Shown((speckle(),)), reader, detectors=load_detectors("both", reader))
    assert search.lines == () and search.doubts == ()


def test_small_print_that_is_read_or_alone_raises_no_doubt():
    unread = Candidate(Region(80, 90, 9, 40), 0.9, Choice(UNREAD))
    read = replace(unread, choice=Choice(Reading("DR 134", 0.95)))
    assert is_unread_fine_print([unread, replace(unread, region=Region(90, 90, 9, 40))])
    assert not is_unread_fine_print([unread, read]) and not is_unread_fine_print([])
    assert not is_unread_fine_print([replace(unread, region=Region(80, 90, 20, 40))] * 2)


@pytest.mark.parametrize("ink, bar", [(60, 0), (75, 40), (20, 200), (150, 235)])
def test_dark_and_faint_rows_are_known_too(ink, bar):
    page = np.full((150, 560), bar, np.uint8)
    for number, line in enumerate(HEADER):
        at = (14, 40 + 40 * number)
        cv2.putText(page, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, ink, 1, cv2.LINE_AA)
    image = speckle()
    image[60:180, 80:380] = bar
    small = cv2.resize(page, None, fx=0.36, fy=0.36, interpolation=cv2.INTER_AREA)
    image[60 : 60 + small.shape[0], 80 : 80 + small.shape[1]] = small
    lines = [line.moved(60, 80) for line in inset()[1]]
    rows = fine_rows(image, WHOLE, [])
    assert all(any(row.overlaps(line) for row in rows) for line in lines)


def test_a_row_of_letters_too_blurred_to_part_swings_and_a_ramp_does_not():
    row = np.array([200, 120] * 20, np.uint8)
    image = np.zeros(SHAPE, np.uint8)
    image[50:53, 40:80] = row
    image[90:93, 40:80] = np.linspace(100, 220, 40).astype(np.uint8)
    image[130:133, 40:80] = 200
    assert fine_rows(image, WHOLE, []) == [Region(50, 40, 3, 40)]


@pytest.mark.parametrize(
    "places, stacked",
    [
        ([(50, 40, 30), (56, 40, 22), (62, 41, 26), (68, 40, 18)], 4),  # begin above each other
        ([(50, 40, 30), (56, 48, 22), (62, 44, 26)], 3),  # end above each other
        ([(50, 40, 30), (56, 60, 22), (62, 20, 26)], 0),  # anywhere
        ([(50, 40, 30), (56, 40, 22), (80, 40, 26)], 0),  # the last one stands apart
    ],
)
def test_rows_at_one_distance_with_an_edge_in_common_are_a_stack(places, stacked):
    rows = [Region(row, column, 4, wide) for row, column, wide in places]
    image = np.zeros(SHAPE, np.uint8)
    assert stacks(image, rows) == []  # rules and streaks swing nowhere
    image[:, ::2] = 200
    assert [len(stack) for stack in stacks(image, rows)] == ([stacked] if stacked else [])


class Blind:
    """Sees and reads nothing."""

    name = "blind"

    def __init__(self, boxes=()):
        self.boxes = boxes

    def detect(self, image):
        return list(self.boxes)

    def recognize(self, crops):
        return [UNREAD for _ in crops]


def lettered(count, wide=40):
    """Return a black picture with rows of letters three samples high, and these rows."""
    image, rows = np.zeros(SHAPE, np.uint8), [Region(300 + 6 * n, 400, 3, wide) for n in range(count)]
    for row in rows:
        image[row.slices] = np.resize(np.array([220, 130], np.uint8), wide)
    return image, rows


def fine_print(detector):
    settings = SearchSettings()
    reader = BoxReader(LineReader(Blind(), settings), settings)
    return FinePrint(Detectors(detector, detector), reader, settings)


def test_a_stack_of_rows_is_a_header_though_no_detector_sees_it():
    for count, wide in ((4, 16), (3, 30)):
        image, rows = lettered(count, wide)
        found = fine_print(Blind()).found(image, [WHOLE], [])
        assert all(any(c.region.contains(row) for c in found) for row in rows)
        assert is_unread_fine_print(found)
    for count, wide in ((4, 14), (3, 18), (2, 60)):
        assert fine_print(Blind()).found(lettered(count, wide)[0], [WHOLE], []) == []


def test_of_a_short_stack_a_detector_has_to_see_some():
    image, rows = lettered(3, 18)
    window = Region(300 - 16, 400 - 16, 15 + 32, 18 + 32)
    box = TextBox(Region(16 * 3 + 24, 16 * 3 + 24, 9, 54), 0.6)
    found = fine_print(Blind([box])).found(image, [WHOLE], [])
    assert all(any(c.region.overlaps(row) for c in found) for row in rows)
    assert all(window.contains(c.region) for c in found)


def test_a_comma_that_touches_the_row_below_joins_no_rows():
    image, rows = lettered(2)
    image[303:306, 420:422] = 200
    assert sorted(fine_rows(image, WHOLE, [])) == rows


def test_a_bloated_box_hides_no_fine_print():
    image, rows = lettered(4)
    bloated = Candidate(Region(290, 380, 42, 120), 0.9, Choice(Reading("MI 0.8", 0.99)))
    assert len(fine_print(Blind()).found(image, [WHOLE], [bloated])) == 4
    lines = [Candidate(row.expanded(1, 1, SHAPE), 0.9, Choice(Reading("DR 60", 0.99))) for row in rows]
    assert fine_print(Blind()).found(image, [WHOLE], lines) == []
