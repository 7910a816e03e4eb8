"""What the commands ``release`` print."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from scrub_pixels.catalog.printing import print_records
from scrub_pixels.catalog.release import Record, difference, release, releases, told, verify
from scrub_pixels.catalog.released import digest_of
from scrub_pixels.errors import UsageError
from scrub_pixels.store.releases import RECORD, RELEASES
from scrub_pixels.store.report.render import size

LISTED = ("tag", "made", "instances", "patients", "size", "since", "digest")


def make_and_tell(out: Path, tag: str, since: str | None, unproven: bool) -> None:
    """Make a release, and say what it holds."""
    record = release(out, tag, since, unproven=unproven)
    print_records([_listed(out, record)], "table", LISTED)
    print("The digest stands for this release and all before it: keep it elsewhere.")


def tell_release(out: Path, tag: str, console: Console) -> None:
    """Make a release at the end of a run, and say so in two lines."""
    record = release(out, tag)
    digest = digest_of(out / RELEASES / tag / RECORD)
    console.print(f"Release    {tag}: {record.instances} instances of {record.patients} patients, {digest}",
                  markup=False, soft_wrap=True)
    console.print("The digest stands for this release and all before it: keep it elsewhere.")


def print_releases(out: Path, form: str) -> None:
    """Print the releases of an output folder."""
    print_records((_listed(out, record) for record in releases(out)), form, LISTED)


def _listed(out: Path, record: Record) -> dict[str, object]:
    return {"tag": record.tag, "made": record.made[:19], "instances": record.instances,
            "patients": record.patients, "size": size(record.bytes), "since": record.since,
            "digest": digest_of(out / RELEASES / record.tag / RECORD)}


def print_verified(out: Path, tag: str | None, form: str) -> int:
    """Verify one release or every one, print what is wrong, and return 1 if anything is."""
    tags = [tag] if tag else [record.tag for record in releases(out)]
    if not tags:
        raise UsageError("There is no release yet.", remedy="Make one: scrub-pixels release OUT --tag v1.")
    found = [{"tag": name, "problem": problem} for name in tags for problem in verify(out, name)]
    if found or form != "table":
        print_records(found, form, ("tag", "problem"))
    else:
        print(f"{', '.join(tags)}: everything is as it was released.")
    return 1 if found else 0


def print_difference(out: Path, older: str, newer: str, form: str) -> None:
    """Print what changed from one release to another."""
    known = {record.tag for record in releases(out)}
    if not {older, newer} <= known:
        raise UsageError("There is no release of that name.",
                         remedy="scrub-pixels release list OUT shows them.")
    changes = difference(out / RELEASES / older, out / RELEASES / newer)
    if form == "table":
        print(told(changes, newer, older), end="")
        return
    rows = [{"what": word, "name": path, "instances": 1} for word in ("added", "removed", "changed")
            for path in getattr(changes, word)]
    rows += [{"what": "column", "name": name, "instances": n} for name, n in changes.columns.items()]
    print_records(rows, form, ("what", "name", "instances"))
