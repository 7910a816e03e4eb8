"""Icon Image Sequence (PS3.3 F.7, C.7.6.1.1.6) built anew from a picture that may be shown."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

ICON_IMAGE_SEQUENCE = 0x00880200
LONGEST_SIDE = 64
"""Samples: what PS3.3 F.7 allows the icon of a directory record, and viewers expect."""

_COLOURS = 256


def icon_of(picture: NDArray[np.uint8], *, little_endian: bool = True) -> DataElement:
    """Return an Icon Image Sequence that shows `picture` small.

    Parameters
    ----------
    picture
        ``(Rows, Columns)`` grey or ``(Rows, Columns, 3)`` RGB: a view of the masked frame.
    little_endian
        Byte order of the data set, for the palette of colour icons.

    Notes
    -----
    Grey becomes MONOCHROME2, colour PALETTE COLOR of 3, 3 and 2 bits, both 8 bits a sample and
    never compressed (an icon may be native in any transfer syntax, PS3.5 A.4).
    """
    small = _small(picture)
    item = _described(small.shape[0], small.shape[1])
    if small.ndim == 2:
        item.PhotometricInterpretation, samples = "MONOCHROME2", small
    else:
        item.PhotometricInterpretation, samples = "PALETTE COLOR", _indices(small)
        _add_palette(item, ">" if not little_endian else "<")
    value = samples.tobytes()
    item.add_new("PixelData", "OB", value + b"\0" * (len(value) % 2))
    return DataElement(ICON_IMAGE_SEQUENCE, "SQ", Sequence([item]))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(rows, columns))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA), np.uint8)


def _described(rows: int, columns: int) -> Dataset:
    item = Dataset()
    item.SamplesPerPixel, item.Rows, item.Columns = 1, rows, columns
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
    return item


def _indices(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = (rgb[..., channel] for channel in range(3))
    return np.asarray((red & 0xE0) | ((green & 0xE0) >> 3) | (blue >> 6), np.uint8)


def _add_palette(item: Dataset, order: str) -> None:
    index = np.arange(_COLOURS)
    levels = ((index >> 5) * 65535 // 7, (index >> 2 & 7) * 65535 // 7, (index & 3) * 65535 // 3)
    for name, column in zip(("Red", "Green", "Blue"), levels, strict=True):
        keyword = f"{name}PaletteColorLookupTable"
        item.add_new(f"{keyword}Descriptor", "US", [_COLOURS, 0, 16])
        item.add_new(f"{keyword}Data", "OW", column.astype(f"{order}u2").tobytes())
