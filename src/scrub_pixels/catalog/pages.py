"""Pages made of counts, plots and tables: one template, filled from data; every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from scrub_pixels import __version__
from scrub_pixels.catalog.charts import Bar, bars
from scrub_pixels.catalog.printing import readable
from scrub_pixels.catalog.quality import SEVERITIES, Finding, record, tally
from scrub_pixels.store.export import write_private_file
from scrub_pixels.store.report.render import environment, number

MOST_ROWS = 1000


@dataclass(frozen=True)
class Tile:
    """A number with its meaning."""

    value: str
    label: str
    style: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with a plot, a table, or both.

    Parameters
    ----------
    columns, numbers
        Names of the table's columns, and those that hold numbers.
    key
        Words whose colours the plot uses.
    most
        Rows that are shown; the rest is counted.
    """

    heading: str
    note: str = ""
    columns: tuple[str, ...] = ()
    rows: Sequence[Mapping[str, Any]] | None = None
    numbers: tuple[str, ...] = ()
    chart: Markup | None = None
    key: tuple[str, ...] = ()
    most: int = MOST_ROWS


@dataclass(frozen=True)
class Page:
    """A page."""

    title: str
    lead: str
    tiles: tuple[Tile, ...] = ()
    sections: tuple[Section, ...] = ()
    private: bool = True
    brand: str = field(default_factory=lambda: _brand())
    footer: str = "Made by scrub-pixels. Nothing on this page is loaded from elsewhere."


def _brand() -> str:
    return f"{__version__} · {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def rendered(page: Page) -> str:
    """Return a page as self-contained HTML."""
    return _environment().get_template("tables.html.j2").render(page=page)


def _environment() -> Environment:
    made = environment()
    made.loader = ChoiceLoader([PackageLoader("scrub_pixels.catalog"),
                                PackageLoader("scrub_pixels.store.report", "templates")])
    made.filters["told"] = _told
    return made


def _told(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    return readable(value) or "–"


def write_page(page: Page, target: Path) -> None:
    """Write a private page: mode 0600, never below an output folder."""
    write_private_file(target, iter([rendered(page).encode()]))


def write_quality(findings: list[Finding], target: Path) -> None:
    """Write the page of a quality check.

    Raises
    ------
    UsageError
        If it would stand below an output folder.
    """
    write_page(quality_page(findings), target)


def quality_page(findings: list[Finding]) -> Page:
    """Return the page of a quality check."""
    rows = tally(findings)
    counts = {word: sum(finding.severity == word for finding in findings) for word in SEVERITIES}
    chart = bars([Bar(row["check"], {row["severity"]: row["findings"]}) for row in rows], "Findings")
    listed = [record(f) for f in sorted(findings, key=lambda f: SEVERITIES.index(f.severity))]
    return Page(
        "Nothing was found" if not findings else f"{number(len(findings))} findings",
        "What the headers say about the quality of the data. Pixel values were not looked at.",
        tuple(Tile(number(counts[word]), f"{word}s" if word != "info" else "notes",
                   "warn" if word == "error" and counts[word] else "") for word in SEVERITIES),
        (Section("By check", "How often each check found something.",
                 ("severity", "check", "findings", "instances", "meaning", "remedy"), rows,
                 ("findings", "instances"), chart if rows else None, SEVERITIES),
         Section("Every finding", "The worst first.",
                 ("severity", "check", "level", "subject", "number", "detail", "path"), listed, ("number",))))
