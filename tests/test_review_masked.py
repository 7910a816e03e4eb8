"""What the viewer shows as "after" is what the masker makes of the frame, in every kind of picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from instances import Recipe, make_frames, make_instance

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.frames.syntaxes import EXPLICIT_LITTLE, JPEG_BASELINE, JPEG_LOSSLESS_SV1
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import mask, with_pixels
from scrub_pixels.review.masked import masked_frame
from scrub_pixels.review.pictures import window_of
from scrub_pixels.review.showing import Showing
from scrub_pixels.review.views import PLAIN
from scrub_pixels.store.queue import REVIEWER, Entry, Kind, State

BOX = Region(9, 7, 11, 20)
KINDS = {
    "8 bit": Recipe(),
    "8 bit inverse, several frames": Recipe(photometric="MONOCHROME1", frames=3),
    "16 bit": Recipe(bits_allocated=16, frames=3),
    "12 of 16 bit, signed": Recipe(bits_allocated=16, bits_stored=12, signed=True, frames=2),
    "colour by plane": Recipe(photometric="RGB", planar=1, frames=2),
    "paired chroma": Recipe(photometric="YBR_FULL_422", frames=2),
    "JPEG": Recipe(photometric="YBR_FULL_422", syntax=JPEG_BASELINE, frames=3),
    "grey JPEG": Recipe(syntax=JPEG_BASELINE, frames=2),
    "JPEG Lossless": Recipe(bits_allocated=16, bits_stored=12, syntax=JPEG_LOSSLESS_SV1, frames=2),
}


def pictured(recipe: Recipe):
    """Return a data set of noise."""
    frames = make_frames(replace(recipe, photometric="RGB") if recipe.syntax == JPEG_BASELINE and
                         recipe.photometric != "MONOCHROME2" else recipe)
    return make_instance(recipe, frames)


@pytest.fixture
def shown(tmp_path):
    """Return a function that gives one picture of a data set as the page gets it."""
    def picture(dataset, frame, masks, wanted):
        file = tmp_path / "x.dcm"
        dataset.save_as(file, enforce_file_format=True)
        entry = Entry(1, "k", str(file), None, "x", file.stat().st_size, 0, State.PENDING, Kind.HELD, 0.0,
                      "US", "", "", 36, 48, 1, ())
        made = Showing(Limits()).picture(entry, frame, wanted, masks)
        return cv2.imdecode(np.frombuffer(made.content, np.uint8), cv2.IMREAD_COLOR)
    return picture


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_alone_is_masked_as_the_whole_instance_is(kind):
    instance = open_instance(pictured(KINDS[kind]))
    last = instance.frames - 1
    redactions = (Redaction(BOX, FrameSpan(last, last + 1), REVIEWER),)
    whole = open_instance(with_pixels(instance.dataset, mask(instance, redactions)))
    for frame in range(instance.frames):
        alone = masked_frame(instance, frame, redactions, Limits())
        assert alone.frames == 1 and np.array_equal(alone.stored(0), whole.stored(frame))
    changed = whole.stored(last) != instance.stored(last)
    assert changed[BOX.slices].any()


@pytest.mark.parametrize("kind", [name for name in KINDS if "JPEG" not in name or "Lossless" in name])
def test_after_is_black_in_the_box_and_the_same_outside(kind, shown):
    dataset = pictured(KINDS[kind])
    last = int(dataset.get("NumberOfFrames") or 1) - 1
    masks = (Redaction(BOX, FrameSpan(last, last + 1), REVIEWER),)
    before = shown(dataset, last, (), PLAIN)
    after = shown(dataset, last, masks, replace(PLAIN, masked=True))
    inside = np.zeros(before.shape[:2], bool)
    inside[BOX.aligned(1, 2, before.shape[:2]).slices] = True
    assert not after[BOX.slices].any()
    assert np.array_equal(after[~inside], before[~inside])
    elsewhere = shown(dataset, 0, masks, replace(PLAIN, masked=True)) if last else None
    assert elsewhere is None or np.array_equal(elsewhere, shown(dataset, 0, (), PLAIN))


def test_blocks_that_a_jpeg_loses_are_seen_beforehand(shown):
    dataset = pictured(KINDS["JPEG"])
    masks = (Redaction(BOX, FrameSpan(0, 3), REVIEWER),)
    before, after = shown(dataset, 0, (), PLAIN), shown(dataset, 0, masks, replace(PLAIN, masked=True))
    assert not after[BOX.slices].any()
    around = np.s_[8:24, 0:32]  # whole blocks of 8 x 8 lose their brightness
    assert before[around].mean() > 60 and after[around].mean() < 10
    assert np.array_equal(after[:, 40:], before[:, 40:])


def test_what_cannot_be_redacted_says_so_before_it_is_accepted(shown):
    dataset = pictured(KINDS["8 bit"])
    masks = (Redaction(Region(500, 0, 4, 4), FrameSpan(0, 1), REVIEWER),)
    with pytest.raises(Refusal):
        shown(dataset, 0, masks, replace(PLAIN, masked=True))


@pytest.mark.parametrize("kind", ["8 bit", "16 bit", "8 bit inverse, several frames", "12 of 16 bit, signed"])
@pytest.mark.parametrize("window", [None, ("300", "400")])
def test_the_window_that_is_told_is_the_one_that_is_shown(kind, window, shown):
    dataset = pictured(KINDS[kind])
    if window:
        dataset.WindowCenter, dataset.WindowWidth = window
    told = window_of(open_instance(dataset))
    plain, asked = (shown(dataset, 0, (), wanted) for wanted in (PLAIN, replace(PLAIN, window=told)))
    assert np.abs(plain.astype(int) - asked).max() <= 1


def test_sixteen_bits_show_what_eight_would_hide(shown):
    """Two greys one step apart are the same to a screen until the server windows the stored values."""
    samples = np.full((36, 48), 40_000, np.uint16)
    samples[:, 24:] += 1
    samples[0, 0], samples[0, 1] = 0, 65_535
    recipe = Recipe(bits_allocated=16, syntax=EXPLICIT_LITTLE)
    dataset = make_instance(recipe, [samples])
    plain = shown(dataset, 0, (), PLAIN)
    assert plain[20, 10, 0] == plain[20, 30, 0]
    narrow = shown(dataset, 0, (), replace(PLAIN, window=(40_000.5, 4.0)))
    assert int(narrow[20, 30, 0]) - int(narrow[20, 10, 0]) > 50
