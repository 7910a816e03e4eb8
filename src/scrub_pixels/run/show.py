"""What a person sees of a run: progress while it goes, and a summary at its end; free of PHI."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from scrub_pixels.frames import open_instance
from scrub_pixels.pipeline import Scrubber
from scrub_pixels.policy import Policy
from scrub_pixels.run.campaign import Campaign, Result, Watcher, rehearse, run
from scrub_pixels.run.observing import LOG, Wanted, observers
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.export import json_lines, rich_table, shown, write_csv
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.report import explain_page
from scrub_pixels.store.workspace import check_private_target, open_workspace

HELD_EXIT, REFUSED_EXIT = 10, 1

NOBODY = Wanted()

WORDS = {
    Outcome.RELEASED: "released",
    Outcome.HELD: "held for review",
    Outcome.REFUSED: "refused",
    Outcome.NOT_DICOM: "not DICOM",
}


@dataclass
class Tally:
    """Counts of the accounts of a run so far.

    Parameters
    ----------
    outcomes
        Inputs by how they ended.
    reasons
        PHI-free reasons of holds and refusals, by outcome.
    frames, masked
        Frames released, and frames with at least one redaction.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: dict[Outcome, Counter[str]] = field(default_factory=dict)
    frames: int = 0
    masked: int = 0

    def add(self, account: Account) -> None:
        """Count one account."""
        self.outcomes[account.outcome] += 1
        self.frames += int(account.facts.get("frames", 0))
        self.masked += int(account.facts.get("frames_masked", 0))
        for reason in account.reasons or ((account.message,) if account.message else ()):
            self.reasons.setdefault(account.outcome, Counter())[reason] += 1

    @property
    def exit_code(self) -> int:
        """0 all released, 1 some refused, 10 some held (and none refused)."""
        if self.outcomes[Outcome.REFUSED]:
            return REFUSED_EXIT
        return HELD_EXIT if self.outcomes[Outcome.HELD] else 0


def carry_out(campaign: Campaign, console: Console, wanted: Wanted = NOBODY) -> int:
    """Run a campaign, show its progress and its summary, and return the exit code."""
    tally = Tally()
    with (observers(wanted) as observe, _warnings_on(console),
          _progress(campaign, console, tally) as watch):
        result = run(campaign, _both(watch, observe))
    _print_summary(tally, console)
    _print_places(result, console)
    return _standing(result)


def rehearse_aloud(campaign: Campaign, console: Console, wanted: Wanted = NOBODY) -> int:
    """Say what a run would do, write nothing, and return the exit code it would have."""
    tally = Tally()
    with (observers(wanted) as observe, _warnings_on(console),
          _progress(campaign, console, tally) as watch):
        rehearse(campaign, _both(watch, observe))
    _print_summary(tally, console)
    console.print("Dry run: nothing was written.")
    return tally.exit_code


class _Spoken(logging.Handler):
    """Prints what a warning of a run has to say to a person; most have nothing."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print it, without ever failing the run."""
        message = getattr(record, "facts", {}).get("message")
        if message:
            self._console.print(message, style="yellow", markup=False)


@contextmanager
def _warnings_on(console: Console) -> Iterator[None]:
    handler = _Spoken(console)
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)


def _both(first: Watcher, second: Watcher) -> Watcher:
    def watch(account: Account) -> None:
        first(account)
        second(account)

    return watch


def _standing(result: Result) -> int:
    """Return the exit code of everything that is accounted for, earlier runs included."""
    if result.totals.refused:
        return REFUSED_EXIT
    return HELD_EXIT if result.totals.held else 0


@contextmanager
def _progress(campaign: Campaign, console: Console, tally: Tally) -> Iterator[Watcher]:
    """Yield a watcher that counts, and on a terminal shows how far the run is."""
    if not console.is_terminal or console.quiet:
        yield tally.add
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("files"),
               TextColumn("{task.fields[frames]} frames  {task.fields[rate]}"),
               TextColumn("[yellow]{task.fields[held]} held[/]  [red]{task.fields[refused]} refused[/]"),
               TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, frames=0, rate="", held=0, refused=0)
        threading.Thread(target=lambda: bar.update(task, total=_count(campaign)), daemon=True).start()

        def watch(account: Account) -> None:
            tally.add(account)
            speed = bar.tasks[0].speed
            bar.update(task, advance=1, frames=tally.frames, rate=f"{speed:.1f} files/s" if speed else "",
                       held=tally.outcomes[Outcome.HELD], refused=tally.outcomes[Outcome.REFUSED])

        yield watch


def _count(campaign: Campaign) -> int:
    return sum(1 for _ in campaign.inputs())


def _print_summary(tally: Tally, console: Console) -> None:
    total = sum(tally.outcomes.values())
    if not total:
        console.print("No new files were found in IN.")
        return
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_row(str(total), "files")
    for outcome, word in WORDS.items():
        if tally.outcomes[outcome]:
            table.add_row(str(tally.outcomes[outcome]), word)
    table.add_row(str(tally.frames), f"frames, {tally.masked} of them masked")
    console.print(table)
    for outcome in (Outcome.HELD, Outcome.REFUSED):
        _print_reasons(WORDS[outcome], tally.reasons.get(outcome, Counter()), console)


def _print_reasons(word: str, reasons: Counter[str], console: Console) -> None:
    if reasons:
        console.print(f"\n{word.capitalize()} because:")
    for reason, count in reasons.most_common(12):
        console.print(f"  {count:>6}  {reason}", markup=False)
    if len(reasons) > 12:
        console.print(f"          and {len(reasons) - 12} more reasons; see the report", markup=False)


def _print_places(result: Result, console: Console) -> None:
    if result.skipped:
        console.print(f"\n{result.skipped} files were settled by an earlier run and skipped.")
    console.print(f"\nReport     {shown(str(result.report))}", markup=False, soft_wrap=True)
    private = f"Workspace  {shown(str(result.workspace))}  (private: key, ledger, review queue)"
    console.print(private, markup=False, soft_wrap=True)
    if not result.totals.closed:
        console.print("The sums of the ledger do not close; run again with --resume.", style="bold red")


def print_ledger(folder: Path, form: str, out: Path | None) -> None:
    """Print every row of a ledger as ``table``, ``csv`` or ``jsonl`` on standard output.

    Raises
    ------
    WorkspaceError
        If `folder` is no workspace.
    """
    workspace = open_workspace(folder, create=False)
    with open_ledger(workspace.ledger_file, out) as ledger:
        if form == "csv":
            write_csv(ledger.rows(), _accepting(sys.stdout, encoding="utf-8", errors="surrogateescape"))
        elif form == "jsonl":
            sys.stdout.writelines(json_lines(ledger.rows()))
        else:
            _accepting(sys.stdout, errors="backslashreplace")
            Console(highlight=False).print(rich_table(ledger.rows()))


def _accepting(stream: TextIO, errors: str, encoding: str | None = None) -> TextIO:
    """Make a stream take names that its encoding has no characters for."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(encoding=encoding or stream.encoding, errors=errors)
    return stream


def write_explanation(file: Path, page: Path, policy: Policy) -> None:
    """Write the private page that shows what is found in one file, and why.

    Raises
    ------
    UsageError
        If the page would stand below an output folder.
    Refusal
        If the file cannot be searched; the reason is the message.
    """
    check_private_target(page)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scrubber = Scrubber(policy, threads=len(os.sched_getaffinity(0)))
        instance = open_instance(file, policy.limits)
        decision, masked = scrubber.propose(instance)
        explain_page(instance, decision, masked, page)
