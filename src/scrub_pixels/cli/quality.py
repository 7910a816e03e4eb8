"""``qc``: what is wrong with the data a catalog lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import app
from scrub_pixels.cli.catalog import EVERYTHING, FORMAT, Selection, asked_of

FailOn = Literal["error", "warning", "never"]


@Parameter(name="*")
@dataclass(frozen=True)
class CheckOptions:
    """What is checked, and from when on that is a failure.

    Parameters
    ----------
    check, without
        Only these checks; all but these.
    fail_on
        From which severity on the exit code is not 0.
    """

    check: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    without: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    fail_on: FailOn = "warning"


@Parameter(name="*")
@dataclass(frozen=True)
class TellingOptions:
    """How findings are told.

    Parameters
    ----------
    html
        Write a page, too. Private: it names files.
    every
        List every finding in the table, not only how often each check found something.
    """

    format: FORMAT = "table"
    html: Path | None = None
    every: Annotated[bool, Parameter(negative="")] = False


ALL_CHECKS, IN_SHORT = CheckOptions(), TellingOptions()


@app.command
def qc(
    catalog: Path,
    /,
    *,
    checks: CheckOptions = ALL_CHECKS,
    telling: TellingOptions = IN_SHORT,
    selection: Selection = EVERYTHING,
) -> int:
    """Check what CATALOG lists: missing slices, changing parameters, doubled UIDs, cut-off pixels and more.

    Exit codes: 0 nothing, 10 warnings, 1 errors.
    """
    from scrub_pixels.catalog.commands import exit_code, print_findings
    from scrub_pixels.catalog.pages import write_quality
    from scrub_pixels.catalog.quality import chosen_checks, examine

    wanted = chosen_checks(checks.check, checks.without)
    with asked_of(catalog, selection) as asked:
        findings = list(examine(asked, wanted))
    print_findings(findings, telling.format, telling.every)
    if telling.html is not None:
        write_quality(findings, telling.html)
    return exit_code(findings, checks.fail_on)
