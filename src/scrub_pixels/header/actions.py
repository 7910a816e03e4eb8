"""The verbs: what each action code of PS3.15 Table E.1-1a does to one element.

A verb takes an element (its value may be unreadable, then it is None), where it stands, and the
Scene; it returns the element to write, or None to leave it out. Verbs never change what they get.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement

from scrub_pixels.header.dates import UnparsableDate, capped_age, shifted
from scrub_pixels.header.descriptors import cleaned
from scrub_pixels.header.dummies import dummy, empty, made, standard_vr
from scrub_pixels.header.iod_types import IodTypes, Path, resolved
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.header.needles import Needles
from scrub_pixels.header.options import Option, Profile
from scrub_pixels.header.reading import copied, values_of
from scrub_pixels.header.recipe_match import Script
from scrub_pixels.header.table import HARMLESS, code_for, is_free_text, row_for
from scrub_pixels.header.trust import is_plausible

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


@dataclass(frozen=True)
class Subject:
    """Whom this Instance is about: the pseudonym, and the days by which dates move."""

    pseudonym: str
    days: int


@dataclass(frozen=True)
class Tally:
    """What was done, counted, and what was odd, free of PHI.

    Parameters
    ----------
    actions
        How often each code was carried out.
    warnings
        Oddities, in order, each once.
    uids
        Old and new UIDs. Never part of the repr.
    weakened, overruled
        Lines of a recipe that keep what Basic removes, and options whose cleaning they undo.
    """

    actions: Counter = field(default_factory=Counter)
    warnings: dict[str, None] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict, repr=False)
    weakened: dict[int, None] = field(default_factory=dict)
    overruled: set[Option] = field(default_factory=set)

    def warn(self, tag: int, what: str) -> None:
        """Note something odd about an attribute once."""
        self.warnings[f"{named(tag)}: {what}"] = None


@dataclass(frozen=True)
class Scene:
    """Everything a verb may look at besides the element itself."""

    profile: Profile
    key: ProjectKey = field(repr=False)
    subject: Subject
    types: IodTypes = field(repr=False)
    needles: Needles = field(repr=False)
    tally: Tally = field(repr=False)
    script: Script | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Place:
    """An element, and where it stands.

    Parameters
    ----------
    tag
        Its tag.
    path
        The sequences around it.
    element
        The element; None if its value cannot be read.
    """

    tag: int
    path: Path
    element: DataElement | None = field(repr=False)

    @property
    def vr(self) -> str:
        """The VR to write: the standard's, whatever the file says."""
        return standard_vr(self.tag, self.element.VR if self.element is not None else "")


Verb = Callable[[Place, Scene], "DataElement | None"]


def named(tag: int) -> str:
    """Return ``(gggg,eeee) Keyword``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()


def simple_code(tag: int, path: Path, profile: Profile, types: IodTypes) -> str:
    """Return the simple code for an attribute: table, options, Type in the IOD."""
    return _simple_code(int(tag), path, profile.options, profile.no_free_text, types)


@lru_cache(maxsize=65536)
def _simple_code(
    tag: int, path: Path, options: frozenset[Option], no_free_text: bool, types: IodTypes
) -> str:
    code = code_for(tag, options)
    if len(code) > 1 or code == "Z":
        code = resolved(code, types.of(path, tag))
    if no_free_text and code == "K" and is_free_text(tag):
        return resolved("X/Z/D", types.of(path, tag))
    return code


def code_at(place: Place, scene: Scene) -> str:
    """Return the simple code for an element under the profile."""
    return simple_code(place.tag, place.path, scene.profile, scene.types)


def basic_code_at(place: Place, scene: Scene) -> str:
    """Return the simple code of the Basic Profile alone, for what an option could not clean."""
    code = row_for(place.tag).basic
    return resolved("X/Z/D" if code in "KU" else code, scene.types.of(place.path, place.tag))


def remove(place: Place, scene: Scene) -> None:
    """X: leave the attribute out; a sequence is not even read."""
    return None


def blank(place: Place, scene: Scene) -> DataElement:
    """Z: zero length. Patient's Name and ID at the top get the pseudonym, which Z allows."""
    if not place.path and place.tag in (PATIENT_NAME, PATIENT_ID):
        return DataElement(place.tag, place.vr, scene.subject.pseudonym)
    return empty(place.tag, place.vr)


def substitute(place: Place, scene: Scene) -> DataElement:
    """D: a dummy that the VR allows; empty stays empty only where nothing has to be there."""
    if place.tag in (PATIENT_NAME, PATIENT_ID):
        return blank(Place(place.tag, (), place.element), scene)
    return dummy(place.tag, place.vr, place.path, scene.types)


def remap(place: Place, scene: Scene) -> DataElement | None:
    """U: a consistent new UID per value."""
    if place.element is None or place.element.VR not in ("UI", "UN", "LO", "SH", "UC"):
        scene.tally.warn(place.tag, "is no UID; removed")
        return None
    old = [text for text in map(_text, values_of(place.element)) if text]
    new = [scene.key.new_uid(uid) for uid in old]
    scene.tally.uids.update((a, b) for a, b in zip(old, new, strict=True) if a != b)
    return made_text(place.tag, "UI", new)


def made_text(tag: int, vr: str, values: list[str]) -> DataElement:
    """Return an element with these values; empty if there are none."""
    return made(tag, vr, values[0] if len(values) == 1 else values or None)


def _text(value: object) -> str:
    """Return a value as text; bytes of a UN element too."""
    return (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip(" \0")


def keep(place: Place, scene: Scene) -> DataElement | None:
    """K: as it is, if it is plausible for its tag; but nobody is older than 90 years."""
    element = place.element
    if element is None or (element.tag in _PIXELS and place.path):
        scene.tally.warn(place.tag, "cannot be read where it stands; removed")
        return None
    if element.tag not in _PIXELS and not is_plausible(element):
        scene.tally.warn(place.tag, "does not hold what its tag says; removed")
        return None
    return clean(place, scene) if element.VR == "AS" else copied(element)


def clean(place: Place, scene: Scene) -> DataElement | None:
    """C: by kind of value. What cannot be cleaned with certainty gets its Basic code."""
    element = place.element
    cleaner = _CLEANERS.get(element.VR) if element is not None else None
    if element is None or cleaner is None:
        return _as_basic(place, scene)
    try:
        values = [cleaner(_text(value), element.VR, scene) for value in values_of(element)]
    except UnparsableDate:
        scene.tally.warn(place.tag, "is no valid date, time or age; its Basic code applies")
        return _as_basic(place, scene)
    if values and not any(values):
        return _as_basic(place, scene)
    return made_text(place.tag, element.VR, values)


def _as_basic(place: Place, scene: Scene) -> DataElement | None:
    return VERBS[basic_code_at(place, scene)](place, scene)


def _move(text: str, vr: str, scene: Scene) -> str:
    return shifted(text, vr, scene.subject.days) if text else ""


def _cap(text: str, vr: str, scene: Scene) -> str:
    return capped_age(text) if text else ""


def _describe(text: str, vr: str, scene: Scene) -> str:
    return cleaned(text, scene.needles)


def _as_found(text: str, vr: str, scene: Scene) -> str:
    return text


_CLEANERS: MappingProxyType[str, Callable[[str, str, Scene], str]] = MappingProxyType(
    {
        **dict.fromkeys(("DA", "DT", "TM"), _move),
        "AS": _cap,
        **dict.fromkeys(("LO", "SH", "LT", "ST", "UT", "UC", "UR", "AE"), _describe),
        **dict.fromkeys(("CS", "DS"), _as_found),
    }
)

VERBS: MappingProxyType[str, Verb] = MappingProxyType(
    {"X": remove, "Z": blank, "D": substitute, "U": remap, "K": keep, "C": clean}
)


def is_harmless(tag: int) -> bool:
    """Tell whether an attribute is not listed and of no identifying kind."""
    return row_for(tag) is HARMLESS
