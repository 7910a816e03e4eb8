"""What the profile leaves of every attribute, told from its table alone; nothing else may stand there.

The search for identifiers finds what is known to identify. This finds what has no business in a
released file whatever it says: a date, a UID, a note or a name that nobody could have recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.frames.elements import element_of
from scrub_pixels.header import Profile, ProjectKey
from scrub_pixels.header.actions import named
from scrub_pixels.header.dummies import is_dummy
from scrub_pixels.header.keys import is_standard
from scrub_pixels.header.marks import METHOD_OF_RECIPE
from scrub_pixels.header.reading import ODD_DATA, shallow, values_of
from scrub_pixels.header.table import code_for, is_free_text
from scrub_pixels.header.trust import spelling
from scrub_pixels.run.verify.remarks import Mark, Remark, passed_or

CHECK = "profile"
UNDER_RECIPE = "a recipe, which is not followed here, says what may stand in it"

_REMADE, _NO_UID = "2.25.", "2.25.0"
_IDENTITY = (0x00100010, 0x00100020)
_CAPPED = "090Y"
_META = frozenset(range(0x00020000, 0x00020004)) | {0x00020010, 0x00020012, 0x00020013}
"""File Meta Information that a run writes; all else in group 0002 says where a file came from."""
_OURS = frozenset(
    tag_for_keyword(keyword) or 0
    for keyword in (
        *("SpecificCharacterSet", "SOPClassUID", "PhotometricInterpretation", "PlanarConfiguration"),
        *("NumberOfFrames", "LossyImageCompression", "LossyImageCompressionRatio"),
        *("LossyImageCompressionMethod", "BurnedInAnnotation", "DeidentificationMethod"),
        *("DeidentificationMethodCodeSequence", "PatientIdentityRemoved"),
        *("LongitudinalTemporalInformationModified", "PixelData", "ExtendedOffsetTable"),
        *("ExtendedOffsetTableLengths", "FloatPixelData", "DoubleFloatPixelData", "IconImageSequence"),
    )
)
"""Attributes that a run writes from evidence, and pixels; other checks look at them."""


@dataclass(frozen=True)
class Rules:
    """By what the attributes of one output are judged.

    Parameters
    ----------
    profile
        Under which it was released.
    pseudonym
        The new Patient ID on record.
    key
        Of the run, if it is at hand.
    """

    profile: Profile
    pseudonym: str = field(repr=False)
    key: ProjectKey | None = field(default=None, repr=False)

    def code(self, tag: int) -> str:
        """Return the action code of a tag: that of the table, or what takes free text out besides."""
        code = code_for(tag, self.profile.options)
        return "X/Z/D" if self.profile.no_free_text and code == "K" and is_free_text(tag) else code


def by_profile(after: Dataset, before: Dataset | None, rules: Rules) -> list[Remark]:
    """Judge every attribute of an output by the row of its profile, and by the input's if it is at hand.

    Parameters
    ----------
    after, before
        An output and its input, as they were opened; not changed.
    rules
        Profile, pseudonym and key.
    """
    if rules.profile.recipe is not None or METHOD_OF_RECIPE in str(after.get("DeidentificationMethod", "")):
        return [Remark(CHECK, Mark.SKIPPED, UNDER_RECIPE)]
    try:
        faults = dict.fromkeys([*_meta(after), *_level(after, rules), *_beside_input(after, before, rules)])
    except ODD_DATA:
        faults = {"an element that cannot be read": None}
    return passed_or(CHECK, faults)


def _meta(after: Dataset) -> Iterator[str]:
    meta = getattr(after, "file_meta", Dataset())
    for tag in set(meta.keys()) - _META:
        yield f"{named(tag)} is not written by a run"
    if meta.get("MediaStorageSOPInstanceUID") != after.get("SOPInstanceUID"):
        yield f"{named(0x00020003)} is not the SOP Instance UID"


def _level(level: Dataset, rules: Rules) -> Iterator[str]:
    """Yield what is wrong with the elements of one data set or item, and of the items in it."""
    for tag in list(level.keys()):
        if not _is_drawn(tag) and tag not in _OURS:
            yield from _judged(element_of(level, tag), rules)


def _is_drawn(tag: int) -> bool:
    """Tell whether a tag is of an overlay or a curve: what stands beside the frames is another check."""
    return tag >> 24 in (0x50, 0x60)


def _judged(element: DataElement, rules: Rules) -> Iterator[str]:
    tag, code = int(element.tag), rules.code(element.tag)
    if tag >> 16 & 1 and code != "X":
        return  # Retain Safe Private: a list decides, and the search for identifiers
    if element.VR == "SQ" and (code in "KC" or "U" in code):
        for item in element.value or ():
            yield from _level(item, rules)
    elif code == "U" or ("U" in code and element.VR == "UI"):
        yield from _remade(element, rules)
    elif code not in "KC" and not _is_replaced(element, rules):
        yield f"{named(tag)} holds what the profile removes or replaces"


def _is_replaced(element: DataElement, rules: Rules) -> bool:
    """Tell whether an element is empty, a dummy, or the pseudonym where that belongs."""
    is_pseudonym = element.tag in _IDENTITY and str(element.value) == rules.pseudonym
    return is_pseudonym or is_dummy(element)


def _remade(element: DataElement, rules: Rules) -> Iterator[str]:
    if not all(_is_new(spelling(uid), rules.key) for uid in values_of(element)):
        yield f"{named(element.tag)} holds a UID that was not made anew"


def _is_new(uid: str, key: ProjectKey | None) -> bool:
    made = key.made_uid(uid) if key is not None else uid.startswith(_REMADE)
    return made or uid in ("", _NO_UID) or is_standard(uid)


def _beside_input(after: Dataset, before: Dataset | None, rules: Rules) -> Iterator[str]:
    """Yield attributes that the input has not, or has with another value though the profile keeps it."""
    if before is None:
        return
    given = shallow(before)
    again = str(given.get("PatientID") or "") == rules.pseudonym
    if given.get("LossyImageCompression") == "01" != after.get("LossyImageCompression"):
        yield f"{named(0x00282110)} no longer says that the input was compressed with loss"
    for tag in list(after.keys()):
        if tag in _OURS or tag >> 16 & 1 or _is_drawn(tag):
            continue
        element, code = element_of(after, tag), rules.code(tag)
        if tag not in given:
            if code in "KC" and not is_dummy(element):
                yield f"{named(tag)} stands in no input"
        elif element.VR != "SQ":
            yield from _compared(element, given[tag], code, again)


def _compared(element: DataElement, given: DataElement, code: str, again: bool) -> Iterator[str]:
    same, tag = _spelt(element) == _spelt(given), int(element.tag)
    if code == "K" and not same and not is_dummy(element) and _CAPPED not in _spelt(element):
        yield f"{named(tag)} is kept by the profile, but not as it was"
    if code == "U" and same and not again and any(not is_standard(uid) for uid in _spelt(element)):
        yield f"{named(tag)} holds the UID of the input"


def _spelt(element: DataElement) -> list[str]:
    """Return values in a form in which what is written alike is alike."""
    if isinstance(element.value, bytes):
        return [element.value.rstrip(b"\0").hex()]
    return [spelling(value) for value in values_of(element)]

