"""Versions of a released dataset: catalog, manifest, changes, policy and datasheet, immutable and verifiable.

A release is a folder ``releases/TAG`` in OUT, made whole in a private folder and then given its name.
It is made of nothing but the released files and the report beside them, both free of PHI. Its record
``release.json`` holds the digests of its files and of the records of all earlier releases: who knows
the digest of the last one can tell whether any has been changed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import tomli_w

from scrub_pixels import __version__
from scrub_pixels.catalog.datasheet import datasheet
from scrub_pixels.catalog.datasheet import unproven as count_unproven
from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.libraries import duckdb, parquet
from scrub_pixels.catalog.pages import rendered
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.released import (
    digest_of,
    manifest,
    proven_digests,
    read_manifest,
    reported,
)
from scrub_pixels.catalog.scan import Order, make_catalog
from scrub_pixels.errors import UsageError
from scrub_pixels.store.atomic import OutFolder, failures_explained, open_out, sync_folder
from scrub_pixels.store.releases import (
    CATALOG,
    CHANGES,
    DATASHEET,
    KEPT,
    MANIFEST,
    POLICY,
    RECORD,
    RELEASES,
    TAG,
)

FORMAT = "scrub-pixels-release/1"
MOST_LISTED = 200
NOT_CONTENT = ("path", "modified_ns", "size_bytes", "content_digest", "findings")
"""Columns of a catalog whose change is no change of a dataset's content."""


@dataclass(frozen=True)
class Record:
    """What a release says of itself.

    Parameters
    ----------
    tag, since
        Its name, and that of the release it is compared with (empty for none).
    made
        When, ISO 8601.
    instances, patients, bytes
        What it holds.
    files
        SHA-256 of its files.
    earlier
        SHA-256 of the records of all earlier releases, by tag.
    policy_digest, versions
        From the run that released the files.
    """

    tag: str
    since: str
    made: str
    instances: int
    patients: int
    bytes: int
    files: Mapping[str, str]
    earlier: Mapping[str, str]
    policy_digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    format: str = FORMAT


@dataclass(frozen=True)
class Difference:
    """What changed from one release to another.

    Parameters
    ----------
    added, removed, changed
        Paths below OUT.
    columns
        For columns whose values differ in instances of both: in how many.
    new_columns, gone_columns
        Columns only the newer, or only the older catalog has.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    columns: Mapping[str, int] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    gone_columns: tuple[str, ...] = ()

    @property
    def only_adds(self) -> bool:
        """True if everything that was out is out unchanged."""
        return not (self.removed or self.changed)


def release(out: Path, tag: str, since: str | None = None, *, unproven: bool = False) -> Record:
    """Make a release of what stands in OUT.

    Parameters
    ----------
    out
        The output folder.
    tag
        Name of the release.
    since
        The release to compare with; None for the last one, empty for none.
    unproven
        Release Instances that do not claim Patient Identity Removed, too; the datasheet says so.

    Raises
    ------
    UsageError
        If there is a release of that name, none to compare with, OUT is not what its report says, or
        Instances in it lack the proof that the patient's identity is removed.
    """
    report = reported(out)
    made = {record.tag: record for record in releases(out)}
    _check_tag(tag, since, made)
    before = list(made)[-1] if since is None and made else since or ""
    with open_out(out) as folder, failures_explained("The release"), _folder_for(folder) as draft:
        digests = proven_digests(folder, report)
        _draft(draft, folder, digests, report.facts, (tag, before))
        _check_proof(draft, unproven)
        record = _recorded(draft, out, digests, report.facts, (tag, before))
        _publish(draft, folder, tag)
    return record


def check_release(out: Path, tag: str) -> None:
    """Refuse a release that could not be made, before anything is there to be released.

    Raises
    ------
    UsageError
        If the tag is no name, or is taken.
    MissingDependency
        If a library for catalogs is not installed.
    """
    duckdb(), parquet()
    _check_tag(tag, None, {record.tag: record for record in releases(out)})


def _check_tag(tag: str, since: str | None, made: Mapping[str, Record]) -> None:
    if not TAG.fullmatch(tag):
        raise UsageError("A tag has letters, digits, dots, hyphens and underscores only.",
                         remedy="For example: v1.")
    if tag in made:
        raise UsageError("There is a release of that name, and releases do not change.",
                         remedy="Choose a new tag.")
    if since and since not in made:
        raise UsageError("There is no release of that name to compare with.",
                         remedy="scrub-pixels release list OUT shows them.")


@contextmanager
def _folder_for(out: OutFolder) -> Iterator[Path]:
    """Yield the private folder of a draft, gone at the end; a killed run's is swept by the next one."""
    draft = out.partial / "release"
    draft.mkdir(mode=0o755)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_proof(draft: Path, unproven: bool) -> None:
    with ask(open_catalog(draft / CATALOG)) as asked:
        lacking = count_unproven(asked)
    if lacking and not unproven:
        raise UsageError(f"{lacking} instances do not claim Patient Identity Removed: their pixels were not "
                         "searched, or a rule kept what the profile removes.",
                         remedy="Run without --header-only; or add --unproven, and the datasheet says so.")


def _draft(draft: Path, folder: OutFolder, digests: Mapping[str, str], facts: Mapping[str, Any],
           tags: tuple[str, str]) -> None:
    """Write everything but the record."""
    make_catalog(Order(folder.root, draft / CATALOG, released=True))
    (draft / MANIFEST).write_text("".join(manifest(digests)), encoding="utf-8")
    (draft / POLICY).write_text(tomli_w.dumps(dict(facts.get("policy", {}))), encoding="utf-8")
    changes = _since(folder.root, draft, tags[1])
    (draft / CHANGES).write_text(told(changes, *tags), encoding="utf-8")
    with ask(open_catalog(draft / CATALOG)) as asked:
        (draft / DATASHEET).write_text(rendered(datasheet(asked, facts, tags[0], _became(changes, tags[1]))),
                                       encoding="utf-8")


def _became(changes: Difference, since: str) -> str:
    if not since:
        return "The first release."
    if changes.only_adds:
        return f"Everything of {since} stands unchanged in it, and {len(changes.added)} instances are new."
    return f"Files of {since} were removed or changed: see CHANGES.md."


def _since(out: Path, draft: Path, since: str) -> Difference:
    if not since:
        return Difference(added=tuple(read_manifest(draft / MANIFEST)))
    return difference(out / RELEASES / since, draft)


def _recorded(draft: Path, out: Path, digests: Mapping[str, str], facts: Mapping[str, Any],
              tags: tuple[str, str]) -> Record:
    with ask(open_catalog(draft / CATALOG)) as asked:
        counts = asked.rows("SELECT count(DISTINCT patient_id) AS patients, "
                            "coalesce(sum(size_bytes), 0)::BIGINT AS bytes FROM catalog")[0]
    earlier = {record.tag: digest_of(out / RELEASES / record.tag / RECORD) for record in releases(out)}
    versions = {**facts.get("versions", {}), "release made by": f"scrub-pixels {__version__}",
                "python": platform.python_version()}
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    record = Record(*tags, now, len(digests), counts["patients"], counts["bytes"],
                    {name: digest_of(draft / name) for name in KEPT}, earlier,
                    str(facts.get("policy_digest", "")), versions)
    (draft / RECORD).write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    return record


def _publish(draft: Path, folder: OutFolder, tag: str) -> None:
    """Make a draft durable, give it its name, and put its files beside the images as the latest."""
    for file in draft.iterdir():
        file.chmod(0o444)
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    sync_folder(draft)
    target = folder.root / RELEASES / tag
    target.parent.mkdir(exist_ok=True)
    os.rename(draft, target)
    sync_folder(target.parent)
    for name in KEPT:
        folder.write_bytes(name, iter([(target / name).read_bytes()]))


def releases(out: Path) -> list[Record]:
    """Return the releases of an output folder, the oldest first.

    Raises
    ------
    UsageError
        If a record cannot be read.
    """
    folders = sorted((out / RELEASES).glob("*/")) if (out / RELEASES).is_dir() else []
    return sorted((_record(folder) for folder in folders), key=lambda record: record.made)


def _record(folder: Path) -> Record:
    try:
        table = json.loads((folder / RECORD).read_bytes())
        record = Record(**table)
        if record.format != FORMAT or record.tag != folder.name:
            raise ValueError
        return record
    except (OSError, ValueError, TypeError):
        raise UsageError("The record of a release cannot be read.",
                         remedy="Was it changed? Bring the folder `releases` back from a copy.") from None


def difference(older: Path, newer: Path) -> Difference:
    """Return what changed from one release's folder to another's."""
    before, after = (read_manifest(folder / MANIFEST) for folder in (older, newer))
    changed = tuple(sorted(p for p in before.keys() & after.keys() if before[p] != after[p]))
    names = [open_catalog(folder / CATALOG) for folder in (older, newer)]
    had, has = (catalog.about.columns.names if catalog.about else () for catalog in names)
    both = [name for name in has if name in had and name not in NOT_CONTENT]
    return Difference(
        tuple(sorted(after.keys() - before.keys())), tuple(sorted(before.keys() - after.keys())), changed,
        _differing_columns(older / CATALOG, newer / CATALOG, both) if changed else {},
        tuple(name for name in has if name not in had), tuple(name for name in had if name not in has))


def _differing_columns(older: Path, newer: Path, names: list[str]) -> dict[str, int]:
    counted = ", ".join(f'count(*) FILTER (a."{n}" IS DISTINCT FROM b."{n}") AS "{n}"' for n in names)
    with duckdb().connect(":memory:") as database:
        joined = "read_parquet(?) a JOIN read_parquet(?) b USING (path)"
        found = database.execute(f"SELECT {counted} FROM {joined}", [str(older), str(newer)]).fetchone()
    return {name: count for name, count in zip(names, found, strict=True) if count}


def told(changes: Difference, tag: str, since: str) -> str:
    """Return the text of CHANGES."""
    title = f"# {tag}\n\n" + (f"Compared with {since}.\n" if since else "The first release.\n")
    counts = (f"\n* {len(changes.added)} instances added\n* {len(changes.removed)} removed\n"
              f"* {len(changes.changed)} changed\n")
    columns = "".join(f"* `{name}` differs in {count} instances\n" for name, count in changes.columns.items())
    shape = "".join(f"* new column `{name}`\n" for name in changes.new_columns)
    shape += "".join(f"* column `{name}` is gone\n" for name in changes.gone_columns)
    body = counts + (f"\n## Columns\n\n{columns}{shape}" if columns or shape else "")
    return title + body + "".join(_listed(changes)) if since else title + counts


def _listed(changes: Difference) -> Iterator[str]:
    for word in ("removed", "changed", "added"):
        paths = getattr(changes, word)
        if paths:
            yield f"\n## {word.capitalize()}\n\n" + "".join(f"* `{path}`\n" for path in paths[:MOST_LISTED])
        if len(paths) > MOST_LISTED:
            yield f"* and {len(paths) - MOST_LISTED} more: compare the manifests\n"


def verify(out: Path, tag: str) -> list[str]:
    """Return what is wrong with a release; empty if nothing is.

    Raises
    ------
    UsageError
        If there is no such release.
    """
    if not TAG.fullmatch(tag) or not (out / RELEASES / tag).is_dir():
        raise UsageError("There is no release of that name.",
                         remedy="scrub-pixels release list OUT shows them.")
    return list(_problems(out, out / RELEASES / tag))


def _problems(out: Path, folder: Path) -> Iterator[str]:
    record = _record(folder)
    for name in KEPT:
        if not (folder / name).is_file() or digest_of(folder / name) != record.files.get(name):
            yield f"{RELEASES}/{record.tag}/{name} is missing or was changed"
    if any(file.name not in (*KEPT, RECORD) for file in folder.iterdir()):
        yield f"{RELEASES}/{record.tag} holds a file that is not of the release"
    for tag, digest in record.earlier.items():
        known = out / RELEASES / tag / RECORD
        if not known.is_file() or digest_of(known) != digest:
            yield f"the earlier release {tag} is missing or was changed"
    yield from _instances(out, folder)


def _instances(out: Path, folder: Path) -> Iterator[str]:
    try:
        digests = read_manifest(folder / MANIFEST)
    except UsageError:
        return
    for path, digest in digests.items():
        file = out / path
        if ".." in Path(path).parts or file.is_absolute() and out not in file.parents:
            yield "the manifest names a file outside OUT"
        elif not file.is_file():
            yield f"{path} is missing"
        elif digest_of(file) != digest:
            yield f"{path} was changed"
