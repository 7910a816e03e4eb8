"""The text search finds what a person sees: in every place, polarity, direction and frame."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text import Detectors, SearchSettings, TextBox, find_text, load_reader, reread
from scrub_pixels.text.codes import find_codes


@dataclass(frozen=True)
class Shown:
    """The least an Instance shows to the search."""

    images: tuple

    @property
    def frames(self):
        return len(self.images)

    @property
    def pixels(self):
        rows, columns = self.images[0].shape[:2]
        return SimpleNamespace(rows=rows, columns=columns)

    def views(self, frame):
        return (SimpleNamespace(name="display", image=self.images[frame]),)


@pytest.fixture(scope="module")
def reader():
    return load_reader("rapidocr")


def written(image, text, at, level=230, scale=0.5):
    """Write `text` with its baseline at (column, row); return the Region of its ink."""
    before = image.copy()
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, level, 1, cv2.LINE_AA)
    changed = image != before if image.ndim == 2 else (image != before).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return Region.from_edges(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


def speckle(seed, shape=(200, 320)):
    noise = np.random.default_rng(seed).rayleigh(35, shape).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.0), 0, 255).astype(np.uint8)


def letters(text):
    """Return the letters and digits; O and 0 look alike in this font and count as one."""
    return "".join(c for c in text.upper().replace("0", "O") if c.isalnum())


def lines_over(search, region):
    return [line for line in search.lines if line.region.overlaps(region)]


def assert_found(search, region, text):
    over = sorted(lines_over(search, region), key=lambda line: line.region.column)
    ink = np.zeros(search.shape, bool)
    for line in over:
        ink[line.region.slices] = True
    assert ink[region.slices].mean() > 0.98
    assert letters("".join(line.reading for line in over)) == letters(text)


@pytest.mark.parametrize(
    ("ground", "level"), [(0, 230), (0, 45), (220, 20), (120, 165)], ids=["light", "faint", "dark", "grey"]
)
def test_text_is_found_and_read_in_either_polarity(reader, ground, level):
    image = np.full((120, 320), ground, np.uint8)
    region = written(image, "SMITH JOHN 4711", (60, 70), level)
    assert_found(find_text(Shown((image,)), reader), region, "SMITH JOHN 4711")


def test_coloured_text_of_equal_lightness_is_found(reader):
    image = np.full((120, 320, 3), (130, 60, 60), np.uint8)
    region = written(image, "DOE JANE", (60, 70), (40, 100, 60))
    assert_found(find_text(Shown((image,)), reader), region, "DOE JANE")


@pytest.mark.parametrize("row", [9, 118], ids=["top", "bottom"])
def test_text_that_touches_the_border_is_found(reader, row):
    image = np.zeros((120, 320), np.uint8)
    region = written(image, "GARCIA M", (0, row), scale=0.4)
    assert_found(find_text(Shown((image,)), reader), region, "GARCIA M")


@pytest.mark.parametrize("quarter", [1, 3])
def test_vertical_text_is_found_and_read(reader, quarter):
    image = np.zeros((60, 260), np.uint8)
    written(image, "SMITH JOHN", (40, 35), scale=0.6)
    upright = np.ascontiguousarray(np.rot90(image, quarter))
    (line,) = find_text(Shown((upright,)), reader).lines
    assert letters(line.reading) == "SMITHJOHN"
    assert line.rotation == {1: 270, 3: 90}[quarter]


def test_texts_far_apart_on_one_line_are_two_lines(reader):
    image = np.zeros((80, 480), np.uint8)
    measure = written(image, "Dist 3.24 cm", (10, 40))
    name = written(image, "SMITH JOHN", (170, 40))
    search = find_text(Shown((image,)), reader)
    assert_found(search, measure, "Dist 3.24 cm")
    assert_found(search, name, "SMITH JOHN")


def test_text_over_tissue_is_found(reader):
    image = speckle(1)
    region = written(image, "LT KIDNEY", (100, 110), 250, 0.6)
    search = find_text(Shown((image,)), reader)
    assert any("KIDNEY" in letters(line.reading) for line in lines_over(search, region))


def test_small_text_on_a_large_page_is_found(reader):
    page = np.full((1600, 1400), 250, np.uint8)
    region = written(page, "PATEL R", (1200, 1500), 10, 0.4)
    assert_found(find_text(Shown((page,)), reader), region, "PATEL R")


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_speckle_without_text_gives_no_line(reader, seed):
    assert find_text(Shown((speckle(seed),)), reader).lines == ()


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (60, 80), (5, 5, 3)])
def test_tiny_and_stretched_frames_do_not_crash(reader, shape):
    noise = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    search = find_text(Shown((noise,)), reader)
    assert search.frames_searched == 1


def test_a_small_qr_code_on_a_large_page_is_found():
    code = cv2.resize(cv2.QRCodeEncoder_create().encode("PATIENT 4711"), None, fx=2, fy=2, interpolation=0)
    page = np.full((1400, 1000), 255, np.uint8)
    page[850 : 850 + code.shape[0], 700 : 700 + code.shape[1]] = code
    region = Region(850, 700, *code.shape)
    assert any(c.region.intersection(region) and not c.choice.best.text for c in find_codes(page))


def test_qr_code_becomes_an_unread_line(reader):
    code = cv2.QRCodeEncoder_create().encode("PATIENT 4711")
    large = cv2.resize(code, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    image = np.full((260, 320), 255, np.uint8)
    image[40 : 40 + large.shape[0], 60 : 60 + large.shape[1]] = large
    region = Region(50, 70, large.shape[0] - 20, large.shape[1] - 20)
    lines = lines_over(find_text(Shown((image,)), reader), region)
    assert any(line.detection == 1.0 and line.reading == "" for line in lines)


def cine(frames=16):
    """Draw frames with a moving sector, a name that stays, one in the middle, and a clock."""
    for frame in range(frames):
        image = np.zeros((200, 360), np.uint8)
        image[60:160, 120:300] = speckle(100 + frame, (100, 180))
        written(image, "SMITH JOHN", (10, 20))
        written(image, f"12:30:0{frame // 4}", (270, 20))
        if 6 <= frame < 9:
            written(image, "DOE JANE", (10, 190))
        yield image


@pytest.fixture(scope="module")
def film(reader):
    return find_text(Shown(tuple(cine())), reader)


def test_text_that_stays_is_one_line_over_all_frames(film):
    lines = [line for line in film.lines if letters(line.reading) == "SMITHJOHN"]
    assert [line.frames for line in lines] == [FrameSpan(0, 16)]


def test_text_of_middle_frames_only_is_found_in_exactly_these(film):
    lines = [line for line in film.lines if letters(line.reading) == "DOEJANE"]
    assert [line.frames for line in lines] == [FrameSpan(6, 9)]


def test_clock_keeps_every_reading(film):
    readings = {r for line in film.lines if line.reading.startswith("12:30") for r in line.readings}
    assert {f"12:30:0{second}" for second in range(4)} <= readings


def test_every_frame_is_accounted_for(film):
    assert (film.frames, film.frames_searched, film.shape) == (16, 16, (200, 360))


def test_drift_too_slow_to_see_between_frames_is_found(reader):
    images = []
    for frame in range(12):
        image = np.zeros((80, 240), np.uint8)
        written(image, "DOE JANE", (20, 40), 5 * frame + 5)
        images.append(image)
    search = find_text(Shown(tuple(images)), reader)
    assert any(letters(line.reading) == "DOEJANE" and line.frames.stop == 12 for line in search.lines)


class Blind:
    """A detector that sees nothing as long as it is told not to."""

    name = "blind at first"

    def __init__(self, reader):
        self._reader, self.sees = reader, False

    def detect(self, image):
        return self._reader.detect(image) if self.sees else []


@dataclass(frozen=True)
class Unveiled(Shown):
    """Frames of which the detector sees all but the first."""

    detector: Blind

    def views(self, frame):
        self.detector.sees = frame > 0
        return super().views(frame)


@pytest.mark.parametrize(("written_from", "expected"), [(0, 0), (1, 1)], ids=["missed", "not there yet"])
def test_text_that_the_first_frame_hid_is_masked_there_too(reader, written_from, expected):
    frames = [np.roll(speckle(5), 3 * number, axis=1) for number in range(2)]
    region = [written(frame, "ADEYEMI B", (90, 100)) for frame in frames[written_from:]][0]
    detector = Blind(reader)
    search = find_text(Unveiled(tuple(frames), detector), reader, detectors=Detectors(detector, detector))
    assert {line.frames.start for line in lines_over(search, region)} == {expected}


def test_another_detector_can_stand_before_the_reader(reader):
    class Fixed:
        name = "fixed"

        def detect(self, image):
            return [TextBox(Region(0, 0, *image.shape[:2]), 0.99)] if image.shape[0] < 150 else []

    image = np.zeros((60, 240), np.uint8)
    region = written(image, "SMITH JOHN", (20, 35))
    detectors = Detectors(Fixed(), Fixed())
    search = find_text(Shown((image,)), reader, SearchSettings(upscale=1.0), detectors=detectors)
    assert search.reader == f"fixed + {reader.name}"
    assert_found(search, region, "SMITH JOHN")


def test_reread_sees_what_a_mask_left(reader):
    image = np.zeros((120, 320), np.uint8)
    region = written(image, "SMITH JOHN", (60, 70))
    half = Region(region.row, region.column, region.rows, region.columns // 2)
    image[half.slices] = 0
    assert any("OHN" in letters(line.reading) for line in reread(image, [half], reader))
    image[region.slices] = 0
    assert reread(image, [region], reader) == ()


def test_search_prints_nothing_and_repr_holds_no_text(reader, capfd):
    image = np.zeros((80, 240), np.uint8)
    written(image, "SMITH JOHN", (20, 40))
    search = find_text(Shown((image,)), reader)
    assert capfd.readouterr() == ("", "")
    assert "SMITH" in search.lines[0].reading and "SMITH" not in repr(search)


def test_settings_survive_pickling_and_print_every_value():
    settings = SearchSettings(upscale=1.5)
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert "upscale=1.5" in repr(settings) and "whole_frame=True" in repr(settings)


def test_enlarging_only_the_bands_still_finds_what_stands_in_the_middle(reader):
    image = np.zeros((240, 400), np.uint8)
    middle, edge = written(image, "SMITH JOHN", (150, 125)), written(image, "DOE JANE", (10, 20), 40, 0.4)
    search = find_text(Shown((image,)), reader, SearchSettings(whole_frame=False, band_fraction=0.2))
    assert_found(search, middle, "SMITH JOHN")
    assert_found(search, edge, "DOE JANE")


def test_reread_reads_neither_what_is_far_from_a_mask_nor_what_stays(reader):
    image = np.zeros((240, 640), np.uint8)
    for row, words in ((60, "HARMLESS"), (110, "SECRET"), (200, "DISTANT")):
        cv2.putText(image, words, (30, row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    beside_all, beside_one, stays = Region(62, 20, 120, 200), Region(112, 20, 8, 200), Region(34, 20, 36, 200)

    def left(mask, harmless=()):
        return {letters(line.reading) for line in reread(image, [mask], reader, harmless=harmless)}

    assert left(beside_all) == {"HARMLESS", "SECRET", "DISTANT"}
    assert left(beside_all, [stays]) == {"SECRET", "DISTANT"}
    assert left(beside_one) == {"SECRET"}
