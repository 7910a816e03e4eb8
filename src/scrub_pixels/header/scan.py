"""The last look: every text that is kept, compared with the identifiers of the original."""

from __future__ import annotations

import json
import re
import struct
from functools import lru_cache
from types import MappingProxyType

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.errors import HeaderNotClean
from scrub_pixels.frames.elements import element_of
from scrub_pixels.header.actions import VERBS, Place, Scene, named
from scrub_pixels.header.iod_types import Path, resolved
from scrub_pixels.header.keys import is_standard
from scrub_pixels.header.private import is_creator
from scrub_pixels.header.reading import values_of
from scrub_pixels.header.table import CODED, HARMLESS, TABLES, row_for
from scrub_pixels.header.trust import TEXT, is_code, spelling

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_BYTES = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
_LARGEST = 1 << 20
_SPELLING = re.compile(rb"[ -~]{6}|([ -~]\0){6}")
"""What bytes hold that spell anything `Needles.in_bytes` looks for; hardly any numbers do."""
_FORMATS = MappingProxyType(
    {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "H"}
)
_SHORTEST_IN_CODE = 4
_ID_IN_CODE = re.compile(r"(?=.*\d.*\d.*\d)[A-Z0-9_ ]{5,16}")


def blank_survivors(dataset: Dataset, scene: Scene) -> None:
    """Take identifiers out of a de-identified data set, in place, and look again.

    Raises
    ------
    HeaderNotClean
        If one is still there.
    """
    if _sweep(dataset, (), scene):
        left = _sweep(dataset, (), scene)
        if left:
            raise HeaderNotClean(
                "An identifier of the original survived de-identification.",
                stage="header",
                tag=named(left[0]),
                remedy="Remove the attribute from the input, or report the file.",
            )


def survivors(dataset: Dataset, scene: Scene) -> list[int]:
    """Return the tags of elements that hold an identifier, at every depth; nothing is changed."""
    found: list[int] = []
    for tag in list(dataset.keys()):
        element = element_of(dataset, tag)
        if element.VR == "SQ":
            found += [hit for item in element.value or () for hit in survivors(item, scene)]
        elif not _is_exempt(tag) and _holds(element, scene):
            found.append(int(tag))
    return found


def _sweep(dataset: Dataset, path: Path, scene: Scene) -> list[int]:
    """Replace every element that holds an identifier; return their tags."""
    found = []
    for tag in list(dataset.keys()):
        element = element_of(dataset, tag)
        if element.VR == "SQ":
            found += [hit for item in element.value for hit in _sweep(item, (*path, tag), scene)]
        elif not _is_exempt(tag) and _holds(element, scene):
            found.append(tag)
            _replace(dataset, Place(tag, path, element), scene)
    return found


def _is_exempt(tag: BaseTag) -> bool:
    """Tell whether a value comes from a dictionary (codes, listed private creators) or is pixels."""
    return tag in CODED or tag in _PIXELS or (tag.is_private and is_creator(tag))


def _holds(element: DataElement, scene: Scene) -> bool:
    """Tell whether an element holds an identifier, as far as its VR can."""
    if element.VR in _BYTES:
        value = element.value
        return isinstance(value, bytes) and len(value) <= _LARGEST and scene.needles.in_bytes(value)
    if element.VR in _FORMATS:
        return any(map(scene.needles.in_bytes, _spelt_in_numbers(element)))
    if element.VR == "CS" and is_code(element):
        return any(_is_hidden_name(v, scene) for v in map(spelling, values_of(element)))
    if element.VR == "UI" and row_for(element.tag) is HARMLESS:
        return any(
            scene.needles.hit(uid) for uid in map(spelling, values_of(element)) if _is_foreign_uid(uid)
        )
    if element.VR not in _TYPED and (element.VR not in _PROSE_IF_INVALID or is_code(element)):
        return False
    return any(scene.needles.hit(text) for text in map(spelling, values_of(element)) if _foreign(text, scene))


def _spelt_in_numbers(element: DataElement) -> list[bytes]:
    """Return the bytes of several numbers, in both orders: text may stand where numbers belong."""
    values = values_of(element)
    if not 1 < len(values) <= _LARGEST:
        values = values if element.VR in ("FD", "SV", "UV") else []
    if element.VR == "AT":  # group and element are two numbers in a file
        values = [number for tag in values for number in (int(tag) >> 16, int(tag) & 0xFFFF)]
    try:
        packed = [struct.pack(f"{order}{len(values)}{_FORMATS[element.VR]}", *values) for order in "<>"]
    except (struct.error, TypeError, OverflowError):
        return []
    return [content for content in packed if _SPELLING.search(content)]


def _is_hidden_name(code: str, scene: Scene) -> bool:
    """Tell whether a coded value is an identifier in disguise.

    A patient named Ct must not erase Modality CT: of names, only words of four letters and more count
    that are no technical terms.
    """
    if _ID_IN_CODE.fullmatch(code):
        return scene.needles.hit(code)
    terms = load_vocabulary(()).words
    words = {word for word in tokens(fold(code)) if len(word) >= _SHORTEST_IN_CODE and word not in terms}
    return not words.isdisjoint(scene.needles.words) or scene.needles.is_run_together(code)


def _is_foreign_uid(uid: str) -> bool:
    """Tell whether a UID is neither ours nor DICOM's: a private class, which may be made of numbers."""
    return not uid.startswith("2.25.") and not is_standard(uid)


_TYPED = TEXT | {"AE"}
"""What anybody may have typed; of an AE its VR forbids hardly anything."""
_PROSE_IF_INVALID = frozenset({"CS", "AE", "AS", "DA", "TM", "DT", "DS", "IS", "UI"})


def _foreign(text: str, scene: Scene) -> bool:
    """Tell whether a value is neither our pseudonym nor the plain name of a maker of equipment."""
    return text != scene.subject.pseudonym and text.casefold() not in vendors()


@lru_cache(maxsize=1)
def vendors() -> frozenset[str]:
    """Return the names of makers of equipment, in lower case."""
    return frozenset(json.loads((TABLES / "vendors.json").read_text())["vendors"])


def _replace(dataset: Dataset, place: Place, scene: Scene) -> None:
    """Remove the element, or blank or replace it where its Type demands that."""
    scene.tally.warn(place.tag, "held an identifier of the original; replaced")
    element = VERBS[resolved("X/Z/D", scene.types.of(place.path, place.tag))](place, scene)
    if element is None:
        del dataset[place.tag]
    else:
        dataset[place.tag] = element
