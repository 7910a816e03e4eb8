"""Elements of a data set, quickly: what is converted already is handed out as it stands.

``Dataset.__getitem__`` and iteration look at every element as if it had never been read; a small file goes
through a dozen walks. What is not converted yet still goes through pydicom.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.hooks import hooks, raw_element_value, raw_element_vr
from pydicom.tag import BaseTag
from pydicom.values import convert_value

_PLAIN = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST",
     "SV", "TM", "UC", "UI", "UL", "UR", "US", "UT", "UV"}
)  # fmt: skip
"""VRs that say all there is to know: no sequence, not unknown, not one of two, not bulk."""

_CHARACTER_SET = 0x00080005
_FIRST_OF_A_BLOCK = 0x1000
"""Private elements below reserve blocks (PS3.5 7.8.1)."""


def element_of(dataset: Dataset, tag: BaseTag) -> DataElement:
    """Return what ``dataset[tag]`` returns.

    Raises
    ------
    KeyError
        If there is no such element; and whatever pydicom raises on a value that cannot be converted.
    """
    found = dataset._dict.get(tag)
    return found if isinstance(found, DataElement) else dataset[tag]


def elements_in(dataset: Dataset) -> Iterator[DataElement]:
    """Yield every element in the order of tags, as iterating over the data set does."""
    for tag in tags_of(dataset):
        found = dataset._dict[tag]
        yield found if isinstance(found, DataElement) else dataset[tag]


def tags_of(dataset: Dataset) -> list[BaseTag]:
    """Return the tags of a data set in their order."""
    return sorted(dataset._dict, key=int)


def converted_at(dataset: Dataset, tag: BaseTag) -> DataElement:
    """Return what ``dataset[tag]`` returns, and keep it in the data set in its converted form, as that does.

    Of elements with a plain VR the questions are not asked that only others raise (deferred values,
    sequences, one of two VRs).

    Raises
    ------
    KeyError
        If there is no such element; and whatever pydicom raises on a value that cannot be converted.
    """
    raw = dataset._dict[tag]
    if not isinstance(raw, RawDataElement):
        return raw
    vr = _plain_vr(int(tag), raw.VR)
    if raw.value is None or not vr or _is_customised():
        return dataset[tag]
    try:
        value = convert_value(vr, raw, dataset.original_character_set or dataset._character_set)
    except BytesLengthException:
        return dataset[tag]
    element = DataElement(raw.tag, vr, value, raw.value_tell, already_converted=True)
    creator = tag & 0xFFFF0000 | (tag & 0xFF00) >> 8
    if tag >> 16 & 1 and creator in dataset._dict:
        element.private_creator = converted_at(dataset, BaseTag(creator)).value
    dataset._dict[tag] = element
    return element


@lru_cache(maxsize=16384)
def _plain_vr(tag: int, vr: str | None) -> str:
    """Return the VR in the file, or else the standard's, where it says all there is to know."""
    if tag == _CHARACTER_SET or tag >> 16 & 1 and (vr is None or tag & 0xFFFF < _FIRST_OF_A_BLOCK):
        return ""
    try:
        found = vr or dictionary_VR(tag)
    except KeyError:
        return ""
    return found if found in _PLAIN else ""


def _is_customised() -> bool:
    """Tell whether whoever uses pydicom beside us has told it to convert in another way."""
    default = hooks.raw_element_vr is raw_element_vr and hooks.raw_element_value is raw_element_value
    return config.data_element_callback is not None or not default
