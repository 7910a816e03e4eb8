"""Dummy values that every VR allows (PS3.5 6.2), and elements built from them."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from scrub_pixels.header.iod_types import IodTypes, Path
from scrub_pixels.header.reading import values_of
from scrub_pixels.header.table import HARMLESS, row_for

WORD = "REMOVED"
"""What stands for a text that has to be there; ASCII, and valid in CS, AE, SH and all longer VRs."""

DATE, TIME = "20000101", "000000"

_VALUES = MappingProxyType(
    {
        **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), WORD),
        "UR": "urn:removed", "AS": "000Y", "DA": DATE, "DT": DATE + TIME, "TM": TIME, "DS": "0", "IS": "0",
        **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "AT"), 0),
        **dict.fromkeys(("FL", "FD"), 0.0),
        **dict.fromkeys(("OB", "UN"), b"\0\0"), "OW": b"\0\0",
        **dict.fromkeys(("OF", "OL"), bytes(4)), **dict.fromkeys(("OD", "OV"), bytes(8)),
    }
)  # fmt: skip

_CODED = ((0x00080100, WORD), (0x00080102, "99REMOVED"), (0x00080104, WORD))
"""Code Value, Coding Scheme Designator and Code Meaning of a dummy code (PS3.3 8.8)."""

_EITHER_OR = MappingProxyType({0x0040B020: (0x00700006,), 0x00700001: (0x00700008,)})
"""Sequence -> what its dummy item holds where the standard asks for one of several: Unformatted Text
Value in a Waveform Annotation (PS3.3 C.10.10), a Text Object in a Graphic Annotation (C.10.5)."""

_CLASS = "1.2.840.10008.5.1.4.1.1.66"
"""Raw Data Storage: a SOP Class that says nothing."""

_SPOKEN = frozenset({WORD, "99REMOVED", _CLASS, "2.25.0", "121106", "DCM", "Comment", "CONTAINS", "TEXT"})
"""Everything that dummy items say."""

_CODE_MEANING, _CONTENT_SEQUENCE, _VALUE_TYPE = 0x00080104, 0x0040A730, 0x0040A040


_OF_THEIR_OWN = frozenset({"SQ", "PN", "DS", "IS"})
"""VRs whose values pydicom has types of its own for."""


def standard_vr(tag: int, found: str = "") -> str:
    """Return the VR to write a tag in: the standard's; of several, the one found or the first."""
    try:
        allowed = dictionary_VR(tag).split(" or ")
    except KeyError:
        return found or "UN"
    return found if found in allowed else allowed[0]


def empty(tag: int, vr: str) -> DataElement:
    """Return a zero-length element."""
    if vr in _OF_THEIR_OWN:
        return DataElement(tag, vr, Sequence() if vr == "SQ" else None)
    return DataElement(BaseTag(tag), vr, None, already_converted=True)


def made(tag: int, vr: str, value: object) -> DataElement:
    """Return an element whose value is known to be valid, without pydicom checking it again."""
    if vr == "UI" and isinstance(value, str):
        value = str.__new__(UID, value)
    elif vr in _OF_THEIR_OWN or vr == "UI":
        return DataElement(tag, vr, value)
    return DataElement(BaseTag(tag), vr, value, already_converted=True)


def dummy(tag: int, vr: str, path: Path, types: IodTypes) -> DataElement:
    """Return an element with a dummy value; a sequence gets one item with its Type 1 and 2 children."""
    if vr == "SQ":
        return DataElement(tag, vr, Sequence([_item((*path, tag), types)]))
    if vr == "UI":
        return DataElement(tag, vr, _CLASS if row_for(tag) is HARMLESS else "2.25.0")
    value, count = _VALUES.get(vr, WORD), _fewest(tag)
    return made(tag, vr, value if count == 1 or isinstance(value, bytes) else [value] * count)


def is_dummy(element: DataElement) -> bool:
    """Tell whether an element holds nothing, or nothing but what `dummy` writes."""
    if element.VR == "SQ":
        return all(is_dummy(inner) for item in element.value or () for inner in item)
    plain = str(_VALUES.get(element.VR, WORD))
    return all(str(value) in ("", plain) or str(value) in _SPOKEN for value in values_of(element))


def _fewest(tag: int) -> int:
    """Return the smallest Value Multiplicity of a tag (PS3.6)."""
    try:
        return max(1, int(dictionary_VM(tag).partition("-")[0]))
    except (KeyError, ValueError):
        return 1


def _item(path: Path, types: IodTypes) -> Dataset:
    """Return a dummy item: nothing of the original goes into it."""
    item = Dataset()
    required = types.required(path)
    if path[-1] == _CONTENT_SEQUENCE or _VALUE_TYPE in required:
        return _content_item(in_tree=path[-1] == _CONTENT_SEQUENCE)
    for tag, kind in required.items():
        vr = standard_vr(tag)
        item[tag] = dummy(tag, vr, path, types) if kind == 1 else empty(tag, vr)
    for tag in _EITHER_OR.get(path[-1], ()):
        item[tag] = dummy(tag, standard_vr(tag), path, types)
    if _CODE_MEANING in required or not required:
        _add(item, _CODED)
    return item


def _content_item(in_tree: bool) -> Dataset:
    """Return the one text that stands for a whole content tree (PS3.3 C.17.3) or context (10.2)."""
    item, name = Dataset(), Dataset()
    _add(name, ((0x00080100, "121106"), (0x00080102, "DCM"), (0x00080104, "Comment")))
    _add(item, ((0x0040A010, "CONTAINS"),) if in_tree else ())
    _add(item, ((_VALUE_TYPE, "TEXT"), (0x0040A160, WORD)))
    item.ConceptNameCodeSequence = [name]
    return item


def _add(item: Dataset, values: Iterable[tuple[int, str]]) -> None:
    for tag, value in values:
        item.add_new(tag, dictionary_VR(tag), value)
