"""What stands in OUT as its own report knows it, file by file and digest by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from scrub_pixels.errors import UsageError
from scrub_pixels.store.atomic import MARKER, Output
from scrub_pixels.store.report.write import REPORT_JSON, REPORT_LINES

CHUNK = 1 << 20
AGAIN = "Run scrub-pixels IN OUT --resume first: it settles what stands there."


@dataclass(frozen=True)
class Reported:
    """The report of an output folder.

    Parameters
    ----------
    digests
        Path below OUT and SHA-256 of every released Instance.
    facts
        The rest: totals, policy, versions; free of PHI.
    """

    digests: Mapping[str, str]
    facts: Mapping[str, Any] = field(repr=False)


def reported(out: Path) -> Reported:
    """Read the report of an output folder.

    Raises
    ------
    UsageError
        If it is no output folder, or has no report that can be read.
    """
    if not (out / MARKER).is_file():
        raise UsageError("This is no output folder of scrub-pixels.", remedy="Name one: scrub-pixels IN OUT.")
    try:
        facts = json.loads((out / REPORT_JSON).read_bytes())
        entries = list(_entries(out, facts))
        released = [entry for entry in entries if entry["outcome"] == "released" and entry.get("output")]
        return Reported({_below_out(entry["output"]): entry.get("sha256", "") for entry in released}, facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError("The report of this output folder cannot be read.", remedy=AGAIN) from None


def _below_out(path: Any) -> str:
    """Return a path if it is a plain one below OUT; a report that came from elsewhere may name any."""
    parts = PurePosixPath(path).parts
    if not isinstance(path, str) or not parts or "/" in parts or ".." in parts or "\0" in path:
        raise ValueError("not a path below OUT")
    return path


def _entries(out: Path, facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not facts.get("instances_file"):
        yield from facts.get("instances", ())
        return
    with (out / REPORT_LINES).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def proven_digests(out: Output, report: Reported) -> dict[str, str]:
    """Return path and SHA-256 of every Instance in OUT, each read anew and held against the report.

    Raises
    ------
    UsageError
        If a file stands there that the report does not name, one is missing, or one has changed.
    """
    standing = sorted(out.files())
    if set(standing) != set(report.digests):
        strange, missing = set(standing) - set(report.digests), set(report.digests) - set(standing)
        raise UsageError(f"OUT and its report differ: {len(strange)} files are unknown to it, "
                         f"{len(missing)} are missing.", remedy=AGAIN)
    digests = {path: digest_of(out.root / path) for path in standing}
    if changed := [path for path in standing if report.digests[path] not in ("", digests[path])]:
        raise UsageError(f"{len(changed)} files in OUT are not what was released.",
                         remedy="Remove them and run scrub-pixels IN OUT --resume: it writes them again.")
    return digests


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    maker = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            maker.update(chunk)
    return maker.hexdigest()


def manifest(digests: Mapping[str, str]) -> Iterable[str]:
    """Yield the lines of a manifest that ``sha256sum -c`` understands, run in OUT."""
    return (f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def read_manifest(path: Path) -> dict[str, str]:
    """Return path and digest of every line of a manifest.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError):
        raise UsageError("The manifest of a release cannot be read.",
                         remedy="Was it changed? Get a copy.") from None
