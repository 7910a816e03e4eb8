"""Mask an odd rectangle in one file of each kind, prove it, and mask nothing; where data are at hand."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import mask, prove, with_pixels

DATA = Path(os.environ.get("SCRUB_PIXELS_DATA", Path(__file__).parents[2] / "shared" / "data"))
LARGEST = 600_000
KEY = b"k" * 32


def kind(instance: Instance) -> tuple:
    pixels = instance.pixels
    return (
        instance.transfer_syntax.uid, instance.stored_photometric, pixels.bits_allocated, pixels.bits_stored,
        pixels.signed, pixels.planar, pixels.frames > 1, instance.unused_bits, instance.surplus is None,
    )  # fmt: skip


def one_of_each_kind() -> list[Path]:
    found: dict[tuple, Path] = {}
    for path in sorted(DATA.glob("*/*.dcm")):
        if path.stat().st_size > LARGEST:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                instance = open_instance(path)
                if instance.pixels is not None:
                    instance.stored(0)
                    found.setdefault(kind(instance), path)
            except Refusal:
                continue
    return list(found.values())


@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled images are not here")
@pytest.mark.filterwarnings("ignore")
def test_one_file_of_each_kind_is_masked_and_proven() -> None:
    paths = one_of_each_kind()
    assert len(paths) > 40
    for path in paths:
        original = open_instance(path)
        rows, columns = original.pixels.shape
        region = Region(min(3, rows - 1), min(5, columns - 1), 17, 33)
        masked = mask(original, [Redaction(region, FrameSpan(0, max(1, original.frames // 2)), "test")])
        candidate = open_instance(with_pixels(original.dataset, masked))
        assert prove(original, candidate, masked, KEY).frames_compared == original.frames
        nothing = mask(original, ())
        whole = original.surplus is None and not original.unused_bits and not original.odd_items
        assert nothing.identical == whole  # an item of odd length is padded, its codestream untouched
        prove(original, open_instance(with_pixels(original.dataset, nothing)), nothing, KEY)
