"""Write ``scrub-report.json`` and ``scrub-report.html`` into OUT, free of PHI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scrub_pixels.store.atomic import Output
from scrub_pixels.store.ledger import Ledger
from scrub_pixels.store.report.pictures import Choice, shots
from scrub_pixels.store.report.render import render_report
from scrub_pixels.store.report.summary import Gathered, entry_of, summary

REPORT_JSON = "scrub-report.json"
REPORT_LINES = "scrub-report.jsonl"
REPORT_PAGE = "scrub-report.html"
ENTRIES_IN_JSON = 10_000
ENTRIES_ON_PAGE = 1_000


def write_report(out: Output, ledger: Ledger) -> Path:
    """Write the report of everything the ledger accounts for, and return the path of its page.

    Up to 10,000 inputs stand in the JSON file itself; more go to ``scrub-report.jsonl``, one
    object a line. The page lists the first 1,000, those not released before the others.

    Raises
    ------
    StoreFailed
        If OUT cannot be written.
    """
    gathered, choice = Gathered(), Choice()
    for entry in _entries(ledger):
        gathered.add(entry)
        if entry["outcome"] == "released":
            choice.offer(entry)
    facts = summary(ledger, gathered)
    _write_entries(out, ledger, facts)
    page = render_report(facts, shots(out.read, choice), _first_entries(ledger))
    out.write_bytes(REPORT_PAGE, iter([page.encode()]))
    return out.root / REPORT_PAGE


def _entries(ledger: Ledger) -> Iterator[dict[str, Any]]:
    return (entry_of(row) for row in ledger.rows())


def _write_entries(out: Output, ledger: Ledger, facts: dict[str, Any]) -> None:
    if facts["totals"]["inputs"] > ENTRIES_IN_JSON:
        out.write_bytes(REPORT_LINES, (json.dumps(entry).encode() + b"\n" for entry in _entries(ledger)))
        facts["instances_file"] = REPORT_LINES
        out.write_bytes(REPORT_JSON, iter([json.dumps(facts, indent=1).encode()]))
        return
    out.withdraw(REPORT_LINES)
    out.write_bytes(REPORT_JSON, _json_with_entries(facts, _entries(ledger)))


def _json_with_entries(facts: dict[str, Any], entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Yield one JSON object without ever holding all of its entries."""
    yield json.dumps(facts, indent=1).encode()[:-2] + b',\n "instances": ['
    separator = b"\n  "
    for entry in entries:
        yield separator + json.dumps(entry).encode()
        separator = b",\n  "
    yield b"\n ]\n}\n"


def _first_entries(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the page lists: what needs attention first."""
    return [entry_of(row) for row in ledger.rows_by_attention(ENTRIES_ON_PAGE)]
