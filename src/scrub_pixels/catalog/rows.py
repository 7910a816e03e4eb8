"""One file to one row of a catalog, or for an archive to one row per member. Never raises for a file."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.uid import UID

from scrub_pixels.catalog.columns import Column, Columns, Place
from scrub_pixels.catalog.elements import PIXELS, TRANSFER_SYNTAX, Header, Odd, ReadAt, read_header
from scrub_pixels.catalog.fallback import read_header_with_pydicom
from scrub_pixels.catalog.values import CONVERT, Context, Unusable
from scrub_pixels.errors import NotDicom, Refusal, TooLarge
from scrub_pixels.frames.opening import PARSE_ERRORS
from scrub_pixels.run.discovery import DAMAGE

SOP_CLASS, CHARACTER_SET, MEDIA_STORAGE_CLASS = 0x00080016, 0x00080005, 0x00020002
DICOMDIR = b"1.2.840.10008.1.3.10"
ZIP_MAGIC = b"PK\x03\x04"
DICM = slice(128, 132)
MOST_REMEMBERED = 50_000
LONGEST_REMEMBERED = 96
MOST_FINDINGS = 24
LARGEST_MEMBER = 1 << 32

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file to catalogue.

    Parameters
    ----------
    path
        Where it is; never printed.
    relative
        Its path below the catalogued folder, as text.
    size, modified
        Bytes, and modification time in nanoseconds.
    """

    path: str
    relative: str
    size: int
    modified: int

    def __repr__(self) -> str:
        return f"File(size={self.size})"


@dataclass(slots=True)
class Reader:
    """Makes rows for one set of columns; remembers values it has converted before.

    Parameters
    ----------
    columns
        What a row has.
    fast
        False to let pydicom read every header (the reference in tests and benchmarks).
    """

    columns: Columns
    fast: bool = True
    _known: dict[Any, tuple[Any, str]] = field(default_factory=dict)

    def rows(self, file: File) -> Iterator[Row]:
        """Yield the rows of a file: one, or one per member if it is a zip archive."""
        facts: dict[str, Any] = {"@path": file.relative, "@size": file.size, "@modified": file.modified}
        try:
            with open(file.path, "rb", buffering=0, opener=_without_waiting) as opened:
                status = os.fstat(opened.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise NotDicom("This is no regular file.", stage="open")
                first = os.pread(opened.fileno(), 132, 0)
                if first.startswith(ZIP_MAGIC) and first[DICM] != b"DICM":
                    yield from self._members(file, facts)
                    return
                read_at = functools.partial(_pread, opened.fileno())
                yield self._row(lambda: self._header(read_at, opened, status.st_size), facts)
        except NotDicom as problem:
            yield self.failed(facts, problem.code)
        except OSError:
            yield self.failed(facts, "unreadable")

    def failed(self, facts: dict[str, Any], code: str) -> Row:
        """Return the row of a file that has no header to offer."""
        facts = facts | {"@error": code}
        return tuple(facts.get(column.source) for column in self.columns)

    def _members(self, file: File, facts: dict[str, Any]) -> Iterator[Row]:
        try:
            with zipfile.ZipFile(file.path) as archive:
                infos = [(n, info) for n, info in enumerate(archive.infolist()) if not info.is_dir()]
                for number, info in infos:
                    yield self._member(archive, info, _of_member(file, number, info))
                if not infos:
                    yield self.failed(facts, NotDicom.code)
        except DAMAGE:
            yield self.failed(facts, "unreadable")

    def _member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, facts: dict[str, Any]) -> Row:
        try:
            if info.file_size > LARGEST_MEMBER:
                raise TooLarge("A member is too large.", stage="open")
            with archive.open(info) as member:
                read_at = functools.partial(_seek_and_read, member)
                stream = cast(BinaryIO, member)
                return self._row(lambda: self._header(read_at, stream, info.file_size), facts)
        except DAMAGE:
            return self.failed(facts, "unreadable")
        except Refusal as refusal:
            return self.failed(facts, refusal.code)

    def _header(self, read_at: ReadAt, file: BinaryIO, size: int) -> Header:
        if self.fast:
            try:
                return read_header(read_at, size, self.columns.tags)
            except Odd:
                file.seek(0)
        return read_header_with_pydicom(_buffered(file), self.columns.tags)

    def _row(self, read: Any, facts: dict[str, Any]) -> Row:
        try:
            header = read()
        except Refusal as refusal:
            return self.failed(facts, refusal.code)
        except PARSE_ERRORS:
            return self.failed(facts, "unreadable")
        return self._filled(header, facts)

    def _filled(self, header: Header, facts: dict[str, Any]) -> Row:
        if _raw(header, MEDIA_STORAGE_CLASS).rstrip(b"\0 ") == DICOMDIR:
            return self.failed(facts, NotDicom.code)
        context = Context(header.little, _raw(header, CHARACTER_SET))
        findings: list[str] = []
        facts = facts | facts_of(header, facts["@size"])
        row = [facts.get(c.source) if not c.places else self._value(n, c, header, context, findings)
               for n, c in enumerate(self.columns)]
        if header.disorder:
            findings.append("elements: not in ascending order")
        row[self._findings_at] = "; ".join(findings[:MOST_FINDINGS]) or None
        return tuple(row)

    @property
    def _findings_at(self) -> int:
        return self.columns.names.index("findings")

    def _value(self, number: int, column: Column, header: Header, context: Context,
               findings: list[str]) -> Any:
        for place in column.places:
            tag = place.way[0]
            found = header.elements.get(tag)
            if found is None:
                if tag in header.overlong:
                    findings.append(f"{column.name}: too long")
                continue
            if tag in header.doubled:
                findings.append(f"{column.name}: more than one element")
                return None
            value, reason = self._converted(number, column, place, found, context)
            if reason:
                findings.append(f"{column.name}: {reason}")
            if value is not None or reason:
                return value
        return False if column.type == "flag" else None

    def _converted(self, number: int, column: Column, place: Place, found: Any,
                   context: Context) -> tuple[Any, str]:
        vr, raw = found
        key = (number, place.part, vr, raw, context) if type(raw) is bytes and len(raw) < LONGEST_REMEMBERED \
            else None
        if key is not None and key in self._known:
            return self._known[key]
        result = convert(column, place, found, context)
        if key is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = result
        return result


def _raw(header: Header, tag: int) -> bytes:
    value = header.elements.get(tag, ("", b""))[1]
    return value if isinstance(value, bytes) else b""


def convert(column: Column, place: Place, found: tuple[str, Any], context: Context) -> tuple[Any, str]:
    """Return the value of a column and, if it has none though there is an element, the reason."""
    if place.ask == "present":
        return bool(found[1]), ""
    for tag in place.way[1:]:
        if not isinstance(found[1], list):
            return None, "no sequence"
        if not found[1] or tag not in found[1][0]:
            return None, ""
        found = found[1][0][tag]
    vr, raw = found
    if place.ask == "count":
        return (len(raw), "") if isinstance(raw, list) else (None, "no sequence")
    if isinstance(raw, list):
        return None, "a sequence"
    try:
        value = CONVERT[column.type](_part(raw, vr, place), vr or _vr(place.way[-1]), context)
        return _checked(column, value)
    except Unusable as reason:
        return None, str(reason)
    except PARSE_ERRORS:
        return None, "unusable"


def _part(raw: bytes, vr: str, place: Place) -> bytes:
    """Return one value of a text element of several, or all of it."""
    if place.part < 0:
        return raw
    parts = raw.split(b"\\")
    return parts[place.part] if place.part < len(parts) else b""


def _checked(column: Column, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, ""
    low, high = column.least, column.most
    absurd = (low is not None and value < low) or (high is not None and value > high)
    return (None, "an absurd value") if absurd else (value, "")


@functools.lru_cache(maxsize=4096)
def _vr(tag: int) -> str:
    """Return the VR of an implicit element; of those with two, the one that holds whole numbers."""
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"


def facts_of(header: Header, size: int) -> dict[str, Any]:
    """Return the columns that are not one element: names of UIDs, the pixels' extent, the digest."""
    facts: dict[str, Any] = {
        "@digest": _digest(header),
        "@syntax_name": _uid_name(_raw(header, TRANSFER_SYNTAX)),
        "@sop_class_name": _uid_name(_raw(header, SOP_CLASS)),
        "@offset_frames": header.offset_frames,
    }
    if header.pixel:
        facts |= {"@pixel_keyword": PIXELS[header.pixel], "@pixel_bytes": header.pixel_bytes}
    if header.pixel and header.pixel_bytes is not None and not header.inflated:
        facts["@pixel_missing"] = max(0, header.pixel_at + header.pixel_bytes - size)
    return facts


@functools.lru_cache(maxsize=1024)
def _uid_name(raw: bytes) -> str | None:
    uid = UID(raw.rstrip(b"\0 ").decode("ascii", "replace"), validation_mode=config.IGNORE)
    return None if uid.name == uid else uid.name


def _digest(header: Header) -> str:
    """Return a digest of what was read of the data set; File Meta Information and sequences left out."""
    maker = hashlib.blake2b(digest_size=16)
    for tag in sorted(header.elements):
        raw = header.elements[tag][1]
        if tag >> 16 != 2 and isinstance(raw, bytes) and tag not in header.doubled:
            plain = raw.rstrip(b"\0 ")
            maker.update(b"%d %d " % (tag, len(plain)) + plain)
    maker.update(b"%d %d" % (header.pixel, -1 if header.pixel_bytes is None else header.pixel_bytes))
    return maker.hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer does not keep the catalog waiting."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _pread(descriptor: int, offset: int, count: int) -> bytes:
    return os.pread(descriptor, count, offset)


def _seek_and_read(file: Any, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _buffered(file: Any) -> BinaryIO:
    return io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file


def _of_member(file: File, number: int, info: zipfile.ZipInfo) -> dict[str, Any]:
    return {"@path": stored_name(f"{file.relative}/{info.filename}"), "@archive": file.relative,
            "@member": number, "@size": info.file_size, "@modified": file.modified,
            "@archive_bytes": file.size}


def stored_name(relative: str | Path) -> str:
    r"""Return a path as a catalog keeps it: bytes that are not UTF-8 become ``\xff``."""
    return os.fsencode(str(relative)).decode("utf-8", "backslashreplace")
