"""Rules of other tools about devices: the pixel scripts of CTP, the graylists of pydicom/deid.

CTP's *DICOM Pixel Anonymizer* reads signatures in braces, each followed by regions
``(left, top, width, height)``; everything else is comment. A signature joins calls such as
``[0008,0070].containsIgnoreCase("GE")`` or ``Rows.equals("480")`` with ``*`` (and), ``+`` (or), ``!`` (not)
and parentheses; ``*`` binds tighter than ``+``.

A recipe of *deid* has sections ``%filter graylist`` with a ``LABEL`` for each rule, lines of criteria
joined by ``+`` (and) and ``||`` (or), and ``coordinates left,top,right,bottom`` or ``ctpcoordinates
left,top,width,height``; with ``keep`` before them they mark what is harmless. Other sections of a
recipe say nothing about regions and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from pydicom.datadict import keyword_dict

from scrub_pixels.decisions.devices import (
    Condition,
    DeviceCatalog,
    DeviceRegion,
    DeviceRule,
    RegionRole,
    Test,
    is_attribute,
)
from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region

_ALWAYS = Condition("all")
_NEVER = Condition("any")
_WHOLE = Region(0, 0, 1 << 20, 1 << 20)
"""Larger than any frame; matches clip it."""

_MOST_NESTED = 100
"""Parentheses and negations of one signature."""

_CTP_METHODS: Mapping[str, str] = MappingProxyType(
    {
        "equals": "equals",
        "equalsIgnoreCase": "equals ignoring case",
        "matches": "matches",
        "contains": "contains",
        "containsIgnoreCase": "contains ignoring case",
        "startsWith": "starts with",
        "startsWithIgnoreCase": "starts with ignoring case",
        "endsWith": "ends with",
        "endsWithIgnoreCase": "ends with ignoring case",
        "isLessThan": "is less than",
        "isGreaterThan": "is greater than",
    }
)
_CTP_TOKEN = re.compile(
    r"""(?x)
    (?P<space>\s+|//[^\n]*)
  | (?P<call>(?P<attribute>\[\s*[0-9a-fA-F]{4}\s*,\s*[0-9a-fA-F]{4}\s*\]|[A-Za-z][A-Za-z0-9]*)
      \s*\.\s*(?P<method>[A-Za-z]+)\s*\(\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*\))
  | (?P<constant>(?:true|false)\b\.?)
  | (?P<mark>[*+!()])
    """
)
_CTP_BLOCK = re.compile(r"\{(?P<signature>[^{}]*)\}(?P<after>[^{}]*)")
_CTP_REGION = re.compile(r"\(([\s\d,]*\d[\s\d,]*)\)")

_DEID_TESTS = frozenset({"contains", "notcontains", "equals", "notequals", "missing", "present", "empty"})
_DEID_PLACES = MappingProxyType(
    {
        "coordinates": (RegionRole.PHI, False),
        "keepcoordinates": (RegionRole.HARMLESS, False),
        "ctpcoordinates": (RegionRole.PHI, True),
        "ctpkeepcoordinates": (RegionRole.HARMLESS, True),
    }
)


def _error(line: int, what: str, remedy: str = "Mend it there.") -> UsageError:
    return UsageError(f"Line {line} of the device rules: {what}.", remedy=remedy)


# -- CTP --------------------------------------------------------------------------------------------


def parse_ctp(text: str) -> DeviceCatalog:
    """Return the rules of a CTP pixel script; signatures without regions are passed over, as CTP does.

    Raises
    ------
    UsageError
        If there is no signature, or one of them or a region cannot be understood; the message names the line.
    """
    rules = tuple(rule for rule in _ctp_rules(text) if rule.regions)
    outside = _CTP_BLOCK.sub(lambda match: "\n" * match.group().count("\n"), text)
    stray = re.search(r"[{}]", outside)
    if stray is not None:
        raise _error(outside.count("\n", 0, stray.start()) + 1, "a brace has no partner")
    if not rules:
        raise _error(1, "there is no signature in braces with regions after it")
    return DeviceCatalog(rules)


def _ctp_rules(text: str) -> Iterator[DeviceRule]:
    for block in _CTP_BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        tokens = tuple(_ctp_tokens(block["signature"], line))
        if sum(token.mark in {"(", "!"} for token in tokens) > _MOST_NESTED:
            raise _error(line, "a signature is nested too deeply")
        when = _Signature(tokens).condition()
        regions = tuple(_ctp_regions(block["after"], text.count("\n", 0, block.start("after")) + 1))
        yield DeviceRule(when, regions, f"CTP script, line {line}")


def _ctp_regions(text: str, line: int) -> Iterator[DeviceRegion]:
    for match in _CTP_REGION.finditer(text):
        here = line + text.count("\n", 0, match.start())
        yield DeviceRegion(_region(match[1], here, with_size=True), RegionRole.PHI)


def _region(numbers: str, line: int, with_size: bool) -> Region:
    """Return ``left,top,width,height`` or ``left,top,right,bottom`` as a Region."""
    try:
        left, top, third, fourth = (int(number) for number in numbers.split(","))
        columns, rows = (third, fourth) if with_size else (third - left, fourth - top)
        return Region(top, left, rows, columns)
    except ValueError:
        form = "left,top,width,height" if with_size else "left,top,right,bottom"
        raise _error(line, f"a region is not of the form {form}, or it is empty") from None


@dataclass(frozen=True, slots=True)
class _Token:
    """A part of a signature: a mark, or a finished test, and the line it stands in."""

    mark: str
    line: int
    test: Condition | Test = _ALWAYS


def _ctp_tokens(signature: str, line: int) -> Iterator[_Token]:
    position = 0
    while position < len(signature):
        match = _CTP_TOKEN.match(signature, position)
        here = line + signature.count("\n", 0, position)
        if match is None:
            raise _error(here, "the signature cannot be understood")
        if match["call"]:
            yield _Token("test", here, _ctp_test(match, here))
        elif match["constant"]:
            yield _Token("test", here, _ALWAYS if match["constant"].startswith("true") else _NEVER)
        elif match["mark"]:
            yield _Token(match["mark"], here)
        position = match.end()
    yield _Token("end", line + signature.count("\n"))


def _ctp_test(match: re.Match[str], line: int) -> Test:
    if match["method"] not in _CTP_METHODS:
        raise _error(line, "a method is not known", f"Known: {', '.join(_CTP_METHODS)}.")
    attribute = re.sub(r"[\[\],\s]", "", match["attribute"])
    value = re.sub(r"\\(.)", r"\1", match["value"]) if match["method"] != "matches" else match["value"]
    return _test(attribute, _CTP_METHODS[match["method"]], value, line)


def _test(attribute: str, operator: str, value: str, line: int) -> Test:
    if not is_attribute(attribute):
        raise _error(line, f"there is no attribute {attribute}", _suggestion(attribute))
    if operator in {"matches", "finds"}:
        try:
            re.compile(value)
        except re.error:
            raise _error(line, "a regular expression is not valid") from None
    return Test(attribute, operator, value)


def _suggestion(attribute: str) -> str:
    near = get_close_matches(attribute, keyword_dict, 1)
    return f"Do you mean {near[0]}?" if near else "Use a keyword of PS3.6 or a tag."


@dataclass(slots=True)
class _Signature:
    """Recursive descent over the tokens of one signature: or, and, not, parentheses."""

    tokens: tuple[_Token, ...]
    at: int = 0

    def condition(self) -> Condition:
        """Return the whole signature."""
        found = self._joined("any", "+", lambda: self._joined("all", "*", self._part))
        if self.tokens[self.at].mark != "end":
            raise _error(self.tokens[self.at].line, "the signature goes on where it should end")
        return found

    def _joined(self, join: str, mark: str, part: Callable[[], Condition | Test]) -> Condition:
        parts = [part()]
        while self.tokens[self.at].mark == mark:
            self.at += 1
            parts.append(part())
        return Condition(join, tuple(parts))

    def _part(self) -> Condition | Test:
        token = self.tokens[self.at]
        self.at += 1
        if token.mark == "test":
            return token.test
        if token.mark == "!":
            return Condition("not", (self._part(),))
        if token.mark != "(":
            raise _error(token.line, "a test is missing in the signature")
        inner = self._joined("any", "+", lambda: self._joined("all", "*", self._part))
        if self.tokens[self.at].mark != ")":
            raise _error(self.tokens[self.at].line, "a parenthesis is not closed in the signature")
        self.at += 1
        return inner


# -- deid -------------------------------------------------------------------------------------------


def parse_deid(text: str) -> DeviceCatalog:
    """Return the rules with coordinates of the graylists of a deid recipe.

    Raises
    ------
    UsageError
        If a line of a graylist cannot be understood; the message names it.
    """
    rules: list[DeviceRule] = []
    graylist, draft = False, _Draft(0)
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line.startswith("%"):
            rules += draft.rules()
            graylist, draft = line.split()[:2] == ["%filter", "graylist"], _Draft(0)
        elif graylist and line.upper().startswith("LABEL"):
            rules += draft.rules()
            draft = _Draft(number)
        elif graylist and line:
            draft = draft.with_line(line, number)
    rules += draft.rules()
    if not rules:
        raise _error(1, "no graylist in the recipe names coordinates")
    return DeviceCatalog(tuple(rules))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A rule of a recipe while its lines are read."""

    line: int
    when: Condition = _ALWAYS
    regions: tuple[DeviceRegion, ...] = ()

    def rules(self) -> list[DeviceRule]:
        """Return the finished rule, if it names a region."""
        origin = f"deid recipe, line {self.line}"
        return [DeviceRule(self.when, self.regions, origin)] if self.regions else []

    def with_line(self, line: str, number: int) -> _Draft:
        """Return the draft with one more line of criteria or coordinates taken in."""
        if not self.line:
            raise _error(number, "it stands before the first LABEL of its graylist")
        word, _, rest = line.partition(" ")
        if word.lower() in _DEID_PLACES:
            found = _deid_region(word.lower(), rest.strip(), number)
            return _Draft(self.line, self.when, (*self.regions, found))
        mark, criteria = ("||", line[2:]) if line.startswith("||") else ("+", line.removeprefix("+"))
        group = _deid_group(criteria.strip(), number)
        if self.when == _ALWAYS:
            return _Draft(self.line, Condition("all", (group,)), self.regions)
        join = "any" if mark == "||" else "all"
        return _Draft(self.line, Condition(join, (self.when, group)), self.regions)


def _deid_region(word: str, rest: str, line: int) -> DeviceRegion:
    role, with_size = _DEID_PLACES[word]
    if rest.lower() == "all":
        return DeviceRegion(_WHOLE, role)
    if rest.lower().startswith("from:"):
        remedy = "Use the policy outside-regions for ultrasound regions, and take the line out."
        raise _error(line, "coordinates taken from an attribute are not read from recipes", remedy)
    return DeviceRegion(_region(rest, line, with_size), role)


def _deid_group(criteria: str, line: int) -> Condition:
    """Return one line of criteria, joined from left to right."""
    parts = re.split(r"\s+(\+|\|\|)\s+", criteria)
    group = Condition("all", (_deid_test(parts[0], line),))
    for mark, part in zip(parts[1::2], parts[2::2], strict=True):
        group = Condition("any" if mark == "||" else "all", (group, _deid_test(part, line)))
    return group


def _deid_test(text: str, line: int) -> Condition | Test:
    words = text.split(maxsplit=2)
    name = words[0].lower() if words else ""
    if name not in _DEID_TESTS or len(words) < 2:
        raise _error(line, "a criterion cannot be understood", f"Known: {', '.join(sorted(_DEID_TESTS))}.")
    attribute = re.sub(r"^0x", "", words[1])
    value = words[2].strip() if len(words) > 2 else ""
    operator = "finds" if "contains" in name else "equals ignoring case" if "equals" in name else "is empty"
    test = _test(attribute, operator, value, line)
    return Condition("not", (test,)) if name.startswith("not") or name == "present" else test
