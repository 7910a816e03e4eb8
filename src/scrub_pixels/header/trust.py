"""Whether an element that the profile keeps is what its tag says it is.

A value may hide in a wrong VR, in more values than the attribute can have, or in text that its VR
forbids. What is not plausible for its tag is not kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement

from scrub_pixels.header.reading import values_of

STRICT = MappingProxyType(
    {
        "CS": re.compile(r"[A-Z0-9 _]{0,16}"),
        "AE": re.compile(r"[\x20-\x5b\x5d-\x7e]{0,16}"),
        "AS": re.compile(r"\d{3}[DWMY]|"),
        "DA": re.compile(r"\d{8}|"),
        "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?|"),
        "DT": re.compile(r"\d{4,14}(\.\d{1,6})?([+-]\d{4})?|"),
        "DS": re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|"),
        "IS": re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|"),  # "4.0" is wrong but no secret
        "UI": re.compile(r"[0-9.]{0,64}"),
    }
)
"""What values of these VRs look like (PS3.5 6.2); such a value is a code or a figure, not prose."""

TEXT = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "UR", "PN"})
_STRINGS = TEXT | frozenset(STRICT)
_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
_BYTES = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_CHARACTER_SET = 0x00080005
_CHARACTER_SETS = re.compile(r"(ISO[ _-]?(IR|2022)[ _-]?(IR[ _-]?)?\d{1,3}|GB18030|GBK|)")
"""Defined terms of PS3.3 C.12.1.1.2, with the misspellings that pydicom understands."""


@lru_cache(maxsize=8192)
def expected(tag: int) -> tuple[frozenset[str], int]:
    """Return the VRs a standard tag may have, and how many numbers it may hold (0: any).

    No VR at all for the rows of Table E.1-1 that pydicom's dictionary lacks.
    """
    if not dictionary_has_tag(tag):
        return frozenset(), 0
    multiplicity = dictionary_VM(tag)
    return frozenset(dictionary_VR(tag).split(" or ")), int(multiplicity) if multiplicity.isdigit() else 0


def is_plausible(element: DataElement) -> bool:
    """Tell whether an element of the standard may be kept under its tag."""
    vrs, count = expected(int(element.tag))
    if not vrs:
        return element.VR != "UN"
    if element.tag == _CHARACTER_SET:
        return all(_CHARACTER_SETS.fullmatch(str(value).strip()) for value in values_of(element))
    if element.VR in _NUMBERS:
        return bool(vrs & _NUMBERS or vrs & {"OW", "OB"}) and _few_enough(element, count)
    if element.VR in _STRINGS:
        return _spelt_as(element, vrs & _STRINGS)
    return bool(vrs & _BYTES) if element.VR in _BYTES else " or " in element.VR or element.VR in vrs


def _few_enough(element: DataElement, count: int) -> bool:
    return not count or len(values_of(element)) <= count


def _spelt_as(element: DataElement, vrs: frozenset[str]) -> bool:
    """Tell whether text is allowed here: any where prose is expected, else what the VR prescribes."""
    if vrs & TEXT or not vrs:
        return bool(vrs)
    patterns = [STRICT[vr] for vr in vrs if vr in ("DS", "IS", "UI", "AS")]
    return all(p.fullmatch(spelling(value)) for p in patterns for value in values_of(element))


def spelling(value: object) -> str:
    """Return a value as it would be written, without padding."""
    return str(getattr(value, "original_string", None) or value).strip(" \0")


def is_code(element: DataElement) -> bool:
    """Tell whether every value is what its strict VR prescribes, so that it is no prose."""
    pattern = STRICT.get(element.VR)
    return pattern is not None and all(pattern.fullmatch(spelling(value)) for value in values_of(element))
