"""What would happen to every element of a data set, and which row, option or Type says so; free of PHI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from scrub_pixels.header.actions import named
from scrub_pixels.header.engine import DEEPEST
from scrub_pixels.header.iod_types import IodTypes, Path, resolved, types_of
from scrub_pixels.header.options import Profile
from scrub_pixels.header.reading import element_at, items_of, shallow, text_of
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
    types = types_of(text_of(source, "SOPClassUID"))
    return tuple(_planned(source, (), profile, types))


def _planned(source: Dataset, path: Path, profile: Profile, types: IodTypes) -> Iterator[Planned]:
    for tag in sorted(source.keys()):
        code = code_for(tag, profile.options)
        action = resolved(code, types.of(path, tag))
        yield Planned(
            tuple(map(named, path)), named(tag), code, action, _because(row_for(tag), code, profile)
        )
        if action in "KCU" and len(path) < DEEPEST:
            yield from _below(source, tag, path, profile, types)


def _below(source: Dataset, tag: int, path: Path, profile: Profile, types: IodTypes) -> Iterator[Planned]:
    element = element_at(source, tag)
    if element is not None and element.VR == "SQ":
        for item in items_of(element):
            yield from _planned(item, (*path, tag), profile, types)


def _because(row: Row, code: str, profile: Profile) -> str:
    """Name the row and what chose its code."""
    options = [option.meaning for option, cell in row.cells if option in profile.options and cell == code]
    where = f"row {row.name}" if row.tag else row.name
    return f"{where}: {' and '.join(options) if options else 'Basic Profile' if row.tag else 'our rule'}"
