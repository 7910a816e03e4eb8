"""What frames show together: text at the level of the tissue it stands over is seen because it rests."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text import cine, find_text, load_detectors, load_reader
from scrub_pixels.text.changes import ChangeMap
from scrub_pixels.text.stretch import Stretch
from tests.test_text_search import Shown, letters, lines_over

ROWS, COLUMNS = 256, 384
LEVEL = 95


def tissue(rng, moves=True):
    """One frame of speckle around `LEVEL` on a black surround of 32 samples."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, (ROWS, COLUMNS)).astype(np.float32), (0, 0), 1.2)
    frame = (LEVEL + 22 * grain / grain.std() if moves else np.full((ROWS, COLUMNS), LEVEL)).clip(0, 255)
    frame[:32] = frame[-32:] = frame[:, :32] = frame[:, -32:] = 0
    return frame.astype(np.uint8)


def strokes(text, at=(110, 130), scale=0.6):
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    cv2.putText(mask, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_8)
    return mask > 0


def frames_with(mask, count, seed=3):
    rng = np.random.default_rng(seed)
    frames = [tissue(rng) for _ in range(count)]
    for frame in frames:
        frame[mask] = LEVEL
    return frames


def stretch_of(frames):
    changes = ChangeMap(frames[0])
    stretch = Stretch(0, frames[0].shape, changes.changed.shape)
    stretch.add(frames[0], changes.moving)
    for frame in frames[1:]:
        changes.compare(frame)
        stretch.add(frame, changes.moving)
        changes.accept(frame, 0)
    return stretch


def box_of(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Region.from_edges(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


@pytest.fixture(scope="module")
def reader():
    return load_reader("rapidocr")


@pytest.fixture(scope="module")
def detectors(reader):
    return load_detectors("both", reader)


def test_the_mean_and_the_span_are_those_of_the_frames():
    frames = [np.full((32, 48), level, np.uint8) for level in (10, 20, 33)]
    stretch = stretch_of(frames)
    assert (stretch.mean() == 21).all()
    assert stretch.span == FrameSpan(0, 3)
    assert not stretch.steadiness().any()  # nothing moved


def test_what_rests_stands_out_from_what_moves():
    mask = strokes("PEREZ")
    steady = stretch_of(frames_with(mask, 8)).steadiness()
    around = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    assert np.percentile(steady[mask], 5) > 250
    assert np.median(steady[around]) < 60


def test_the_empty_surround_of_a_sector_is_no_text():
    steady = stretch_of(frames_with(strokes("PEREZ"), 8)).steadiness()
    assert not steady[:32].any() and not steady[:, :32].any()


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("count", [6, 20])
def test_a_name_at_the_level_of_moving_tissue_is_found_in_all_frames(reader, detectors, count, colour):
    mask = strokes("Perez Maria")
    frames = frames_with(mask, count)
    shown = [np.repeat(f[..., None], 3, axis=2) for f in frames] if colour else frames
    search = find_text(Shown(tuple(shown)), reader, detectors=detectors)
    over = lines_over(search, box_of(mask))
    found = np.zeros((count, ROWS, COLUMNS), bool)
    for line in over:
        found[line.frames.start : line.frames.stop][(slice(None), *line.region.slices)] = True
    assert found[:, mask].mean() > 0.97
    assert any(letters(line.reading) == "PEREZMARIA" for line in over)


def test_tissue_that_holds_no_text_shows_none(reader, detectors):
    search = find_text(
        Shown(tuple(frames_with(np.zeros((ROWS, COLUMNS), bool), 12))), reader, detectors=detectors
    )
    assert search.lines == ()


def test_a_line_that_is_known_is_not_read_again(reader, detectors, monkeypatch):
    mask = strokes("Perez Maria")
    rng = np.random.default_rng(5)
    frames = [tissue(rng) for _ in range(8)]
    for frame in frames:
        frame[mask] = 250
    added = []
    note = cine.CineSearch._note_stretch
    monkeypatch.setattr(cine.CineSearch, "_note_stretch", lambda s, c, m: (added.append(c), note(s, c, m)))
    search = find_text(Shown(tuple(frames)), reader, detectors=detectors)
    assert len(lines_over(search, box_of(mask))) == 1
    assert added == []


def test_three_frames_say_nothing_about_rest(reader, detectors, monkeypatch):
    monkeypatch.setattr(cine.CineSearch, "_search_steady", lambda *_: pytest.fail("searched"))
    find_text(Shown(tuple(frames_with(strokes("Perez Maria"), 3))), reader, detectors=detectors)
