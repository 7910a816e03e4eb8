"""Tables for people, CSV and JSON lines for programs; what a terminal would obey is shown, not obeyed."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrub_pixels.catalog.formats import cell
from scrub_pixels.store.export import shown

Record = Mapping[str, Any]


def print_records(records: Iterable[Record], form: str, names: Sequence[str], title: str = "") -> None:
    """Print records as ``table``, ``csv`` or ``jsonl`` on standard output."""
    FORMS[form](records, names, title)


def _print_table(records: Iterable[Record], names: Sequence[str], title: str) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False, title=title or None, title_justify="left")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for record in records:
        table.add_row(*(Text(readable(record.get(name))) for name in names))
    Console(highlight=False).print(table)


def _print_csv(records: Iterable[Record], names: Sequence[str], title: str) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for record in records:
        writer.writerow([cell(record.get(name)) for name in names])


def _print_lines(records: Iterable[Record], names: Sequence[str], title: str) -> None:
    for record in records:
        sys.stdout.write(json.dumps({name: record.get(name) for name in names}, default=as_json) + "\n")


FORMS = {"table": _print_table, "csv": _print_csv, "jsonl": _print_lines}


def as_json(value: Any) -> str:
    """Return what JSON has no type for as text."""
    return value.isoformat() if isinstance(value, (date, datetime, time)) else str(value)


def readable(value: Any) -> str:
    """Return a value as a person reads it, without control characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return shown(as_json(value) if not isinstance(value, str) else value)
