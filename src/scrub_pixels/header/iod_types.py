"""The Type of an attribute in an IOD (PS3.5 7.4), which decides what a compound code does."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from types import MappingProxyType

from scrub_pixels.header.table import TABLES

Path = tuple[int, ...]
"""Tags of the sequences that lead to an item, outermost first; empty at the top."""

Level = MappingProxyType[int, int]

_EMPTY: Level = MappingProxyType({})

COMPOUND = MappingProxyType(
    {
        ("Z/D", 1): "D", ("X/Z", 1): "D", ("X/D", 1): "D", ("X/Z/D", 1): "D", ("X/Z/U*", 1): "U",
        ("Z/D", 2): "Z", ("X/Z", 2): "Z", ("X/D", 2): "D", ("X/Z/D", 2): "Z", ("X/Z/U*", 2): "Z",
        ("Z/D", 3): "Z", ("X/Z", 3): "X", ("X/D", 3): "X", ("X/Z/D", 3): "X", ("X/Z/U*", 3): "X",
        ("Z", 1): "D",
    }
)  # fmt: skip
"""(code of Table E.1-1, Type) -> code to carry out; a code that is not here stands for itself."""


def resolved(code: str, attribute_type: int) -> str:
    """Return the simple code that complies with the Type (1, 2 or 3) of the attribute."""
    return COMPOUND.get((code, attribute_type), code)


class IodTypes:
    """Types of the attributes of one SOP Class, at every depth.

    Parameters
    ----------
    levels
        ``{path: {tag: Type}}``; Types above 10 are conditional.
    """

    def __init__(self, levels: dict[Path, Level]) -> None:
        self._levels = MappingProxyType(levels)

    def of(self, path: Path, tag: int) -> int:
        """Return 1, 2 or 3; conditional counts as unconditional, unknown as 3."""
        return self._levels.get(path, _EMPTY).get(tag, 3) % 10

    def required(self, path: Path) -> dict[int, int]:
        """Return the tags that an item at `path` cannot do without, with Type 1 or 2."""
        return {tag: kind for tag, kind in self._levels.get(path, _EMPTY).items() if kind < 10}


@lru_cache(maxsize=1)
def _extract() -> MappingProxyType:
    packed = (TABLES / "iod_types.json.gz").read_bytes()
    return MappingProxyType(json.loads(gzip.decompress(packed)))


@lru_cache(maxsize=64)
def types_of(sop_class: str) -> IodTypes:
    """Return the Types of a SOP Class; none of a class that is not known."""
    extract = _extract()
    iod = extract["classes"].get(sop_class, "")
    levels: dict[Path, dict[int, int]] = {}
    for index in extract["iods"].get(iod, ()):
        for path, types in extract["modules"][index].items():
            _merge(levels.setdefault(_tags(path), {}), types)
    return IodTypes({path: MappingProxyType(level) for path, level in levels.items()})


def _tags(path: str) -> Path:
    return tuple(int(tag, 16) for tag in path.split("/")) if path else ()


def _merge(level: dict[int, int], types: dict[str, int]) -> None:
    for text, kind in types.items():
        tag = int(text, 16)
        level[tag] = min(kind, level.get(tag, 3), key=lambda k: (k % 10, k))
