"""From a file, bytes or a data set to a parsed data set: the one boundary around pydicom's parser."""

from __future__ import annotations

import logging
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.uid import UID

from scrub_pixels.errors import CorruptInstance, NotDicom, TooLarge, UnreadableFile
from scrub_pixels.frames.description import attribute
from scrub_pixels.frames.elements import converted_at
from scrub_pixels.frames.limits import Limits
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, EXPLICIT_LITTLE, IMPLICIT_LITTLE

Source = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Dataset

PARSE_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    zlib.error,
    ValueError,  # also UnicodeError
    TypeError,
    LookupError,  # KeyError, IndexError, unknown character sets
    AttributeError,
    ArithmeticError,  # OverflowError, decimal.InvalidOperation
    NotImplementedError,
    RecursionError,
    EOFError,
    MemoryError,
    OSError,
)
"""What pydicom's parser raises on damaged input, as found in its source and by fuzzing."""

_PREFIX_AT, _PREFIX = 128, b"DICM"
_DICOMDIR = "1.2.840.10008.1.3.10"
_FIRST_GROUPS = (0x0002, 0x0008)
_AGAIN = "Get the file again from its source."


@contextmanager
def silenced() -> Iterator[None]:
    """Keep pydicom from warning and logging: its messages quote values and file names."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _strict_end() -> Iterator[None]:
    """Make pydicom raise, instead of warn, when a file ends inside an element."""
    mode = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        yield
    finally:
        config.settings.reading_validation_mode = mode


def read_dataset(source: Source, limits: Limits) -> Dataset:
    """Return the parsed data set of `source`, every element converted.

    Raises
    ------
    NotDicom
        If there is no ``DICM`` prefix and no plausible data set without one.
    UnreadableFile
        If the file cannot be opened, or its data set cannot be parsed to its end.
    TooLarge
        If the file is larger than the limit.
    """
    if isinstance(source, Dataset):
        dataset = source
    elif isinstance(source, (bytes, bytearray, memoryview)):
        dataset = _parsed(BytesIO(source), len(source), limits)
    elif isinstance(source, (str, os.PathLike)):
        dataset = _read_path(Path(source), limits)
    else:
        stream = cast(BinaryIO, source)
        dataset = _parsed(stream, _length(stream), limits)
    _convert(dataset)
    return dataset


def syntax_uid(dataset: Dataset) -> str:
    """Return the Transfer Syntax UID, inferred from how the data set was read if it is missing.

    Raises
    ------
    CorruptInstance
        If it is missing and cannot be inferred.
    """
    declared = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if declared:
        return str(declared)
    implicit, little = dataset.original_encoding
    encapsulated = "PixelData" in dataset and dataset["PixelData"].is_undefined_length
    if implicit is None or little is None or encapsulated:
        raise CorruptInstance(
            "The transfer syntax is not declared and cannot be inferred",
            stage="open",
            tag="(0002,0010) TransferSyntaxUID",
            remedy="Write the file with its File Meta Information.",
        )
    return IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE if little else BIG_ENDIAN


def is_dicomdir(dataset: Dataset) -> bool:
    """Tell whether a data set is a media storage directory (PS3.10 8.6), which holds no Instance."""
    meta = getattr(dataset, "file_meta", Dataset())
    return meta.get("MediaStorageSOPClassUID") == _DICOMDIR or "DirectoryRecordSequence" in dataset


def _read_path(path: Path, limits: Limits) -> Dataset:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile("Not a regular file", stage="open", remedy="Name a file or a folder.")
        with path.open("rb") as file:
            return _parsed(file, status.st_size, limits)
    except PermissionError:
        raise UnreadableFile(
            "No permission to read the file", stage="open", remedy="Make it readable to this user."
        ) from None
    except OSError:
        raise UnreadableFile("The file cannot be read", stage="open", remedy=_AGAIN) from None


def _length(file: BinaryIO) -> int:
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return end - start


def _parsed(file: BinaryIO, length: int, limits: Limits) -> Dataset:
    if length > limits.max_file_bytes:
        raise TooLarge(
            "The file is larger than the limit", stage="open", remedy="Raise the limit if it is genuine."
        )
    start = file.tell()
    head = file.read(_PREFIX_AT + len(_PREFIX))
    file.seek(start)
    prefixed = head[_PREFIX_AT:] == _PREFIX
    if not prefixed:
        _check_headerless(head, length)
    dataset = _dcmread(file)
    if not prefixed and not _plausible(dataset):
        raise _not_dicom("The file has no DICM prefix and is no DICOM data set")
    if not dataset:
        raise UnreadableFile("The file has no data set", stage="open", remedy=_AGAIN)
    return dataset


def _check_headerless(head: bytes, length: int) -> None:
    if length == 0:
        raise _not_dicom("The file is empty")
    groups = (int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big"))
    if not any(group in _FIRST_GROUPS for group in groups):
        raise _not_dicom("The file has no DICM prefix and does not begin like a data set")


def _dcmread(file: BinaryIO) -> Dataset:
    try:
        with silenced(), _strict_end():
            dataset = dcmread(file, force=True)
            _check_whole(dataset)
    except PARSE_ERRORS:
        raise UnreadableFile(
            "The data set cannot be parsed to its end", stage="open", remedy=_AGAIN
        ) from None
    return dataset


def _check_whole(dataset: Dataset) -> None:
    """Refuse a last element that is shorter than its length says: pydicom reads on silently."""
    for tag in list(dataset.keys())[-1:]:
        raw = dataset.get_item(tag, keep_deferred=True)
        length, value = getattr(raw, "length", None), raw.value
        cut = length not in (None, 0xFFFFFFFF) and isinstance(value, bytes) and len(value) < length
        if cut and tag not in (0x7FE00008, 0x7FE00009, 0x7FE00010):
            raise UnreadableFile("The file ends inside an element", stage="open", remedy=_AGAIN)


def _plausible(dataset: Dataset) -> bool:
    """Tell whether what was read without a prefix is DICOM: an identified SOP, or an image."""
    with silenced():
        try:
            uids = [dataset.get(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID")]
            image = all(keyword in dataset for keyword in ("Rows", "Columns", "PixelData"))
        except PARSE_ERRORS:
            return False
    return image or any(isinstance(uid, UID) and uid.is_valid for uid in uids)


def _convert(dataset: Dataset) -> None:
    """Convert every element now, so that a value pydicom cannot read is met here and not later."""
    pending = [dataset, getattr(dataset, "file_meta", Dataset())]
    with silenced():
        while pending:
            current = pending.pop()
            for tag in list(current._dict):
                pending.extend(_items(current, tag))


_NO_ITEMS: tuple[Dataset, ...] = ()


def _items(dataset: Dataset, tag: BaseTag) -> Sequence[Dataset]:
    try:
        element = converted_at(dataset, tag)
        return list(element.value) if element.VR == "SQ" and element.value else _NO_ITEMS
    except PARSE_ERRORS:
        raise UnreadableFile(
            "An element has a value that cannot be read", stage="open", tag=_name(tag), remedy=_AGAIN
        ) from None


def _name(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    keyword = keyword_for_tag(tag)
    return attribute(keyword) if keyword else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _not_dicom(message: str) -> NotDicom:
    return NotDicom(message, stage="open")
