"""Imports run downwards only: the floors of the house, held by a test."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scrub_pixels

ROOT = Path(scrub_pixels.__file__).parent

FLOORS = ["errors", "geometry", "frames", "text", "decisions", "masks", "header", "policy", "beside",
          "pipeline", "store", "run", "review", "gateway", "catalog", "cli", "__main__"]
"""From the ground up. A module may import from its own floor and from those below."""

PEERS = {frozenset({"errors", "geometry"}), frozenset({"review", "gateway"}),
         frozenset({"review", "catalog"}), frozenset({"gateway", "catalog"})}
"""Floors that stand side by side and do not know each other."""


def floor_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names
                                      if node.module == "scrub_pixels"}
    return {name for name in found if name.startswith("scrub_pixels.") and name != "scrub_pixels.__version__"}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_run_downwards(path):
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert here in FLOORS, f"{here} stands on no floor: name it in FLOORS"
    for name in imports_of(path):
        there = floor_of(name)
        assert FLOORS.index(there) <= FLOORS.index(here), f"{here} reaches up to {there}"
        assert frozenset({here, there}) not in PEERS, f"{here} and {there} do not know each other"


def test_importing_changes_nothing_in_the_process():
    """No logging set-up, no threads, no environment, no warnings filters by importing the package."""
    code = """
import logging, os, sys, threading, warnings
before = (dict(os.environ), threading.active_count(), list(logging.root.handlers), list(sys.path))
import scrub_pixels
after = (dict(os.environ), threading.active_count(), list(logging.root.handlers), list(sys.path))
assert before == after
assert 'torch' not in sys.modules and 'easyocr' not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_exist():
    for name in scrub_pixels.__all__:
        assert getattr(scrub_pixels, name) is not None
