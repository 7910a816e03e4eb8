"""Rulers, traces and patches pass for letters once, not twice; letters beside them stay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, SearchSettings, TextBox
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.graphics import graphics_near, without
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.second_look import SecondLook

SETTINGS = SearchSettings()
PLACE = Region(60, 90, 60, 60)
"""Where rulers and letters are drawn."""


def ground(kind: str) -> np.ndarray:
    """Return a black picture, or one with speckle."""
    if kind == "black":
        return np.zeros((240, 320), np.uint8)
    noise = np.random.default_rng(5).normal(0, 1, (240, 320)).astype(np.float32)
    return np.clip(50 + 60 * cv2.GaussianBlur(noise, (0, 0), 2.0), 0, 255).astype(np.uint8)


def with_ruler(image: np.ndarray, length: int = 6, step: int = 11) -> np.ndarray:
    """Draw ticks down the picture at column 110; return which samples they are."""
    ticks = np.zeros(image.shape[:2], bool)
    for row in range(20, 220, step):
        ticks[row, 110 : 110 + length] = True
    image[ticks] = 220
    return ticks


@pytest.mark.parametrize("kind", ["black", "speckle"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_ruler_is_known_by_its_steps(kind: str, turned: bool) -> None:
    image = ground(kind)
    ticks = with_ruler(image)
    place = PLACE
    if turned:
        image, ticks = np.ascontiguousarray(image.T), ticks.T
        place = Region(place.column, place.row, place.columns, place.rows)
    marks = graphics_near(image, place).astype(bool)
    assert marks[ticks[place.slices]].all()


def test_a_coloured_trace_is_known_by_its_one_height_at_each_column() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    columns = np.arange(20, 300)
    points = np.stack([columns, 90 + (12 * np.sin(columns / 7)).astype(int)], axis=1)
    cv2.polylines(image, [points.astype(np.int32)], False, (60, 230, 90), 1)
    marks = graphics_near(image, PLACE).astype(bool)
    drawn = image[PLACE.slices].any(axis=2)
    assert drawn.any() and (marks == drawn).all()


def bars(image: np.ndarray, count: int, step: int) -> None:
    """Draw upright bars of a letter's height side by side, as III or lll are."""
    for k in range(count):
        image[84:94, 92 + k * step : 94 + k * step] = 230


@pytest.mark.parametrize("count, step", [(3, 4), (8, 4), (12, 5)])
def test_letters_that_are_bars_are_no_ruler(count: int, step: int) -> None:
    image = ground("black")
    bars(image, count, step)
    assert not graphics_near(image, PLACE).any()


def test_lines_that_begin_with_the_same_letter_are_no_ruler() -> None:
    image = ground("black")
    for row in range(20, 220, 16):
        image[row : row + 11, 100:102] = 230
        for bar in (0, 5, 10):
            image[row + bar, 100:108] = 230
    assert not graphics_near(image, PLACE).any()


@pytest.mark.parametrize("font", [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX])
def test_writing_is_no_trace(font: int) -> None:
    image = ground("black")
    cv2.putText(image, "mnuwwinmu nummum", (20, 96), font, 0.7, 230, 1)
    assert not graphics_near(image, PLACE).any()


def test_what_is_erased_takes_the_ground_of_its_surroundings() -> None:
    image = np.full((240, 320), 70, np.uint8)
    with_ruler(image)
    clean = without(image, PLACE, graphics_near(image, PLACE))
    assert clean.shape == (PLACE.rows, PLACE.columns) and np.ptp(clean) <= 8


@dataclass
class InkFinder:
    """Finds one box around all bright samples; reads what it is told to."""

    reading: Reading = Reading("", 0.0)
    name: str = "ink"

    def detect(self, image):
        left, top, columns, rows = cv2.boundingRect((image > 128).astype(np.uint8))
        return [TextBox(Region(top, left, rows, columns), 0.9)] if rows and columns else []

    def recognize(self, crops):
        return [self.reading for _ in crops]


def second_look(finder: InkFinder) -> SecondLook:
    return SecondLook(finder, LineReader(finder, SETTINGS), SETTINGS)


TICKS = Candidate(Region(80, 106, 44, 14), 0.9, Choice(Reading("hhh", 0.8), 90))


def test_ticks_that_were_read_as_letters_are_dropped() -> None:
    image = ground("black")
    with_ruler(image)
    assert second_look(InkFinder()).confirmed(image, [TICKS]) == []


def test_letters_beside_ticks_stay_though_nobody_can_read_them() -> None:
    image = ground("black")
    with_ruler(image)
    bars(image, 4, 4)
    unread = Candidate(Region(82, 90, 14, 30), 0.9, Choice(Reading("", 0.0)))
    assert second_look(InkFinder()).confirmed(image, [unread]) == [unread]


def test_what_was_read_surely_is_not_looked_at_again() -> None:
    image = ground("black")
    with_ruler(image)
    named = replace(TICKS, choice=Choice(Reading("MILLER", 0.97), 90))
    code = replace(TICKS, code=True, choice=Choice(Reading("", 0.0)))
    assert second_look(InkFinder()).confirmed(image, [named, code]) == [named, code]


def test_what_reads_as_a_word_stays_though_nobody_sees_it_again() -> None:
    tilted = Candidate(Region(20, 20, 160, 240), 0.9, Choice(Reading("Hansen 412", 0.8)))
    waves = replace(tilted, choice=Choice(Reading("hhhlh nnn", 0.8)))
    assert second_look(InkFinder()).confirmed(ground("black"), [tilted, waves]) == [tilted]


def test_words_beside_a_ruler_stay_though_nobody_reads_them_without_it() -> None:
    image = ground("black")
    with_ruler(image)
    named = replace(TICKS, choice=Choice(Reading("MILLER", 0.75), 90))
    assert second_look(InkFinder()).confirmed(image, [named]) == [named]


def test_a_large_place_that_nobody_reads_has_to_be_seen_twice() -> None:
    image = ground("speckle")
    large = Candidate(Region(60, 60, 60, 140), 0.9, Choice(Reading("", 0.0)))
    assert second_look(InkFinder()).confirmed(np.minimum(image, 120), [large]) == []
    image[70:110, 70:190:9] = 255
    assert second_look(InkFinder()).confirmed(image, [large]) == [large]
