"""``export``: released Instances as PNG, MP4 or NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import app

To = Literal["png", "mp4", "nifti"]


@app.command
def export(
    out: Annotated[Path, Parameter(name="OUT")],
    target: Annotated[Path, Parameter(name="DEST")],
    /,
    *,
    to: To,
) -> int:
    """Write what was released once more as pictures, as displayed: window, palette and colours applied.

    Only files that are what the report of OUT says are taken. NIfTI keeps grey samples as stored.

    Parameters
    ----------
    out
        An output folder.
    target
        A new folder.
    to
        png (a file per frame), mp4 (a file per cine), or nifti (needs the extra [export]).
    """
    from scrub_pixels.catalog.export import export as write

    done = write(out, target, to)
    print(f"{done.files} files written." + (f" {len(done.left_out)} instances were left out:"
                                            if done.left_out else ""))
    for line in done.left_out:
        print(f"  {line}")
    return 1 if done.left_out else 0
