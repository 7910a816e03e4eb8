"""Table E.1-1 of PS3.15 2026d as data: which code a tag has under a profile.

Look-up is by tag number at every depth: exact, then the repeating groups 50xx and 60xx, then odd
groups as Private Attributes. What is not listed falls to `unlisted`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from scrub_pixels.header.options import Option

TABLES = files("scrub_pixels.header.tables")

COLUMNS = MappingProxyType({option.column: option for option in Option if option.column})


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the Basic code and the option cells.

    Parameters
    ----------
    tag
        Eight hexadecimal digits, ``50xxxxxx``, ``60xx3000``, ``60xx4000`` or ``PRIVATE``.
    name
        Name of the attribute, or of the group of unlisted ones.
    basic
        Code under the Basic Profile.
    cells
        ``(Option, "K" or "C")`` pairs.
    """

    tag: str
    name: str
    basic: str
    cells: tuple[tuple[Option, str], ...] = ()


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """Return all 657 rows of Table E.1-1."""
    table = json.loads((TABLES / "ps315_2026d.json").read_text())
    return tuple(
        Row(tag, name, basic, tuple((COLUMNS[column], cell) for column, cell in cells.items()))
        for tag, name, basic, cells in table["rows"]
    )


@lru_cache(maxsize=1)
def rows_by_tag() -> MappingProxyType[int, Row]:
    """Return the rows with one tag, by its number."""
    exact = (row for row in rows() if "x" not in row.tag and row.tag != PRIVATE.tag)
    return MappingProxyType({int(row.tag, 16): row for row in exact})


@lru_cache(maxsize=1)
def _unlisted() -> MappingProxyType[str, frozenset[int]]:
    lists = json.loads((TABLES / "unlisted.json").read_text())
    return MappingProxyType(
        {
            name: frozenset(tag_for_keyword(w) or 0 for w in words)
            for name, words in lists.items()
            if name != "note"
        }
    )


_DATES = ((Option.RETAIN_FULL_DATES, "K"), (Option.RETAIN_MODIFIED_DATES, "C"))
_DESCRIPTORS = ((Option.CLEAN_DESCRIPTORS, "C"),)

PRIVATE = Row("PRIVATE", "Private Attributes", "X", ((Option.RETAIN_SAFE_PRIVATE, "C"),))
CURVES = Row("50xxxxxx", "Curve Data", "X")
OVERLAYS = Row("60xxxxxx", "Overlay group", "X")
"""Whole groups, also under Clean Graphics: the header cannot know what is drawn in a bit plane."""
NOT_IN_DATA_SET = Row("", "command, file meta or delimiter", "X")
UNKNOWN = Row("", "unknown to the standard", "X")
GROUP_LENGTH = Row("", "group length", "X")
REMOVED = Row("", "unlisted, identifying", "X")
DATE_KIN = Row("", "unlisted date or time", "X/Z/D", _DATES)
NAME_KIN = Row("", "unlisted person name", "X/Z/D")
TEXT_KIN = Row("", "unlisted free text", "X/Z/D", _DESCRIPTORS)
DEVICE_KIN = Row("", "unlisted device identity", "X/Z/D", ((Option.RETAIN_DEVICE_IDENTITY, "K"),))
UID_KIN = Row("", "unlisted UID", "U", ((Option.RETAIN_UIDS, "K"),))
HARMLESS = Row("", "unlisted", "K")

_FIRST_GROUP, _LAST_GROUP = 0x0004, 0xFFFC
"""Below are commands and file meta, rebuilt elsewhere; above, signatures and item delimiters."""

_KIN_BY_VR = MappingProxyType(
    {
        "UI": UID_KIN,
        "PN": NAME_KIN,
        **dict.fromkeys(("DA", "DT", "TM"), DATE_KIN),
        **dict.fromkeys(("LT", "ST", "UT", "UR", "UC"), TEXT_KIN),
    }
)


@lru_cache(maxsize=8192)
def row_for(tag: int) -> Row:
    """Return the row that rules a tag: listed, by mask, private, or one of the unlisted kinds."""
    if not _FIRST_GROUP <= tag >> 16 <= _LAST_GROUP:
        return NOT_IN_DATA_SET
    listed = rows_by_tag().get(tag)
    return listed or _by_group(tag) or _unlisted_row(tag)


def _by_group(tag: int) -> Row | None:
    group = tag >> 16
    if group % 2:
        return PRIVATE
    if tag & 0xFFFF == 0:
        return GROUP_LENGTH
    return {0x50: CURVES, 0x60: OVERLAYS}.get(group >> 8)


def _unlisted_row(tag: int) -> Row:
    """Return the kin of an attribute that is not listed, by our lists and then by its VR."""
    if not keyword_for_tag(tag):
        return UNKNOWN
    lists = _unlisted()
    if tag in lists["class_uid"] or tag in lists["technical"]:
        return HARMLESS
    for name, row in (("removed", REMOVED), ("free_text", TEXT_KIN), ("device", DEVICE_KIN)):
        if tag in lists[name]:
            return row
    return _KIN_BY_VR.get(dictionary_VR(tag), HARMLESS)


CODED = frozenset(
    {0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080105, 0x0008010F, 0x00080119, 0x00080120}
)
"""Parts of a coded entry (PS3.3 8.8): taken from a dictionary, never a person's."""

_FREE = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "UR", "AE"})


@lru_cache(maxsize=8192)
def is_free_text(tag: int) -> bool:
    """Tell whether a public attribute holds what anybody could have typed: text outside coded entries."""
    return tag not in CODED and bool(keyword_for_tag(tag)) and dictionary_VR(tag) in _FREE


@lru_cache(maxsize=65536)
def code_for(tag: int, options: frozenset[Option]) -> str:
    """Return the action code of a tag: Basic, replaced by the cells of chosen options; C before K."""
    row = row_for(tag)
    chosen = {cell for option, cell in row.cells if option in options}
    return "C" if "C" in chosen else "K" if "K" in chosen else row.basic
