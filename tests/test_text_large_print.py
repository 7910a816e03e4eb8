"""Large letters: found in a reduced picture, never where rows of small letters run together."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from scrub_pixels.geometry import Region
from scrub_pixels.text import TextBox, find_text, load_detectors, load_reader
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.large_print import LOWEST, LargePrint
from scrub_pixels.text.readers import Reading
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.settings import SearchSettings

SHAPE = (480, 640)
WHOLE = Region.whole(SHAPE)


class OnePicture:
    """An Instance of one frame."""

    frames = 1

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.pixels = type("Pixels", (), {"rows": image.shape[0], "columns": image.shape[1]})

    def views(self, frame: int):
        return [type("View", (), {"name": "display", "image": self.image})]


def over_speckle(text: str, size: int, seed: int) -> tuple[np.ndarray, Region]:
    """Return a picture of speckle with a line of text in its middle, and where its ink is."""
    font = ImageFont.load_default(size)
    plane = Pillow.new("L", SHAPE[::-1])
    ImageDraw.Draw(plane).text((SHAPE[1] / 2, SHAPE[0] / 2), text, font=font, fill=255, anchor="mm")
    ink = np.asarray(plane) / 255
    speckle = np.random.default_rng(seed).gamma(2.0, 20.0, SHAPE)
    rows, columns = np.flatnonzero((ink > 0.5).any(axis=1)), np.flatnonzero((ink > 0.5).any(axis=0))
    place = Region.from_edges(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    return np.clip(speckle * (1 - ink) + 150 * ink, 0, 255).astype(np.uint8), place


@pytest.mark.parametrize("size", [200, 280])
def test_a_name_across_half_of_the_screen_is_found(size: int) -> None:
    image, place = over_speckle("DOE", size, seed=size)
    reader = load_reader("rapidocr")
    found = find_text(OnePicture(image), reader, detectors=load_detectors("both", reader)).lines
    covered = np.zeros(SHAPE, bool)
    for line in found:
        covered[line.region.slices] = True
    assert covered[place.slices].mean() >= 0.99


class Sees:
    """A detector that sees one place of the reduced picture."""

    name = "sees"

    def __init__(self, region: Region, score: float) -> None:
        self.box = TextBox(region, score)

    def detect(self, image):
        assert image.shape == (SHAPE[0] // 8, SHAPE[1] // 8)
        return [self.box]


class Reads:
    """A recogniser that reads the same everywhere."""

    name = "reads"

    def __init__(self, text: str, confidence: float) -> None:
        self.reading = Reading(text, confidence)

    def recognize(self, crops):
        return [self.reading] * len(crops)


def found_by(text: str, confidence: float, score: float = 0.9, rows: int = 20, lines=()) -> list[Candidate]:
    settings = SearchSettings()
    boxes = BoxReader(LineReader(Reads(text, confidence), settings), settings)
    image = np.zeros(SHAPE, np.uint8)
    return LargePrint(Sees(Region(10, 10, rows, 40), score), boxes).found(image, [WHOLE], lines)


def known(*regions: Region) -> list[Candidate]:
    return [Candidate(region, 0.9, Choice(Reading("x", 0.9))) for region in regions]


def test_what_reads_surely_is_that_and_what_is_guessed_counts_as_unread() -> None:
    (sure,) = found_by("Lee", 0.95, score=0.5)
    assert sure.choice.best.text == "Lee" and sure.region.intersection(Region(80, 80, 160, 320)).area == 51200
    (guessed,) = found_by("tee", 0.85)
    assert guessed.choice.best.text == ""


@pytest.mark.parametrize(("text", "confidence", "score"), [
    ("Le", 0.99, 0.9), ("Lee", 0.6, 0.9), ("Lee", 0.85, 0.5), ("曰曰曰", 0.99, 0.9)])
def test_what_organs_read_as_is_no_text(text: str, confidence: float, score: float) -> None:
    assert found_by(text, confidence, score) == []


def test_low_lines_are_left_to_the_search() -> None:
    assert found_by("Lee", 0.95, rows=LOWEST // 8 - 1) == []


def test_rows_of_small_letters_explain_a_box_and_a_part_of_a_large_one_does_not() -> None:
    rows = known(*(Region(80 + 40 * i, 80, 20, 300) for i in range(4)))
    assert found_by("Lee", 0.95, lines=rows) == []
    assert len(found_by("Lee", 0.95, lines=known(Region(160, 100, 80, 260)))) == 1
    assert found_by("Lee", 0.95, lines=known(Region(80, 80, 160, 310))) == []
