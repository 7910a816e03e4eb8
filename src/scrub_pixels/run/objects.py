"""Inputs that are objects: whatever fsspec can list and read (S3, GCS, Azure, HTTP, memory).

Credentials come from the environment or the configuration of fsspec, never from a URL, and what a
storage library says of an error is never repeated: it quotes names and addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scrub_pixels.errors import TooLarge, UnreadableFile, UsageError
from scrub_pixels.store.objects import STORAGE_ERRORS, file_system

_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
_MARKS = ("ETag", "etag", "md5Hash", "content_md5")


@dataclass(frozen=True)
class Found:
    """An object: its URL, its name below the prefix, its size, and what changes when it does."""

    url: str
    relative: str
    size: int
    modified: int

    def __repr__(self) -> str:
        return f"Found(size={self.size})"


def objects_below(url: str) -> Iterator[Found]:
    """Yield every object at or below a URL, in a stable order.

    Raises
    ------
    UsageError
        If there is nothing, or it cannot be listed.
    """
    system, path = file_system(url)
    try:
        found = system.find(path, detail=True)
    except STORAGE_ERRORS as error:
        raise _not_listed(type(error).__name__) from None
    if not found:
        raise _not_listed("nothing there")
    base = path.rstrip("/")
    for name in sorted(found):
        info = found[name]
        relative = name[len(base):].lstrip("/") if name.startswith(base + "/") else name.rsplit("/", 1)[-1]
        yield Found(system.unstrip_protocol(name), relative or name.rsplit("/", 1)[-1],
                    int(info.get("size") or 0), _version(info))


def _not_listed(why: str) -> UsageError:
    return UsageError(f"IN cannot be listed ({why}).",
                      remedy="Check the URL and the credentials in the environment.")


def _version(info: dict[str, Any]) -> int:
    """Return what changes with the content: the entity tag if there is one, else the time."""
    mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    if mark:
        return int.from_bytes(hashlib.sha256(mark.encode()).digest()[:7], "big")
    time = next((info[name] for name in _TIMES if info.get(name)), 0)
    seconds = time.timestamp() if isinstance(time, datetime) else time
    return int(seconds * 1e9) if isinstance(seconds, (int, float)) else 0


def read_object(url: str, limit: int) -> bytes:
    """Return the bytes of an object.

    Raises
    ------
    TooLarge
        If it has more than `limit` bytes.
    UnreadableFile
        If it cannot be read.
    """
    system, path = file_system(url)
    try:
        with system.open(path, "rb") as file:
            content = file.read(limit + 1)
    except STORAGE_ERRORS as error:
        raise UnreadableFile(f"The object cannot be read ({type(error).__name__}).", stage="open",
                             remedy="Check that it exists, and the credentials.") from None
    if len(content) > limit:
        raise TooLarge("The object is larger than the policy allows.", stage="open",
                       remedy="Raise limits.max_file_bytes if this is intended.")
    return content
