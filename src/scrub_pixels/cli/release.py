"""``release``: immutable, verifiable versions of what stands in OUT; ``risk``: who is still rare in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from scrub_pixels.cli.app import app
from scrub_pixels.cli.catalog import FORMAT

release_app = App(name="release", help="Versions of a released dataset: immutable and verifiable.")
app.command(release_app)

LayoutKind = Literal["bids", "dicomdir"]


@release_app.default
def make(
    out: Annotated[Path, Parameter(name="OUT")],
    /,
    *,
    tag: str,
    since: str | None = None,
    unproven: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a release of OUT: catalog, SHA-256 manifest, changes, policy, versions and a datasheet.

    Parameters
    ----------
    out
        An output folder; every file is read and held against its report first.
    tag
        Name of the release, such as v1.
    since
        The release to compare with (default: the last one; empty for none).
    unproven
        Release instances that do not claim Patient Identity Removed, too; the datasheet says so.
    """
    from scrub_pixels.catalog.release_commands import make_and_tell

    make_and_tell(out, tag, since, unproven)


@release_app.command(name="verify")
def verify_release(out: Path, /, *, tag: str | None = None, format: FORMAT = "table") -> int:
    """Check that a release is what it was: its files, its manifest, and the releases before it.

    Exit code 1 if anything is missing or was changed.

    Parameters
    ----------
    out
        The output folder.
    tag
        The release; by default every one.
    """
    from scrub_pixels.catalog.release_commands import print_verified

    return print_verified(out, tag, format)


@release_app.command(name="list")
def list_releases(out: Path, /, *, format: FORMAT = "table") -> None:
    """List the releases of OUT."""
    from scrub_pixels.catalog.release_commands import print_releases

    print_releases(out, format)


@release_app.command(name="diff")
def diff_releases(out: Path, older: str, newer: str, /, *, format: FORMAT = "table") -> None:
    """Say what changed from one release to another: instances added, removed, changed, and columns.

    Parameters
    ----------
    out
        The output folder.
    older, newer
        Tags.
    """
    from scrub_pixels.catalog.release_commands import print_difference

    print_difference(out, older, newer, format)


@release_app.command(name="layout")
def layout_release(out: Path, target: Path, /, *, tag: str, kind: LayoutKind) -> None:
    """Write a release once more in another layout: BIDS-like folders, or a DICOM medium with DICOMDIR.

    Parameters
    ----------
    out
        The output folder.
    target
        A new folder.
    tag
        The release.
    kind
        bids: sub-/ses- folders with participants.tsv; dicomdir: PS3.10 names and a DICOMDIR.
    """
    from scrub_pixels.catalog.layouts import write_layout

    print(f"{write_layout(out, tag, target, kind)} files written.")


@app.command
def risk(
    out: Path,
    /,
    *,
    html: Path | None = None,
    tag: str | None = None,
    k: int = 5,
    format: FORMAT = "table",
) -> int:
    """Count how many patients of a release share age, sex, dates, device and institution. For who must sign.

    Exit code 10 if any combination is shared by fewer than K patients.

    Parameters
    ----------
    out
        An output folder with a release, or a catalog file.
    html
        Write the page, outside the release.
    tag
        The release (default: the last one).
    k
        How many patients should share a combination at least.
    """
    from scrub_pixels.catalog.risk_commands import print_risk

    return print_risk(out, tag, k, format, html)
