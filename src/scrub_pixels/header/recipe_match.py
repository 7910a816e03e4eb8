"""Which line of a recipe rules an element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom.datadict import dictionary_description, dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.header.iod_types import Path
from scrub_pixels.header.reading import element_at, items_of, values_of, vr_in_standard
from scrub_pixels.header.recipe import Recipe, tag_of
from scrub_pixels.header.recipe_text import ACTIONS, Member, ParsedRecipe, Rule, Target

STRUCTURE = frozenset(
    {0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00280002, 0x00280004, 0x00280006,
     0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00281101,
     0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203, 0x7FE00008, 0x7FE00009, 0x7FE00010}
)  # fmt: skip
"""What an Instance cannot be read or stored without: neither removed, emptied nor overwritten by a
rule that names many elements (``REMOVE ALL``)."""

_CUTTING = frozenset({"REMOVE", "BLANK"})
_WRITING = frozenset({"ADD", "REPLACE", "HASH", "JITTER"})
_DEEPEST = 64


@dataclass(frozen=True)
class Script:
    """A recipe about to be followed for one Instance.

    Parameters
    ----------
    recipe
        The recipe.
    source
        The original, for functions.
    values
        What each ``%values`` group found in it, in lower case.
    """

    recipe: Recipe
    source: Dataset = field(repr=False)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def parsed(self) -> ParsedRecipe:
        """The recipe taken apart."""
        return self.recipe.parsed


@dataclass(frozen=True, slots=True)
class _Names:
    """What an element is called: its own names, and the one with the sequences around it."""

    tag: int
    vr: str
    exact: tuple[str, ...]


def script_for(recipe: Recipe | None, source: Dataset) -> Script | None:
    """Return a recipe with its value groups filled from a data set."""
    if recipe is None:
        return None
    groups = {name: members for (kind, name), members in recipe.parsed.groups.items() if kind == "values"}
    found: dict[str, dict[str, None]] = {name: {} for name in groups}
    if groups:
        for tag, path, level in _walk(source, ()):
            for name, members in groups.items():
                found[name].update(dict.fromkeys(_values(tag, path, level, members, recipe.parsed)))
    return Script(recipe, source, {name: tuple(values) for name, values in found.items()})


def _walk(level: Dataset, path: Path) -> Iterator[tuple[int, Path, Dataset]]:
    for tag in sorted(level.keys()):
        yield tag, path, level
        if len(path) < _DEEPEST and (vr_in_standard(tag) == "SQ" or level.get_item(tag).VR == "SQ"):
            element = element_at(level, tag)
            for item in items_of(element) if element is not None and element.VR == "SQ" else ():
                yield from _walk(item, (*path, tag))


def _values(tag: int, path: Path, level: Dataset, members: tuple[Member, ...],
            parsed: ParsedRecipe) -> Iterator[str]:
    """Yield what the lines of a ``%values`` group take from one element."""
    names = _names(tag, path, level)
    for member in members:
        if _meant(member.target, names, parsed):
            for value in _texts(element_at(level, tag)):
                parts = value.split(member.by) if member.by else [value]
                yield from (part for part in map(str.strip, parts) if len(part) >= max(1, member.shortest))


def rule_for(tag: int, path: Path, level: Dataset, script: Script) -> Rule | None:
    """Return the line that rules an element of one level, or None.

    A sequence is kept, removed or emptied; other actions do not write sequences and leave them to
    the options.
    """
    names = _names(tag, path, level)
    for rule in _candidates(script.parsed, names, path):
        if names.vr == "SQ" and rule.action in _WRITING:
            continue
        if rule.target.form == "values" or rule.action == "REMOVE" and rule.value:
            if not _holds(rule, element_at(level, tag), script):
                continue
        return rule
    return None


def keeps(tag: int, recipe: Recipe) -> bool:
    """Tell whether a recipe keeps a public attribute at the top, whatever its value."""
    rules = _candidates(recipe.parsed, _names(tag, (), Dataset()), ())
    return bool(rules) and rules[0].action == "KEEP" and rules[0].target.form != "values"


def _names(tag: int, path: Path, level: Dataset) -> _Names:
    keyword = keyword_for_tag(tag).lower()
    number = f"{tag:08x}"
    nested = "__".join([*(keyword_for_tag(t).lower() or f"{t:08x}" for t in path), keyword or number])
    name = dictionary_description(tag).lower() if dictionary_has_tag(tag) else ""
    own = (keyword, f"({number[:4]},{number[4:]})", number, name)
    exact = tuple(dict.fromkeys(filter(None, (nested, *own, *_private_names(tag, level)))))
    return _Names(tag, _vr(tag, level), exact)


def _vr(tag: int, level: Dataset) -> str:
    vr = vr_in_standard(tag)
    if vr and " or " not in vr:
        return vr
    found = level.get_item(tag) if tag in level else None
    return str(getattr(found, "VR", None) or vr[:2] or "UN")


def _private_names(tag: int, level: Dataset) -> tuple[str, ...]:
    if not tag >> 16 & 1 or tag & 0xFFFF < 0x1000:
        return ()
    creator = element_at(level, tag & 0xFFFF0000 | (tag & 0xFF00) >> 8)
    if creator is None or not isinstance(creator.value, str):
        return ()
    text = f'{tag >> 16:04x},"{creator.value.strip().lower()}",{tag & 0xFF:02x}'
    return text, f"({text})"


@lru_cache(maxsize=65536)
def _candidates(parsed: ParsedRecipe, names: _Names, path: Path) -> tuple[Rule, ...]:
    """Return the lines that mean an element, the one that wins first; values are not looked at."""
    chosen = [rule for rule in reversed(parsed.rules) if _meant(rule.target, names, parsed)]
    allowed = [rule for rule in chosen if not (_is_structure(names.tag, path) and _spares(rule))]
    return tuple(sorted(allowed, key=lambda rule: ACTIONS.index(rule.action)))


def _is_structure(tag: int, path: Path) -> bool:
    return not path and tag in STRUCTURE


def _spares(rule: Rule) -> bool:
    """Tell whether a line leaves alone what an Instance cannot do without."""
    return rule.action in _CUTTING or (rule.action in _WRITING and tag_of(rule.target) is None)


def _meant(target: Target, names: _Names, parsed: ParsedRecipe) -> bool:
    if target.form in ("all", "values"):
        return True
    if target.form == "fields":
        return any(_meant(member.target, names, parsed) for member in parsed.groups["fields", target.text])
    if target.form == "vr":
        return names.vr.lower() == target.text
    if target.form == "group":
        return f"{names.tag >> 16:04x}" == target.text
    if target.form == "tag":
        return re.fullmatch(target.text.replace("x", "."), f"{names.tag:08x}") is not None
    if target.form == "name":
        return target.text in names.exact or ("__" not in target.text and tag_of(target) == names.tag)
    return target.text in names.exact if target.form == "private" else _expanded(target, names)


def _expanded(target: Target, names: _Names) -> bool:
    around = {"startswith": "^({})", "endswith": "({})$"}.get(target.form, "{}")
    pattern = re.compile(around.replace("{}", target.text), re.IGNORECASE)
    found = any(map(pattern.search, names.exact))
    return not found if target.form == "except" else found


def _holds(rule: Rule, element: DataElement | None, script: Script) -> bool:
    """Tell whether the condition of a line on the value of an element is met."""
    texts = list(_texts(element))
    if rule.target.form == "values" and not _any_of(script.values[rule.target.text], texts):
        return False
    if rule.action != "REMOVE" or not rule.value:
        return True
    kind, _, rest = rule.value.partition(":")
    if kind.lower() == "values":
        return _any_of(script.values[rest.lower()], texts)
    if kind.lower() == "func":
        return bool(called(rest, rule, element, script))
    return _compares(kind.lower(), rest, texts)


def _compares(kind: str, pattern: str, texts: list[str]) -> bool:
    if kind.endswith("equals"):
        found = any(text.lower() == pattern.lower() for text in texts)
    else:
        found = any(re.search(pattern, text, re.IGNORECASE) for text in texts)
    return found is not kind.startswith("not")


def _any_of(wanted: tuple[str, ...], texts: list[str]) -> bool:
    return any(value.lower() in text.lower() for value in wanted for text in texts)


def _texts(element: DataElement | None) -> Iterator[str]:
    if element is not None and element.VR != "SQ":
        yield from (str(value).strip() for value in values_of(element) if not isinstance(value, bytes))


def called(name: str, rule: Rule, element: DataElement | None, script: Script) -> object:
    """Return what a user's function says of an element."""
    function = script.recipe.functions[name]
    return function(dicom=script.source, value=rule.value, field=element, item=dict(script.recipe.variables))
