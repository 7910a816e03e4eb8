"""Renderings of a frame to search for text: what is displayed, and what display would hide.

The first view is what a radiologist sees. Further ones are made only where display runs
different stored values together (a window that clips, a palette that paints them alike, a few
extreme values that press all others into one grey), because there text can stand unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.frames.description import PixelDescription
from scrub_pixels.frames.lookup import Rendering, Table, palette, rendering

_LUT_BITS = 16
_HIDDEN_GREYS = 4
"""Greys (of 255, over the range present) that display may run together without a second view."""
_NARROW_GREYS = 64
"""A picture that uses fewer greys than this is also shown stretched."""
_GLYPH_EDGES = 12
"""Horizontal steps that one small glyph has at least."""
_GLYPH_SAMPLES = 30
"""Samples that a few small glyphs have at least."""
_FAINT_GREYS = 20
"""Greys of contrast below which a reader may miss text."""
_WIDEST_GAP = 1 / 16
"""Widest step between values present, in parts of the range 99.8 % of the samples use."""
_EXTREME = 1 / 8
"""If 99.8 % of the samples use less than this part of the range, their ranks are shown too."""


@dataclass(frozen=True, slots=True)
class View:
    """One rendering of a frame.

    Parameters
    ----------
    name
        ``display``, ``full range``, ``ranks``, ``bulk range``, ``not finite`` or ``palette index``.
    image
        ``(Rows, Columns)`` grey or ``(Rows, Columns, 3)`` RGB, uint8. May share memory with the
        stored samples; do not write to it.
    """

    name: str
    image: NDArray[np.uint8]


def render(
    samples: NDArray, colour: str, description: PixelDescription, dataset: Dataset, frame: int
) -> tuple[View, ...]:
    """Return the views of one frame's stored samples, ``display`` first.

    Parameters
    ----------
    samples
        As `Instance.stored` gives them.
    colour
        Their colour space.

    Raises
    ------
    CorruptInstance
        If a lookup table of the header is broken.
    """
    if description.samples == 3:
        return _colour_views(samples, colour, description)
    if description.photometric == "PALETTE COLOR":
        return _palette_views(samples, palette(dataset, little_endian=_little(dataset)))
    if description.bits_stored == 1 and not description.signed:
        return _inverted((View("display", samples * np.uint8(255)),), description)
    shown = rendering(dataset, frame, little_endian=_little(dataset))
    if description.floating or description.bits_stored > _LUT_BITS:
        views = _wide_views(samples, shown)
    else:
        views = _grey_views(samples, description, shown)
    return _inverted(views, description)


def _little(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is not False


def _inverted(views: tuple[View, ...], description: PixelDescription) -> tuple[View, ...]:
    if description.photometric != "MONOCHROME1":
        return views
    return tuple(View(view.name, 255 - view.image) for view in views)


def _grey_views(samples: NDArray, description: PixelDescription, shown: Rendering) -> tuple[View, ...]:
    """Render up to 16 bits through a table of the values present: one look-up per sample."""
    low, high = int(samples.min()), int(samples.max())
    values = np.arange(low, high + 1)
    counts = _counts(samples, low)
    table = _display_table(values, description, shown)
    identity = samples.dtype == np.uint8 and np.array_equal(table, values)
    views = [View("display", samples if identity else _through(table, samples, low))]
    start, stop = np.searchsorted(np.cumsum(counts) / samples.size, (0.001, 0.999))
    extreme = description.bits_stored > 8 and high - low >= 256 and stop - start < _EXTREME * (high - low)
    full = _without_gaps(counts, max(1.0, (stop - start) * _WIDEST_GAP))
    if extreme or _hides(table) or _gains(table, full, counts):
        views.append(View("full range", _through(full, samples, low)))
    if extreme:
        views.append(View("ranks", _through(_bytes(np.cumsum(counts) / samples.size), samples, low)))
    return tuple(views)


def _display_table(values: NDArray, description: PixelDescription, shown: Rendering) -> NDArray[np.uint8]:
    if shown.voi is not None or shown.modality is not None:
        return _bytes(shown.apply(values))
    if description.bits_stored == 8 and not description.signed:
        return values.astype(np.uint8)
    return _bytes((values - values[0]) / max(1, len(values) - 1))


def _without_gaps(counts: NDArray, widest: float) -> NDArray[np.uint8]:
    """Return a linear table in which no step between values present is wider than `widest`.

    A banner far above the picture, with text a little brighter still, gets its contrast back.
    """
    present = np.flatnonzero(counts)
    places = np.concatenate(([0.0], np.cumsum(np.minimum(np.diff(present), widest))))
    table = np.zeros(len(counts), np.uint8)
    table[present] = _bytes(places / (places[-1] or 1.0))
    return table


def _gains(table: NDArray[np.uint8], full: NDArray[np.uint8], counts: NDArray) -> bool:
    """Tell whether `full` separates two populated neighbouring values that display hardly does."""
    populated = np.flatnonzero(counts >= _GLYPH_SAMPLES)
    shown, better = (np.abs(np.diff(t[populated].astype(np.int16))) for t in (table, full))
    return bool(((shown < _FAINT_GREYS) & (better >= _FAINT_GREYS) & (better >= 2 * shown)).any())


def _through(table: NDArray[np.uint8], samples: NDArray, low: int) -> NDArray[np.uint8]:
    """Look each sample up in a table that begins at the value `low`."""
    if samples.dtype == np.uint8:
        full = np.zeros(256, np.uint8)
        full[low : low + len(table)] = table
        return np.asarray(cv2.LUT(np.ascontiguousarray(samples), full), np.uint8)
    index = samples.astype(np.int32) - low if samples.dtype.kind == "i" or low else samples
    return table[index]


def _hides(table: NDArray[np.uint8]) -> bool:
    """Tell whether a display table runs values together, or uses hardly any grey."""
    if len(table) < 2:
        return False
    steps = np.diff(table.astype(np.int16))
    if np.ptp(table) < _NARROW_GREYS or ((steps < 0).any() and (steps > 0).any()):
        return True
    changes = np.flatnonzero(steps)
    longest = np.diff(np.concatenate(([-1], changes, [len(table) - 1]))).max()
    return bool(longest > 1 and (longest - 1) * 255 > _HIDDEN_GREYS * (len(table) - 1))


def _counts(samples: NDArray, low: int) -> NDArray:
    """Count the samples of each value from `low` on."""
    if samples.dtype == np.uint8:
        histogram = cv2.calcHist([np.ascontiguousarray(samples)], [0], None, [256], [0, 256])
        return np.trim_zeros(np.asarray(histogram).reshape(-1)[low:], "b").astype(np.int64)
    flat = samples.reshape(-1)
    return np.bincount(flat.astype(np.int32) - low if low or flat.dtype.kind == "i" else flat)


def _wide_views(samples: NDArray, shown: Rendering) -> tuple[View, ...]:
    """Render floats and more than 16 bits directly."""
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = samples.astype(np.float64)
    finite = np.isfinite(values)
    values = np.where(finite, values, values.min(where=finite, initial=np.inf) if finite.any() else 0.0)
    low, high = float(values.min()), float(values.max())
    full = View("full range", _bytes((values - low) / ((high - low) or 1.0)))
    more = (*_ranked(values, low, high), *_not_finite(finite))
    if shown.voi is None:
        return View("display", full.image), *more
    return View("display", _bytes(shown.apply(values))), full, *more


def _not_finite(finite: NDArray[np.bool_]) -> tuple[View, ...]:
    """Show where floats are no numbers: every viewer paints those as it likes."""
    if finite.all() or not finite.any():
        return ()
    return (View("not finite", np.where(finite, np.uint8(0), np.uint8(255))),)


def _ranked(values: NDArray, low: float, high: float) -> tuple[View, ...]:
    start, stop = np.percentile(values, (0.1, 99.9))
    if high <= low or stop - start >= _EXTREME * (high - low):
        return ()
    bulk = np.clip((values - start) / ((stop - start) or 1.0), 0, 1)
    return (View("bulk range", _bytes(bulk)),)


def _colour_views(samples: NDArray, colour: str, description: PixelDescription) -> tuple[View, ...]:
    eight = samples if samples.dtype == np.uint8 else _to_eight(samples, description)
    display = View("display", _rgb(eight, colour))
    source = samples if colour == "RGB" else display.image
    low, high = int(source.min()), int(source.max())
    greys = (high - low) * 255 / (255 if source.dtype == np.uint8 else 2**description.bits_stored - 1)
    if greys >= _NARROW_GREYS or high == low:
        return (display,)
    return display, View("full range", _bytes((source.astype(np.float64) - low) / (high - low)))


def _to_eight(samples: NDArray, description: PixelDescription) -> NDArray[np.uint8]:
    """Return colour samples of any depth and sign as 8-bit ones."""
    lowest = -(2 ** (description.bits_stored - 1)) if description.signed else 0
    scaled = (samples.astype(np.float64) - lowest) / (2**description.bits_stored - 1)
    return _bytes(scaled)


def _rgb(samples: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    if colour == "RGB":
        return samples
    if colour.startswith("YBR_PARTIAL"):
        return _partial_rgb(samples)
    luma, blue, red = cv2.split(np.ascontiguousarray(samples))
    return np.asarray(cv2.cvtColor(cv2.merge((luma, red, blue)), cv2.COLOR_YCrCb2RGB), np.uint8)


def _partial_rgb(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert studio-range Y'CbCr (PS3.3 C.7.6.3.1.2, retired YBR_PARTIAL)."""
    luma = (samples[..., 0].astype(np.float32) - 16) * (255 / 219)
    blue, red = (samples[..., n].astype(np.float32) - 128 for n in (1, 2))
    planes = (luma + 1.596 * red, luma - 0.392 * blue - 0.813 * red, luma + 2.017 * blue)
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


def _palette_views(samples: NDArray, table: Table) -> tuple[View, ...]:
    low, high = int(samples.min()), int(samples.max())
    colours = table.apply(np.arange(low, high + 1))
    planes = [_through(np.ascontiguousarray(column), samples, low) for column in colours.T]
    display = View("display", np.asarray(cv2.merge(planes), np.uint8))
    present = np.flatnonzero(_counts(samples, low))
    if not (_paints_alike(colours[present], present) and _hides_edges(samples, display.image)):
        return (display,)
    ramp = _bytes(np.arange(high - low + 1) / max(1, high - low))
    return display, View("palette index", _through(ramp, samples, low))


def _hides_edges(samples: NDArray, image: NDArray[np.uint8]) -> bool:
    """Tell whether neighbours far apart in index are painted alike often enough to draw a glyph."""
    steps = np.abs(np.diff(samples.astype(np.int32), axis=1))
    far = steps * 255 > 2 * _HIDDEN_GREYS * int(np.ptp(samples))
    alike = (cv2.absdiff(image[:, 1:], image[:, :-1]) <= _HIDDEN_GREYS).all(axis=2)
    return int(np.count_nonzero(far & alike)) >= _GLYPH_EDGES


def _paints_alike(colours: NDArray[np.uint8], present: NDArray) -> bool:
    """Tell whether indices far apart are painted in (nearly) one colour."""
    if len(present) < 2:
        return False
    _, groups = np.unique(colours >> 2, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    lowest = np.full(groups.max() + 1, np.iinfo(np.int64).max)
    highest = np.full(groups.max() + 1, -1)
    np.minimum.at(lowest, groups, present)
    np.maximum.at(highest, groups, present)
    widest = int((highest - lowest).max())
    return widest > _HIDDEN_GREYS and widest * 255 > 2 * _HIDDEN_GREYS * (present[-1] - present[0])


def _bytes(unit: NDArray) -> NDArray[np.uint8]:
    """Return 0..1 as 0..255."""
    return np.rint(unit * 255).astype(np.uint8)
