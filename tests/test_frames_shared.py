"""Every shared test image opens and decodes, or is refused with a reason; pydicom is the witness."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import open_instance

DATA = Path(os.environ.get("SCRUB_PIXELS_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
FILES = sorted(DATA.glob("*/*.dcm"))
WITNESS_ERRORS = (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError, KeyError)

pytestmark = pytest.mark.skipif(not FILES, reason="the shared test images are not here")


DCT = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")


def witness(path: Path, syntax: str) -> np.ndarray | None:
    """Return frame 0 as pydicom decodes it without colour conversion, or None if it does not.

    Decoders round the cosine transform differently, so there the witness is always the same one.
    """
    plugin = "pylibjpeg" if syntax in DCT else ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pixel_array(pydicom.dcmread(path, force=True), index=0, raw=True, decoding_plugin=plugin)
        except WITNESS_ERRORS:
            return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_decodes_as_pydicom_does_or_is_refused_with_a_reason(path: Path) -> None:
    try:
        instance = open_instance(path)
        last = [instance.stored(n) for n in range(instance.frames)][-1:]
        names = [view.name for view in instance.views(0)] if instance.frames else []
    except Refusal as refusal:
        assert refusal.message
        assert refusal.stage in ("open", "decode")
        return
    assert names[:1] == ["display"] * bool(last)
    expected = witness(path, instance.transfer_syntax.uid) if instance.frames else None
    if expected is None:
        return
    stored, row = instance.stored(0), instance.transfer_syntax
    assert stored.shape == expected.shape
    limit = 2**instance.pixels.bits_stored - 1
    if row.lossy and not instance.pixels.signed:
        expected = np.minimum(expected, limit)  # a lossy codec overshoots Bits Stored
    assert np.array_equal(stored, expected)


def test_few_are_refused() -> None:
    assert sum(map(is_refused, FILES)) <= 0.08 * len(FILES)


def is_refused(path: Path) -> bool:
    try:
        open_instance(path)
    except Refusal:
        return True
    return False
