"""Commands that look at headers: ``header plan`` and ``header diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from scrub_pixels.cli.app import app
from scrub_pixels.cli.policies import AS_IT_IS, PolicyOptions, effective_policy

Lines = Literal["table", "jsonl"]

header_app = App(name="header", help="Look at headers: what would happen to one, what differs between two.")
app.command(header_app)


@header_app.command(name="plan")
def header_plan(
    file: Path,
    /,
    *,
    format: Annotated[Lines, Parameter(name=["--format", "-f"])] = "table",
    policy: PolicyOptions = AS_IT_IS,
) -> None:
    """Say what would happen to each element of FILE, and which row, option or recipe line says so.

    No value is printed. The final search for identifiers is not foreseen: it depends on values.

    Parameters
    ----------
    file
        A DICOM file.
    format
        table for reading, jsonl for programs.
    """
    from scrub_pixels.run.header_commands import print_plan

    print_plan(file, effective_policy(policy).profile, format)


@header_app.command(name="diff")
def header_diff(
    first: Annotated[Path, Parameter(name="A")],
    second: Annotated[Path, Parameter(name="B")],
    /,
    *,
    format: Annotated[Lines, Parameter(name=["--format", "-f"])] = "table",
    show_values: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Name the elements that differ between two DICOM files, at every depth.

    Parameters
    ----------
    first, second
        The files, usually an input and its output.
    format
        table for reading, jsonl for programs.
    show_values
        Show values too. They may identify a patient.
    """
    from scrub_pixels.run.header_commands import print_differences

    print_differences(first, second, format, show_values)
