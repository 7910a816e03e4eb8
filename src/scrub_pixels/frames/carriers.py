"""Everything in a data set, besides its frames, that can show a picture or its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

_BULK_BYTES = 4096
_MAGIC = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\x89PNG",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"%PDF",
    b"DICM",
)
_BINARY = frozenset({"OB", "OW", "OB or OW", "UN", "OL", "OV", "OF", "OD", "UT", "ST", "LT"})


class CarrierKind(str, Enum):
    """What kind of place it is."""

    OVERLAY = "overlay plane"
    EMBEDDED_OVERLAY = "overlay in unused bits"
    CURVE = "curve data"
    ICON = "icon image"
    DOCUMENT = "encapsulated document"
    NESTED_PIXELS = "pixels in a sequence"
    GRAPHIC = "graphic annotation"
    PRIVATE = "private bulk data"
    WAVEFORM_TEXT = "waveform annotation"


@dataclass(frozen=True, slots=True)
class Carrier:
    """One such place.

    Parameters
    ----------
    kind
        What it is.
    tag, keyword
        The attribute; the keyword is empty for private ones.
    path
        Tags of the sequences around it, outermost first; empty at the top level.
    size
        Length of its value in bytes, 0 for a sequence.
    """

    kind: CarrierKind
    tag: int
    keyword: str
    path: tuple[int, ...] = ()
    size: int = 0


def carriers(dataset: Dataset) -> tuple[Carrier, ...]:
    """Return every other place of pictures or drawn text, in the order of the data set.

    Overlay planes 60xx (PS3.3 C.9), curves 50xx (retired), Icon Image Sequence, Encapsulated
    Document, pixels and graphics inside sequences, and private elements that are large or begin
    like a picture. Sequences are walked; what is inside an icon is not listed again.
    """
    return tuple(_walk(dataset, ()))


def _walk(dataset: Dataset, path: tuple[int, ...]) -> Iterator[Carrier]:
    for element in dataset:
        kind = _kind(element, dataset, path)
        if kind is not None:
            yield _carrier(kind, element, path)
        if element.VR == "SQ" and kind is not CarrierKind.ICON:
            for item in element.value or ():
                yield from _walk(item, (*path, int(element.tag)))


def _carrier(kind: CarrierKind, element: DataElement, path: tuple[int, ...]) -> Carrier:
    size = len(element.value) if isinstance(element.value, (bytes, bytearray, str)) else 0
    return Carrier(kind, int(element.tag), _keyword(int(element.tag)), path, size)


def _keyword(tag: int) -> str:
    return "" if (tag >> 16) % 2 else keyword_for_tag(tag)


def _kind(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> CarrierKind | None:
    return next((kind for kind, matches in _RULES if matches(element, dataset, path)), None)


Rule = Callable[[DataElement, Dataset, tuple[int, ...]], bool]


def _in_group(element: DataElement, first: int) -> bool:
    """Tell whether a tag is of a repeating group (PS3.5 7.6): `first`, +2, ... +0x1E."""
    return first <= element.tag.group <= first + 0x1E and element.tag.group % 2 == 0


def _is_overlay(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    return _in_group(element, 0x6000) and element.tag.element == 0x3000


def _is_embedded_overlay(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    """An overlay without data of its own lies in the bits above the stored ones (retired)."""
    if not _in_group(element, 0x6000) or element.tag.element != 0x0010:
        return False
    return (element.tag.group << 16 | 0x3000) not in dataset


def _is_curve(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    return _in_group(element, 0x5000) and element.tag.element == 0x3000


def _has_keyword(*keywords: str) -> Rule:
    return lambda element, dataset, path: element.keyword in keywords and bool(element.value)


def _is_nested_pixels(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    keywords = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    return bool(path) and element.keyword in keywords


def _is_private_bulk(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    value = element.value
    if not element.tag.is_private or not isinstance(value, (bytes, bytearray, str)):
        return False
    head = bytes(value[:256]) if not isinstance(value, str) else b""
    large = len(value) > _BULK_BYTES and element.VR in _BINARY
    return large or (len(value) > 32 and any(magic in head for magic in _MAGIC))


_RULES: tuple[tuple[CarrierKind, Rule], ...] = (
    (CarrierKind.OVERLAY, _is_overlay),
    (CarrierKind.EMBEDDED_OVERLAY, _is_embedded_overlay),
    (CarrierKind.CURVE, _is_curve),
    (CarrierKind.ICON, _has_keyword("IconImageSequence")),
    (CarrierKind.DOCUMENT, _has_keyword("EncapsulatedDocument")),
    (CarrierKind.GRAPHIC, _has_keyword("TextObjectSequence", "GraphicObjectSequence")),
    (CarrierKind.NESTED_PIXELS, _is_nested_pixels),
    (CarrierKind.PRIVATE, _is_private_bulk),
)
