"""A data set as the bytes of a file (PS3.10 7): what `pydicom.dcmwrite` writes, quickly where it is plain.

Most elements are short text in the default repertoire, numbers and bytes. Those are put together here;
everything else (other repertoires, tags as values, what has to be corrected or warned about) is left to
pydicom, element by element, and unusual files as a whole. What is written is read back by pydicom and
compared all the same (`store.readback`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydicom import Dataset
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, tag_in_exception
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, IS, DSfloat, PersonName

PREFIX = bytes(128) + b"DICM"
PIXEL_DATA = 0x7FE00010
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})
_META = frozenset({0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
"""The file meta that this package makes; any other is left to pydicom."""

_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_END, _SEQUENCE_END = b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
_LONG = frozenset(map(str, EXPLICIT_VR_LENGTH_32))

_CODES = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"})
_PROSE = frozenset({"LO", "SH", "LT", "ST", "UT", "UC"})
_BYTES = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
_NUMBERS = MappingProxyType(
    {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"})
_SUPERSETS_OF_ASCII = frozenset({"iso8859", "latin_1", "utf8"} | {f"iso8859_{part}" for part in range(2, 16)})


@dataclass(frozen=True, slots=True)
class _Style:
    """How one level is written.

    Parameters
    ----------
    implicit
        True for Implicit VR.
    repertoire
        Specific Character Set as pydicom takes it.
    encodings
        The Python encodings of it.
    plain
        True if ASCII text is its own bytes.
    """

    implicit: bool
    repertoire: Any
    encodings: list[str]
    plain: bool


def encoded(dataset: Dataset) -> list[bytes] | None:
    """Return the parts of a file with an empty preamble, or None if it takes `pydicom.dcmwrite` to write it.

    Parameters
    ----------
    dataset
        With file meta information; ``PixelData`` is marked as of undefined length if it is encapsulated.

    Raises
    ------
    Exception
        Whatever pydicom raises on an element that cannot be written.
    """
    meta = getattr(dataset, "file_meta", None)
    if meta is None or frozenset(meta.keys()) != _META or not _is_usual(dataset, meta):
        return None
    syntax = meta.TransferSyntaxUID
    if PIXEL_DATA in dataset:
        dataset[PIXEL_DATA].is_undefined_length = syntax.is_compressed
    head = b"".join(_level(meta, False, default_encoding))
    length = struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(head))
    return [PREFIX, length, head, *_level(dataset, syntax.is_implicit_VR, default_encoding)]


def _is_usual(dataset: Dataset, meta: Dataset) -> bool:
    """Tell whether file meta and data set agree, with nothing in them for pydicom to refuse or correct."""
    syntax = meta.TransferSyntaxUID
    if not syntax or syntax.is_private or not syntax.is_transfer_syntax:
        return False
    if syntax in (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        return False
    if dataset._is_implicit_VR is not None or dataset._is_little_endian is not None:
        return False
    named = ((meta.MediaStorageSOPClassUID, dataset.get("SOPClassUID")),
             (meta.MediaStorageSOPInstanceUID, dataset.get("SOPInstanceUID")))
    if any(not a or a != b for a, b in named) or any(meta[tag].is_empty for tag in _META):
        return False
    return not any(tag >> 16 in (0, 2) for tag in dataset._dict)


def _level(dataset: Dataset, implicit: bool, inherited: Any) -> Iterator[bytes]:
    """Yield the elements of a data set or an item in the order of tags, as `pydicom.filewriter` does."""
    get: Callable[[BaseTag], Any] = dataset.get_item
    if (implicit, True) != dataset.original_encoding or (
        dataset.original_character_set != dataset._character_set
    ):
        dataset = correct_ambiguous_vr(dataset, True)
        get = dataset.__getitem__
    found = dataset._dict
    style = _style(dataset, implicit, inherited)
    for tag in sorted(found, key=int):
        if tag & 0xFFFF or tag >> 16 <= 6:
            element = found[tag]
            yield from _element(element if isinstance(element, DataElement) else get(tag), style)


def _style(dataset: Dataset, implicit: bool, inherited: Any) -> _Style:
    repertoire = dataset.get("SpecificCharacterSet", inherited)
    key = tuple(repertoire) if isinstance(repertoire, (list, MultiValue)) else repertoire
    encodings = list(_encodings(key or default_encoding))
    plain = len(encodings) == 1 and encodings[0] in _SUPERSETS_OF_ASCII
    return _Style(implicit, repertoire, encodings, plain)


@lru_cache(maxsize=256)
def _encodings(repertoire: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(convert_encodings(list(repertoire) if isinstance(repertoire, tuple) else repertoire))


def _element(element: Any, style: _Style) -> Iterator[bytes]:
    """Yield the bytes of one element: tag, VR, length, value."""
    undefined = False if not isinstance(element, DataElement) else element.is_undefined_length
    value = _value(element, style) if isinstance(element, DataElement) else None
    head = None if value is None else _head(int(element.tag), element.VR, value, style.implicit, undefined)
    if value is None or head is None:
        yield _by_pydicom(element, style)
        return
    yield head
    yield from value
    if undefined:
        yield _SEQUENCE_END


def _by_pydicom(element: Any, style: _Style) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = style.implicit, True
    with tag_in_exception(element.tag):
        write_data_element(buffer, element, style.repertoire)
    return buffer.getvalue()


def _head(tag: int, vr: str, value: list[bytes], implicit: bool, undefined: bool) -> bytes | None:
    """Return tag, VR and length (PS3.5 7.1.2, 7.1.3); None if the length does not fit its field."""
    length = _UNDEFINED if undefined else sum(map(len, value))
    if implicit:
        return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)
    if vr in _LONG:
        return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    if undefined or length > 0xFFFF or len(vr) != 2:
        return None
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _value(element: DataElement, style: _Style) -> list[bytes] | None:
    """Return the value in parts, padded to even length; None if that is for pydicom to do."""
    vr, value = element.VR, element.value
    if vr == "SQ":
        return _items(value, style)
    if vr in _BYTES:
        return _bytes(element)
    if element.is_undefined_length:
        return None
    if value is None or value == "" or isinstance(value, MultiValue) and not value:
        return []
    text = _text(vr, value, style)
    if text is not None:
        return [text + (b"\0" if vr == "UI" else b" ") if len(text) % 2 else text]
    return _packed(element) if vr in _NUMBERS else None


def _items(items: Any, style: _Style) -> list[bytes] | None:
    """Return the items of a sequence (PS3.5 7.5), each with the length it had: defined, or not."""
    parts: list[bytes] = []
    for item in items or ():
        content = b"".join(_level(item, style.implicit, style.encodings))
        undefined = getattr(item, "is_undefined_length_sequence_item", False)
        parts += [_ITEM, struct.pack("<L", _UNDEFINED if undefined else len(content)), content]
        parts += [_ITEM_END] if undefined else []
    return parts


def _bytes(element: DataElement) -> list[bytes] | None:
    value = element.value
    if value is None:
        return None if element.is_undefined_length else []
    if not isinstance(value, bytes):
        return None
    if element.is_undefined_length and (element.tag != PIXEL_DATA or not value.startswith(_ITEM)):
        return None
    return [value, b"\0"] if len(value) % 2 and element.VR != "UN" else [value]


def _text(vr: str, value: Any, style: _Style) -> bytes | None:
    """Return text as it is written; None if it is not plain, or no text."""
    if vr == "PN":
        return _names(value, style)
    if vr == "DS" or vr == "IS":
        spelt = _joined(value, _figure)
    elif vr in _CODES or vr in _PROSE and style.plain:
        spelt = _joined(value, _as_it_is)
    else:
        return None
    return spelt.encode("ascii") if spelt is not None and spelt.isascii() else None


def _joined(value: Any, spelling: Any) -> str | None:
    if not isinstance(value, MultiValue):
        return spelling(value)
    parts = [part for part in map(spelling, value) if part is not None]
    return "\\".join(parts) if len(parts) == len(value) else None


def _as_it_is(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _figure(value: object) -> str | None:
    """Return a decimal or integer string as it was read, or as pydicom spells it."""
    if not isinstance(value, (DSfloat, IS)):
        return None
    return str(getattr(value, "original_string", None) or value)


def _names(value: Any, style: _Style) -> bytes | None:
    names = list(value) if isinstance(value, MultiValue) else [value]
    if not all(isinstance(name, PersonName) for name in names):
        return None
    return b"\\".join(name.encode(style.encodings) for name in names)


def _packed(element: DataElement) -> list[bytes] | None:
    value, code = element.value, _NUMBERS[element.VR]
    several = isinstance(value, MultiValue)
    if several and int(element.tag) in _LUT_DESCRIPTORS:
        return None
    values = value if several else [value]
    try:
        return [struct.pack(f"<{len(values)}{code}", *values)]
    except (struct.error, OverflowError):
        return None
