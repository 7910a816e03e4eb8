"""What a person or a program sees of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scrub_pixels.errors import WorkspaceError
from scrub_pixels.run.evaluate.comparing import accounts_of, evaluate
from scrub_pixels.run.evaluate.figures import Evaluated, Figures, Share, Text, figures_of, left
from scrub_pixels.run.evaluate.truth import read_truth
from scrub_pixels.store.ledger import Row

LEFT_EXIT = 1


def print_evaluation(
    source: Path, out: Path, truth: Path, workspace: Path | None, form: str, show: bool, console: Console
) -> int:
    """Judge a labelled set, print the figures as ``table`` or ``json``, and return the exit code.

    Returns
    -------
    int
        0 if no identifying text can be seen in what was released and every image is accounted for.

    Raises
    ------
    UsageError, WorkspaceError
        If the truth or the workspace cannot be used.
    """
    results = list(evaluate(source, out, read_truth(truth), _accounts(workspace, out)))
    figures, remaining = figures_of(results), list(left(results))
    if form == "json":
        listed = [_left_json(text, show) for text in remaining]
        print(json.dumps({**figures.as_json(), "left": listed}, indent=1))
    else:
        _print_table(figures, results, console)
        _print_left(remaining, show, console)
    unaccounted = sum(r.disposition in ("missing", "unreadable") for r in results)
    return LEFT_EXIT if remaining or unaccounted else 0


def _accounts(workspace: Path | None, out: Path) -> Mapping[str, Row] | None:
    """Return the ledger's rows; None where OUT has no workspace beside it: another tool made it."""
    beside = out.with_name(out.name + ".workspace")
    if workspace is None and not beside.is_dir():
        return None
    try:
        return accounts_of(workspace or beside, out)
    except WorkspaceError:
        if workspace is not None:
            raise
        return None


def _print_table(figures: Figures, results: Sequence[Evaluated], console: Console) -> None:
    console.print(f"{len(results)} images: " + ", ".join(f"{n} {d}" for d, n in figures.dispositions.items()))
    for result in results:
        if result.reason:
            console.print(f"  entry {result.truth.line}, {result.disposition}: {result.reason}", markup=False)
    table = Table(box=None, padding=(0, 2), show_header=False)
    for column in ("group", "good", "share", "interval"):
        table.add_column(justify="left" if column == "group" else "right")
    for title, group in figures.groups.items():
        if group:
            table.add_row(f"[bold]{title}[/]")
            for name, share in group.items():
                table.add_row(f"  {name}", *_cells(share))
    if figures.text_free.total:
        table.add_row("[bold]text-free images left alone[/]", *_cells(figures.text_free))
    console.print(table)
    if figures.lit_lost is not None:
        console.print(f"Lit area lost beside identifying text: {100 * figures.lit_lost:.3f} % on average")
    if figures.unseen:
        console.print(f"{figures.unseen} labels were not judged: their boxes show no ink.")


def _cells(share: Share) -> tuple[str, str, str]:
    low, high = share.interval
    per_cent = 100 * share.good / share.total if share.total else 0.0
    return f"{share.good} of {share.total}", f"{per_cent:.1f} %", f"({100 * low:.1f} to {100 * high:.1f})"


def _print_left(remaining: Sequence[Text], show: bool, console: Console) -> None:
    for result, text in remaining:
        region = text.label.stands[0].region
        what = f"{text.label.kind or 'text'} at row {region.row}, column {region.column}"
        named = f": {text.label.text!r} in {result.truth.file}" if show else ""
        console.print(f"LEFT  entry {result.truth.line}, text {text.label.number}, {what}, "
                      f"{100 * text.removed:.0f} % of its ink gone{named}", markup=False, soft_wrap=True)


def _left_json(remaining: Text, show: bool) -> dict[str, object]:
    result, text = remaining
    region = text.label.stands[0].region
    entry = {"entry": result.truth.line, "text": text.label.number, "kind": text.label.kind,
             "box": [region.column, region.row, region.right, region.bottom], "ink gone": text.removed}
    return {**entry, "file": result.truth.file, "reading": text.label.text} if show else entry
