"""Build hook: fetch what the review site needs from npm, by the lock file, into ``static/vendor``.

Runs at ``pip install``, also of an editable one, and at ``python -m build``. Nothing that is
fetched is ever committed. Without npm, or without a network, the installation goes on: everything
but the review site works, and that says at its start what is missing and what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SITE = Path("src/scrub_pixels/review/site")
LOCK = ("package.json", "package-lock.json")
WANTED = {
    "annotorious.js": "@annotorious/annotorious/dist/annotorious.js",
    "annotorious.css": "@annotorious/annotorious/dist/annotorious.css",
}
"""Name in ``static/vendor`` -> file in ``node_modules``."""

LICENCE_FILES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "license", "LICENCE")
STAMP = "from-lock.txt"
SECONDS = 180


class VendorHook(BuildHookInterface):
    """Fill ``static/vendor`` before anything is packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch, unless what is there comes from this lock file."""
        site = Path(self.root) / SITE
        if is_current(site):
            return
        try:
            fetch(site)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(
                f"The review site's drawing library was not fetched ({type(error).__name__}). All else "
                "works. For the site, install npm (https://nodejs.org) and install scrub-pixels again.")


def digest(site: Path) -> str:
    """Return the digest of what names the wanted versions and files."""
    wanted = repr(sorted(WANTED.items())).encode()
    return hashlib.sha256(b"".join([wanted, *((site / name).read_bytes() for name in LOCK)])).hexdigest()


def is_current(site: Path) -> bool:
    """Tell whether ``static/vendor`` holds what the lock file asks for."""
    vendor = site / "static" / "vendor"
    stamp = vendor / STAMP
    return (stamp.is_file() and stamp.read_text().strip() == digest(site)
            and all((vendor / name).is_file() for name in WANTED))


def fetch(site: Path) -> None:
    """Run ``npm ci`` in a folder that goes away, and keep the few files that are wanted.

    Raises
    ------
    OSError, subprocess.SubprocessError
        If there is no npm, or it fails: no network, or a digest that is not the lock file's.
    """
    npm = shutil.which("npm")
    if npm is None or os.environ.get("SCRUB_PIXELS_WITHOUT_NPM"):
        raise FileNotFoundError("npm")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in LOCK:
            shutil.copy(site / name, work / name)
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work, check=True,
                       capture_output=True, timeout=SECONDS)
        keep(work / "node_modules", site)


def keep(modules: Path, site: Path) -> None:
    """Copy the wanted files and the licences; the stamp comes last."""
    vendor = site / "static" / "vendor"
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for name, source in WANTED.items():
        text = (modules / source).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("//# sourceMappingURL=")]
        (vendor / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (vendor / "LICENCES.txt").write_text(licences(modules, site), encoding="utf-8")
    (vendor / STAMP).write_text(digest(site) + "\n")


def licences(modules: Path, site: Path) -> str:
    """Return name, version and licence of every package, with the texts."""
    manifests = sorted(modules.rglob("package.json"))
    parts = [licence_of(manifest) for manifest in manifests if is_package(manifest)]
    parts += [file.read_text(encoding="utf-8") for file in sorted((site / "licences").glob("*.txt"))]
    return "\n\n".join(parts)


def is_package(manifest: Path) -> bool:
    """Tell a package's own manifest from others that lie in it."""
    above = manifest.parent.parent
    return (above.parent if above.name.startswith("@") else above).name == "node_modules"


def licence_of(manifest: Path) -> str:
    """Return one package's line and its licence text, if it comes with one."""
    package = json.loads(manifest.read_text(encoding="utf-8"))
    head = f"{package['name']} {package['version']} ({package.get('license', 'see below')})"
    texts = [manifest.parent / name for name in LICENCE_FILES if (manifest.parent / name).is_file()]
    return "\n\n".join([head, *(text.read_text(encoding="utf-8") for text in texts[:1])])
