"""The text of a recipe in pydicom/deid's language, taken apart: what each line says, and its number.

Nothing is guessed: an action, a section, an expander or a form of tag that is not known is an
error that names the line. Whether an attribute exists is not asked here; see `recipe`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from scrub_pixels.errors import UsageError

ACTIONS = ("KEEP", "ADD", "REPLACE", "HASH", "JITTER", "REMOVE", "BLANK")
"""What a line may do, the one that wins over the others first."""

WITH_VALUE = frozenset({"ADD", "REPLACE", "JITTER"})
CONDITIONS = ("contains", "notcontains", "equals", "notequals")
EXPANDERS = ("startswith", "endswith", "contains", "except", "allexcept")
GROUPS = ("fields", "values")
_EVERYTHING = frozenset({"all", "allfields"})
_FILTERS = (*CONDITIONS, "missing", "present", "empty")
_AREAS = ("coordinates", "keepcoordinates", "ctpcoordinates", "ctpkeepcoordinates")
_SECTIONS = ("header", "labels", "filter", "values", "fields")
_NAMED = frozenset({"filter", "values", "fields"})

_WORDS = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_EXPANDED = re.compile(r'([^:"]*(?:"[^"]*"[^:"]*)*):(.*)')
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s?([0-9A-Fa-fxX]{4})\)?")
_PRIVATE = re.compile(r'\(?([0-9A-Fa-f]{4}),"([^"]+)",([0-9A-Fa-f]{2})\)?')
_NAME = re.compile(r"[A-Za-z]\w*")
_AREA = re.compile(r"\s*(all|from:\w+|-?\d+(\s*,\s*-?\d+){3})\s*", re.IGNORECASE)


class RecipeError(UsageError):
    """A line of a recipe that is not understood, or cannot be carried out; the message names it."""

    def __init__(self, line: int, what: str, remedy: str = "Mend the line, or take it out.") -> None:
        super().__init__(f"Line {line} of the recipe {what}.", remedy=remedy)
        self.line = line


@dataclass(frozen=True, slots=True)
class Target:
    """Which elements a line means.

    Parameters
    ----------
    form
        ``all``, ``name``, ``tag``, ``private``, an expander, ``vr``, ``group``, ``fields`` or ``values``.
    text
        What is compared, in lower case; of a tag eight digits, of a private one ``gggg,"creator",ee``.
    """

    form: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One action of ``%header``."""

    line: int
    action: str
    target: Target
    value: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One line of ``%fields`` or ``%values``: the elements meant, and how their values are split."""

    line: int
    target: Target
    by: str = ""
    shortest: int = 1


@dataclass(frozen=True, slots=True)
class PixelRule:
    """One ``LABEL`` of ``%filter``: conditions and areas, kept as they are written; never carried out."""

    line: int
    section: str
    label: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ParsedRecipe:
    """A recipe taken apart; compared by identity, so that it is cheap to remember things about it."""

    rules: tuple[Rule, ...] = ()
    groups: Mapping[tuple[str, str], tuple[Member, ...]] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    pixel_rules: tuple[PixelRule, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    section: str
    name: str
    text: str


@lru_cache(maxsize=8)
def parse_recipe(text: str) -> ParsedRecipe:
    """Take a recipe apart.

    Raises
    ------
    RecipeError
        At the first line that is not understood.
    """
    lines = tuple(_lines(text))
    by_section = {section: [line for line in lines if line.section == section] for section in _SECTIONS}
    groups: dict[tuple[str, str], tuple[Member, ...]] = {}
    for kind in GROUPS:
        for line in by_section[kind]:
            groups[kind, line.name] = (*groups.get((kind, line.name), ()), _member(line))
    return ParsedRecipe(tuple(map(_rule, by_section["header"])), MappingProxyType(groups),
                  tuple(map(_label, by_section["labels"])), _pixel_rules(by_section["filter"]))


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that say something, each with the section it stands in."""
    section, name = "", ""
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("%"):
            section, name = _section(number, line)
        elif line.split()[0].upper() == "FORMAT":
            _check_format(number, line)
        elif not section:
            raise RecipeError(number, "stands before the first section, such as %header")
        else:
            yield _Line(number, section, name, line)


def _section(number: int, line: str) -> tuple[str, str]:
    section, _, name = line.split("#")[0].strip(" %").partition(" ")
    if section.lower() not in _SECTIONS:
        raise RecipeError(number, "begins a section that is not known")
    if section.lower() in _NAMED and not name.strip():
        raise RecipeError(number, "begins a section that needs a name")
    return section.lower(), name.strip().lower()


def _check_format(number: int, line: str) -> None:
    if line.split("#")[0].split()[1:] not in (["dicom"], ["DICOM"]):
        raise RecipeError(number, "asks for a format other than dicom")


def _words(line: _Line) -> list[str]:
    if line.text.count('"') % 2:
        raise RecipeError(line.number, "has a quotation mark without its other half")
    return _WORDS.findall(line.text)


def _rule(line: _Line) -> Rule:
    word, *rest = _words(line)
    action = word.upper()
    if action not in ACTIONS:
        raise RecipeError(line.number, f"has no known action ({', '.join(ACTIONS)})")
    if not rest or rest[0].startswith("#"):
        raise RecipeError(line.number, f"says {action} and not of what")
    value = _unquoted(" ".join(rest[1:]).split("#")[0].strip())
    if action in WITH_VALUE and not value:
        raise RecipeError(line.number, f"says {action} without a value")
    if value and action in ("KEEP", "BLANK", "HASH"):
        raise RecipeError(line.number, f"gives a value to {action}, which takes none")
    rule = Rule(line.number, action, target_of(line.number, rest[0]), value)
    _check_value(rule)
    return rule


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _check_value(rule: Rule) -> None:
    kind, colon, rest = rule.value.partition(":")
    if rule.action == "REMOVE" and rule.value:
        if not colon or kind.lower() not in (*CONDITIONS, "values", "func"):
            raise RecipeError(rule.line, "removes on a condition that is not known")
        if kind.lower() in CONDITIONS:
            _check_pattern(rule.line, rest)
    if rule.action == "JITTER" and not colon and not re.fullmatch(r"[+-]?\d{1,5}", rule.value):
        raise RecipeError(rule.line, "moves dates by something that is no number of days")


def _check_pattern(line: int, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error:
        raise RecipeError(line, "holds a pattern that is no regular expression") from None


def target_of(line: int, text: str) -> Target:
    """Return which elements a word of a recipe means.

    Raises
    ------
    RecipeError
        If it is neither a name, a tag, a private tag with its creator, nor a known expander.
    """
    private, tag = _PRIVATE.fullmatch(text), _TAG.fullmatch(text)
    if text.lower() in _EVERYTHING:
        return Target("all")
    if private:
        return Target("private", f'{private[1]},"{private[2]}",{private[3]}'.lower())
    if tag:
        return Target("tag", (tag[1] + tag[2]).lower())
    expanded = _EXPANDED.fullmatch(text)
    if expanded:
        return _expander(line, expanded[1].lower(), expanded[2])
    if _NAME.fullmatch(text):
        return Target("name", text.lower())
    raise RecipeError(line, "names its elements in a form that is not known")


def _expander(line: int, kind: str, text: str) -> Target:
    if kind == "select":
        return _selection(line, text)
    if kind in GROUPS and text:
        return Target(kind, text.lower())
    if kind not in EXPANDERS or not text:
        raise RecipeError(line, "uses an expander that is not known")
    _check_pattern(line, text)
    return Target("except" if kind == "allexcept" else kind, text.lower())


def _selection(line: int, text: str) -> Target:
    kind, _, value = text.lower().partition(":")
    if kind == "vr" and re.fullmatch(r"[a-z]{2}", value):
        return Target("vr", value)
    if kind == "group" and re.fullmatch(r"(0x)?[0-9a-f]{1,4}", value):
        return Target("group", f"{int(value, 16):04x}")
    raise RecipeError(line, "selects by something other than VR or group")


def _member(line: _Line) -> Member:
    """Return one line of a group: ``FIELD x``, or ``SPLIT x by="^";minlength=4``."""
    word, *rest = _words(line)
    action = word.upper()
    if action not in (("FIELD",) if line.section == "fields" else ("FIELD", "SPLIT")) or not rest:
        raise RecipeError(line.number, f"is no line of %{line.section}")
    target = target_of(line.number, rest[0])
    if target.form in GROUPS:
        raise RecipeError(line.number, "makes a group out of a group")
    if action == "FIELD":
        return Member(line.number, target)
    return Member(line.number, target, *_split(line, " ".join(rest[1:])))


def _split(line: _Line, text: str) -> tuple[str, int]:
    found = {"by": " ", "minlength": "1"}
    for part in filter(None, text.split("#")[0].split(";")):
        name, equals, value = part.strip().partition("=")
        name = "by" if name == "splitval" else name
        if not equals or name not in found:
            raise RecipeError(line.number, "splits by something other than by and minlength")
        found[name] = value.strip("\"'")
    if not found["minlength"].isdigit() or not found["by"]:
        raise RecipeError(line.number, "has a minlength that is no number, or an empty separator")
    return found["by"], int(found["minlength"])


def _label(line: _Line) -> tuple[str, str]:
    """Return name and value of a line of ``%labels``: they describe the recipe and do nothing."""
    word, *rest = _words(line)
    if word.upper() not in ACTIONS or not rest:
        raise RecipeError(line.number, "is no line of %labels")
    return rest[0], " ".join(rest[1:])


def _pixel_rules(lines: list[_Line]) -> tuple[PixelRule, ...]:
    """Return the rules for pixels; each line is understood, none is carried out."""
    rules: list[PixelRule] = []
    for line in lines:
        word = line.text.split()[0]
        if word.upper() == "LABEL":
            label = line.text[len(word):].split("#")[0].strip()
            rules.append(PixelRule(line.number, line.name, label))
        elif not rules or rules[-1].section != line.name:
            raise RecipeError(line.number, "stands in %filter before a LABEL")
        else:
            _check_filter(line)
            last = rules[-1]
            rules[-1] = PixelRule(last.line, last.section, last.label, (*last.lines, line.text))
    return tuple(rules)


def _check_filter(line: _Line) -> None:
    text = line.text.split("#")[0]
    word, _, rest = text.strip().removeprefix("+").removeprefix("||").strip().partition(" ")
    if word.lower() in _AREAS:
        if not _AREA.fullmatch(rest):
            raise RecipeError(line.number, "gives an area in a form that is not known")
    elif word.lower() not in _FILTERS or not rest.strip():
        raise RecipeError(line.number, "is no condition of a filter")
    elif word.lower() in CONDITIONS and len(rest.split()) < 2:
        raise RecipeError(line.number, "compares an attribute with nothing")
