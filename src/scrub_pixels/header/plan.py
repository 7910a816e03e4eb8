"""What would happen to every element of a data set, and which row, option or Type says so; free of PHI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from scrub_pixels.header.actions import named, simple_code
from scrub_pixels.header.engine import DEEPEST
from scrub_pixels.header.iod_types import IodTypes, Path, types_for
from scrub_pixels.header.options import Profile
from scrub_pixels.header.reading import element_at, items_of, shallow
from scrub_pixels.header.recipe_actions import LETTER, line_for, weakens
from scrub_pixels.header.recipe_match import Script, script_for
from scrub_pixels.header.table import Row, code_for, row_for


@dataclass(frozen=True, slots=True)
class Planned:
    """What would happen to one element.

    Parameters
    ----------
    path
        The sequences around it, as ``(gggg,eeee) Keyword``, outermost first.
    attribute
        The element, as ``(gggg,eeee) Keyword``.
    code
        The code of Table E.1-1, options applied: ``X/Z/D``.
    action
        The simple code that the Type in the IOD makes of it: X, Z, D, K, C or U.
    because
        The row (or kind, where it is not listed) and what decided: Basic, or the options.
    """

    path: tuple[str, ...]
    attribute: str
    code: str
    action: str
    because: str


def plan(dataset: Dataset, profile: Profile) -> tuple[Planned, ...]:
    """Return what the header stage would do to each element, in the order of the file.

    The final scan for identifiers is not foreseen: it depends on values.
    """
    source = shallow(dataset)
    types = types_for(source)
    return tuple(_planned(source, (), _Basis(profile, types, script_for(profile.recipe, source))))


@dataclass(frozen=True)
class _Basis:
    """What decides: the profile, the Types of the IOD, and a recipe if there is one."""

    profile: Profile
    types: IodTypes
    script: Script | None


def _planned(source: Dataset, path: Path, basis: _Basis) -> Iterator[Planned]:
    for tag in sorted(source.keys()):
        planned = _line(tag, source, path, basis)
        yield planned
        if planned.action in "KCU" and len(path) < DEEPEST:
            yield from _below(source, tag, path, basis)


def _line(tag: int, source: Dataset, path: Path, basis: _Basis) -> Planned:
    profile, where = basis.profile, tuple(map(named, path))
    code, action = code_for(tag, profile.options), simple_code(tag, path, profile, basis.types)
    rule = line_for(tag, path, source, basis.script)
    if rule is None:
        return Planned(where, named(tag), code, action, _because(row_for(tag), code, action, basis))
    weaker = ", weaker than the profile" if weakens(rule, action) else ""
    because = f"recipe line {rule.line}: {rule.action}{weaker}"
    return Planned(where, named(tag), code, LETTER[rule.action], because)


def _below(source: Dataset, tag: int, path: Path, basis: _Basis) -> Iterator[Planned]:
    element = element_at(source, tag)
    if element is not None and element.VR == "SQ":
        for item in items_of(element):
            yield from _planned(item, (*path, tag), basis)


def _because(row: Row, code: str, action: str, basis: _Basis) -> str:
    """Name the row and what chose its code."""
    profile = basis.profile
    if code == "K" != action:
        return f"{row.name}: the profile keeps no free text"
    options = [option.meaning for option, cell in row.cells if option in profile.options and cell == code]
    where = f"row {row.name}" if row.tag else row.name
    return f"{where}: {' and '.join(options) if options else 'Basic Profile' if row.tag else 'our rule'}"
