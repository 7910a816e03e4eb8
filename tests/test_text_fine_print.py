"""The header of a picture in a picture is found by its shape, and masked however badly it reads."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_text_search import Shown

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, find_text, load_detectors, load_reader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.fine_print import fine_rows, is_unread_fine_print
from scrub_pixels.text.reading import UNREAD, Choice
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
