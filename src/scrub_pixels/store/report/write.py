"""Write ``scrub-report.json`` and ``scrub-report.html`` into OUT, free of PHI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import MappingProxyType
from typing import IO, Any

from scrub_pixels.store.atomic import Output, failures_explained
from scrub_pixels.store.ledger import Ledger
from scrub_pixels.store.readback import CHUNK
from scrub_pixels.store.report.pictures import Choice, shots
from scrub_pixels.store.report.render import render_report
from scrub_pixels.store.report.summary import Gathered, entry_of, summary

REPORT_JSON = "scrub-report.json"
REPORT_LINES = "scrub-report.jsonl"
REPORT_PAGE = "scrub-report.html"
ENTRIES_IN_JSON = 10_000
ENTRIES_ON_PAGE = 1_000

RANKS = MappingProxyType({"held": 1, "released": 2, "not-dicom": 3})
"""What a page lists after what was refused or is pending: the order in which a person has to see to it."""

LINES_IN_MEMORY = 16 << 20
"""Bytes of entries that are held in memory; more wait in a file without a name."""


def write_report(out: Output, ledger: Ledger) -> Path:
    """Write the report of everything the ledger accounts for, and return the path of its page.

    Up to 10,000 inputs stand in the JSON file itself; more go to ``scrub-report.jsonl``, one
    object a line. The page lists the first 1,000, those not released before the others.

    Raises
    ------
    StoreFailed
        If OUT cannot be written.
    """
    gathered, choice, first = Gathered(), Choice(), First(ENTRIES_ON_PAGE)
    with failures_explained("The report"), SpooledTemporaryFile(LINES_IN_MEMORY) as lines:
        for entry in map(entry_of, ledger.rows()):
            gathered.add(entry)
            first.offer(entry)
            if entry["outcome"] == "released":
                choice.offer(entry)
            lines.write(json.dumps(entry).encode() + b"\n")
        facts = summary(ledger, gathered)
        lines.seek(0)
        _write_entries(out, lines, facts)
    page = render_report(facts, shots(out.read, choice), first.entries)
    out.write_bytes(REPORT_PAGE, iter([page.encode()]))
    return out.root / REPORT_PAGE


def _write_entries(out: Output, lines: IO[bytes], facts: dict[str, Any]) -> None:
    """Write what was gathered: entries are made from the ledger once, however they are shown."""
    if facts["totals"]["inputs"] > ENTRIES_IN_JSON:
        out.write_bytes(REPORT_LINES, iter(partial(lines.read, CHUNK), b""))
        facts["instances_file"] = REPORT_LINES
        out.write_bytes(REPORT_JSON, iter([json.dumps(facts, indent=1).encode()]))
        return
    out.withdraw(REPORT_LINES)
    out.write_bytes(REPORT_JSON, _json_with_entries(facts, lines))


def _json_with_entries(facts: dict[str, Any], lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield one JSON object without ever holding all of its entries."""
    yield json.dumps(facts, indent=1).encode()[:-2] + b',\n "instances": ['
    separator = b"\n  "
    for line in lines:
        yield separator + line[:-1]
        separator = b",\n  "
    yield b"\n ]\n}\n"


class First:
    """The entries that a page lists: what needs attention first, within that in order.

    Parameters
    ----------
    most
        How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_rank: tuple[list[dict[str, Any]], ...] = tuple([] for _ in range(len(RANKS) + 1))

    def offer(self, entry: dict[str, Any]) -> None:
        """Take an entry in, if there is room among its like."""
        like = self._by_rank[RANKS.get(entry["outcome"], 0)]
        if len(like) < self._most:
            like.append(entry)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries, the most urgent first."""
        return [entry for like in self._by_rank for entry in like][: self._most]
