"""Device knowledge: where a make of device writes identifying text, and where it writes none.

A catalogue is data: rules that each say which Instances they speak about and which regions of their
frames are ``phi`` (masked whole, whatever is read there) or ``harmless`` (a toolbar, a logo: what
cannot be read may stay there; what can be read is judged as everywhere, for a word that nobody knows may
be a name). Terms of the device are listed as its ``vocabulary``. Rules come from layouts that reviews
have taught, in a TOML file free of identifiers::

    [[layout]]
    manufacturer = "ACME"            # compared without case, as a whole
    model = "Echo 5"
    rows = 600
    columns = 800
    software = "2.1"                 # optional
    origin = "reviewed 2026-11-20"   # optional, for the report
    vocabulary = ["SonoGlow"]        # optional, terms that are harmless on this device

    [[layout.region]]
    row = 0
    column = 0
    rows = 40
    columns = 800
    role = "phi"                     # or "harmless"

or from the rules of other tools, see `scrub_pixels.decisions.device_scripts`.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w
from pydicom.datadict import keyword_for_tag, repeater_has_keyword, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region, Shape

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class RegionRole(str, Enum):
    """What a device writes in a region."""

    PHI = "phi"
    HARMLESS = "harmless"


@dataclass(frozen=True, slots=True)
class DeviceRegion:
    """A region of a frame and what the device writes there."""

    region: Region
    role: RegionRole


@dataclass(frozen=True, slots=True)
class Test:
    """A question about one attribute.

    Parameters
    ----------
    attribute
        A keyword of PS3.6, or eight hexadecimal digits of a tag.
    operator
        A key of `OPERATORS`.
    value
        What it is compared with.
    """

    attribute: str
    operator: str
    value: str = ""

    def holds(self, dataset: Dataset) -> bool:
        """Tell whether the answer is yes for a data set; an absent attribute compares as empty text."""
        return OPERATORS[self.operator](_text(dataset, self.attribute), self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """Tests joined by ``all``, ``any`` or ``not`` (of the only part); no parts and ``all`` is always true."""

    join: str
    parts: tuple[Condition | Test, ...] = ()

    def holds(self, dataset: Dataset) -> bool:
        """Tell whether the condition is true for a data set."""
        answers = (part.holds(dataset) for part in self.parts)
        if self.join == "not":
            return not next(answers)
        return any(answers) if self.join == "any" else all(answers)


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """What is known about one make of device.

    Parameters
    ----------
    when
        Which Instances it speaks about.
    regions
        Where the device writes what.
    origin
        Where the rule comes from, free of identifiers: a file and line, a date.
    vocabulary
        Terms that are harmless on this device.
    """

    when: Condition
    regions: tuple[DeviceRegion, ...]
    origin: str = ""
    vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceLayout:
    """A learned layout, as reviews write it; `rule` turns it into a rule."""

    manufacturer: str
    model: str
    rows: int
    columns: int
    regions: tuple[DeviceRegion, ...] = ()
    software: str = ""
    origin: str = ""
    vocabulary: tuple[str, ...] = ()

    @property
    def rule(self) -> DeviceRule:
        """The rule that this layout stands for."""
        tests = [
            Test("Manufacturer", "equals ignoring case", self.manufacturer),
            Test("ManufacturerModelName", "equals ignoring case", self.model),
            Test("Rows", "equals", str(self.rows)),
            Test("Columns", "equals", str(self.columns)),
        ]
        if self.software:
            tests.append(Test("SoftwareVersions", "equals ignoring case", self.software))
        return DeviceRule(Condition("all", tuple(tests)), self.regions, self.origin, self.vocabulary)


@dataclass(frozen=True, slots=True)
class DeviceMatch:
    """What a catalogue knows about one Instance: regions inside its frames, terms, and where that is from."""

    phi: tuple[Region, ...] = ()
    harmless: tuple[Region, ...] = ()
    vocabulary: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceCatalog:
    """Rules about devices; every rule that speaks about an Instance counts."""

    rules: tuple[DeviceRule, ...] = field(default=())

    def match(self, dataset: Dataset) -> DeviceMatch:
        """Return what all rules that speak about `dataset` say, clipped to its frames."""
        rules = [rule for rule in self.rules if rule.when.holds(dataset)]
        shape = (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0))
        return DeviceMatch(
            _regions(rules, RegionRole.PHI, shape),
            _regions(rules, RegionRole.HARMLESS, shape),
            tuple(dict.fromkeys(term for rule in rules for term in rule.vocabulary)),
            tuple(dict.fromkeys(rule.origin for rule in rules if rule.origin)),
        )

    def merged(self, other: DeviceCatalog) -> DeviceCatalog:
        """Return a catalogue with the rules of both."""
        return DeviceCatalog(tuple(dict.fromkeys((*self.rules, *other.rules))))


def _regions(rules: list[DeviceRule], role: RegionRole, shape: Shape) -> tuple[Region, ...]:
    wanted = [r.region for rule in rules for r in rule.regions if r.role is role]
    clipped = (region.clipped(shape) for region in wanted) if min(shape) > 0 else ()
    return tuple(dict.fromkeys(region for region in clipped if region))


def _is_number_below(text: str, value: str) -> bool:
    try:
        return float(text) < float(value)
    except ValueError:
        return False


OPERATORS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "equals": lambda text, value: text == value,
        "equals ignoring case": lambda text, value: text.casefold() == value.casefold(),
        "contains": lambda text, value: value in text,
        "contains ignoring case": lambda text, value: value.casefold() in text.casefold(),
        "starts with": lambda text, value: text.startswith(value),
        "starts with ignoring case": lambda text, value: text.casefold().startswith(value.casefold()),
        "ends with": lambda text, value: text.endswith(value),
        "ends with ignoring case": lambda text, value: text.casefold().endswith(value.casefold()),
        "matches": lambda text, value: re.fullmatch(value, text) is not None,
        "finds": lambda text, value: re.search(value, text, re.IGNORECASE) is not None,
        "is less than": _is_number_below,
        "is greater than": lambda text, value: _is_number_below(value, text),
        "is empty": lambda text, value: not text,
    }
)
"""Name -> comparison of an attribute's text with a value."""


def is_attribute(name: str) -> bool:
    """Tell whether a name is a keyword of PS3.6, of repeating groups too, or eight hexadecimal digits."""
    return _tag(name) is not None or repeater_has_keyword(name)


def _tag(name: str) -> int | None:
    return int(name, 16) if re.fullmatch(r"[0-9a-fA-F]{8}", name) else tag_for_keyword(name)


def _text(dataset: Dataset, attribute: str) -> str:
    """Return an attribute's values as one text, joined as in a file (PS3.5 6.4), empty if it is absent."""
    tag = _tag(attribute)
    if tag is None:  # of a repeating group: the first that is there (PS3.5 7.6)
        tag = next((t for t in dataset.keys() if keyword_for_tag(t) == attribute), 0)
    content = getattr(dataset.get(Tag(tag)), "value", None)
    parts = content if isinstance(content, (MultiValue, list, tuple)) else [content]
    return "\\".join(str(part).strip() for part in parts if part is not None)


def catalog_of(paths: tuple[str, ...]) -> DeviceCatalog:
    """Return the catalogues of several files as one; each file is parsed once until it changes.

    Raises
    ------
    UsageError
        See `load_devices`.
    """
    merged = DeviceCatalog()
    for path in paths:
        merged = merged.merged(_loaded(path, _changed(path)))
    return merged


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0  # `load_devices` says what is wrong with it


@lru_cache(maxsize=32)
def _loaded(path: str, changed: int) -> DeviceCatalog:
    return load_devices(path)


def load_devices(path: str | os.PathLike[str]) -> DeviceCatalog:
    """Read a catalogue: learned layouts (TOML), a pixel script of CTP, or a graylist recipe of deid.

    Raises
    ------
    UsageError
        If the file cannot be read, or a line of it cannot be understood; the message names the line.
    """
    from scrub_pixels.decisions.device_scripts import parse_ctp, parse_deid

    try:
        text = _read(path).decode()
    except UnicodeDecodeError:
        raise _unreadable("it is no text") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"^\s*%filter\b", text, re.MULTILINE):
        return parse_deid(text)
    if Path(path).suffix.lower() == ".toml":
        return DeviceCatalog(tuple(layout.rule for layout in parse_layouts(text)))
    return parse_ctp(text)


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(error.strerror or "it is no file") from None


def _unreadable(why: str) -> UsageError:
    return UsageError(f"The device catalogue cannot be read: {why}.",
                      remedy="Check its path; it is a text file in UTF-8.")


def content_of(paths: tuple[str, ...]) -> bytes:
    """Return what stands for the content of catalogues, whatever they are called: their SHA-256 digests.

    Raises
    ------
    UsageError
        If one cannot be read.
    """
    return b"".join(hashlib.sha256(_read(path)).digest() for path in paths)


def parse_layouts(text: str) -> tuple[DeviceLayout, ...]:
    """Return the layouts of a TOML text.

    Raises
    ------
    UsageError
        If it is not TOML, or an entry has an unknown name or a value that does not fit.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The device catalogue is not TOML: {error}.", remedy="Mend it there.") from None
    unknown = set(table) - {"layout"}
    if unknown or not isinstance(table.get("layout", []), list):
        raise UsageError("A device catalogue holds [[layout]] tables only.", remedy="See its documentation.")
    return tuple(_layout(entry, number) for number, entry in enumerate(table.get("layout", []), 1))


_LAYOUT_TYPES: Mapping[str, type] = MappingProxyType(
    {"manufacturer": str, "model": str, "rows": int, "columns": int, "software": str, "origin": str}
)


def _layout(entry: Any, number: int) -> DeviceLayout:
    try:
        given = dict(entry)
        regions = tuple(_region(r) for r in given.pop("region", []))
        terms = tuple(_typed(term, str) for term in given.pop("vocabulary", []))
        plain = {name: _typed(value, _LAYOUT_TYPES[name]) for name, value in given.items()}
        return DeviceLayout(**plain, regions=regions, vocabulary=terms)
    except KeyError as error:
        raise _unfit(number, f"it has an unknown entry {error}") from None
    except (TypeError, ValueError) as error:
        raise _unfit(number, str(error)) from None


def _unfit(number: int, why: str) -> UsageError:
    what = f"Layout {number} of the device catalogue is not valid: {why}."
    return UsageError(what, remedy="Mend it there.")


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"a value is no {kind.__name__}")
    return value


def _region(entry: Any) -> DeviceRegion:
    given = dict(entry)
    role = RegionRole(given.pop("role"))
    return DeviceRegion(Region(**{name: _typed(value, int) for name, value in given.items()}), role)


def layouts_as_toml(layouts: tuple[DeviceLayout, ...]) -> str:
    """Return learned layouts as the text of a catalogue; `parse_layouts` reads it back."""
    return tomli_w.dumps({"layout": [_as_table(layout) for layout in layouts]})


def _as_table(layout: DeviceLayout) -> dict[str, Any]:
    regions = [{**asdict(r.region), "role": r.role.value} for r in layout.regions]
    plain = {name: getattr(layout, name) for name in _LAYOUT_TYPES if getattr(layout, name) != ""}
    return {**plain, "vocabulary": list(layout.vocabulary), "region": regions}
