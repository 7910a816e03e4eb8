"""A QR code is known by its timing patterns; three squares that are none have none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_text_changes import code_on, speckle

from scrub_pixels.text.code_like import _level_below, possible_codes
from scrub_pixels.text.code_timing import _median, timed_corners
from scrub_pixels.text.codes import find_codes


def timed(page):
    """Return the left, top, right and bottom of every code that its timing proves."""
    found = (timed_corners(page, three) for three in possible_codes(page).threes)
    return [(*corners.min(axis=0), *corners.max(axis=0)) for corners in found if corners is not None]


@pytest.mark.parametrize("samples", [2, 2.5, 3, 5, 8])
@pytest.mark.parametrize("levels", [30, 200])
@pytest.mark.parametrize("turn", [0, 17, 90, 180])
def test_a_code_is_known_by_its_timing(samples, levels, turn):
    page = speckle(4, 400, 420)
    place = code_on(page, samples, levels, turn, (60, 70))
    (left, top, right, bottom), *_ = timed(page)
    assert len(find_codes(page)) == 1
    assert place.column <= left < right <= place.right and place.row <= top < bottom <= place.bottom
    assert right - left >= 21 * samples - 2


def test_a_small_code_on_a_page_is_covered_whole():
    page = np.full((600, 800), 235, np.uint8)
    cv2.putText(page, "Report of an examination", (60, 80), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 20, 2)
    place = code_on(page, 2, 255, 0, (464, 664))
    inner = place.moved(4, 4)
    regions = [candidate.region for candidate in find_codes(page)]
    assert any(r.row <= inner.row and r.column <= inner.column and r.bottom >= inner.row + 42 and
               r.right >= inner.column + 42 for r in regions)


def test_three_finder_patterns_without_timing_are_no_code():
    page = np.full((300, 300), 240, np.uint8)
    for row, column in ((60, 60), (60, 144), (144, 60)):
        for reach, level in ((21, 10), (15, 240), (9, 10)):
            page[row - reach : row + reach, column - reach : column + reach] = level
    assert timed(page) == []


@pytest.mark.parametrize("seed", range(6))
def test_tissue_has_no_timing(seed):
    assert timed(speckle(seed, 480, 640)) == []


@pytest.mark.parametrize("count", [1, 2, 3, 8, 63, 64, 500])
@pytest.mark.parametrize("most", [2, 256])
def test_medians_and_shares_are_those_of_numpy(count, most):
    levels = np.random.default_rng(count).integers(0, most, count).astype(np.uint8)
    assert _median(levels) == np.median(levels)
    counts = np.bincount(levels, minlength=256)
    for share in (0.03, 0.5, 0.97):
        assert _level_below(counts, share) == pytest.approx(np.percentile(levels, 100 * share), abs=1e-9)
