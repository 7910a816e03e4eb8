"""Commands that show what a run did and why: ``ledger``, ``explain``, ``crosswalk``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import app
from scrub_pixels.cli.policies import AS_IT_IS, PolicyOptions, effective_policy

Format = Literal["table", "csv", "jsonl"]


@app.command
def ledger(
    workspace: Path = Path("."),
    /,
    *,
    format: Annotated[Format, Parameter(name=["--format", "-f"])] = "table",
    out: Path | None = None,
) -> None:
    """Print every input with how it ended and why. Private: it names inputs.

    Parameters
    ----------
    workspace
        The private folder of a run, usually OUT.workspace.
    format
        table for reading, csv or jsonl for programs.
    out
        The output folder meant, if the workspace served several; by default that of the last run.
    """
    from scrub_pixels.run.show import print_ledger

    print_ledger(workspace, format, out)


@app.command
def explain(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    policy: PolicyOptions = AS_IT_IS,
) -> None:
    """Write a page that shows what is found in FILE, why, and the masked result. It holds PHI.

    Parameters
    ----------
    file
        A DICOM file.
    output
        The HTML page to write; never below an output folder.
    """
    from scrub_pixels.run.show import write_explanation

    write_explanation(file, output, effective_policy(policy))
    print("The page is written. It shows identifiers: keep it private.")


@app.command
def crosswalk(
    workspace: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    crosswalk_key: Path | None = None,
) -> None:
    """Write who became whom: patients.csv and uids.csv with id_old,id_new. They identify patients.

    Parameters
    ----------
    workspace
        The private folder of a run, usually OUT.workspace.
    output
        The folder for both files; never below an output folder.
    crosswalk_key
        File with the passphrase or key, if the crosswalk is encrypted.
    """
    from scrub_pixels.run.header_commands import write_crosswalk

    write_crosswalk(workspace, output, crosswalk_key)
