"""Read a header with pydicom, where the fast way of `elements` found something odd."""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from scrub_pixels.catalog.elements import (
    MOST_BYTES,
    PIXELS,
    PREFIX,
    PREFIX_AT,
    SEQUENCES,
    UNDEFINED,
    Elements,
    Header,
    note_offset_table,
)
from scrub_pixels.catalog.values import BINARY
from scrub_pixels.errors import NotDicom, UnreadableFile
from scrub_pixels.frames.opening import PARSE_ERRORS, silenced

_FIRST_GROUPS = (0x0002, 0x0008)
_AGAIN = "Get the file again from its source."
_IDENTITY = (0x00080016, 0x00080018)


def read_header_with_pydicom(file: BinaryIO, wanted: Collection[int]) -> Header:
    """Return the wanted elements of a file, as `elements.read_header` would.

    Raises
    ------
    NotDicom
        If there is no ``DICM`` prefix and no plausible data set without one.
    UnreadableFile
        If the header cannot be parsed to its end.
    """
    head = file.read(PREFIX_AT + len(PREFIX))
    file.seek(0)
    prefixed = head[PREFIX_AT:] == PREFIX
    if not prefixed:
        _check_headerless(head)
    dataset = _parsed(file, wanted)
    if not prefixed and not _plausible(dataset):
        raise NotDicom("The file has no DICM prefix and is no DICOM data set.", stage="open")
    if not dataset and not getattr(dataset, "file_meta", None):
        raise UnreadableFile("The file has no data set.", stage="open", remedy=_AGAIN)
    return _header(dataset, file, wanted)


def _check_headerless(head: bytes) -> None:
    groups = (int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big"))
    if not head or not any(group in _FIRST_GROUPS for group in groups):
        raise NotDicom("The file has no DICM prefix and does not begin like a data set.", stage="open")


def _parsed(file: BinaryIO, wanted: Collection[int]) -> Dataset:
    tags = [tag for tag in {*wanted, *_IDENTITY} if tag >> 16 != 2]
    try:
        with silenced():
            return dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(tags))
    except PARSE_ERRORS:
        raise UnreadableFile("The header cannot be parsed to its end.", stage="open", remedy=_AGAIN) from None


def _plausible(dataset: Dataset) -> bool:
    with silenced():
        try:
            uids = [dataset.get(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID")]
        except PARSE_ERRORS:
            return False
    return any(isinstance(uid, UID) and uid.is_valid for uid in uids)


def _header(dataset: Dataset, file: BinaryIO, wanted: Collection[int]) -> Header:
    header = Header(little=dataset.original_encoding[1] is not False)
    for part in (getattr(dataset, "file_meta", Dataset()), dataset):
        for tag in list(part.keys()):
            if int(tag) in wanted:
                _keep(part, int(tag), header)
    _note_pixels(header, file)
    return header


def _keep(dataset: Dataset, tag: int, header: Header) -> None:
    """Take one element over in its raw form; File Meta Information is little endian whatever comes after."""
    try:
        vr, value = _raw(dataset, tag)
    except PARSE_ERRORS:
        header.overlong.add(tag)
        return
    if isinstance(value, bytes) and len(value) > MOST_BYTES:
        header.overlong.add(tag)
    else:
        header.elements[tag] = (vr, value)


def _raw(dataset: Dataset, tag: int) -> tuple[str, bytes | list[Elements]]:
    with silenced():
        element = dataset.get_item(tag)
        vr = str(getattr(element, "VR", "") or "")
        if isinstance(element.value, bytes) and not _holds_items(dataset, tag, vr):
            return vr, element.value
        value = dataset[tag].value
    if isinstance(value, Sequence):
        return "SQ", [_elements(item) for item in value]
    if value is None or value == "":
        return vr, b""
    values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    if vr in BINARY:
        order = "<" if dataset.original_encoding[1] is not False else ">"
        return vr, struct.pack(f"{order}{len(values)}{BINARY[vr]}", *values)
    return "UC", "\\".join(str(one) for one in values).encode("utf-8", "replace")


def _holds_items(dataset: Dataset, tag: int, vr: str) -> bool:
    return vr == "SQ" or (vr in ("", "UN") and tag in SEQUENCES)


def _elements(item: Dataset) -> Elements:
    found: Elements = {}
    for tag in list(item.keys()):
        try:
            found[int(tag)] = _raw(item, int(tag))
        except PARSE_ERRORS:
            continue
    return found


def _note_pixels(header: Header, file: BinaryIO) -> None:
    """Read the head of the element at which pydicom stopped, if it is the one with the pixels."""
    position = file.tell()
    head = file.read(12)
    order = "little" if header.little else "big"
    if len(head) < 8:
        return
    group, number = (int.from_bytes(head[n:n + 2], order) for n in (0, 2))  # type: ignore[arg-type]
    if group << 16 | number not in PIXELS:
        return
    long = head[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN")
    length = int.from_bytes(head[8:12] if long else head[4:8], order)  # type: ignore[arg-type]
    header.pixel, header.pixel_at = group << 16 | number, position + (12 if long else 8)
    header.pixel_bytes = None if length == UNDEFINED else length
    if length == UNDEFINED:
        note_offset_table(header, file.read(8))
