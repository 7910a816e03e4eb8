"""Elements read without trusting them, and data sets copied without copying what is large."""

from __future__ import annotations

import copy
import struct

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.values import convert_SQ

ODD_DATA = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, LookupError,
    ArithmeticError, struct.error, EOFError, OSError, RecursionError, AssertionError, BytesLengthException,
)  # fmt: skip
"""What pydicom raises on values that are not what their VR says."""

_NOT_IN_DICTIONARY = ""


def shallow(source: Dataset) -> Dataset:
    """Return a data set of its own with the same elements: reading it leaves `source` as it was."""
    found = ((tag, given if isinstance(given, DataElement) else _undecoded(source, tag))
             for tag, given in list(source._dict.items()))
    elements = {tag: element for tag, element in found if element is not None}
    twin = Dataset(elements, parent_encoding=source._parent_encoding)
    _take_encoding(source, twin)
    if hasattr(source, "_pixel_rep"):
        twin._pixel_rep = source._pixel_rep
    return twin


def _undecoded(source: Dataset, tag: BaseTag) -> DataElement | RawDataElement | None:
    """Return an element as it stands, or None if it has no value and no VR that could hold one.

    Where reading the value was deferred it is read now.
    """
    try:
        return source.get_item(tag)
    except ODD_DATA:
        return None


def hollow(source: Dataset, elements: dict) -> Dataset:
    """Return a data set with `elements`, encoded as `source` was."""
    target = Dataset(elements, parent_encoding=source._parent_encoding)
    _take_encoding(source, target)
    target.is_undefined_length_sequence_item = source.is_undefined_length_sequence_item
    return target


def _take_encoding(source: Dataset, target: Dataset) -> None:
    implicit, little = source.original_encoding
    target.set_original_encoding(implicit, little, source.original_character_set)


def element_at(source: Dataset, tag: int) -> DataElement | None:
    """Return the element with its value decoded, or None where it cannot be."""
    found = source._dict.get(BaseTag(tag))
    if isinstance(found, DataElement):
        return found
    try:
        raw = source.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.VR == "UN" and vr_in_standard(tag) == "SQ":
            return _unknown_sequence(raw, source)
        return source[tag]
    except ODD_DATA:
        return None


def vr_in_standard(tag: int) -> str:
    """Return the standard's VR of a tag, or an empty string."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return _NOT_IN_DICTIONARY


def _unknown_sequence(raw: RawDataElement, source: Dataset) -> DataElement:
    """Return a UN value as the sequence it is; UN is always Implicit VR Little Endian (PS3.5 6.2.2)."""
    encodings = convert_encodings(source._character_set)
    return DataElement(raw.tag, "SQ", convert_SQ(raw.value or b"", True, True, encodings))


def copied(element: DataElement) -> DataElement:
    """Return an element of its own; bytes are shared, lists are not."""
    twin = object.__new__(type(element))
    twin.__dict__.update(element.__dict__)
    if isinstance(element.value, MultiValue):
        twin._value = copy.copy(element.value)
        twin._value._list = list(element.value)
    return twin


def items_of(element: DataElement) -> list[Dataset]:
    """Return the items of a sequence, each to be read without changing the original."""
    return [shallow(item) for item in element.value or ()]


def with_items(element: DataElement, items: list[Dataset]) -> DataElement:
    """Return the sequence element with other items."""
    twin = DataElement(element.tag, "SQ", Sequence(items))
    twin.is_undefined_length = element.is_undefined_length
    return twin


def text_of(source: Dataset, keyword: str) -> str:
    """Return the value of an attribute as text; empty if it is not there or cannot be read."""
    tag = tag_for_keyword(keyword)
    element = element_at(source, tag) if tag is not None and tag in source else None
    values = values_of(element) if element is not None else []
    return "\\".join(str(value) for value in values).strip(" \0")


def values_of(element: DataElement) -> list:
    """Return the values of an element as a list; none if it is empty."""
    value = element.value
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]
