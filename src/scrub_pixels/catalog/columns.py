"""The columns of a catalog: data in ``columns.csv``, and columns a user adds by keyword or tag."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from scrub_pixels.errors import UsageError

TYPES = ("text", "uid", "integer", "real", "age", "date", "time", "datetime", "flag")
"""Kinds of typed columns; ``uid`` is text that has to be a UID, ``age`` is AS in years."""

KINDS = ("", "direct", "quasi", "free", "link", "locator")
"""What a column may tell of a person: directly, in combination, in free text, by linking, by place."""

TYPE_OF_VR = {
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "IS"), "integer"),
    **dict.fromkeys(("DS", "FL", "FD"), "real"),
    "AS": "age", "DA": "date", "TM": "time", "DT": "datetime", "UI": "uid", "SQ": "count",
}

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from: a way through sequences (first items) to an element, and what of it.

    Parameters
    ----------
    way
        Tags; all but the last are sequences.
    part
        Index of one value of a multi-valued element, -1 for the whole.
    ask
        ``value``, ``count`` (items of a sequence) or ``present``.
    """

    way: tuple[int, ...]
    part: int = -1
    ask: str = "value"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a catalog.

    Parameters
    ----------
    name
        Name in SQL.
    type
        One of `TYPES`.
    places
        Where its value comes from, in order of preference; empty if `source` names a fact of the file.
    source
        The text of ``columns.csv``; ``@fact`` for facts of the file.
    least, most
        Values outside are taken for absurd and left out, with a finding.
    """

    name: str
    type: str
    places: tuple[Place, ...]
    source: str
    unit: str = ""
    level: str = "instance"
    kind: str = ""
    least: float | None = None
    most: float | None = None
    meaning: str = ""


@dataclass(frozen=True)
class Columns:
    """All columns of one catalog, in order, and the tags to read for them."""

    every: tuple[Column, ...] = field(default=())

    def __iter__(self):
        return iter(self.every)

    def __len__(self) -> int:
        return len(self.every)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.every)

    @cached_property
    def tags(self) -> frozenset[int]:
        """Tags at the top level that have to be read; what tells a DICOMDIR is one of them."""
        return frozenset((0x00020002, *(place.way[0] for column in self.every for place in column.places)))

    @cached_property
    def own(self) -> tuple[str, ...]:
        """What was added to the shipped columns, as text for `load_columns`."""
        return tuple(f"{c.name}={c.source}" for c in self.every[len(_shipped()):])


def load_columns(extra: Iterable[str] = ()) -> Columns:
    """Return the shipped columns and those a user adds.

    Parameters
    ----------
    extra
        Keywords (``KVP``), tags (``0018,0060``), ways through first items
        (``RequestAttributesSequence.ScheduledProcedureStepID``), or ``name=`` one of them.

    Raises
    ------
    UsageError
        If one is not understood, or a name is taken.
    """
    columns = list(_shipped())
    for text in extra:
        column = _added(text)
        if column.name in {c.name for c in columns}:
            raise UsageError("A column of that name is in every catalog already, or is asked for twice.",
                             remedy="Give it another name: NAME=KEYWORD.")
        columns.append(column)
    return Columns(tuple(columns))


def _shipped() -> tuple[Column, ...]:
    text = files("scrub_pixels.catalog").joinpath("columns.csv").read_text(encoding="utf-8")
    return tuple(_column(row) for row in csv.DictReader(text.splitlines()))


def _column(row: dict[str, str]) -> Column:
    source = row["source"]
    places = () if source.startswith("@") else tuple(_place(text.strip()) for text in source.split("|"))
    least, most = (float(row[name]) if row[name] else None for name in ("least", "most"))
    return Column(row["name"], row["type"], places, source, row["unit"], row["level"], row["kind"],
                  least, most, row["meaning"])


def _place(text: str) -> Place:
    way, _, end = text.partition(":")
    tags = tuple(_tag(name) for name in way.split("."))
    if end in ("count", "present"):
        return Place(tags, ask=end)
    return Place(tags, int(end) if end else -1)


def _tag(name: str) -> int:
    if written := TAG.fullmatch(name):
        return int(written[1] + written[2], 16)
    # Repeating groups (60xx) are named by their first group.
    tag = 0x60003000 if name == "OverlayData" else tag_for_keyword(name)
    if tag is None:
        raise UsageError("There is no attribute of that keyword or tag.",
                         remedy="Use a keyword of PS3.6 such as KVP, or a tag such as 0018,0060.")
    return tag


def _added(text: str) -> Column:
    name, equals, source = text.partition("=") if "=" in text else ("", "", text)
    place = _place(source.strip())
    name = name.strip() if equals else _name_of(place.way[-1])
    if not NAME.fullmatch(name):
        raise UsageError("A column's name is not usable.", remedy="Use small letters, digits and _: kvp=KVP.")
    kind = _type_of(place.way[-1])
    if kind == "count":
        place, kind = Place(place.way, ask="count"), "integer"
    return Column(name, kind, (place,), source.strip(), level="added", kind="free",
                  meaning="Added by the user")


def _name_of(tag: int) -> str:
    keyword = keyword_for_tag(tag)
    return _snake(keyword) if keyword else f"tag_{tag:08x}"


def _snake(keyword: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", keyword).lower()


def _type_of(tag: int) -> str:
    try:
        return TYPE_OF_VR.get(dictionary_VR(tag), "text")
    except KeyError:
        return "text"
