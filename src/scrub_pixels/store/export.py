"""The ledger as a table, as CSV and as JSON Lines. Private: all three name inputs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.table import Table
from rich.text import Text

from scrub_pixels.store.atomic import failures_explained, write_private
from scrub_pixels.store.ledger import Row
from scrub_pixels.store.workspace import check_private_target

COLUMNS: Mapping[str, Callable[[Row], Any]] = {
    "id": lambda row: row.id,
    "path": lambda row: row.path,
    "member": lambda row: row.member,
    "relative": lambda row: row.relative,
    "outcome": lambda row: row.outcome.value if row.outcome else "pending",
    "code": lambda row: row.code,
    "stage": lambda row: row.stage,
    "message": lambda row: row.message,
    "reasons": lambda row: list(row.reasons),
    "output": lambda row: row.output,
    "size": lambda row: row.size,
    "frames": lambda row: row.facts.get("frames", 0),
    "frames_masked": lambda row: row.facts.get("frames_masked", 0),
    "text_lines": lambda row: row.facts.get("text_lines", 0),
    "text_masked": lambda row: row.facts.get("text_masked", 0),
    "seconds": lambda row: round(row.seconds, 3),
    "started": lambda row: row.started,
    "run": lambda row: row.run,
    "attempts": lambda row: row.attempts,
    "policy": lambda row: row.policy_digest,
}
"""Every column of an export, in order, and where its value comes from."""

STYLES = {"released": "green", "held": "yellow", "refused": "red", "not-dicom": "dim", "pending": "magenta"}


def record(row: Row) -> dict[str, Any]:
    """Return a row as plain JSON types."""
    return {name: value(row) for name, value in COLUMNS.items()}


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield one JSON object and a line feed per row, ASCII only.

    Bytes of a name that are not UTF-8 appear as lone surrogates (``\\udcff``), from which
    `os.fsencode` makes the bytes again.
    """
    for row in rows:
        yield json.dumps(record(row)) + "\n"


def write_csv(rows: Iterable[Row], stream: TextIO) -> None:
    """Write CSV (RFC 4180) with a header; several reasons are joined by ``; ``.

    A text stream with ``errors="surrogateescape"`` keeps names that are not UTF-8 byte for byte.
    Cells that a spreadsheet would take for a formula get a leading apostrophe.
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in record(row).values()])


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(value)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return "" if value is None else value


def rich_table(rows: Iterable[Row]) -> Table:
    """Return a table for a terminal: input, how it ended, why, and where its output is."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("#", "input", "end", "why", "output"):
        table.add_column(name, justify="right" if name == "#" else "left", overflow="fold")
    for row in rows:
        end = row.outcome.value if row.outcome else "pending"
        why = "; ".join(row.reasons) or row.message
        cells = (Text(shown(row.relative)), Text(end, STYLES[end]), Text(why), Text(row.output))
        table.add_row(str(row.id), *cells)
    return table


def shown(text: str) -> str:
    """Return a text as a terminal can show it: what is not printable is written as an escape."""
    printable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in printable)


def write_private_file(target: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that holds PHI: mode 0600, and never below an output folder.

    Raises
    ------
    UsageError
        If `target` lies below an output folder.
    StoreFailed
        If it cannot be written.
    """
    check_private_target(target)
    with failures_explained("The private file"):
        target.unlink(missing_ok=True)
        write_private(target, iter(chunks))
