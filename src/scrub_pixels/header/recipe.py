"""Recipe: a user's own rules over the options, in pydicom/deid's language, checked before any file is read.

Precedence is deid's: KEEP, ADD, REPLACE, (HASH,) JITTER, REMOVE, BLANK; of equals the later line.
A recipe goes before the options, and they before the Basic Profile. What the recipe does not name
stays theirs.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from pydicom.config import RAISE
from pydicom.datadict import DicomDictionary, dictionary_has_tag, keyword_dict, keyword_for_tag
from pydicom.valuerep import validate_value

from scrub_pixels.errors import UsageError
from scrub_pixels.header.reading import ODD_DATA, vr_in_standard
from scrub_pixels.header.recipe_text import GROUPS, ParsedRecipe, RecipeError, Rule, Target, parse_recipe

Function = Callable[..., object]
"""A user's function, called as deid does: ``f(dicom=, value=, field=, item=)``; `field` is the element."""

KNOWN_VARIABLES = frozenset({"pseudonym", "days"})
"""Variables that are always there: the patient's pseudonym, and the days by which the key moves dates."""

DEID_FUNCTIONS = {"jitter": "JITTER", **dict.fromkeys(
    ("basic_uuid", "dicom_uuid", "pydicom_uuid", "suffix_uuid", "simple_uuid"), "HASH")}
"""Functions that deid brings, and the action that does the same under the project key."""

_BY_NUMBER = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
_NOT_WRITABLE = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN"})


@dataclass(frozen=True)
class Recipe:
    """A recipe ready to be followed. The repr shows nothing of it.

    Parameters
    ----------
    text
        In deid's language.
    variables
        What ``var:NAME`` stands for, beside `KNOWN_VARIABLES`.
    functions
        What ``func:NAME`` calls. They have to be importable to work in several processes.

    Raises
    ------
    RecipeError
        If a line is not understood, names an attribute, group, variable or function that there is
        not, gives a value that its attribute cannot hold, or touches pixels or file meta.
    """

    text: str = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    functions: Mapping[str, Function] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        for rule in self.parsed.rules:
            _check(rule, self)
        for members in self.parsed.groups.values():
            for member in members:
                _check_target(member.line, member.target, self.parsed)

    @property
    def parsed(self) -> ParsedRecipe:
        """The recipe taken apart."""
        return parse_recipe(self.text)

    @property
    def hidden(self) -> bytes:
        """Everything that decides, in one spelling, for a keyed digest."""
        functions = sorted((name, getattr(f, "__qualname__", "")) for name, f in self.functions.items())
        return json.dumps([self.text, sorted(self.variables.items()), functions]).encode()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the recipe is not carried out."""
        number = len(self.parsed.pixel_rules)
        filters = [f"{number} pixel rules of the recipe (%filter) are not applied"] if number else []
        return (*filters, *(f"Line {rule.line} of the recipe removes what is no attribute of the standard"
                            for rule in self.parsed.rules if _removes_nothing(rule)))


def read_recipe(path: str | os.PathLike[str], variables: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe from a file.

    Raises
    ------
    UsageError
        If the file cannot be read or is no text; `RecipeError` if it cannot be followed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The recipe cannot be read: {error.strerror}.", remedy="Check its path.") from None
    except UnicodeDecodeError:
        raise UsageError("The recipe is no UTF-8 text.", remedy="Save it as UTF-8.") from None
    return Recipe(text, variables or {})


@lru_cache(maxsize=1)
def _names() -> Mapping[str, int]:
    """Return tags by keyword and by name without punctuation, both in lower case (``patientsname``)."""
    by_name = {re.sub(r"\W", "", entry[2]).lower(): tag for tag, entry in DicomDictionary.items()}
    return {**by_name, **{keyword.lower(): tag for keyword, tag in keyword_dict.items()}}


def tag_of(target: Target) -> int | None:
    """Return the one public tag a target names; None if it names several, none, or a private one."""
    if target.form == "tag" and "x" not in target.text:
        return int(target.text, 16)
    return _names().get(target.text.rpartition("__")[2]) if target.form == "name" else None


def _removes_nothing(rule: Rule) -> bool:
    """Tell whether a line removes a name that is no attribute, nor one misspelt.

    deid's own recipes do (``REMOVE jitter``). Nothing is there to be removed, so nothing stays that
    should go; whereas a name that is nearly an attribute's was meant to be that one.
    """
    if rule.action != "REMOVE" or rule.target.form != "name" or "__" in rule.target.text:
        return False
    return rule.target.text not in _names() and not _like(rule.target.text)


@lru_cache(maxsize=64)
def _like(name: str) -> str:
    """Return the keyword of the attribute whose name is nearest, or nothing if none is near."""
    near = get_close_matches(name, list(_names()), n=1, cutoff=0.75)
    return keyword_for_tag(_names()[near[0]]) if near else ""


def _check(rule: Rule, recipe: Recipe) -> None:
    if _removes_nothing(rule):
        return
    _check_target(rule.line, rule.target, recipe.parsed)
    tag = tag_of(rule.target)
    if tag is not None and tag >> 16 < 0x0004:
        raise RecipeError(rule.line, "is about file meta information, which is always made anew")
    if tag is not None and tag >> 16 == 0x7FE0 and rule.action != "KEEP":
        raise RecipeError(rule.line, "is about pixels, which are not a recipe's")
    if rule.action == "ADD" and tag is None and rule.target.form in ("tag", "private"):
        raise RecipeError(rule.line, "adds what is no attribute of the standard")
    kind, colon, name = rule.value.partition(":")
    if colon and kind in ("var", "func", "deid_func", "values"):
        _check_reference(rule, kind, name, recipe)
    elif rule.action in ("ADD", "REPLACE") and tag is not None:
        _check_literal(rule, tag)


def _check_target(line: int, target: Target, parsed: ParsedRecipe) -> None:
    if target.form in GROUPS and (target.form, target.text) not in parsed.groups:
        raise RecipeError(line, "names a group that the recipe does not define")
    if target.form == "name" and not all(part in _names() for part in target.text.split("__")):
        unknown = next(part for part in target.text.split("__") if part not in _names())
        meant = f"Perhaps {_like(unknown)} is meant." if _like(unknown) else "Mend the line, or take it out."
        raise RecipeError(line, "names an attribute that the standard does not have", meant)


def _check_reference(rule: Rule, kind: str, name: str, recipe: Recipe) -> None:
    if kind == "var" and name not in KNOWN_VARIABLES and name not in recipe.variables:
        raise RecipeError(rule.line, "uses a variable that is not given",
                          f"Give it: --recipe-variable {name}=VALUE.")
    if kind == "func" and name not in recipe.functions:
        raise RecipeError(rule.line, "calls a function that is not given",
                          "Functions are given to Recipe in Python; the command line has none.")
    if kind == "deid_func" and (rule.action == "REMOVE" or not name or name.split()[0] not in DEID_FUNCTIONS):
        raise RecipeError(rule.line, "calls a function of deid that is not known here")
    if kind == "values" and ("values", name.lower()) not in recipe.parsed.groups:
        raise RecipeError(rule.line, "names a group that the recipe does not define")


def _check_literal(rule: Rule, tag: int) -> None:
    vr = vr_in_standard(tag).split(" or ")[0]
    if vr in _NOT_WRITABLE or not dictionary_has_tag(tag) or not fits(vr, rule.value):
        raise RecipeError(rule.line, f"gives a value that its attribute ({vr}) cannot hold")


def fits(vr: str, text: str) -> bool:
    """Tell whether a VR can hold a text (PS3.5 6.2); never for sequences and bytes.

    Only ASCII: a file's character set may not spell anything else, and pydicom would write ``?``.
    """
    if vr in _NOT_WRITABLE or not text.isascii():
        return False
    try:
        if vr in _BY_NUMBER:
            return as_numbers(vr, text) is not None
        for value in text.split("\\") if vr not in ("LT", "ST", "UT", "UR") else [text]:
            validate_value(vr, value, RAISE)
    except ODD_DATA:
        return False
    return True


def as_numbers(vr: str, text: str) -> list[int] | list[float]:
    """Return the numbers a text means for a binary VR.

    Raises
    ------
    ValueError
        If it means none.
    """
    parts = text.split("\\")
    return [float(part) for part in parts] if vr in ("FL", "FD") else [int(part) for part in parts]


def added_tags(parsed: ParsedRecipe) -> Iterator[tuple[int, Rule]]:
    """Yield the public attributes that ADD puts at the top, the line that wins last."""
    for rule in parsed.rules:
        tag = tag_of(rule.target)
        if rule.action == "ADD" and tag is not None and "__" not in rule.target.text:
            yield tag, rule
