"""Put masked Pixel Data into a data set."""

from __future__ import annotations

import copy

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID

from scrub_pixels.frames import transfer_syntax
from scrub_pixels.masks.masking import MaskedPixels

OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def with_pixels(dataset: Dataset, masked: MaskedPixels) -> Dataset:
    """Return a data set with masked Pixel Data and what has to change with it.

    Every other element is shared with `dataset`, which stays as it is. Encapsulated frames are
    written one to a fragment, so an Extended Offset Table (PS3.3 C.7.6.3.1.8) is dropped.
    """
    result = _shared(dataset)
    encapsulated = transfer_syntax(masked.transfer_syntax_uid).encapsulated
    if not (masked.identical and encapsulated and masked.keyword == "PixelData"):
        _drop_tables(result)
    if masked.identical:
        return result
    result.file_meta.TransferSyntaxUID = UID(masked.transfer_syntax_uid)
    element = DataElement(masked.keyword, masked.vr, masked.value)
    element.is_undefined_length = encapsulated
    result[element.tag] = element
    for keyword, value in masked.attributes:
        _set(result, keyword, value)
    return result


def _drop_tables(dataset: Dataset) -> None:
    """Remove tables that point into no frames; nothing reads them, so they could hold anything."""
    for keyword in OFFSET_TABLES:
        if keyword in dataset:
            del dataset[keyword]


def _set(dataset: Dataset, keyword: str, value: object) -> None:
    """Replace or remove an attribute; never assign to its element, which `dataset` shares."""
    if value is not None:
        tag = Tag(keyword)
        dataset[tag] = DataElement(tag, dictionary_VR(tag), value)
    elif keyword in dataset:
        del dataset[keyword]


def _shared(dataset: Dataset) -> Dataset:
    """Return a data set of its own with the same elements and a copied file meta information."""
    result = copy.copy(dataset)
    result._dict = dict(dataset._dict)
    result.file_meta = copy.deepcopy(getattr(dataset, "file_meta", None) or FileMetaDataset())
    if isinstance(result, FileDataset):
        result.filename = None
    return result
