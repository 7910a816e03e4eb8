"""``multipart/related`` as DICOMweb uses it (PS3.18 8.6.1.2): written in pieces, read in pieces."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from pathlib import Path
from typing import Protocol

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from scrub_pixels.errors import ScrubError

DICOM = "application/dicom"
CHUNK = 1 << 18
MOST_HEADER_BYTES = 8192


class BadMultipart(ScrubError):
    """The body is no multipart body, or is not of the kind its header says."""


class Sink(Protocol):
    """Takes the parts of a body."""

    def part_begins(self, headers: Mapping[str, str]) -> None:
        """A part with these headers (names in lower case) comes."""

    def part_data(self, data: bytes) -> None:
        """A piece of the part."""

    def part_ends(self) -> None:
        """The part is whole."""


def boundary_of(content_type: str) -> str:
    """Return the boundary of a ``multipart/related`` body of DICOM instances.

    Raises
    ------
    BadMultipart
        If the header names something else.
    """
    message = Message()
    message["content-type"] = content_type
    root = str(message.get_param("type") or DICOM)
    if message.get_content_type() != "multipart/related" or root.lower() != DICOM:
        raise BadMultipart("This is no multipart body of DICOM instances.")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 200:
        raise BadMultipart("The multipart body has no boundary.")
    return boundary


class Reader:
    """Feeds a `Sink` with the parts of a body that comes in pieces.

    Parameters
    ----------
    boundary
        From `boundary_of`.
    sink
        Who takes the parts.
    """

    def __init__(self, boundary: str, sink: Sink) -> None:
        self._sink, self._name, self._value = sink, b"", b""
        self._headers: dict[str, str] = {}
        self.ended = False
        self._parser = MultipartParser(boundary.encode("latin-1", "replace"), {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._text,
            "on_header_end": self._header, "on_headers_finished": self._part, "on_part_data": self._data,
            "on_part_end": sink.part_ends, "on_end": self._end,
        })

    def write(self, data: bytes) -> None:
        """Take a piece of the body.

        Raises
        ------
        BadMultipart
            If it is malformed.
        """
        try:
            self._parser.write(data)
        except MultipartParseError:
            raise BadMultipart("The multipart body is malformed.") from None

    def finish(self) -> None:
        """See that the body was whole.

        Raises
        ------
        BadMultipart
            If its last boundary is missing.
        """
        if not self.ended:
            raise BadMultipart("The multipart body ended early.")

    def _begin(self) -> None:
        self._headers = {}

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._bounded()

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bounded()

    def _bounded(self) -> None:
        if len(self._name) + len(self._value) > MOST_HEADER_BYTES:
            raise BadMultipart("A header of the multipart body is too long.")

    def _header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""
        if len(self._headers) > 50:
            raise BadMultipart("A part has too many headers.")

    def _part(self) -> None:
        self._sink.part_begins(self._headers)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._sink.part_data(data[start:end])

    def _end(self) -> None:
        self.ended = True


class Body:
    """A ``multipart/related`` body of files, to be sent in pieces.

    Parameters
    ----------
    files
        DICOM files (PS3.10).
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files, self._boundary = files, secrets.token_hex(16)
        self._heads = [self._head(number) for number in range(len(files))]
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def headers(self) -> dict[str, str]:
        """Content-Type and Content-Length."""
        length = sum(map(len, self._heads)) + len(self._tail) + sum(f.stat().st_size for f in self._files)
        kind = f'multipart/related; type="{DICOM}"; boundary={self._boundary}'
        return {"Content-Type": kind, "Content-Length": str(length)}

    def __iter__(self) -> Iterator[bytes]:
        for head, path in zip(self._heads, self._files, strict=True):
            yield head
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        yield self._tail

    def _head(self, number: int) -> bytes:
        start = "" if number == 0 else "\r\n"
        return f"{start}--{self._boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode()
