"""The Type of an attribute in an IOD (PS3.5 7.4), which decides what a compound code does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from pydicom.dataset import Dataset

from scrub_pixels.header.reading import text_of
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


REFERENCES = frozenset({0x00081140, 0x00082112})
"""Referenced Image Sequence and Source Image Sequence, the two rows with code X/Z/U*."""


def resolved(code: str, attribute_type: int) -> str:
    """Return the simple code that complies with the Type (1, 2 or 3) of the attribute."""
    return COMPOUND.get((code, attribute_type), code)


class IodTypes:
    """Types of the attributes of one SOP Class, at every depth.

    Parameters
    ----------
    levels
        ``{path: {tag: Type}}``; Types above 10 are conditional.
    needed
        Tags that this Instance cannot do without where they are of Type 2.
    """

    def __init__(self, levels: Mapping[Path, Level], needed: frozenset[int] = frozenset()) -> None:
        self._levels, self._needed = MappingProxyType(dict(levels)), needed

    def of(self, path: Path, tag: int) -> int:
        """Return 1, 2 or 3; conditional counts as unconditional, unknown as 3."""
        kind = self._levels.get(path, _EMPTY).get(tag, 3) % 10
        return 1 if kind == 2 and tag in self._needed else kind

    def referring(self) -> IodTypes:
        """Return the Types for an Instance that lists the Instances it refers to.

        Its Referenced Series Sequence is there because it refers to them (PS3.3 C.12.2, Type 1C), so
        the references themselves are "required to maintain IOD conformance" (PS3.15 Table E.1-1a,
        X/Z/U*) where their Type is 2: they stay, with new UIDs. A segmentation that has lost its source
        images is of no use.
        """
        return IodTypes(self._levels, REFERENCES)

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


def types_for(dataset: Dataset) -> IodTypes:
    """Return the Types for one Instance: those of its SOP Class, and what its own references need."""
    sop_class = text_of(dataset, "SOPClassUID")
    return _referring(sop_class) if dataset.get("ReferencedSeriesSequence") else types_of(sop_class)


@lru_cache(maxsize=64)
def _referring(sop_class: str) -> IodTypes:
    return types_of(sop_class).referring()


def _tags(path: str) -> Path:
    return tuple(int(tag, 16) for tag in path.split("/")) if path else ()


def _merge(level: dict[int, int], types: dict[str, int]) -> None:
    for text, kind in types.items():
        tag = int(text, 16)
        level[tag] = min(kind, level.get(tag, 3), key=lambda k: (k % 10, k))
