"""Over grain, what hardly reads has to be shown at most sizes; flat ground asks for nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import SearchSettings, load_detectors, load_reader
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.grain import stands_over_grain
from scrub_pixels.text.readers import Reading
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.seen_again import SeenAgain

SETTINGS = SearchSettings()
BOX = Region(60, 60, 24, 130)


def speckle(seed=1, shape=(160, 260)):
    noise = np.random.default_rng(seed).rayleigh(35, shape).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.0), 0, 255).astype(np.uint8)


def with_text(ground, level):
    image = ground.copy()
    cv2.putText(image, "Perez Maria", (64, 78), cv2.FONT_HERSHEY_SIMPLEX, 0.6, level, 1, cv2.LINE_AA)
    return image


def line(confidence, detection):
    return Candidate(BOX, detection, Choice(Reading("Prz Mra", confidence)), plain=True)


@pytest.fixture(scope="module")
def again():
    reader = load_reader("rapidocr")
    detectors = load_detectors("both", reader)
    return SeenAgain(detectors.fine, BoxReader(LineReader(reader, SETTINGS), SETTINGS), SETTINGS)


@pytest.mark.parametrize("level", [0, 90, 220])
def test_flat_ground_is_no_grain_whatever_stands_in_the_box(level):
    assert not stands_over_grain(with_text(np.full((160, 260), level, np.uint8), 255 - level), BOX)


def test_speckle_is_grain_in_grey_and_in_colour():
    assert stands_over_grain(speckle(), BOX)
    assert stands_over_grain(np.repeat(speckle()[..., None], 3, axis=2), BOX)


def test_half_a_ring_of_grain_is_enough():
    ground = speckle()
    ground[:, 125:] = 0
    assert stands_over_grain(ground, BOX)


def test_a_box_that_fills_the_picture_has_no_ring():
    assert not stands_over_grain(speckle(), Region(0, 0, 160, 260))


def test_what_is_hardly_read_in_bare_speckle_is_dropped(again):
    assert again.kept(speckle(), [line(0.6, 0.7)]) == []


def test_letters_over_speckle_stay_however_they_are_read(again):
    weak = line(0.0, 0.7)
    assert again.kept(with_text(speckle(), 230), [weak]) == [weak]


@pytest.mark.parametrize(("confidence", "detection"), [(0.95, 0.5), (0.2, 0.95)], ids=["read", "detected"])
def test_what_is_sure_is_not_looked_at_again(again, confidence, detection):
    sure = line(confidence, detection)
    assert again.kept(speckle(), [sure]) == [sure]


def test_unread_marks_on_flat_ground_stay(again):
    weak = line(0.0, 0.86)
    assert again.kept(np.zeros((160, 260), np.uint8), [weak]) == [weak]
