"""The files of an archive, folder by folder, in an order that a second walk repeats."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scrub_pixels.catalog.rows import stored_name
from scrub_pixels.store.atomic import PARTIAL_PREFIX

Entry = tuple[str, int, int]
"""Name as a catalog keeps it, bytes, modification time in nanoseconds (0, 0 if it is no regular file)."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one folder.

    Parameters
    ----------
    relative
        Its path below the root, as a catalog keeps it; empty for the root itself.
    entries
        Its files, sorted by name.
    real
        The names on disk, in the same order.
    path
        Where it is.
    """

    relative: str
    entries: list[Entry]
    real: list[str]
    path: str

    @property
    def key(self) -> str:
        """What sorts folders as a walk meets them: a folder before those below it."""
        return folder_key(self.relative)

    def stored(self, name: str) -> str:
        """Return the path of a file as a catalog keeps it."""
        return f"{self.relative}/{name}" if self.relative else name


def folder_key(relative: str) -> str:
    """Return the sort key of a folder's path: ``/`` sorts before every other character."""
    return relative.replace("/", "\0") + "\0" if relative else ""


def walk(root: Path, suffix: str = "", leave_out: Collection[str] = ()) -> Iterator[Folder]:
    """Yield every folder below `root` that holds files; folders reached twice are entered once.

    Parameters
    ----------
    root
        A folder, or one file.
    suffix
        If given, only names with this ending, and no hidden folders of a run.
    leave_out
        Absolute paths that are passed over: the catalog itself, if it stands among the files.
    """
    if not root.is_dir():
        yield _single(root)
        return
    seen: set[tuple[int, int]] = set()
    pending = [(os.path.abspath(root), "")]
    while pending:
        path, relative = pending.pop()
        if not _first_visit(path, seen):
            continue
        folder, below = _listed(path, relative, suffix)
        pending.extend(entry for entry in reversed(below) if entry[0] not in leave_out)
        if any(os.path.dirname(left_out) == path for left_out in leave_out):
            folder = _without(folder, leave_out)
        if folder.entries:
            yield folder


def _without(folder: Folder, leave_out: Collection[str]) -> Folder:
    kept = [n for n, name in enumerate(folder.real) if os.path.join(folder.path, name) not in leave_out]
    return replace(folder, entries=[folder.entries[n] for n in kept], real=[folder.real[n] for n in kept])


def _single(file: Path) -> Folder:
    try:
        status = file.stat()
    except OSError:
        return Folder("", [(stored_name(file.name), 0, 0)], [file.name], str(file.parent))
    return Folder("", [_entry(stored_name(file.name), status)], [file.name], str(file.parent))


def _listed(path: str, relative: str, suffix: str) -> tuple[Folder, list[tuple[str, str]]]:
    """List one folder: its files, and the folders below it, each sorted."""
    try:
        with os.scandir(path) as scan:
            found = [(stored_name(entry.name), entry) for entry in scan if entry.name.endswith(suffix)
                     or entry.is_dir()]
    except OSError:
        # What cannot be listed stands for itself, so that nothing is passed over in silence.
        return Folder(relative, [("", 0, 0)], [""], path), []
    found.sort(key=_name)
    files: list[Entry] = []
    real: list[str] = []
    below: list[tuple[str, str]] = []
    for name, entry in found:
        if _is_folder(entry):
            if not (suffix and entry.name.startswith(PARTIAL_PREFIX)):
                below.append((entry.path, f"{relative}/{name}" if relative else name))
        else:
            files.append(_statted(name, entry))
            real.append(entry.name)
    return Folder(relative, files, real, path), below


def _name(found: tuple[str, os.DirEntry[str]]) -> str:
    return found[0]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _statted(name: str, entry: os.DirEntry[str]) -> Entry:
    try:
        return _entry(name, entry.stat())
    except OSError:
        return name, 0, 0


def _entry(name: str, status: os.stat_result) -> Entry:
    if not stat.S_ISREG(status.st_mode):
        return name, 0, 0
    return name, status.st_size, status.st_mtime_ns


def _first_visit(path: str, seen: set[tuple[int, int]]) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return True
    identity = (status.st_dev, status.st_ino)
    known = identity in seen
    seen.add(identity)
    return not known
