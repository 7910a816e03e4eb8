"""Clean Structured Content (PS3.15 E.3.4): content items by Table E.3.4-1, the others by value type."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType

from pydicom.dataset import Dataset

from scrub_pixels.header.actions import Scene
from scrub_pixels.header.dummies import WORD
from scrub_pixels.header.options import Option
from scrub_pixels.header.reading import ODD_DATA
from scrub_pixels.header.table import COLUMNS, TABLES

CONTENT_SEQUENCES = frozenset({0x0040A730, 0x00400555, 0x00400612})
"""Content, Acquisition Context and Specimen Preparation Step Content Item Sequence."""

_VALUES = MappingProxyType(
    {
        "TEXT": "TextValue",
        "PNAME": "PersonName",
        "DATE": "Date",
        "TIME": "Time",
        "DATETIME": "DateTime",
        "UIDREF": "UID",
        "CODE": "ConceptCodeSequence",
        "NUM": "MeasuredValueSequence",
    }
)
"""Value Type -> attribute of the value (PS3.3 C.17.3.2.1, C.18)."""

_BY_OTHER_MEANS = MappingProxyType(
    {
        "TEXT": frozenset({Option.CLEAN_DESCRIPTORS}),
        "PNAME": frozenset(),
        **dict.fromkeys(
            ("DATE", "TIME", "DATETIME"), frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES})
        ),
    }
)
"""Value Types that stay, where their concept is not listed, only under one of these options."""

_REFERENCE = "ReferencedContentItemIdentifier"

Clean = Callable[[Dataset], Dataset]


@lru_cache(maxsize=1)
def concepts() -> MappingProxyType:
    """Return Table E.3.4-1: ``(scheme, code, value type) -> (Basic code, option cells)``."""
    table = json.loads((TABLES / "ps315_2026d.json").read_text())["content"]
    return MappingProxyType(
        {
            (scheme, code, kind): (basic, tuple((COLUMNS[column], cell) for column, cell in cells.items()))
            for scheme, code, _, kind, basic, cells in table
        }
    )


def cleaned_items(items: list[Dataset], clean: Clean, scene: Scene) -> list[Dataset]:
    """Return the content items that may stay, each cleaned.

    Parameters
    ----------
    items
        Items of a content sequence.
    clean
        Applies Table E.1-1 to every attribute of an item, its own content included.
    scene
        Profile and tally.
    """
    kept = (_cleaned_item(item, clean, scene) for item in items)
    return [item for item in kept if item is not None]


def _cleaned_item(item: Dataset, clean: Clean, scene: Scene) -> Dataset | None:
    """Return one item cleaned, or None if it goes."""
    kind, code = _read(item, "ValueType"), _code(item, scene.profile.options)
    if code == "X" or _REFERENCE in item:
        return None
    cleaned = clean(item)
    if kind == "TEXT" and code in "DK":
        cleaned.TextValue = WORD if code == "D" else _read(item, "TextValue")
    value = _VALUES.get(kind)
    return None if value and value in item and value not in cleaned else cleaned


def _code(item: Dataset, options: frozenset[Option]) -> str:
    """Return X, D, K or C for an item."""
    kind = _read(item, "ValueType")
    row = concepts().get((*_concept(item), kind))
    if row is None:
        allowed = _BY_OTHER_MEANS.get(kind)
        return "C" if allowed is None or allowed & options else "X"
    basic, cells = row
    chosen = {cell for option, cell in cells if option in options}
    return "C" if "C" in chosen else "K" if "K" in chosen else "X" if basic == "X/D" else basic


def _concept(item: Dataset) -> tuple[str, str]:
    """Return scheme and code of the concept name, empty if there is none."""
    try:
        name = item.ConceptNameCodeSequence[0]
    except ODD_DATA:
        return "", ""
    return _read(name, "CodingSchemeDesignator"), _read(name, "CodeValue")


def _read(item: Dataset, keyword: str) -> str:
    try:
        return str(item.get(keyword) or "").strip()
    except ODD_DATA:
        return ""
