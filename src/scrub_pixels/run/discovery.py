"""Find the inputs of a run: a file, a folder tree, or zip archives read as folders.

Every directory entry that is not a folder yields exactly one Source, so that the sums close:
what cannot be opened is a Source too, and is accounted for when it is processed.
"""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scrub_pixels.errors import NotDicom, Refusal, TooLarge, UnreadableFile
from scrub_pixels.run.objects import objects_below, read_object

ZIP_MAGIC = b"PK\x03\x04"

DICM_AT, DICM = 128, b"DICM"
"""What makes a file DICOM, whatever its preamble looks like (PS3.10 7.1)."""

DAMAGE = (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, NotImplementedError,
          EOFError, IndexError, ValueError)
"""What `zipfile` raises on archives that are damaged, encrypted, or packed in ways it does not know."""


@dataclass(frozen=True)
class Source:
    """One input of a run.

    Parameters
    ----------
    path
        The file on disk, or the URL of an object; never printed outside the private workspace.
    relative
        The path below the input folder, with ``/`` between its parts (for `member` too).
    member
        Index of the entry in a zip archive, or None for a plain file.
    size, modified
        Bytes and modification time in nanoseconds, 0 if they could not be read.
    """

    path: Path | str
    relative: str
    member: int | None = None
    size: int = 0
    modified: int = 0

    def __repr__(self) -> str:
        return f"Source(member={self.member}, size={self.size})"

    def read(self, limit: int) -> Path | bytes:
        """Return what is to be opened: the path of a plain file, or the bytes of a zip member.

        Parameters
        ----------
        limit
            Largest size in bytes that is read into memory.

        Raises
        ------
        NotDicom
            If this is no regular file.
        UnreadableFile
            If the file or member cannot be read (permissions, encryption, damage).
        TooLarge
            If it is larger than `limit`.
        """
        if self.size > limit:
            raise TooLarge("The file is larger than the policy allows.", stage="open",
                           remedy="Raise limits.max_file_bytes if this is intended.")
        if isinstance(self.path, str):
            return read_object(self.path, limit)
        return _readable(self.path) if self.member is None else _member_bytes(self.path, self.member, limit)


def _readable(path: Path) -> Path:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise UnreadableFile(f"The file cannot be opened ({error.strerror}).", stage="open",
                             remedy="Check that it exists and its permissions.") from None
    if not regular:
        raise NotDicom("This is no regular file (a pipe, socket or device).", stage="open")
    return path


def read_whole(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    UnreadableFile
        If it cannot be read, or no longer.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read ({error.strerror}).", stage="open",
                             remedy="Check that it exists and its permissions.") from None


def _member_bytes(path: Path, index: int, limit: int) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(archive.infolist()[index]) as member:
            data = member.read(limit + 1)
    except DAMAGE as error:
        raise UnreadableFile(f"A member of a zip archive cannot be read ({type(error).__name__}).",
                             stage="open", remedy="Is the archive whole, and not encrypted?") from None
    if len(data) > limit:
        raise TooLarge("A member of a zip archive is larger than the policy allows.", stage="open",
                       remedy="Raise limits.max_file_bytes if this is intended.")
    if data.startswith(ZIP_MAGIC):
        raise Refusal("An archive inside an archive is not opened.", stage="open", remedy="Unpack it first.")
    return data


def discover(root: Path | str) -> Iterator[Source]:
    """Yield every input below `root`, in a stable order.

    Folders reached twice (symbolic links, loops) are entered once. Zip archives, recognised by
    content, are read as folders; a damaged archive yields itself.

    Parameters
    ----------
    root
        A file or a folder, or the URL of an object or a prefix that fsspec can read.
    """
    if isinstance(root, str):
        for found in objects_below(root):
            yield Source(found.url, found.relative, None, found.size, found.modified)
        return
    if not root.is_dir():
        yield from _sources(root, root.name)
        return
    seen: set[tuple[int, int]] = set()
    yield from _walk(root, root, seen)


def _walk(folder: Path, root: Path, seen: set[tuple[int, int]]) -> Iterator[Source]:
    pending = [folder]
    while pending:
        current = pending.pop()
        if not _first_visit(current, seen):
            continue
        try:
            with os.scandir(current) as scan:
                entries = sorted(scan, key=lambda entry: os.fsencode(entry.name))
        except OSError:
            yield Source(current, _relative(current, root))
            continue
        pending.extend(Path(e.path) for e in reversed(entries) if _is_folder(e))
        below = "" if current == root else _relative(current, root) + "/"
        for entry in entries:
            if not _is_folder(entry):
                yield from _sources(Path(entry.path), below + entry.name)


def _first_visit(folder: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return True
    identity = (status.st_dev, status.st_ino)
    known = identity in seen
    seen.add(identity)
    return not known


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _sources(path: Path, relative: str) -> Iterator[Source]:
    try:
        status = os.stat(path)
        size, modified = (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else (0, 0)
    except OSError:
        size, modified = 0, 0
    members = list(_members(path, relative, modified)) if size and _is_zip(path) else []
    yield from members or [Source(path, relative, None, size, modified)]


def _is_zip(path: Path) -> bool:
    """Tell whether a file begins as an archive does, and is no DICOM file all the same."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        head = os.read(descriptor, DICM_AT + len(DICM))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return head.startswith(ZIP_MAGIC) and head[DICM_AT:] != DICM


def _members(path: Path, relative: str, modified: int) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except DAMAGE:
        return
    for index, info in enumerate(infos):
        if not info.is_dir():
            yield Source(path, f"{relative}/{info.filename}", index, info.file_size, modified)
