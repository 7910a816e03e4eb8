"""Prove that a file on disk holds the data set it was written from."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset, dcmread
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import IS, DSfloat, PersonName

from scrub_pixels.errors import ProofFailed
from scrub_pixels.frames.elements import element_of

PIXEL_DATA = 0x7FE00010
_BULK = frozenset({"OB", "OW"})
_SPELT = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI", "LT", "ST", "UT"})
"""VRs whose trailing blanks and NULs have no meaning (PS3.5 6.2), and whose ASCII bytes are their text."""

CHUNK = 1 << 20

NOT_ENCODABLE = (ValueError, TypeError, AttributeError, KeyError, NotImplementedError, OverflowError,
                 struct.error)
"""What pydicom raises on a data set that it cannot write or read."""

PixelDigest = Callable[[Dataset], str]
"""Keyed digest of the Pixel Data of a data set, as the mask stage puts it into PixelEvidence."""


def prove_written(path: Path, dataset: Dataset) -> Dataset:
    """Read `path` back and compare it element by element with `dataset`.

    Parameters
    ----------
    path
        The file just written and synced.
    dataset
        What it must hold; not changed.

    Returns
    -------
    pydicom.Dataset
        The data set as read from the file.

    Raises
    ------
    ProofFailed
        If the file does not parse or any element, or the file meta information, differs.
    """
    try:
        found = dcmread(path)
        differing = _first_difference(dataset, found)
    except (OSError, EOFError, *NOT_ENCODABLE) as error:
        raise ProofFailed(f"The file just written cannot be read back ({type(error).__name__}).",
                          stage="write", remedy="Check the disk; report this if it repeats.") from None
    if differing:
        raise ProofFailed("The file just written does not hold the data set it was written from.",
                          stage="write", tag=differing, remedy="Check the disk; report this if it repeats.")
    _prove_syntax(dataset, found)
    return found


def _prove_syntax(dataset: Dataset, found: Dataset) -> None:
    if found.file_meta.TransferSyntaxUID != dataset.file_meta.TransferSyntaxUID:
        raise ProofFailed("The file just written has another transfer syntax.", stage="write",
                          tag="(0002,0010) TransferSyntaxUID")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _first_difference(given: Dataset, found: Dataset) -> str:
    """Return tag and keyword of the first element that differs, or an empty string."""
    tags = {tag for tag in map(int, given._dict) if tag & 0xFFFF}
    for tag in sorted(tags ^ {tag for tag in map(int, found._dict) if tag & 0xFFFF}):
        return _named(given[tag] if tag in given else found[tag])
    differing = [tag for tag in map(BaseTag, tags)
                 if not _same_as_stored(element_of(given, tag), found._dict[tag])
                 and not _same(given[tag], found[tag], given)]
    return _named(given[min(differing)]) if differing else ""


def _same_as_stored(given: DataElement, stored: Any) -> bool:
    """Tell quickly that the bytes of an element are those of its value; False says nothing.

    Most elements are empty, short text in the default repertoire, short numbers or bulk data: to compare
    their bytes spares converting them all. An element whose stored VR is another goes the long way.
    """
    if not isinstance(stored, RawDataElement) or stored.VR != given.VR or not isinstance(stored.value, bytes):
        return False
    value = given.value
    if value is None:
        return not stored.value
    if given.VR == "US" and type(value) is int:
        return stored.is_little_endian and stored.value == struct.pack("<H", value)
    if given.VR in _BULK:
        return isinstance(value, bytes) and (stored.value == value or stored.value == value + b"\0")
    spelt = _spelt(value) if given.VR in _SPELT else None
    if spelt is None or not spelt.isascii():
        return False
    return stored.value.rstrip(b" \0") == spelt.encode("ascii").rstrip(b" \0")


def _spelt(value: object) -> str | None:
    """Return text, figures, names and several of them as they are written; None for all else."""
    if isinstance(value, MultiValue):
        parts = [part for part in map(_spelt, value) if part is not None]
        return "\\".join(parts) if len(parts) == len(value) else None
    return str(value) if isinstance(value, (str, PersonName, DSfloat, IS)) else None


def _named(element: DataElement) -> str:
    return f"{element.tag} {element.keyword}".strip()


def _same(given: DataElement, found: DataElement, parent: Dataset) -> bool:
    if given.VR == "SQ" and found.VR == "SQ":
        return len(given.value) == len(found.value) and not any(
            _first_difference(a, b) for a, b in zip(given.value, found.value, strict=True)
        )
    if given.tag == PIXEL_DATA and isinstance(given.value, bytes):
        return found.value == given.value or found.value == given.value + b"\0"
    if given.VR == found.VR and given.value == found.value:
        return True
    return _encoded(given, parent) == _encoded(found, parent)


def _encoded(element: DataElement, parent: Dataset) -> bytes:
    """Return the element as Implicit VR Little Endian bytes, which forgive padding and an unknown VR."""
    buffer = BytesIO()
    stream = DicomIO(buffer)
    stream.is_little_endian, stream.is_implicit_VR = True, True
    plain: Any = DataElement(element.tag, element.VR, element.value, already_converted=True)
    if " or " in plain.VR:
        plain = correct_ambiguous_vr_element(plain, parent, True)
    write_data_element(stream, plain, convert_encodings(parent.get("SpecificCharacterSet")))
    return buffer.getvalue()
