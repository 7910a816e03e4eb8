"""Scanned paper is told from pages that a program painted, and waits for a person."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_run_campaign import plain

from scrub_pixels import Held, Scrubbed, Scrubber
from scrub_pixels.text.paper import is_scanned_page

ROWS, COLUMNS = 640, 480
LINES = ("Exposure 12 ms", "Dose 14 mGy", "Depth 15 cm", "Gain 50 %")


def painted(font=cv2.FONT_HERSHEY_SIMPLEX):
    page = np.full((ROWS, COLUMNS), 250, np.uint8)
    for number, line in enumerate(LINES):
        cv2.putText(page, line, (40, 80 + 90 * number), font, 0.8, 20, 2, cv2.LINE_AA)
    return page


def scanned(page, seed=1, noise=2.0):
    """Lay a page under a scanner: light that falls off to one side, and the noise of the sensor."""
    light = np.linspace(0, 20, COLUMNS) + np.random.default_rng(seed).normal(0, noise, page.shape)
    return np.clip(page - light, 0, 255).astype(np.uint8)


def compressed(page, quality):
    coded = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("quality", [None, 90, 60, 40])
def test_a_scan_is_paper_and_a_painted_page_is_not(quality):
    drawn, scan = painted(), scanned(painted())
    if quality:
        drawn, scan = compressed(drawn, quality), compressed(scan, quality)
    assert is_scanned_page(scan) and not is_scanned_page(drawn)


def test_a_scan_in_colour_is_paper_too():
    assert is_scanned_page(np.dstack([scanned(painted(), seed) for seed in range(3)]))


def test_an_inverted_ultrasound_picture_is_no_paper():
    screen = painted()
    screen[200:500, 100:400] = 250 - np.random.default_rng(1).integers(0, 60, (300, 300))
    screen[560:620] = 200
    assert not is_scanned_page(screen)


def test_dark_busy_and_tiny_pictures_are_no_paper():
    rng = np.random.default_rng(1)
    assert not is_scanned_page(255 - scanned(painted()))
    assert not is_scanned_page(rng.integers(100, 256, (ROWS, COLUMNS), np.uint8))
    assert not is_scanned_page(np.full((40, 4000), 250, np.uint8))


def image(samples):
    return plain(Rows=ROWS, Columns=COLUMNS, PixelData=samples.tobytes())


def test_a_scanned_page_waits_for_a_person_and_a_painted_one_does_not():
    scrubber = Scrubber()
    outcome = scrubber.scrub(image(scanned(painted(cv2.FONT_HERSHEY_SCRIPT_SIMPLEX))))
    assert isinstance(outcome, Held) and "scanned page" in " ".join(outcome.decision.reasons)
    assert isinstance(scrubber.scrub(image(painted())), Scrubbed)


def test_a_light_radiograph_with_a_marker_is_no_page():
    film = np.random.default_rng(1).normal(230, 3, (ROWS, COLUMNS)).clip(0, 255).astype(np.uint8)
    cv2.ellipse(film, (240, 320), (110, 200), 0, 0, 360, 60, -1)
    cv2.putText(film, "LAT", (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 3, cv2.LINE_AA)
    assert is_scanned_page(film) and isinstance(Scrubber().scrub(image(film)), Scrubbed)
