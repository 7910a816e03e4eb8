"""Retain Safe Private (PS3.15 E.3.10) by the TCIA list: private elements known to be safe stay, cleaned.

An element is known by its creator's value, its group and the low byte of its number; the block it
stands in may differ from file to file. Its creator element stays with it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from scrub_pixels.header.actions import VERBS, Place, Scene
from scrub_pixels.header.options import Option
from scrub_pixels.header.reading import copied, element_at
from scrub_pixels.header.table import TABLES
from scrub_pixels.header.trust import STRICT, TEXT, is_code

_NUMBERS = frozenset(
    {"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OB", "OW", "OF", "OD", "OL", "OV"}
)
_MOVED = frozenset({"DA", "DT"})
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Safe:
    """One entry of the list: the VR an element must have, and what happens to it."""

    vr: str
    disposition: str


@lru_cache(maxsize=1)
def safe_elements() -> MappingProxyType[tuple[str, int, int], Safe]:
    """Return the TCIA list: ``(creator, group, low byte) -> Safe``."""
    lines = (TABLES / "private_tcia.csv").read_text().splitlines()[1:]
    return MappingProxyType(
        {
            (_creator(row["creator"]), int(row["group"], 16), int(row["element"], 16)): Safe(
                row["vr"], row["disposition"]
            )
            for row in csv.DictReader(lines)
        }
    )


def _creator(value: object) -> str:
    return " ".join(str(value).strip(" \0").upper().split())


def is_creator(tag: int) -> bool:
    """Tell whether a private tag reserves a block (PS3.5 7.8.1)."""
    return 0x10 <= tag & 0xFFFF <= 0xFF


def entry_for(tag: int, source: Dataset) -> Safe | None:
    """Return what the list says of a private element of a data set."""
    if tag & 0xFFFF < 0x1000:
        return None
    creator = element_at(source, tag & 0xFFFF0000 | (tag & 0xFF00) >> 8)
    if creator is None or not isinstance(creator.value, str):
        return None
    return safe_elements().get((_creator(creator.value), tag >> 16, tag & 0xFF))


def retained(place: Place, safe: Safe, scene: Scene) -> DataElement | None:
    """Return a private element that is no sequence as it may stay, or None."""
    element = place.element
    if element is None or not _is_as_listed(element, safe):
        return None
    if safe.disposition == "uid" or element.VR == "UI":
        return VERBS["U"](place, scene) if element.VR == "UI" else None
    if safe.disposition == "date" or element.VR in _MOVED:
        return _moved(place, element, scene)
    return copied(element)


def _is_as_listed(element: DataElement, safe: Safe) -> bool:
    """Tell whether an element has the VR of the list, or none, and a value of that kind."""
    if element.VR in _NUMBERS or element.VR == "UN":
        size = len(element.value) if isinstance(element.value, bytes) else 0
        return size <= _LARGEST and (
            element.VR == safe.vr or bool({element.VR, safe.vr} & {"UN", "OB", "OW"})
        )
    if element.VR == "PN" or element.VR != safe.vr:
        return False
    return element.VR in TEXT or (element.VR in STRICT and is_code(element))


def _moved(place: Place, element: DataElement, scene: Scene) -> DataElement | None:
    """Return a private date as the options treat any other date."""
    if Option.RETAIN_FULL_DATES in scene.profile:
        return copied(element)
    if Option.RETAIN_MODIFIED_DATES in scene.profile and element.VR in _MOVED:
        return VERBS["C"](place, scene)
    return None


def creators_of(kept: dict[BaseTag, DataElement], source: Dataset) -> dict[BaseTag, DataElement]:
    """Return the creator elements of the private blocks that something is kept of."""
    wanted = {t & 0xFFFF0000 | (t & 0xFF00) >> 8 for t in kept if t >> 16 & 1 and not is_creator(t)}
    found = (element_at(source, tag) for tag in wanted)
    return {element.tag: copied(element) for element in found if element is not None}
