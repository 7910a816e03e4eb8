"""Turn facts into self-contained HTML: templates from the package, every value escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from scrub_pixels.store.report.pictures import Shot, group_of


def environment() -> Environment:
    """Return the templates with autoescape for everything, and the number formats pages use."""
    made = Environment(loader=PackageLoader("scrub_pixels.store.report", "templates"), autoescape=True,
                       undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(number=number, duration=duration, size=size, plural=plural, shortened=shortened)
    return made


def render_report(facts: Mapping[str, Any], pictures: Sequence[Shot],
                  entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of a report.

    Parameters
    ----------
    facts
        From `summary`.
    pictures
        Output frames to show.
    entries
        Inputs to list, without names.
    """
    listed = [{**entry, "group": group_of(entry)} for entry in entries]
    return environment().get_template("report.html.j2").render(
        facts=facts, shots=pictures, entries=listed, settings=list(_settings(facts["policy"])))


def _settings(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return every effective setting as a dotted name and its value, as a person would write it."""
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            rows.extend(_settings(value, f"{prefix}{name}."))
        else:
            rows.append((prefix + name, _setting(value)))
    return rows


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def number(value: float) -> str:
    """Return a number with narrow spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def plural(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """Return bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def shortened(path: str) -> str:
    """Return an output path with its long UIDs cut: the pseudonym, and the end of the instance's name."""
    first, *others = path.split("/")
    if not others or len(path) <= 48:
        return path
    return f"{first}/…/…{others[-1][-20:]}"
