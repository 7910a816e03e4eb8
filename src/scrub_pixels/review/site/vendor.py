"""The files the page is made of: ours, and what the build fetched from npm."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from scrub_pixels.errors import MissingDependency

STATIC = Path(__file__).parent / "static"
FETCHED = ("vendor/annotorious.js", "vendor/annotorious.css")
"""Brought by `hatch_build.py` at installation; never part of the repository."""

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    content: bytes = field(repr=False)
    type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the page, read once: no request ever names a file of this machine.

    Parameters
    ----------
    files
        By name.
    version
        Changes when any file does; stands in their URLs, so that browsers may keep them.
    """

    files: dict[str, Asset] = field(repr=False)
    version: str


def load_assets(static: Path = STATIC) -> Assets:
    """Read the files of the page.

    Raises
    ------
    MissingDependency
        If what the build should have fetched is not there.
    """
    if any(not (static / name).is_file() for name in FETCHED):
        raise MissingDependency(
            "The review site's drawing library (Annotorious) is not there: npm was missing when scrub-pixels "
            "was installed, or had no network.",
            remedy="Install npm (https://nodejs.org), then: pip install --force-reinstall --no-deps "
                   "scrub-pixels (in a checkout: pip install -e .).")
    paths = sorted(p for p in static.rglob("*") if p.suffix in TYPES and p.is_file())
    files = {p.relative_to(static).as_posix(): Asset(p.read_bytes(), TYPES[p.suffix]) for p in paths}
    digest = hashlib.sha256()
    for name, asset in files.items():
        digest.update(name.encode() + b"\0" + asset.content)
    return Assets(files, digest.hexdigest()[:16])
