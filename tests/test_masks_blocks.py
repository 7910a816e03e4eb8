"""The blocks that are blackened as a whole, and a mask that is drawn to end on their grid."""

import cv2
import numpy as np
import pytest
from instances import Recipe, jpeg, make_instance, saved

from scrub_pixels.decisions import Redaction
from scrub_pixels.frames import join_frames, open_instance
from scrub_pixels.frames.syntaxes import EXPLICIT_LITTLE, JPEG_BASELINE, JPEG_LS_LOSSLESS
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import coding_blocks, mask, prove, with_pixels

COLOURS = {
    "444": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, ((8, 8),)),
    "422": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422, ((8, 8), (8, 16))),
    "420": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, ((8, 8), (16, 16))),
}


def instance(syntax=JPEG_BASELINE, data=None, photometric="YBR_FULL_422"):
    recipe = Recipe(rows=64, columns=80, photometric=photometric, syntax=syntax)
    value = None if data is None else join_frames([data], recipe.description, syntax)
    return open_instance(saved(make_instance(recipe, pixel_data=value)))


def colourful():
    return np.random.default_rng(4).integers(0, 256, (64, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize("sampling", COLOURS)
def test_blocks_are_those_of_full_resolution_and_of_colour(sampling):
    factor, expected = COLOURS[sampling]
    assert coding_blocks(instance(data=jpeg(colourful(), 90, factor))) == expected


@pytest.mark.parametrize("sampling", COLOURS)
def test_a_mask_that_ends_on_the_grid_changes_nothing_beyond_it_but_the_fringe_of_colour(sampling):
    factor, _ = COLOURS[sampling]
    whole = instance(data=jpeg(colourful(), 90, factor))
    rows, columns = coding_blocks(whole)[-1]
    masked = mask(whole, [Redaction(Region(0, 0, 2 * rows, 2 * columns), FrameSpan(0, 1), "test")])
    candidate = open_instance(with_pixels(whole.dataset, masked))
    prove(whole, candidate, masked, b"k" * 32)
    differs = (whole.stored(0) != candidate.stored(0)).any(axis=-1)
    assert differs[: 2 * rows, : 2 * columns].any()
    assert not differs[2 * rows + 1 :].any() and not differs[:, 2 * columns + 1 :].any()


def test_what_is_not_edited_in_its_blocks_or_is_damaged_has_none():
    assert coding_blocks(instance(EXPLICIT_LITTLE, photometric="RGB")) == ()
    assert coding_blocks(instance(JPEG_LS_LOSSLESS, photometric="RGB")) == ()
    progressive = cv2.imencode(".jpg", colourful(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert coding_blocks(instance(data=progressive)) == ()
