"""What a catalog holds: modalities, devices, sizes, dates, and where burned-in text is likely."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrub_pixels.catalog.charts import Bar, bars, columns
from scrub_pixels.catalog.pages import Page, Section, Tile, write_page
from scrub_pixels.catalog.printing import readable
from scrub_pixels.catalog.query import Asked
from scrub_pixels.store.report.render import number, size

RISKS = ("declared", "high", "medium", "low", "unknown")
ON_TERMINAL = 12
IN_CHART = 20
MONTHS_SHOWN = 48

TOTALS = """SELECT count(*) AS files, count(*) FILTER (error IS NULL) AS instances,
  count(DISTINCT patient_id) AS patients, count(DISTINCT study_instance_uid) AS studies,
  count(DISTINCT series_instance_uid) AS series, coalesce(sum(frames) FILTER (error IS NULL), 0)::BIGINT
  + count(*) FILTER (error IS NULL AND frames IS NULL AND pixel_keyword IS NOT NULL) AS frames,
  coalesce(sum(size_bytes), 0)::BIGINT AS bytes, count(*) FILTER (error = 'not-dicom') AS not_dicom,
  count(*) FILTER (error IS NOT NULL AND error <> 'not-dicom') AS unreadable,
  count(*) FILTER (findings IS NOT NULL) AS odd FROM catalog"""

COUNTED = """SELECT {what} AS {name}, count(*) AS instances, count(DISTINCT series_instance_uid) AS series,
  count(DISTINCT patient_id) AS patients, sum(size_bytes)::BIGINT AS bytes FROM catalog WHERE error IS NULL
  GROUP BY 1 ORDER BY instances DESC, 1"""

DEVICE = "nullif(concat_ws(' ', manufacturer, model), '')"
DEVICES = f"""SELECT {DEVICE} AS device, string_agg(DISTINCT modality, ', ' ORDER BY modality) AS modalities,
  count(*) AS instances, {", ".join(f"count(*) FILTER (burned_in_risk = '{r}') AS {r}" for r in RISKS)},
  count(*) FILTER (upper(burned_in_annotation) = 'NO') AS says_no FROM catalog
  WHERE error IS NULL AND pixel_keyword IS NOT NULL GROUP BY 1 ORDER BY instances DESC, 1"""

DATES = """SELECT strftime(study_date, '{form}') AS date, count(DISTINCT study_instance_uid) AS studies
  FROM catalog WHERE study_date IS NOT NULL GROUP BY 1 ORDER BY 1"""

TABLES = (
    ("modality", "modality", "Modalities"),
    ("size", "rows || ' × ' || columns", "Image sizes (rows × columns)"),
    ("body_part", "body_part", "Body parts"),
    ("transfer_syntax", "transfer_syntax", "Transfer syntaxes"),
    ("photometric", "photometric_interpretation", "Photometric interpretations"),
    ("sop_class", "sop_class", "SOP classes"),
    ("burned_in_annotation", "burned_in_annotation", "Burned In Annotation, as declared"),
)
"""Name, SQL and heading of the tables that count instances."""


def totals(asked: Asked) -> dict[str, Any]:
    """Return the counts of a whole catalog."""
    return asked.rows(TOTALS)[0]


def counted(asked: Asked) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield name, heading and rows of the tables that count instances."""
    for name, what, heading in TABLES:
        yield name, heading, asked.rows(COUNTED.format(what=what, name=name))


def print_summary(asked: Asked, console: Console) -> None:
    """Print the counts and tables of a catalog."""
    found = totals(asked)
    console.print(f"{number(found['instances'])} instances, {number(found['frames'])} frames, "
                  f"{number(found['series'])} series, {number(found['studies'])} studies, "
                  f"{number(found['patients'])} patients, {size(found['bytes'])}")
    console.print(f"{found['not_dicom']} files are not DICOM, {found['unreadable']} cannot be read, "
                  f"{found['odd']} have odd values (scrub-pixels qc tells more)")
    for name, heading, rows in counted(asked):
        _print(console, heading, (name, "instances", "series", "patients"), rows)
    names = ("device", "modalities", "instances", *RISKS)
    _print(console, "Burned-in risk by device (a rule of thumb)", names, asked.rows(DEVICES))


def _print(console: Console, heading: str, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False, title=f"\n{heading}", title_justify="left")
    for place, name in enumerate(names):
        table.add_column(name.replace("_", " "), justify="left" if place == 0 else "right", overflow="fold")
    for row in rows[:ON_TERMINAL]:
        table.add_row(*(Text(readable(row[name]) or "-") for name in names))
    if len(rows) > ON_TERMINAL:
        table.add_row(f"and {len(rows) - ON_TERMINAL} more")
    console.print(table)


def summary_page(asked: Asked, private: bool = True) -> Page:
    """Return the page of a catalog."""
    found = totals(asked)
    names = ("patients", "studies", "series", "instances", "frames")
    bad = "warn" if found["unreadable"] else ""
    tiles = [*(Tile(number(found[name]), name) for name in names), Tile(size(found["bytes"]), "of files"),
             Tile(number(found["unreadable"]), "files cannot be read", bad)]
    return Page(f"{number(found['instances'])} instances of {number(found['patients'])} patients",
                "What the catalog lists, from headers alone.", tuple(tiles), tuple(_sections(asked)), private)


def _sections(asked: Asked) -> Iterator[Section]:
    yield from _dates(asked)
    yield _devices(asked)
    for name, heading, rows in counted(asked):
        chart = bars([Bar(readable(row[name]) or "not stated", {"plain": row["instances"]})
                      for row in rows[:IN_CHART]], heading)
        shown = [{**row, "bytes": size(row["bytes"])} for row in rows]
        yield Section(heading, "", (name, "instances", "series", "patients", "bytes"), shown,
                      ("instances", "series", "patients", "bytes"), chart if rows else None, most=40)


def _dates(asked: Asked) -> Iterator[Section]:
    rows = asked.rows(DATES.format(form="%Y-%m"))
    if len(rows) > MONTHS_SHOWN:
        rows = asked.rows(DATES.format(form="%Y"))
    if rows:
        chart = columns([(row["date"], row["studies"]) for row in rows], "Studies by date")
        note = "Studies by Study Date; times without any are left out."
        yield Section("Studies over time", note, chart=chart)


def _devices(asked: Asked) -> Section:
    rows = asked.rows(DEVICES)
    chart = bars([Bar(readable(row["device"]) or "not stated", {risk: row[risk] for risk in RISKS})
                  for row in rows[:IN_CHART]], "Burned-in risk by device")
    note = ("A rule of thumb for where to look first: declared in the header, usual, possible, "
            "or unlikely. Nothing is released on its word: every frame is searched.")
    numbers = ("instances", *RISKS, "says_no")
    return Section("Burned-in risk by device", note, ("device", "modalities", *numbers), rows, numbers,
                   chart if rows else None, RISKS, 60)


def write_summary(asked: Asked, target: Path) -> None:
    """Write the page of a catalog: private, never below an output folder."""
    write_page(summary_page(asked), target)
