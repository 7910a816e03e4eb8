"""What the commands ``catalog``, ``cohort`` and ``qc`` print."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from rich.console import Console

from scrub_pixels.catalog.cohort import Cohort, compare, named
from scrub_pixels.catalog.columns import load_columns
from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.printing import print_records
from scrub_pixels.catalog.quality import Finding, record, tally, worst
from scrub_pixels.catalog.query import Asked
from scrub_pixels.catalog.scan import Made, Order, make_catalog
from scrub_pixels.store.export import shown

LISTED = 20
COHORT = ("name", "instances", "digest", "saved", "question")
FINDING = ("severity", "check", "level", "subject", "number", "detail", "path")
TALLY = ("severity", "check", "findings", "instances", "meaning")
EXIT_OF = {"error": 1, "warning": 10}
"""Exit codes of `qc` by the worst severity found; anything else is 0."""


def make_and_tell(order: Order, console: Console) -> None:
    """Make a catalog, show progress on a terminal, and say what came of it."""
    if not order.released:
        console.print("A catalog of raw headers names patients: it is private (mode 0600).")
    with console.status("0 files") as status:
        done = 0

        def watch(count: int) -> None:
            nonlocal done
            done += count
            status.update(f"{done} files")

        made = make_catalog(order, watch)
    console.print(_told(made))
    console.print(f"Catalog    {shown(str(order.target))}", markup=False, soft_wrap=True)


def _told(made: Made) -> str:
    if not made.read and not made.dropped:
        return f"{made.rows} rows; nothing has changed."
    return f"{made.rows} rows: {made.read} files read, {made.kept} rows as they were, {made.dropped} gone."


def print_rows(asked: Asked, columns: str, form: str, most: int | None) -> None:
    """Print rows of a catalog."""
    limit = f" LIMIT {int(most)}" if most is not None else ""
    found = asked.rows(f"SELECT {columns} FROM catalog ORDER BY path{limit}")
    print_records(found, form, list(found[0]) if found else columns.split(","))


def print_answer(asked: Asked, statement: str, form: str) -> None:
    """Print the answer to one SELECT."""
    found = asked.rows(statement)
    print_records(found, form, list(found[0]) if found else ("nothing",))


def print_columns(form: str) -> None:
    """Print the table of columns."""
    rows = [{"name": c.name, "from": c.source, "type": c.type, "unit": c.unit, "level": c.level,
             "meaning": c.meaning} for c in load_columns()]
    print_records(rows, form, ("name", "type", "unit", "level", "from", "meaning"))


def print_cohorts(cohorts: Iterable[Cohort], form: str) -> None:
    """Print saved cohorts."""
    print_records(({"name": c.name, "instances": c.count, "digest": c.digest[:16], "saved": c.made,
                    "question": _asked(c)} for c in cohorts), form, COHORT)


def _asked(cohort: Cohort) -> str:
    question = cohort.question
    drawn = f" (sample of {question.sample.size} by {question.sample.by})" if question.sample else ""
    return f"{question.where or question.sql.strip() or 'everything'}{drawn}"


def print_comparison(catalog: Path, name: str, form: str) -> int:
    """Ask a cohort again, print what changed, and return 1 if anything has."""
    found = compare(open_catalog(catalog), named(catalog, name))
    print_cohorts([found.now], form)
    if form == "table" and found.same:
        print("The answer is what it was.")
    for word, paths in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
        if paths and form == "table":
            print(f"{len(paths)} {word}:")
            print("".join(f"  {shown(path)}\n" for path in islice(paths, LISTED)), end="")
    return 0 if found.same else 1


def print_findings(findings: list[Finding], form: str, every: bool) -> None:
    """Print findings: one by one, or for people how often each check found something."""
    if form == "table" and not every:
        print_records(tally(findings), form, TALLY)
        print(f"{len(findings)} findings. --every lists them; --html writes a page.")
        return
    print_records((record(finding) for finding in findings), form, FINDING)


def exit_code(findings: list[Finding], fail_on: str) -> int:
    """Return the exit code of `qc`: 1 for errors, 10 for warnings, 0 for what is below `fail_on`."""
    code = EXIT_OF.get(worst(findings), 0)
    if fail_on == "never" or (fail_on == "error" and code != EXIT_OF["error"]):
        return 0
    return code
