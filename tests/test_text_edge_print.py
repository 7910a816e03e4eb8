"""Text that the upper or lower edge of a frame cuts is found by what it is with its mirror image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_text_search import Shown

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, SearchSettings, TextBox, find_text, load_detectors, load_reader
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.edge_print import DEPTH, EdgePrint
from scrub_pixels.text.reading import UNREAD, Choice, LineReader

SHAPE = (240, 360)
WHOLE = Region.whole(SHAPE)
PLACE = (80, 140)
"""Columns of the cut text."""


def cut(at_top=False, level=200):
    """Return a picture whose outermost rows at one edge have the marks of cut letters."""
    image = np.zeros(SHAPE, np.uint8)
    rows = slice(0, 5) if at_top else slice(SHAPE[0] - 5, SHAPE[0])
    image[rows, PLACE[0] : PLACE[1] : 4] = image[rows, PLACE[0] + 1 : PLACE[1] : 4] = level
    return image


class Mirrors:
    """Sees one line where the middle of what it is shown is brightest, and reads nothing."""

    name = "mirrors"

    def __init__(self, score=0.9, aside=0):
        self.score, self.aside, self.asked = score, aside, 0

    def detect(self, image):
        self.asked += 1
        x, y, wide, high = cv2.boundingRect(
            (image.reshape(*image.shape[:2], -1).max(axis=2) > 100).astype(np.uint8)
        )
        return [TextBox(Region(y + self.aside, x, high, wide), self.score)] if wide else []

    def recognize(self, crops):
        return [UNREAD for _ in crops]


def found(image, detector, areas=(WHOLE,), lines=()):
    settings = SearchSettings()
    edges = EdgePrint(detector, BoxReader(LineReader(detector, settings), settings), settings)
    return edges.found(image, areas, lines)


@pytest.mark.parametrize("at_top", [True, False])
@pytest.mark.parametrize("colour", [True, False])
def test_half_letters_are_covered_to_the_edge(at_top, colour):
    image = cut(at_top)
    (place,) = found(np.dstack([image] * 3) if colour else image, Mirrors())
    inked = np.argwhere(image)
    region = place.region
    assert (region.row == 0) if at_top else (region.bottom == SHAPE[0])
    assert region.contains(Region.from_edges(*inked.min(0), *(inked.max(0) + 1)))
    assert region.rows < DEPTH and place.choice.best.text == ""


@pytest.mark.parametrize("detector", [Mirrors(score=0.6), Mirrors(aside=40)])
def test_what_is_unsure_or_beside_the_mirror_is_none(detector):
    assert found(cut(), detector) == []
    assert detector.asked == 1


def test_nobody_is_asked_about_quiet_edges_or_parts_that_reach_no_edge():
    detector = Mirrors()
    assert found(np.zeros(SHAPE, np.uint8), detector) == found(cut(level=20), detector) == []
    assert found(cut(), detector, [Region(20, 0, 100, 360)]) == []
    assert found(cut()[-20:], detector, [Region(0, 0, 20, 360)]) == []
    speckle = np.random.default_rng(4).integers(20, 160, SHAPE).astype(np.uint8)
    assert found(speckle, detector) == []
    assert detector.asked == 0


def test_a_line_that_is_read_as_words_is_not_cut():
    line = Candidate(Region(228, 78, 12, 64), 0.9, Choice(Reading("DR 60 MI 0.8", 0.98)))
    assert found(cut(), Mirrors(), lines=[line]) == []
    part = Candidate(Region(228, 78, 12, 20), 0.9, Choice(Reading("DR 60", 0.98)))
    assert len(found(cut(), Mirrors(), lines=[part])) == 1


def test_a_name_cut_in_half_is_found_by_the_whole_search():
    page = np.zeros((480, 640), np.uint8)
    cv2.putText(page, "Kirsten Halvorsen", (221, 486), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 90, 1, cv2.LINE_AA)
    reader = load_reader("rapidocr")
    search = find_text(Shown((page,)), reader, detectors=load_detectors("both", reader))
    covered = np.zeros(page.shape, bool)
    for line in search.lines:
        covered[line.region.slices] = True
    assert covered[page > 40].all()
