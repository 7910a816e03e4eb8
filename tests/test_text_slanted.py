"""Slanted text: seen by its direction in the detector's map, made straight, and masked whatever it reads."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import SearchSettings, TextBox, find_text, load_detectors, load_reader
from scrub_pixels.text.quads import moved_quad, slanted_quad, stair_over, straightened
from scrub_pixels.text.rapidocr_reader import Binarization, boxes_of_map
from scrub_pixels.text.readers import Reading
from scrub_pixels.text.reading import LineReader
from scrub_pixels.text.slanted import Slanted, is_under


def _bar(angle: float, length: int = 120, thick: int = 16) -> np.ndarray:
    image = np.zeros((200, 200), np.uint8)
    corners = cv2.boxPoints(((100.0, 100.0), (float(length), float(thick)), angle))
    return cv2.fillPoly(image, [np.round(corners).astype(np.int32)], 1)


@pytest.mark.parametrize("angle", [-60, -30, -12, 12, 30, 60])
def test_a_slanted_line_keeps_its_corners(angle: float) -> None:
    quad = slanted_quad(cv2.findNonZero(_bar(angle)), 0.0)
    assert quad is not None
    (left, top), (right, low) = quad[0], quad[1]
    assert right > left
    assert np.degrees(np.arctan2(low - top, right - left)) == pytest.approx(angle, abs=2)


@pytest.mark.parametrize("angle", [0, 3, 90])
def test_lying_and_turned_lines_have_none(angle: float) -> None:
    assert slanted_quad(cv2.findNonZero(_bar(angle)), 0.0) is None


def test_a_mark_without_a_direction_has_none() -> None:
    assert slanted_quad(cv2.findNonZero(_bar(30, length=20)), 0.0) is None


def test_a_long_slanted_line_is_not_dropped_as_ragged() -> None:
    boxes = boxes_of_map(_bar(30, length=180, thick=12).astype(np.float32) * 0.9, Binarization())
    assert any(box.quad is not None and box.region.columns > 140 for box in boxes)


def test_corners_follow_scale_and_place() -> None:
    assert moved_quad(((1.0, 2.0),) * 4, 2.0, (10.0, 20.0)) == ((12.0, 24.0),) * 4


def test_a_slanted_line_is_made_straight() -> None:
    bar = _bar(30) * 255
    quad = slanted_quad(cv2.findNonZero(bar), 0.0)
    assert quad is not None
    crop = straightened(bar, quad)
    assert crop.shape[1] > 5 * crop.shape[0]
    assert crop.mean() > 220


class _Reads:
    def __init__(self, text: str, confidence: float) -> None:
        self._reading = Reading(text, confidence)

    def recognize(self, crops):
        return [self._reading for _ in crops]

    def detect(self, image):
        return []


def _found(text: str, score: float, lines=(), image: np.ndarray | None = None):
    quad = slanted_quad(cv2.findNonZero(_bar(30)), 0.0)
    box = TextBox(Region(60, 40, 80, 120), score, quad=quad)
    settings = SearchSettings()
    shown = _bar(30) * 200 if image is None else image
    reads = _Reads(text, 0.95)
    return Slanted(reads, LineReader(reads, settings), settings).found(shown, [box], lines)


def _cover(regions: list[Region]) -> np.ndarray:
    covered = np.zeros((200, 200), bool)
    for region in regions:
        covered[region.slices] = True
    return covered


def test_slanted_words_count_as_unread_though_they_read_as_terms() -> None:
    found = _found("LEFT", 0.7)
    assert found and {candidate.choice.best.text for candidate in found} == {""}
    assert _cover([candidate.region for candidate in found])[_bar(30) > 0].all()


@pytest.mark.parametrize("angle", [-60, -30, 20, 45])
def test_a_stair_covers_a_slanted_line_with_less_than_its_rectangle(angle: float) -> None:
    bar = _bar(angle, length=160)
    quad = slanted_quad(cv2.findNonZero(bar), 0.0)
    assert quad is not None
    covered = _cover(stair_over(quad, (200, 200), 2.0))
    rows, columns = bar.any(axis=1), bar.any(axis=0)
    assert covered[bar > 0].all()
    assert covered.sum() < 0.6 * rows.sum() * columns.sum()


@pytest.mark.parametrize(("text", "score", "is_text"), [
    ("", 0.95, False), ("X", 0.95, False), ("SL", 0.7, False), ("SL", 0.9, True), ("LEFT", 0.65, True),
    ("LEFT", 0.5, False),
])
def test_what_has_too_few_letters_for_a_word_needs_a_sure_detector(text, score, is_text) -> None:
    assert bool(_found(text, score)) is is_text


def test_two_characters_that_are_surely_read_are_judged_by_what_they_say() -> None:
    assert {candidate.choice.best.text for candidate in _found("X2", 0.9)} == {"X2"}


def test_what_lines_explain_is_not_found_twice() -> None:
    assert not _found("LEFT", 0.9, _found("LEFT", 0.9))


def test_a_piece_of_a_slanted_line_is_no_line_of_its_own() -> None:
    askew = _found("LEFT", 0.9)
    row, column = (int(v) for v in np.argwhere(_bar(30)).mean(axis=0))
    assert is_under(Region(row - 4, column - 10, 8, 20), askew)
    assert not is_under(Region(2, 2, 10, 30), askew)
    assert not is_under(Region(row - 4, column - 10, 8, 20), [])


class _Strip:
    """Sees two words when it is shown a line made straight."""

    def detect(self, image):
        rows, columns = image.shape[:2]
        middle, high = rows // 2, rows // 3
        places = ((columns // 2 - 40, 80), (columns // 2 + 50, 60), (columns // 2 + 260, 40))
        return [TextBox(Region(middle - high // 2, column, high, wide), 0.9) for column, wide in places]


def test_a_slanted_line_reaches_over_its_other_words_and_no_further() -> None:
    quad = slanted_quad(cv2.findNonZero(_bar(30)), 0.0)
    settings = SearchSettings()
    lines = LineReader(_Reads("LEFT", 0.95), settings)
    box, image = TextBox(Region(60, 40, 80, 120), 0.9, quad=quad), np.zeros((600, 600), np.uint8)
    plain = Slanted(_Reads("LEFT", 0.95), lines, settings).found(image, [box], ())
    longer = Slanted(_Strip(), lines, settings).found(image, [box], ())
    ends = [max(c.region.right for c in found) for found in (plain, longer)]
    assert 35 < ends[1] - ends[0] < 60


class _Screen:
    frames = 1

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self.pixels = type("P", (), {"rows": image.shape[0], "columns": image.shape[1]})

    def views(self, frame: int):
        return [type("V", (), {"name": "display", "image": self._image})]


@pytest.mark.parametrize("angle", [22, -25])
def test_a_long_slanted_name_is_found(angle: float) -> None:
    image = np.full((500, 600), 8, np.uint8)
    ink = np.zeros_like(image)
    cv2.putText(ink, "WILHELMINA LINDQVIST", (80, 260), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((300.0, 250.0), angle, 1.0)
    ink = cv2.warpAffine(ink, turn, (600, 500))
    image = np.maximum(image, (ink * 0.6).astype(np.uint8))
    reader = load_reader("rapidocr")
    found = find_text(_Screen(image), reader, detectors=load_detectors("both", reader))
    covered = np.zeros(image.shape, bool)
    for line in found.lines:
        covered[line.region.slices] = True
    assert covered[ink > 128].mean() > 0.97
