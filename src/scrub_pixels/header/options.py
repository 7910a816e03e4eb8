"""The profile and its options, as CID 7050 names them (PS3.16), and the named presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from scrub_pixels.errors import UsageError
from scrub_pixels.header.crosswalk import Assignment, Assignments
from scrub_pixels.header.recipe import Recipe

BASIC_CODE = ("113100", "Basic Application Confidentiality Profile")
"""CID 7050, scheme DCM: the profile that every run starts from."""


class Option(Enum):
    """An option of the Basic Application Level Confidentiality Profile (PS3.15 E.3, CID 7050).

    The value is ``(Code Value, Code Meaning, column of Table E.1-1 or "")``.
    """

    CLEAN_PIXEL_DATA = ("113101", "Clean Pixel Data Option", "")
    CLEAN_VISUAL_FEATURES = ("113102", "Clean Recognizable Visual Features Option", "")
    CLEAN_GRAPHICS = ("113103", "Clean Graphics Option", "clean_graphics")
    CLEAN_STRUCTURED_CONTENT = ("113104", "Clean Structured Content Option", "clean_structured_content")
    CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option", "clean_descriptors")
    RETAIN_FULL_DATES = (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
        "retain_longitudinal_full_dates",
    )
    RETAIN_MODIFIED_DATES = (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
        "retain_longitudinal_modified_dates",
    )
    RETAIN_PATIENT_CHARACTERISTICS = (
        "113108",
        "Retain Patient Characteristics Option",
        "retain_patient_characteristics",
    )
    RETAIN_DEVICE_IDENTITY = ("113109", "Retain Device Identity Option", "retain_device_identity")
    RETAIN_UIDS = ("113110", "Retain UIDs Option", "retain_uids")
    RETAIN_SAFE_PRIVATE = ("113111", "Retain Safe Private Option", "retain_safe_private")
    RETAIN_INSTITUTION_IDENTITY = (
        "113112",
        "Retain Institution Identity Option",
        "retain_institution_identity",
    )

    @property
    def code(self) -> str:
        """Code Value in CID 7050."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """Code Meaning in CID 7050."""
        return self.value[1]

    @property
    def column(self) -> str:
        """Key of the option's column in the shipped Table E.1-1; empty if it has none."""
        return self.value[2]


_EXCLUSIVE = (Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES)


@dataclass(frozen=True)
class Profile:
    """The Basic Profile with chosen options (PS3.15 Annex E).

    Parameters
    ----------
    name
        How reports call it.
    options
        The options; none is the Basic Profile alone.
    faces_absent
        True where whoever chose the profile vouches that no face can be recognised or rebuilt from
        the images. Nothing here defaces, so only then may Clean Recognizable Visual Features be chosen.
    pseudonyms
        Pseudonyms chosen by the user, by Patient ID: an `Assignment`, or the pseudonym alone.
        Never part of the repr.
    refuse_unassigned
        True to refuse patients whom `pseudonyms` does not name; else they get a keyed pseudonym.
    no_free_text
        True to keep no text that anybody could have typed (LO, SH, LT, ST, UT, UC, UR, AE), not even
        where Table E.1-1 has nothing against it: it is removed, emptied or replaced by Type. What
        stays is codes, numbers, and UIDs made anew.
    recipe
        The user's own rules; they go before the options. Never part of the repr.

    Raises
    ------
    UsageError
        If options exclude each other, or one is asked for that cannot be carried out.
    """

    name: str = "basic"
    options: frozenset[Option] = frozenset()
    faces_absent: bool = False
    pseudonyms: Mapping[str, Assignment | str] = field(default_factory=dict, repr=False, hash=False)
    refuse_unassigned: bool = False
    no_free_text: bool = False
    recipe: Recipe | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", frozenset(self.options))
        if not isinstance(self.pseudonyms, Assignments):
            object.__setattr__(self, "pseudonyms", Assignments(self.pseudonyms))
        if Option.CLEAN_VISUAL_FEATURES in self.options and not self.faces_absent:
            raise UsageError(
                "Nothing here removes faces, so Clean Recognizable Visual Features cannot be claimed.",
                remedy="Say that no face can be present, or leave the option out.",
            )
        if self.options.issuperset(_EXCLUSIVE):
            raise UsageError("Retain Full Dates and Retain Modified Dates exclude each other")

    @property
    def hidden(self) -> bytes:
        """Everything that decides and is never printed, in one spelling; empty if there is nothing."""
        listed = Assignments(self.pseudonyms).packed
        return listed if self.recipe is None else listed + b"\0" + self.recipe.hidden

    def __contains__(self, option: object) -> bool:
        return option in self.options


_RESEARCH = frozenset(
    {
        Option.CLEAN_PIXEL_DATA,
        Option.CLEAN_DESCRIPTORS,
        Option.CLEAN_STRUCTURED_CONTENT,
        Option.RETAIN_MODIFIED_DATES,
        Option.RETAIN_PATIENT_CHARACTERISTICS,
        Option.RETAIN_DEVICE_IDENTITY,
    }
)

_PRESETS: dict[str, frozenset[Option]] = {
    "basic": frozenset({Option.CLEAN_PIXEL_DATA}),
    "strict": frozenset({Option.CLEAN_PIXEL_DATA}),
    "research": _RESEARCH,
    "midi": _RESEARCH | {Option.CLEAN_GRAPHICS, Option.RETAIN_SAFE_PRIVATE},
}

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {name: Profile(name, options, no_free_text=name == "strict") for name, options in _PRESETS.items()}
)
"""The named presets."""
