"""A verification as a table for a person, or as JSON Lines for programs; free of PHI."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrub_pixels.run.verify.remarks import CHECKS, Checked, Mark, Verification
from scrub_pixels.run.verify.whole import Request, verify

FAILED_EXIT = 1
MOST_SHOWN = 50
MOST_REASONS = 15

_COLUMNS = (Mark.PASSED, Mark.FAILED, Mark.NOTED, Mark.SKIPPED)
_STYLES = {Mark.PASSED: "green", Mark.FAILED: "red", Mark.NOTED: "yellow", Mark.SKIPPED: "dim"}


def verify_aloud(request: Request, console: Console, format: str = "table") -> int:
    """Verify an output folder, print what was found, and return the exit code: 0 passed, 1 failed."""
    found = Verification()
    failures: list[Checked] = []
    for checked in verify(request):
        found.add(checked)
        if format == "jsonl":
            _print_lines(checked, console)
        elif not checked.passed and len(failures) < MOST_SHOWN:
            failures.append(checked)
    if format == "jsonl":
        _print_end(found, console)
    else:
        _print_table(found, failures, console)
    return 0 if found.passed else FAILED_EXIT


def _print_lines(checked: Checked, console: Console) -> None:
    for remark in checked.remarks:
        console.out(json.dumps({"output": checked.output, **asdict(remark)}), highlight=False)


def _print_end(found: Verification, console: Console) -> None:
    end = {"verdict": "passed" if found.passed else "failed", "files": found.files, "failed": found.failed}
    console.out(json.dumps(end), highlight=False)


def _print_table(found: Verification, failures: Iterable[Checked], console: Console) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("check")
    for mark in _COLUMNS:
        table.add_column(mark.value, justify="right")
    table.add_column("what it says")
    for check, meaning in CHECKS.items():
        counts = [found.counts[check, mark] for mark in _COLUMNS]
        cells = [Text(str(n) if n else "", _STYLES[m]) for n, m in zip(counts, _COLUMNS, strict=True)]
        table.add_row(check, *cells, meaning)
    console.print(table)
    for mark, title in ((Mark.SKIPPED, "Not checked"), (Mark.NOTED, "Worth a look")):
        _print_reasons(found, mark, title, console)
    for checked in failures:
        console.print(Text(checked.output or "OUT as a whole", "bold"))
        for remark in checked.remarks:
            if remark.mark is Mark.FAILED:
                console.print(Text(f"    {remark.check}: {remark.detail}", "red"))
    _print_verdict(found, console)


def _print_reasons(found: Verification, mark: Mark, title: str, console: Console) -> None:
    reasons = [(n, check, detail) for (check, m, detail), n in found.reasons.items() if m is mark]
    if not reasons:
        return
    console.print(f"\n{title}:")
    for count, check, detail in sorted(reasons, key=lambda x: (-x[0], x[1:]))[:MOST_REASONS]:
        console.print(Text(f"  {count:6}  {check}: {detail}"))
    if len(reasons) > MOST_REASONS:
        console.print(f"          and {len(reasons) - MOST_REASONS} more; see --format jsonl")


def _print_verdict(found: Verification, console: Console) -> None:
    if found.passed:
        console.print(f"\nPassed: {found.files} files, nothing found against them.", style="green")
    else:
        console.print(f"\nFailed: {found.failed} of {found.files} files, or OUT as a whole.", style="red")
