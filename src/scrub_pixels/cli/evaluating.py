"""The command ``evaluate``: figures on the user's own labelled set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import app, console


@app.command
def evaluate(
    source: Annotated[Path, Parameter(name="IN")],
    out: Annotated[Path, Parameter(name="OUT")],
    truth: Annotated[Path, Parameter(name="TRUTH")],
    /,
    *,
    workspace: Annotated[Path | None, Parameter(name=["--workspace", "-w"])] = None,
    format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table",
    show_texts: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Judge what was removed and kept on images whose text is known, by their pixels alone.

    Exit code 0 if no identifying text can be seen in OUT and every image is accounted for, else 1.

    Parameters
    ----------
    source
        The folder with the originals.
    out
        What a run made of them, of this tool or another one.
    truth
        What stands on the originals: JSON Lines, an image a line (see the README), or a folder of such.
    workspace
        The private folder of the run (default: OUT.workspace). Without one, the same path below OUT is taken.
    format
        table for reading, json for programs.
    show_texts
        Name the files and texts that are left. They may identify a person.
    """
    from scrub_pixels.run.evaluate.show import print_evaluation

    return print_evaluation(source, out, truth, workspace, format, show_texts, console())
