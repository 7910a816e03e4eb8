"""Black as displayed, as a stored sample value.

What a viewer shows black depends on how samples are stored: PS3.3 C.7.6.3.1.2 (Photometric
Interpretation), C.7.6.3.1.5-6 (palettes), C.11.1 (rescale), C.11.2 (VOI), C.11.6 (presentation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut

from scrub_pixels.errors import CorruptInstance, UnsupportedInstance
from scrub_pixels.frames import PixelDescription

BIG_ENDIAN = "1.2.840.10008.1.2.2"
_CHANNELS = ("Red", "Green", "Blue")
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_STUDIO_BLACK = 16


def fill_value(description: PixelDescription, stored_photometric: str, dataset: Dataset) -> NDArray:
    """Return the stored sample, or the three of a pixel, that are displayed black.

    Parameters
    ----------
    description
        Depth and sign of the samples.
    stored_photometric
        Colour space of the stored samples, ``Instance.stored_photometric``.
    dataset
        Where rescale, VOI, presentation and palette are declared.

    Returns
    -------
    NDArray
        Shape ``()`` for one sample per pixel, ``(3,)`` for three; dtype of the stored samples.

    Raises
    ------
    UnsupportedInstance
        If the Photometric Interpretation has no known black, or none that the samples can hold.
    CorruptInstance
        If a palette cannot be read.

    Notes
    -----
    Greyscale takes the end of the representable range that is displayed darkest, not the darkest
    sample that happens to occur: it stays black under every window a reader may set. MONOCHROME1
    and a Presentation LUT Shape of INVERSE mean the same inversion and do not cancel out; a
    negative Rescale Slope or a falling VOI LUT turns the range once more.
    """
    black = _BLACK.get(stored_photometric)
    if black is None:
        raise UnsupportedInstance(
            "There is no known black for this Photometric Interpretation.",
            stage="mask",
            tag="(0028,0004) PhotometricInterpretation",
        )
    fill, (lowest, highest) = np.asarray(black(description, dataset)), sample_range(description)
    if np.any(fill < lowest) or np.any(fill > highest):
        raise UnsupportedInstance(
            "Colour differences cannot be signed.",
            stage="mask",
            tag="(0028,0103) PixelRepresentation",
            remedy="Correct the header, or redact the Instance by hand.",
        )
    return fill.astype(description.dtype)


def sample_range(description: PixelDescription) -> tuple[float, float]:
    """Return the smallest and largest value Bits Stored can hold."""
    if description.floating:
        limits = np.finfo(description.dtype)
        return float(limits.min), float(limits.max)
    if description.signed:
        half = 1 << (description.bits_stored - 1)
        return -half, half - 1
    return 0, (1 << description.bits_stored) - 1


def _grey(description: PixelDescription, dataset: Dataset) -> float:
    lowest, highest = sample_range(description)
    return highest if _falling(description, dataset) else lowest


def _falling(description: PixelDescription, dataset: Dataset) -> bool:
    """Tell whether larger stored samples are displayed darker."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    inverted = description.photometric == "MONOCHROME1" or shape == "INVERSE"
    return inverted ^ (_slope(dataset) < 0) ^ _voi_falls(dataset)


def _slope(dataset: Dataset) -> float:
    """Return Rescale Slope, of the shared or first functional group where frames have their own."""
    for place in (dataset, *_groups(dataset)):
        value = place.get("RescaleSlope")
        if isinstance(value, (int, float)) and value:
            return float(value)
    return 1.0


def _groups(dataset: Dataset) -> list[Dataset]:
    """Return the Pixel Value Transformation items of an enhanced multi-frame (C.7.6.16.2.9)."""
    found = []
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in list(dataset.get(keyword) or [])[:1]:
            found += list(group.get("PixelValueTransformationSequence") or [])[:1]
    return found


def _voi_falls(dataset: Dataset) -> bool:
    """Tell whether the first VOI LUT ends darker than it begins (C.11.2.1.1)."""
    if "WindowCenter" in dataset:
        return False
    for item in list(dataset.get("VOILUTSequence") or [])[:1]:
        data = item.get("LUTData")
        if isinstance(data, (list, MultiValue)) and len(data) > 1:
            return bool(data[0] > data[-1])
    return False


def _none_of_each(description: PixelDescription, dataset: Dataset) -> list[float]:
    return [0] * description.samples


def _full_range(description: PixelDescription, dataset: Dataset) -> list[int]:
    middle = 1 << (description.bits_stored - 1)
    return [0, middle, middle]


def _studio_range(description: PixelDescription, dataset: Dataset) -> list[int]:
    middle = 1 << (description.bits_stored - 1)
    return [_STUDIO_BLACK << max(0, description.bits_stored - 8), middle, middle]


def _darkest_entry(description: PixelDescription, dataset: Dataset) -> int:
    """Return the lowest index whose palette colour has the least luminance."""
    indices = _indices(description, dataset)
    try:
        colours = apply_color_lut(indices, _in_native_order(dataset))[:, :3]
    except (ValueError, AttributeError, TypeError, IndexError, KeyError):
        raise _no_palette() from None
    return int(indices[np.argmin(colours @ _LUMINANCE)])


def _indices(description: PixelDescription, dataset: Dataset) -> NDArray[np.int32]:
    """Return the stored values that have an entry of their own in the palette."""
    descriptor = dataset.get("RedPaletteColorLookupTableDescriptor")
    if not isinstance(descriptor, (list, MultiValue)) or len(descriptor) != 3:
        raise _no_palette()
    entries, first = int(descriptor[0]) or 1 << 16, int(descriptor[1])
    lowest, highest = sample_range(description)
    start, stop = max(first, int(lowest)), min(first + entries, int(highest) + 1)
    if stop <= start:
        raise _no_palette()
    return np.arange(start, stop, dtype=np.int32)


def _in_native_order(dataset: Dataset) -> Dataset:
    """Return the palette with its 16-bit words as this machine reads them.

    pydicom leaves OW data of a big endian data set as they stand in the file.
    """
    keywords = [f"{channel}PaletteColorLookupTableData" for channel in _CHANNELS]
    if _syntax(dataset) != BIG_ENDIAN or any(keyword not in dataset for keyword in keywords):
        return dataset
    palette = Dataset()
    palette.RedPaletteColorLookupTableDescriptor = dataset.RedPaletteColorLookupTableDescriptor
    for keyword in keywords:
        setattr(palette, keyword, _swapped(dataset[keyword].value))
    return palette


def _swapped(data: bytes) -> bytes:
    return np.frombuffer(data[: len(data) // 2 * 2], dtype=np.uint16).byteswap().tobytes()


def _syntax(dataset: Dataset) -> str:
    return str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ""))


def _no_palette() -> CorruptInstance:
    return CorruptInstance(
        "The palette cannot be read.", stage="mask", tag="(0028,1101) RedPaletteColorLookupTableDescriptor"
    )


_BLACK: Mapping[str, Callable[[PixelDescription, Dataset], object]] = MappingProxyType(
    {
        "MONOCHROME1": _grey,
        "MONOCHROME2": _grey,
        "PALETTE COLOR": _darkest_entry,
        "RGB": _none_of_each,
        "YBR_FULL": _full_range,
        "YBR_FULL_422": _full_range,
        "YBR_PARTIAL_422": _studio_range,
        "YBR_PARTIAL_420": _studio_range,
    }
)
