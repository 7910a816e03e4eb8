"""What the lines of a recipe do to one element, and whether that is weaker than the Basic Profile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from types import MappingProxyType

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.header.actions import (
    PATIENT_ID,
    PATIENT_NAME,
    VERBS,
    Place,
    Scene,
    basic_code_at,
    keep,
    made_text,
    named,
)
from scrub_pixels.header.dates import UnparsableDate, shifted
from scrub_pixels.header.dummies import empty, made, standard_vr
from scrub_pixels.header.keys import letters_of
from scrub_pixels.header.reading import copied, values_of
from scrub_pixels.header.recipe import DEID_FUNCTIONS, added_tags, as_numbers, fits
from scrub_pixels.header.recipe_match import Script, called, rule_for
from scrub_pixels.header.recipe_text import Rule
from scrub_pixels.header.table import row_for

LETTER = MappingProxyType(
    {"KEEP": "K", "ADD": "D", "REPLACE": "D", "HASH": "U", "JITTER": "C", "REMOVE": "X", "BLANK": "Z"}
)
"""Which code of Table E.1-1a an action is most like; for counting and for the plan."""

_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})


def weakens(rule: Rule, code: str) -> bool:
    """Tell whether a line leaves more of the original than the profile's code does.

    Constants of the user's say nothing about the original; a function's result may.
    """
    if rule.action == "KEEP":
        return code != "K"
    if rule.action == "HASH" or rule.value.startswith("deid_func:"):
        return code == "X"
    if rule.action == "JITTER" or rule.value.startswith("func:"):
        return rule.action != "REMOVE" and code not in "KC"
    return False


def followed(rule: Rule, place: Place, code: str, scene: Scene) -> DataElement | None:
    """Carry out a line on an element that is no kept sequence.

    Parameters
    ----------
    rule
        The line that rules the element.
    place
        The element.
    code
        What the profile alone would do to it.
    scene
        Everything else.
    """
    if weakens(rule, code):
        note_weakness(rule, place, code, scene)
    return _DOERS[_action(rule)](rule, place, scene)


def note_weakness(rule: Rule, place: Place, code: str, scene: Scene) -> None:
    """Report that a line is weaker than the profile, and which options it overrules."""
    row, options = row_for(place.tag), scene.profile.options
    scene.tally.overruled.update(option for option, cell in row.cells if cell == code and option in options)
    scene.tally.warnings[f"{named(place.tag)}: line {rule.line} of the recipe ({rule.action}) is weaker "
                         f"than the profile ({code}); 113100 is not claimed"] = None
    scene.tally.weakened[rule.line] = None


def _action(rule: Rule) -> str:
    kind, _, name = rule.value.partition(":")
    return DEID_FUNCTIONS[name.split()[0]] if kind == "deid_func" else rule.action


def _kept(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    if place.element is not None and place.tag >> 16 & 1:
        return copied(place.element)
    return keep(place, scene)


def _blanked(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    return empty(place.tag, place.vr)


def _removed(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    return None


def _replaced(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    text = _value(rule, place, scene)
    if text is None or not fits(place.vr, text):
        return _as_basic(rule, place, scene)
    return _written(place.tag, place.vr, text)


def _written(tag: int, vr: str, text: str) -> DataElement:
    if vr in _NUMBERS:
        numbers = as_numbers(vr, text)
        return made(tag, vr, numbers[0] if len(numbers) == 1 else numbers)
    values = text.split("\\") if vr not in ("LT", "ST", "UT", "UR") else [text]
    return made_text(tag, vr, values)


def _as_basic(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    scene.tally.warn(place.tag, f"line {rule.line} of the recipe does not fit; the Basic code applies")
    return VERBS[basic_code_at(place, scene)](place, scene)


def _value(rule: Rule, place: Place, scene: Scene) -> str | None:
    """Return what a line writes, as text."""
    kind, colon, name = rule.value.partition(":")
    if not colon or kind not in ("var", "func") or scene.script is None:
        return rule.value
    if kind == "func":
        result = called(name, rule, place.element, scene.script)
        return None if result is None else str(result)
    known = {"pseudonym": scene.subject.pseudonym, "days": str(scene.subject.days)}
    return known[name] if name not in scene.script.recipe.variables else scene.script.recipe.variables[name]


def _jittered(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    """Move dates by whole days; a time of day stays, and what is no date gets its Basic code."""
    if place.element is None or place.element.VR not in ("DA", "DT", "TM"):
        return _as_basic(rule, place, scene)
    try:
        days, vr = _days(rule, place, scene), place.element.VR
        moved = [shifted(str(value), vr, days) if value else "" for value in values_of(place.element)]
    except (UnparsableDate, ValueError):
        return _as_basic(rule, place, scene)
    return made_text(place.tag, vr, moved)


def _days(rule: Rule, place: Place, scene: Scene) -> int:
    if not rule.value.startswith("deid_func:"):
        return int(float(_value(rule, place, scene) or "x"))
    given = dict(part.split("=", 1) for part in rule.value.split()[1:] if "=" in part)
    if set(given) - {"days"}:
        raise ValueError("only days can be given")
    return int(given["days"]) if given else scene.subject.days


def _hashed(rule: Rule, place: Place, scene: Scene) -> DataElement | None:
    """Replace each value by a keyed one that the VR allows: equal values stay equal."""
    if place.vr == "UI":
        return VERBS["U"](place, scene)
    if place.tag in (PATIENT_NAME, PATIENT_ID):
        return made_text(place.tag, place.vr, [scene.subject.pseudonym])
    spell = _SPELLINGS.get(place.vr)
    if spell is None or place.element is None:
        return _as_basic(rule, place, scene)
    texts = [str(value).strip(" \0") for value in values_of(place.element)]
    return made_text(place.tag, place.vr, [spell(_digest(text, scene)) if text else "" for text in texts])


def _digest(text: str, scene: Scene) -> bytes:
    return bytes.fromhex(scene.key.digest(text.encode("utf-8", "surrogateescape"), "recipe hash"))


def _word(digest: bytes) -> str:
    return letters_of(int.from_bytes(digest, "big"), 16)


def _figures(digest: bytes) -> str:
    return str(int.from_bytes(digest[:6], "big") % 10**9)


def _day(digest: bytes) -> str:
    return (date(1900, 1, 1) + timedelta(days=int.from_bytes(digest[:6], "big") % 36500)).strftime("%Y%m%d")


def _time(digest: bytes) -> str:
    second = int.from_bytes(digest[6:12], "big") % 86400
    return f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"


_SPELLINGS: MappingProxyType[str, Callable[[bytes], str]] = MappingProxyType(
    {
        **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _word),
        **dict.fromkeys(("DS", "IS"), _figures),
        "DA": _day, "TM": _time, "DT": lambda digest: _day(digest) + _time(digest),
    }
)  # fmt: skip
"""How a keyed digest is spelled in each VR that can hold one."""

_DOERS: MappingProxyType[str, Callable[[Rule, Place, Scene], DataElement | None]] = MappingProxyType(
    {"KEEP": _kept, "ADD": _replaced, "REPLACE": _replaced, "HASH": _hashed, "JITTER": _jittered,
     "REMOVE": _removed, "BLANK": _blanked}
)  # fmt: skip


def add_missing(target: Dataset, source: Dataset, scene: Scene) -> None:
    """Add what the recipe adds and the original does not have, in place."""
    if scene.script is None:
        return
    for tag, rule in added_tags(scene.script.parsed):
        if tag not in source:
            element = _replaced(rule, Place(tag, (), DataElement(tag, standard_vr(tag), None)), scene)
            if element is not None:
                target[tag] = element
            scene.tally.actions[LETTER[rule.action]] += 1


def line_for(tag: int, place_path: tuple[int, ...], level: Dataset, script: Script | None) -> Rule | None:
    """Return the line of a recipe that rules an element, or None if there is no recipe."""
    return None if script is None else rule_for(tag, place_path, level, script)
