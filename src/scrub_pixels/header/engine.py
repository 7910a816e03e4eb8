"""The walk: every element of every item, its code, its verb, and what is written instead."""

from __future__ import annotations

from functools import partial

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from scrub_pixels.frames.elements import tags_of
from scrub_pixels.header.actions import VERBS, Place, Scene, simple_code, substitute
from scrub_pixels.header.iod_types import Path
from scrub_pixels.header.private import creators_of, entry_for, retained
from scrub_pixels.header.reading import element_at, hollow, items_of, with_items
from scrub_pixels.header.recipe_actions import LETTER, followed, line_for, note_weakness, weakens
from scrub_pixels.header.recipe_text import Rule
from scrub_pixels.header.structured import CONTENT_SEQUENCES, cleaned_items
from scrub_pixels.header.table import PRIVATE, row_for

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
    kept: dict[BaseTag, DataElement] = {}
    for tag in tags_of(source):
        element = _acted(tag, source, path, scene)
        if element is not None:
            kept[tag] = element
    creators = creators_of(kept, source)
    return hollow(source, dict(sorted({**kept, **creators}.items())) if creators else kept)


def _acted(tag: int, source: Dataset, path: Path, scene: Scene) -> DataElement | None:
    """Return what is written for one element; None if nothing."""
    code = simple_code(tag, path, scene.profile, scene.types)
    rule = line_for(tag, path, source, scene.script)
    if rule is not None:
        return _ruled(rule, code, Place(tag, path, element_at(source, tag)), scene)
    scene.tally.actions[code] += 1
    if code == "X":
        return None
    place = Place(tag, path, element_at(source, tag))
    if tag >> 16 & 1 and row_for(tag) is PRIVATE:
        return _private(place, source, scene)
    if code in "KCU" and place.element is not None and place.element.VR == "SQ":
        return _entered(place, code, scene)
    return VERBS[code](place, scene)


def _ruled(rule: Rule, code: str, place: Place, scene: Scene) -> DataElement | None:
    """Follow a line of a recipe; the items of a sequence it keeps obey their own lines and rows."""
    scene.tally.actions[LETTER[rule.action]] += 1
    if rule.action != "KEEP" or place.element is None or place.element.VR != "SQ":
        return followed(rule, place, code, scene)
    if weakens(rule, code):
        note_weakness(rule, place, code, scene)
    return _with_clean_items(place, scene)


def _private(place: Place, source: Dataset, scene: Scene) -> DataElement | None:
    """Keep a private element that is known to be safe; only Retain Safe Private asks for it."""
    safe = entry_for(place.tag, source)
    if safe is None:
        return None
    if place.element is not None and place.element.VR == "SQ":
        return _with_clean_items(place, scene) if safe.vr == "SQ" else None
    return retained(place, safe, scene)


def _entered(place: Place, code: str, scene: Scene) -> DataElement | None:
    """Keep a sequence; its items obey their own rows (PS3.15 E.1.1, code K)."""
    if place.vr != "SQ":
        scene.tally.warn(place.tag, "is no sequence in the standard; removed")
        return None
    kept = _with_clean_items(place, scene)
    return substitute(place, scene) if kept is not None and code == "C" and not kept.value else kept


def _with_clean_items(place: Place, scene: Scene) -> DataElement | None:
    """Return the sequence with its items cleaned; content items also by what they are about."""
    if len(place.path) >= DEEPEST or place.element is None:
        scene.tally.warn(place.tag, "is nested too deep; removed")
        return None
    clean = partial(cleaned_level, path=(*place.path, place.tag), scene=scene)
    items = items_of(place.element)
    if place.tag in CONTENT_SEQUENCES:
        return with_items(place.element, cleaned_items(items, clean, scene))
    return with_items(place.element, [clean(item) for item in items])
