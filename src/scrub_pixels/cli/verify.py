"""The command ``verify``: the proof of a run, done again by other means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import app, console

Lines = Literal["table", "jsonl"]
Reader = Literal["rapidocr", "easyocr", "none"]


@app.command
def verify(
    out: Annotated[Path, Parameter(name="OUT")],
    /,
    *,
    against: Path | None = None,
    workspace: Annotated[Path | None, Parameter(name=["--workspace", "-w"])] = None,
    reader: Reader = "rapidocr",
    format: Annotated[Lines, Parameter(name=["--format", "-f"])] = "table",
    jobs: Annotated[int, Parameter(name=["--jobs", "-j"])] = 1,
) -> int:
    """Check an output folder anew: accounts, bytes, claims, samples, text, header, paths, the standard.

    Every file is decoded by another decoder than the one that wrote it, where one is installed, and \
compared with its input. What could not be checked is said. Exit code 0: passed, 1: failed.

    Parameters
    ----------
    out
        A folder that scrub-pixels has written.
    against
        The inputs of that run, if they are no longer where its ledger says.
    workspace
        The private folder of that run (default: OUT.workspace, if it is there).
    reader
        What reads the released frames again; none leaves that out.
    format
        table for reading, jsonl for programs.
    jobs
        Worker processes; 0 works in this process.
    """
    from scrub_pixels.run.verify import Request, verify_aloud

    return verify_aloud(Request(out, against, workspace, reader, jobs), console(), format)
