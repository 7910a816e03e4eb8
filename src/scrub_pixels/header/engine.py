"""The walk: every element of every item, its code, its verb, and what is written instead."""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.header.actions import VERBS, Place, Scene, code_at
from scrub_pixels.header.reading import element_at, hollow, items_of, with_items
from scrub_pixels.header.types import Path

DEEPEST = 64
"""Sequences nested deeper than this are removed unread; no IOD comes near it."""


def cleaned_level(source: Dataset, path: Path, scene: Scene) -> Dataset:
    """Return a de-identified copy of one data set or item.

    Parameters
    ----------
    source
        A data set that may be read at will (see `reading.shallow`); not changed.
    path
        The sequences that lead to it.
    scene
        Profile, key, Types and tally.
    """
    kept = {}
    for tag in sorted(source.keys()):
        element = _acted(tag, source, path, scene)
        if element is not None:
            kept[tag] = element
    return hollow(source, kept)


def _acted(tag: int, source: Dataset, path: Path, scene: Scene) -> DataElement | None:
    """Return what is written for one element; None if nothing."""
    code = code_at(Place(tag, path, None), scene)
    scene.tally.actions[code] += 1
    if code == "X":
        return None
    place = Place(tag, path, element_at(source, tag))
    if code in "KCU" and place.element is not None and place.element.VR == "SQ":
        return _entered(place, scene)
    return VERBS[code](place, scene)


def _entered(place: Place, scene: Scene) -> DataElement | None:
    """Keep a sequence; its items obey their own rows (PS3.15 E.1.1, code K)."""
    if len(place.path) >= DEEPEST:
        scene.tally.warn(place.tag, "is nested too deep; removed")
        return None
    if place.vr != "SQ":
        scene.tally.warn(place.tag, "is no sequence in the standard; removed")
        return None
    path = (*place.path, place.tag)
    return with_items(place.element, [cleaned_level(item, path, scene) for item in items_of(place.element)])
