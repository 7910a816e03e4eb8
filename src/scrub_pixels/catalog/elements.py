"""Read the elements a catalog needs from a header, and nothing else: the fast way, without objects.

The header is walked in large chunks with `struct`; long elements, private ones and whole sequences
are stepped over by their length. Whatever is odd raises `Odd`, and `fallback` lets pydicom try:
both give the same `Header`, which a test holds them to. Follows PS3.5 7.1 (elements), 7.5
(sequences) and PS3.10 7.1 (File Meta Information). Pixel Data is never read; of an encapsulated one
the length of the Basic Offset Table is, which tells the number of frames (PS3.5 A.4).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from scrub_pixels.errors import UnreadableFile
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, IMPLICIT_LITTLE

DEFLATED = "1.2.840.10008.1.2.1.99"
PREFIX_AT, PREFIX = 128, b"DICM"
FIRST_CHUNK = 16 * 1024
MOST_BYTES = 1 << 16
"""A value longer than this is not for a column."""
MOST_SEQUENCE_BYTES = 1 << 22
MOST_INFLATED = 1 << 24
MOST_ELEMENTS = 200_000
MOST_NESTING = 16
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
TRANSFER_SYNTAX, META_GROUP = 0x00020010, b"\2\0"
EXTENDED_OFFSETS = 0x7FE00001
PIXELS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}

LONG_VRS = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT", b"UC", b"UR", b"SV",
                      b"UV"))
SHORT_VRS = frozenset((b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT",
                       b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"))

_EXPLICIT = struct.Struct("<HH2sH").unpack_from
_IMPLICIT = struct.Struct("<HHL").unpack_from
_LENGTH = struct.Struct("<L").unpack_from

Elements: TypeAlias = "dict[int, tuple[str, bytes | list[Elements]]]"
"""Tag to VR (empty if implicit) and raw value; of a sequence its items."""

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, count)`` gives up to `count` bytes."""


class Odd(Exception):
    """The fast way does not understand this file; let pydicom try."""


@dataclass(slots=True)
class Header:
    """What a catalog learns from one file.

    Parameters
    ----------
    elements
        The elements asked for, of File Meta Information and data set.
    little
        Byte order of binary values.
    pixel
        Tag of the element that carries pixels, 0 if there is none.
    pixel_at, pixel_bytes
        Offset of its value, and its length; None if undefined.
    offset_frames
        Entries of the offset table, None if there is none.
    doubled, overlong
        Tags that came twice, and those whose value is too long for a column.
    disorder
        True if elements do not ascend.
    inflated
        True if offsets are those of the inflated data set, not of the file.
    """

    elements: Elements = field(default_factory=dict)
    little: bool = True
    pixel: int = 0
    pixel_at: int = 0
    pixel_bytes: int | None = None
    offset_frames: int | None = None
    doubled: set[int] = field(default_factory=set)
    overlong: set[int] = field(default_factory=set)
    disorder: bool = False
    inflated: bool = False


class Window:
    """A chunk of a file that moves; what lies between two chunks is never read."""

    __slots__ = ("base", "data", "read_at", "size")

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self.read_at, self.size, self.base = read_at, size, 0
        self.data = read_at(0, FIRST_CHUNK)

    def move(self, position: int, count: int = FIRST_CHUNK) -> int:
        """Read on at `position`, and return where that lies in `data` (always 0)."""
        self.base, self.data = position, self.read_at(position, max(count, FIRST_CHUNK))
        return 0

    def bytes_at(self, position: int, count: int) -> bytes:
        """Return exactly `count` bytes.

        Raises
        ------
        Odd
            If the file ends before.
        """
        here = position - self.base
        if here < 0 or here + count > len(self.data):
            here = self.move(position, count)
        value = self.data[here:here + count]
        if len(value) < count:
            raise Odd("cut short")
        return value


def read_header(read_at: ReadAt, size: int, wanted: Collection[int]) -> Header:
    """Return the wanted elements of a Part 10 file.

    Parameters
    ----------
    read_at
        Gives bytes of the file.
    size
        Bytes of the file.
    wanted
        Tags at the top level; Transfer Syntax UID has to be among them.

    Raises
    ------
    Odd
        If the file is not an ordinary little-endian Part 10 file.
    UnreadableFile
        If its data set is deflated and odd.
    """
    window = Window(read_at, size)
    if window.data[PREFIX_AT:PREFIX_AT + 4] != PREFIX:
        raise Odd("no prefix")
    header = Header()
    start = _walk(_Walk(window, wanted, header, meta=True), PREFIX_AT + 4, explicit=True)
    syntax = header.elements.get(TRANSFER_SYNTAX, ("", b""))[1]
    uid = syntax.rstrip(b"\0 ").decode("ascii", "replace") if isinstance(syntax, bytes) else ""
    if not uid or uid == BIG_ENDIAN:
        raise Odd("transfer syntax")
    if uid == DEFLATED:
        return _read_deflated(window, start, wanted, header)
    _walk(_Walk(window, wanted, header), start, explicit=uid != IMPLICIT_LITTLE)
    return header


def _read_deflated(window: Window, start: int, wanted: Collection[int], header: Header) -> Header:
    """Read a deflated data set; pydicom is no way out, for it inflates without a limit."""
    header.inflated = True
    try:
        _walk(_Walk(_inflated(window, start), wanted, header), 0, explicit=True)
    except Odd:
        raise UnreadableFile("The deflated header cannot be read.", stage="open",
                             remedy="Get the file again from its source.") from None
    return header


def _inflated(window: Window, start: int) -> Window:
    """Inflate the beginning of a deflated data set (PS3.5 A.5), never more than a header can need."""
    packed = window.read_at(start, min(window.size - start, MOST_INFLATED))
    try:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, MOST_INFLATED)
    except zlib.error:
        raise Odd("deflate") from None
    return Window(lambda offset, count: plain[offset:offset + count], len(plain))


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk over elements reads from, looks for and fills; of File Meta Information alone if `meta`."""

    window: Window
    wanted: Collection[int]
    header: Header
    meta: bool = False


def _walk(walk: _Walk, position: int, explicit: bool) -> int:
    """Walk elements from `position` to Pixel Data or the end, and return where the walk ended."""
    window, wanted, header, meta = walk.window, walk.wanted, walk.header, walk.meta
    elements, previous, counted = header.elements, 0, 0
    while position < window.size:
        if meta and window.bytes_at(position, 2) != META_GROUP:
            return position
        tag, vr, length, value_at = _element(window, position, explicit)
        if tag >= EXTENDED_OFFSETS and tag >> 16 == 0x7FE0:
            if _pixel_group(window, header, tag, length, value_at):
                return position
        if tag <= previous:
            header.disorder = True
        previous, counted = tag, counted + 1
        if counted > MOST_ELEMENTS:
            raise Odd("endless")
        position = value_at + length if length != UNDEFINED else _skip(window, value_at, explicit, vr, 0)
        if tag in wanted:
            if tag in elements:
                header.doubled.add(tag)
            _keep(window, header, tag, vr, (value_at, position, explicit))
    if position > window.size:
        raise Odd("cut short")
    return position


def _element(window: Window, position: int, explicit: bool) -> tuple[int, bytes, int, int]:
    """Return tag, VR, length and offset of the value of the element at `position`."""
    here = position - window.base
    if here < 0 or here + 12 > len(window.data):
        here = window.move(position)
    try:
        if not explicit:
            group, number, length = _IMPLICIT(window.data, here)
            return group << 16 | number, b"", length, position + 8
        group, number, vr, length = _EXPLICIT(window.data, here)
        if vr in SHORT_VRS:
            return group << 16 | number, vr, length, position + 8
        if vr in LONG_VRS:
            return group << 16 | number, vr, _LENGTH(window.data, here + 8)[0], position + 12
        if group == 0xFFFE:
            return group << 16 | number, b"", _LENGTH(window.data, here + 4)[0], position + 8
    except struct.error:
        raise Odd("cut short") from None
    raise Odd("VR")


def _pixel_group(window: Window, header: Header, tag: int, length: int, value_at: int) -> bool:
    """Note what group 7FE0 says of the pixels, and tell whether they begin here."""
    if tag == EXTENDED_OFFSETS and length != UNDEFINED:
        header.offset_frames = length // 8
    if tag not in PIXELS:
        return False
    header.pixel, header.pixel_at = tag, value_at
    header.pixel_bytes = None if length == UNDEFINED else length
    if length == UNDEFINED:
        here = value_at - window.base
        head = window.data[here:here + 8]
        note_offset_table(header, head if len(head) == 8 else window.read_at(value_at, 8))
    return True


def note_offset_table(header: Header, head: bytes) -> None:
    """Note how many frames a Basic Offset Table tells of, from the first 8 bytes of Pixel Data."""
    if len(head) < 8 or header.offset_frames is not None:
        return
    group, number, length = _IMPLICIT(head, 0)
    if group << 16 | number == ITEM and length and length % 4 == 0:
        header.offset_frames = length // 4


def _keep(window: Window, header: Header, tag: int, vr: bytes, span: tuple[int, int, bool]) -> None:
    start, stop, explicit = span
    sequence = vr == b"SQ" or (not vr and _is_sequence(tag))
    if stop - start > (MOST_SEQUENCE_BYTES if sequence else MOST_BYTES) or stop > window.size:
        if stop > window.size:
            raise Odd("cut short")
        header.overlong.add(tag)
        return
    value = window.bytes_at(start, stop - start)
    if vr == b"UN" and _is_sequence(tag):
        raise Odd("a sequence as UN")
    header.elements[tag] = (vr.decode(), items(value, explicit) if sequence else value)


def _is_sequence(tag: int) -> bool:
    return tag in SEQUENCES


def _sequences() -> frozenset[int]:
    from pydicom._dicom_dict import DicomDictionary

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


SEQUENCES = _sequences()
"""Tags whose VR is SQ in PS3.6."""


def items(value: bytes, explicit: bool, depth: int = 0) -> list[Elements]:
    """Return the items of a sequence's value, every element of them.

    Raises
    ------
    Odd
        If it is not a sequence of items, or nested deeper than headers are.
    """
    if depth > MOST_NESTING:
        raise Odd("nested too deep")
    window, found, position = Window(lambda offset, count: value[offset:offset + count], len(value)), [], 0
    window.data = value
    while position < len(value):
        tag, _, length, start = _element(window, position, False)
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise Odd("no item")
        stop = start + length if length != UNDEFINED else _skip_item(window, start, explicit, depth)
        found.append(_item(window, start, stop, explicit, depth))
        position = stop if length != UNDEFINED else stop + 8
    return found


def _item(window: Window, start: int, stop: int, explicit: bool, depth: int) -> Elements:
    elements: Elements = {}
    while start < stop:
        tag, vr, length, at = _element(window, start, explicit)
        end = at + length if length != UNDEFINED else _skip(window, at, explicit, vr, depth)
        if end > stop:
            raise Odd("an element beyond its item")
        raw = window.data[at:end]
        sequence = vr == b"SQ" or (not vr and _is_sequence(tag))
        elements[tag] = (vr.decode(), items(raw, explicit, depth + 1) if sequence else raw)
        start = end
    return elements


def _skip(window: Window, position: int, explicit: bool, vr: bytes, depth: int) -> int:
    """Return the offset behind a sequence of undefined length that begins at `position`."""
    if vr not in (b"SQ", b"") or depth > MOST_NESTING:
        raise Odd("undefined length")
    while position < window.size:
        tag, _, length, start = _element(window, position, False)
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            break
        position = start + length if length != UNDEFINED else _skip_item(window, start, explicit, depth) + 8
    raise Odd("a sequence without its end")


def _skip_item(window: Window, position: int, explicit: bool, depth: int) -> int:
    """Return the offset of the delimiter of an item of undefined length."""
    while position < window.size:
        tag, vr, length, start = _element(window, position, explicit)
        if tag == ITEM_END:
            return position
        position = start + length if length != UNDEFINED else _skip(window, start, explicit, vr, depth + 1)
    raise Odd("an item without its end")
