"""Everything in a data set, besides its frames, that can show a picture or its text."""

from __future__ import annotations

import copy
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import Enum

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from scrub_pixels.frames.elements import elements_in

_BULK_BYTES = 1024
"""A private value as long as this can hold a picture with letters in it: 128 x 64 bits, 32 x 32 samples."""

_BEGINS_LIKE_A_PICTURE = 32
_PREFIX_AT = 128
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
_COUNTS = frozenset({"DarkCurrentCounts", "AirCounts"})
_PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
_TELLING = _COUNTS | _PIXELS | {
    "IconImageSequence", "EncapsulatedDocument", "TextObjectSequence", "GraphicObjectSequence", "ICCProfile"}
"""Attributes that a rule knows by keyword."""


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
    MISPLACED = "picture in an attribute for something else"
    RETIRED = "image data of a retired kind"


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


PICTURES: Set[CarrierKind] = frozenset(
    {
        CarrierKind.OVERLAY,
        CarrierKind.EMBEDDED_OVERLAY,
        CarrierKind.CURVE,
        CarrierKind.ICON,
        CarrierKind.NESTED_PIXELS,
        CarrierKind.PRIVATE,
        CarrierKind.MISPLACED,
        CarrierKind.RETIRED,
    }
)
"""Kinds that no header rule can judge, because what they show is not text in an attribute."""


def carriers(dataset: Dataset) -> tuple[Carrier, ...]:
    """Return every other place of pictures or drawn text, in the order of the data set.

    Overlay planes 60xx (PS3.3 C.9), curves 50xx (retired), Icon Image Sequence, Encapsulated
    Document, pixels and graphics inside sequences, private elements that are large or begin
    like a picture, and other attributes that do. Sequences are walked; what is inside an icon is
    not listed again.
    """
    return tuple(_walk(dataset, ()))


def without_pictures(dataset: Dataset) -> tuple[Dataset, Counter[CarrierKind]]:
    """Return a data set without any of `PICTURES`, at any depth, and how many of each there were.

    Of overlays and curves the whole group goes. The data set given is not changed; what needs no
    change is shared with it.
    """
    counts: Counter[CarrierKind] = Counter()
    return _without(dataset, (), counts), counts


def _without(dataset: Dataset, path: tuple[int, ...], counts: Counter[CarrierKind]) -> Dataset:
    """Return one level without pictures: itself if it has none, else a copy that shares what stays."""
    kept: dict[BaseTag, DataElement | None] = {}
    for element in elements_in(dataset):
        kind = _kind(element, dataset, path)
        if kind in PICTURES or _is_drawn_group(int(element.tag) >> 16):
            counts.update(_pictures_in(element, kind, path))
            kept[element.tag] = None
        elif element.VR == "SQ" and element.value:
            items = [_without(item, (*path, int(element.tag)), counts) for item in element.value]
            if any(new is not old for new, old in zip(items, element.value, strict=True)):
                kept[element.tag] = _sequence_of(element, items)
    return _with_elements(dataset, kept) if kept else dataset


def _pictures_in(
    element: DataElement, kind: CarrierKind | None, path: tuple[int, ...]
) -> Iterator[CarrierKind]:
    """Yield the kind of an element that goes, and of what goes with it."""
    if kind is not None and kind in PICTURES:
        yield kind
    if element.VR == "SQ" and kind is not CarrierKind.ICON:
        found = (c.kind for item in element.value or () for c in _walk(item, (*path, int(element.tag))))
        yield from (nested for nested in found if nested in PICTURES)


def _with_elements(dataset: Dataset, changes: Mapping[BaseTag, DataElement | None]) -> Dataset:
    """Return a copy of one level with other elements for some, or none."""
    level = copy.copy(dataset)
    changed = {**dataset._dict, **changes}
    level._dict = {tag: element for tag, element in changed.items() if element is not None}
    return level


def _sequence_of(element: DataElement, items: list[Dataset]) -> DataElement:
    twin = DataElement(element.tag, "SQ", Sequence(items))
    twin.is_undefined_length = element.is_undefined_length
    return twin


def _is_drawn_group(group: int) -> bool:
    """Tell whether all of a repeating group belongs to an overlay or a curve (PS3.5 7.6)."""
    return group % 2 == 0 and (0x5000 <= group <= 0x50FE or 0x6000 <= group <= 0x60FE)


def _walk(dataset: Dataset, path: tuple[int, ...]) -> Iterator[Carrier]:
    for element in elements_in(dataset):
        kind = _kind(element, dataset, path)
        if kind is not None:
            yield _carrier(kind, element, path)
        if element.VR == "SQ" and kind is not CarrierKind.ICON:
            for item in element.value or ():
                yield from _walk(item, (*path, int(element.tag)))


def _carrier(kind: CarrierKind, element: DataElement, path: tuple[int, ...]) -> Carrier:
    size = len(element.value) if isinstance(element.value, (bytes, bytearray, str)) else 0
    return Carrier(kind, int(element.tag), _keyword(int(element.tag)), path, size)


@functools.lru_cache(maxsize=8192)
def _keyword(tag: int) -> str:
    return "" if (tag >> 16) % 2 else keyword_for_tag(tag)


def _kind(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> CarrierKind | None:
    tag = int(element.tag)
    if tag >> 16 & 1:  # no other rule knows a private tag
        return CarrierKind.PRIVATE if _is_private_bulk(element.value, element.VR) else None
    if _is_plain(tag) and not isinstance(element.value, (bytes, bytearray)):
        return None
    return next((kind for kind, matches in _RULES if matches(element, dataset, path)), None)


@functools.lru_cache(maxsize=8192)
def _is_plain(tag: int) -> bool:
    """Tell whether, by its tag, an attribute is no carrier unless its value is bytes (`_is_misplaced`)."""
    group = tag >> 16
    special = _is_drawn_group(group) or group >> 8 == 0x7F
    return not special and _keyword(tag) not in _TELLING


Rule = Callable[[DataElement, Dataset, tuple[int, ...]], bool]


def _in_group(element: DataElement, first: int) -> bool:
    """Tell whether a tag is of a repeating group (PS3.5 7.6): `first`, +2, ... +0xFE."""
    return first <= element.tag.group <= first + 0xFE and element.tag.group % 2 == 0


def _is_overlay(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    return _in_group(element, 0x6000) and element.tag.element == 0x3000


def _is_embedded_overlay(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    """An overlay without data of its own lies in the bits above the stored ones (retired)."""
    if not _in_group(element, 0x6000) or element.tag.element != 0x0010:
        return False
    return (element.tag.group << 16 | 0x3000) not in dataset


def _is_curve(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    """Curve Data, or the Audio Sample Data that a curve group may hold instead (retired)."""
    return _in_group(element, 0x5000) and element.tag.element in (0x3000, 0x200C)


def _has_keyword(*keywords: str) -> Rule:
    return lambda element, dataset, path: _keyword(int(element.tag)) in keywords and bool(element.value)


def _is_nested_pixels(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    return bool(path) and _keyword(int(element.tag)) in _PIXELS


def _is_private_bulk(value: object, vr: str) -> bool:
    """Tell whether the value of a private element is large, or begins like a picture."""
    if isinstance(value, (MultiValue, list)):
        return len(value) >= _BULK_BYTES
    if not isinstance(value, (bytes, bytearray, str)):
        return False
    large = len(value) >= _BULK_BYTES and vr in _BINARY
    return large or (isinstance(value, (bytes, bytearray)) and _looks_like_a_picture(value))


def _is_retired(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    """Variable Pixel Data 7Fxx and coefficients of ACR-NEMA coding, and images of a detector (PS3.6)."""
    group, number = element.tag.group, element.tag.element
    if group == 0x7FE0:
        return number in (0x0020, 0x0030, 0x0040)
    return (group & 0xFF01 == 0x7F00 and number != 0) or _keyword(int(element.tag)) in _COUNTS


def _is_misplaced(element: DataElement, dataset: Dataset, path: tuple[int, ...]) -> bool:
    """A picture file in an attribute that is made for something else: a palette, a profile, a text."""
    keyword = _keyword(int(element.tag))
    if keyword == "ICCProfile":
        return not _is_icc_profile(element.value)
    if keyword in _PIXELS or keyword == "EncapsulatedDocument":
        return False
    value = element.value
    if not isinstance(value, (bytes, bytearray)) or len(value) <= _BEGINS_LIKE_A_PICTURE:
        return False
    return bytes(value[:8]).startswith(_MAGIC) or value[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM"


def _is_icc_profile(value: object) -> bool:
    """Tell whether a value is a profile of the length that it says (ICC.1 7.2), and nothing behind it."""
    if not isinstance(value, bytes) or value[36:40] != b"acsp":
        return not value
    size = int.from_bytes(value[:4], "big")
    return size <= len(value) <= size + 3 and not value[size:].strip(b"\0")


def _looks_like_a_picture(value: bytes | bytearray) -> bool:
    head = bytes(value[:256])
    return len(value) > _BEGINS_LIKE_A_PICTURE and any(magic in head for magic in _MAGIC)


_RULES: tuple[tuple[CarrierKind, Rule], ...] = (
    (CarrierKind.OVERLAY, _is_overlay),
    (CarrierKind.EMBEDDED_OVERLAY, _is_embedded_overlay),
    (CarrierKind.CURVE, _is_curve),
    (CarrierKind.ICON, _has_keyword("IconImageSequence")),
    (CarrierKind.DOCUMENT, _has_keyword("EncapsulatedDocument")),
    (CarrierKind.GRAPHIC, _has_keyword("TextObjectSequence", "GraphicObjectSequence")),
    (CarrierKind.NESTED_PIXELS, _is_nested_pixels),
    (CarrierKind.MISPLACED, _is_misplaced),
    (CarrierKind.RETIRED, _is_retired),
)
