"""Where the files of a release stand in OUT: the only ones there that are neither Instance nor report."""

from __future__ import annotations

import re

RELEASES = "releases"
CATALOG = "catalog.parquet"
MANIFEST = "SHA256SUMS"
CHANGES = "CHANGES.md"
POLICY = "policy.toml"
DATASHEET = "datasheet.html"
RECORD = "release.json"

KEPT = (CATALOG, MANIFEST, CHANGES, POLICY, DATASHEET)
"""Files of every release; `RECORD` holds their digests."""

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_IN_OUT = re.compile(rf"({RELEASES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}/)?({'|'.join(map(re.escape, KEPT))})\Z")
_RECORD = re.compile(rf"{RELEASES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}/{re.escape(RECORD)}\Z")


def is_release_file(relative: str) -> bool:
    """Tell whether a path below OUT is one that only a release has: its latest files, or a kept one."""
    return bool(_IN_OUT.match(relative) or _RECORD.match(relative))
