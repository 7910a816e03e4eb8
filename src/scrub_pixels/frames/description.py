"""What the header says about the pixels, checked for contradictions (PS3.3 C.7.6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID

from scrub_pixels.errors import CorruptInstance, TooLarge, UnsupportedInstance
from scrub_pixels.frames.limits import Limits

PIXEL_KEYWORDS: Mapping[str, int] = MappingProxyType(
    {"PixelData": 0, "FloatPixelData": 32, "DoubleFloatPixelData": 64}
)
"""The elements that carry frames, and the Bits Allocated they demand (0: any)."""

SAMPLES: Mapping[str, int] = MappingProxyType(
    {
        "MONOCHROME1": 1,
        "MONOCHROME2": 1,
        "PALETTE COLOR": 1,
        "RGB": 3,
        "YBR_FULL": 3,
        "YBR_FULL_422": 3,
        "YBR_PARTIAL_422": 3,
        "YBR_PARTIAL_420": 3,
        "YBR_ICT": 3,
        "YBR_RCT": 3,
        "XYB": 3,
    }
)
"""Photometric Interpretations we read, with their Samples per Pixel (PS3.3 C.7.6.3.1.2)."""

_SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """The Image Pixel module, checked.

    Parameters
    ----------
    rows, columns, frames, samples
        All at least 1; `samples` is 1 or 3.
    bits_allocated, bits_stored, high_bit
        As in the header; 1, 8, 16, 32, or 64 for Double Float Pixel Data.
    signed
        Pixel Representation 1.
    photometric
        Photometric Interpretation as declared; the codestream may disagree, see
        ``Instance.stored_photometric``.
    planar
        Planar Configuration of native data: 0 by pixel, 1 by plane.
    keyword
        ``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int = 0
    keyword: str = "PixelData"

    @property
    def shape(self) -> tuple[int, int]:
        """``(Rows, Columns)``."""
        return self.rows, self.columns

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of one frame's samples: ``(Rows, Columns)`` or ``(Rows, Columns, Samples)``."""
        return self.shape if self.samples == 1 else (*self.shape, self.samples)

    @property
    def floating(self) -> bool:
        """True for Float and Double Float Pixel Data."""
        return self.keyword != "PixelData"

    @property
    def dtype(self) -> np.dtype:
        """Type of stored samples, native byte order."""
        kind = "f" if self.floating else "i" if self.signed else "u"
        return np.dtype(f"{kind}{max(1, self.bits_allocated // 8)}")

    @property
    def subsampled(self) -> bool:
        """True if native data hold chroma for every second column only (YBR_FULL_422)."""
        return self.photometric in _SUBSAMPLED

    @property
    def frame_samples(self) -> int:
        """Number of samples of one decoded frame."""
        return self.rows * self.columns * self.samples

    @property
    def frame_bits(self) -> int:
        """Length of one native frame in bits; frames of 1-bit pixels follow without padding."""
        per_pixel = 2 if self.subsampled else self.samples
        return self.rows * self.columns * per_pixel * self.bits_allocated

    @property
    def frame_bytes(self) -> int:
        """Length of one native frame in bytes, rounded up (PS3.5 8.1.1, 8.2)."""
        return -(-self.frame_bits // 8)

    @property
    def total_bytes(self) -> int:
        """Length of all native frames in bytes, without even padding."""
        return -(-self.frame_bits * self.frames // 8)


def describe(dataset: Dataset, *, encapsulated: bool, limits: Limits) -> PixelDescription | None:
    """Return the checked description, or None if the data set has no frames.

    Raises
    ------
    CorruptInstance
        If attributes are missing or contradict each other.
    UnsupportedInstance
        If the combination is legal or historical but not handled.
    TooLarge
        If the declared size is over the limits.
    """
    keyword = _pixel_keyword(dataset)
    if keyword is None:
        return None
    description = _described(dataset, keyword, encapsulated)
    _check_bits(description)
    _check_photometric(description, encapsulated)
    _check_limits(description, limits)
    return description


def _pixel_keyword(dataset: Dataset) -> str | None:
    present = [keyword for keyword in PIXEL_KEYWORDS if keyword in dataset]
    if len(present) > 1:
        raise _corrupt("More than one element carries pixels", present[1])
    if not present and _is_image(dataset):
        raise _corrupt("The header describes an image, but there is no Pixel Data", "PixelData")
    return present[0] if present else None


def _is_image(dataset: Dataset) -> bool:
    """Tell whether there should be pixels; a file cut between two elements parses without them."""
    classes = (
        dataset.get("SOPClassUID"),
        getattr(dataset, "file_meta", Dataset()).get("MediaStorageSOPClassUID"),
    )
    return "Rows" in dataset or any("Image Storage" in uid.name for uid in classes if isinstance(uid, UID))


def _described(dataset: Dataset, keyword: str, encapsulated: bool) -> PixelDescription:
    samples = _integer(dataset, "SamplesPerPixel", 1)
    bits = PIXEL_KEYWORDS[keyword] or _integer(dataset, "BitsAllocated", 1)
    floating = keyword != "PixelData"
    stored = bits if floating else _integer(dataset, "BitsStored", 1)
    needs_planar = samples > 1 and not encapsulated
    return PixelDescription(
        rows=_integer(dataset, "Rows", 1),
        columns=_integer(dataset, "Columns", 1),
        frames=_integer(dataset, "NumberOfFrames", 1, 1),
        samples=samples,
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=stored - 1 if floating else _integer(dataset, "HighBit", 0, stored - 1),
        signed=floating or bool(_integer(dataset, "PixelRepresentation", 0)),
        photometric=_photometric(dataset),
        planar=_integer(dataset, "PlanarConfiguration", 0, None if needs_planar else 0),
        keyword=keyword,
    )


def _check_bits(description: PixelDescription) -> None:
    allocated, stored = description.bits_allocated, description.bits_stored
    if allocated not in ((32, 64) if description.floating else (1, 8, 16, 32)):
        raise _unsupported("Bits Allocated is not 1, 8, 16 or 32", "BitsAllocated")
    if stored > allocated:
        raise _corrupt("Bits Stored exceeds Bits Allocated", "BitsStored")
    if not stored - 1 <= description.high_bit < allocated:
        raise _corrupt("High Bit does not fit Bits Stored and Bits Allocated", "HighBit")


def _check_photometric(description: PixelDescription, encapsulated: bool) -> None:
    expected = SAMPLES.get(description.photometric)
    if expected is None:
        raise _unsupported("The Photometric Interpretation is not handled", "PhotometricInterpretation")
    if description.samples not in (1, 3):
        raise _unsupported("Samples per Pixel is neither 1 nor 3", "SamplesPerPixel")
    if description.samples != expected:
        raise _corrupt("Samples per Pixel contradicts Photometric Interpretation", "SamplesPerPixel")
    if description.planar not in (0, 1):
        raise _corrupt("Planar Configuration is neither 0 nor 1", "PlanarConfiguration")
    if description.samples == 3 and description.bits_allocated not in (8, 16, 32):
        raise _unsupported("Colour with this Bits Allocated is not handled", "BitsAllocated")
    if not encapsulated:
        _check_native_colour(description)


def _check_native_colour(description: PixelDescription) -> None:
    if description.photometric in ("YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB"):
        raise _corrupt("Photometric Interpretation is not for native data", "PhotometricInterpretation")
    if not description.subsampled:
        return
    if description.columns % 2 or description.bits_allocated != 8:
        raise _corrupt("4:2:2 data need an even number of 8-bit Columns", "Columns")
    if description.planar:
        raise _corrupt("4:2:2 data cannot be colour-by-plane", "PlanarConfiguration")


def _check_limits(description: PixelDescription, limits: Limits) -> None:
    size = description.frame_samples * description.dtype.itemsize * description.frames
    if description.frame_samples > limits.max_frame_samples:
        raise _too_large("One frame is declared with more samples than the limit allows", "Rows")
    if size > limits.max_pixel_bytes:
        raise _too_large("All frames together are declared larger than the limit allows", "NumberOfFrames")


def _integer(dataset: Dataset, keyword: str, minimum: int, default: int | None = None) -> int:
    """Return one integer attribute; absent or empty ones take the default, or are corrupt."""
    value = dataset.get(keyword)
    if value is None or value == "":
        if default is None:
            raise _corrupt("A required attribute is missing", keyword)
        return default
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise _corrupt("An attribute is not one whole number", keyword) from None
    if number < minimum:
        raise _corrupt("An attribute is below its smallest legal value", keyword)
    return number


def _photometric(dataset: Dataset) -> str:
    value = dataset.get("PhotometricInterpretation")
    if not isinstance(value, str) or not value.strip():
        raise _corrupt("A required attribute is missing", "PhotometricInterpretation")
    return value.strip().upper()


def attribute(keyword: str) -> str:
    """Return ``(gggg,eeee) Keyword`` for a message."""
    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


def _corrupt(message: str, keyword: str) -> CorruptInstance:
    return CorruptInstance(
        message, stage="open", tag=attribute(keyword), remedy="Get the Instance again from its source."
    )


def _unsupported(message: str, keyword: str) -> UnsupportedInstance:
    return UnsupportedInstance(
        message, stage="open", tag=attribute(keyword), remedy="Convert the Instance, or review it by hand."
    )


def _too_large(message: str, keyword: str) -> TooLarge:
    return TooLarge(
        message, stage="open", tag=attribute(keyword), remedy="Raise the limit if the size is genuine."
    )
