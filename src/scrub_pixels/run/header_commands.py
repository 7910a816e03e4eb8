"""What ``scrub-pixels header`` and ``scrub-pixels crosswalk`` print and write."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from getpass import getpass
from pathlib import Path

from pydicom.dataset import Dataset
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrub_pixels.errors import UsageError
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.header import Profile, differences, plan
from scrub_pixels.store.crosswalk import export, is_sealed, open_crosswalk
from scrub_pixels.store.export import shown
from scrub_pixels.store.workspace import check_private_target, open_workspace

PASSPHRASE_VARIABLE = "SCRUB_PIXELS_CROSSWALK_PASSPHRASE"

ACTIONS = {"X": "remove", "Z": "empty", "D": "replace", "K": "keep", "C": "clean", "U": "new UID"}


def print_plan(file: Path, profile: Profile, form: str) -> None:
    """Print what the header stage would do to each element of a file, without any value.

    Raises
    ------
    Refusal
        If the file cannot be read.
    """
    with _quiet():
        planned = [asdict(line) | {"will": ACTIONS[line.action]} for line in plan(_dataset(file), profile)]
    rows = ({"element": _nested(p["path"], p["attribute"]), "code": p["code"], "will": p["will"],
             "because": p["because"]} for p in planned)
    _print(rows if form == "table" else planned, form)


def print_differences(first: Path, second: Path, form: str, show_values: bool) -> None:
    """Print the elements that differ between two files; values only where they were asked for.

    Raises
    ------
    Refusal
        If a file cannot be read.
    """
    if show_values:
        Console(stderr=True).print("What follows shows values, which may identify a patient.", style="bold")
    with _quiet():
        found = [asdict(line) for line in differences(_dataset(first), _dataset(second))]
    hidden = frozenset() if show_values else frozenset({"before", "after"})
    lines = [{name: value for name, value in line.items() if name not in hidden} for line in found]
    _print((_as_row(line) for line in lines) if form == "table" else lines, form)


def _as_row(line: Mapping[str, object]) -> dict[str, object]:
    rest = {name: value for name, value in line.items() if name not in ("path", "attribute")}
    return {"element": _nested(line["path"], str(line["attribute"])), **rest}


def _nested(path: object, attribute: str) -> str:
    depth = len(path) if isinstance(path, (list, tuple)) else 0
    return "> " * depth + attribute


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence pydicom's warnings: they quote values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _dataset(file: Path) -> Dataset:
    return open_instance(file, Limits()).dataset


def _print(rows: Iterable[Mapping[str, object]], form: str) -> None:
    if form == "jsonl":
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return
    table: Table | None = None
    for row in rows:
        table = table or _table(row)
        table.add_row(*(Text(shown(str(value))) for value in row.values()))
    Console(highlight=False).print(table or "Nothing.")


def _table(row: Mapping[str, object]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in row:
        table.add_column(name, overflow="fold")
    return table


def write_crosswalk(folder: Path, target: Path, key_file: Path | None) -> None:
    """Write who became whom, and which UID became which, as two private CSV files.

    Raises
    ------
    UsageError
        If `target` lies below an output folder, or holds such files already.
    WorkspaceError
        If `folder` is no workspace, has no crosswalk, or the passphrase does not open it.
    """
    check_private_target(target / "patients.csv")
    workspace = open_workspace(folder, create=False)
    if not workspace.crosswalk_file.is_file():
        raise UsageError("This workspace has no crosswalk yet.", remedy="Run scrub-pixels IN OUT first.")
    secret = passphrase(key_file)
    if not secret and is_sealed(workspace.crosswalk_file) and sys.stdin.isatty():
        secret = getpass("Passphrase of the crosswalk: ").encode()
    with open_crosswalk(workspace.crosswalk_file, secret) as crosswalk:
        try:
            written = export(crosswalk, target)
        except FileExistsError:
            raise UsageError("The folder holds a crosswalk already.", remedy="Name a new folder.") from None
    for file, count in zip((written.patients, written.uids), written.counts, strict=True):
        print(f"{count:>8}  {file}")
    print("These files identify patients. Keep them private.")


def passphrase(key_file: Path | None) -> bytes:
    """Return what the crosswalk is sealed with: a file's content, else the environment's, else nothing.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds fewer than 8 bytes.
    """
    try:
        secret = key_file.read_bytes() if key_file else os.environ.get(PASSPHRASE_VARIABLE, "").encode()
    except OSError as error:
        raise UsageError(f"The key of the crosswalk cannot be read: {error.strerror}.",
                         remedy="Check its path.") from None
    secret = secret.strip(b"\r\n")
    if len(secret) < 8 and (secret or key_file is not None):
        raise UsageError("The key of the crosswalk has fewer than 8 bytes.", remedy="Choose a longer one.")
    return secret

