"""What differs between two data sets, element by element at every depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.header.actions import named
from scrub_pixels.header.engine import DEEPEST
from scrub_pixels.header.reading import element_at, items_of, shallow, values_of

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Difference:
    """One element that is not the same in two data sets. The repr shows no value.

    Parameters
    ----------
    path
        The sequences around it with item numbers from 1: ``(0040,A730) ContentSequence[2]``.
    attribute
        The element, as ``(gggg,eeee) Keyword``.
    change
        ``added``, ``removed`` or ``changed``, as seen from the first data set.
    vr
        VR in the first, or else in the second.
    before, after
        Values as text, cut to 120 characters; empty where there is none.
    """

    path: tuple[str, ...]
    attribute: str
    change: str
    vr: str
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)


def differences(first: Dataset, second: Dataset) -> Iterator[Difference]:
    """Yield what differs, in the order of tags; file meta information included.

    A sequence is compared item by item; the sequence itself is named where the number of its items
    differs, and items that only one has are not entered.
    """
    metas = [getattr(dataset, "file_meta", None) for dataset in (first, second)]
    one, other = (meta if isinstance(meta, Dataset) else Dataset() for meta in metas)
    yield from _level(shallow(one), shallow(other), ())
    yield from _level(shallow(first), shallow(second), ())


def _level(first: Dataset, second: Dataset, path: tuple[str, ...]) -> Iterator[Difference]:
    for tag in sorted({*first.keys(), *second.keys()}):
        one = element_at(first, tag) if tag in first else None
        other = element_at(second, tag) if tag in second else None
        if one is not None and other is not None and one.VR == other.VR == "SQ":
            yield from _sequences(one, other, path)
        elif tag not in first or tag not in second or not _same(one, other):
            change = "changed" if tag in first and tag in second else "added" if tag in second else "removed"
            vr = next((e.VR for e in (one, other) if e is not None), "")
            yield Difference(path, named(tag), change, vr, _shown(one), _shown(other))


def _sequences(one: DataElement, other: DataElement, path: tuple[str, ...]) -> Iterator[Difference]:
    items, others = items_of(one), items_of(other)
    if len(items) != len(others):
        yield Difference(path, named(one.tag), "changed", "SQ", _shown(one), _shown(other))
    if len(path) < DEEPEST:
        for number, (item, twin) in enumerate(zip(items, others, strict=False), 1):
            yield from _level(item, twin, (*path, f"{named(one.tag)}[{number}]"))


def _same(one: DataElement | None, other: DataElement | None) -> bool:
    """Compare two elements; what cannot be read is the same as nothing, not even as itself."""
    if one is None or other is None or one.VR != other.VR:
        return False
    return [str(v) for v in values_of(one)] == [str(v) for v in values_of(other)]


def _shown(element: DataElement | None) -> str:
    """Return a value for a person: bytes and items by their number, text cut."""
    if element is None:
        return ""
    if element.VR == "SQ":
        return f"{len(element.value or ())} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    text = "\\".join(str(value) for value in values_of(element))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
