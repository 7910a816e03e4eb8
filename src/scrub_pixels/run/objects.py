"""Inputs that are objects: whatever fsspec can list and read (S3, GCS, Azure, HTTP, memory).

Credentials come from the environment or the configuration of fsspec, never from a URL, and what a
storage library says of an error is never repeated: it quotes names and addresses.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from scrub_pixels.errors import TooLarge, UnreadableFile, UsageError
from scrub_pixels.store.objects import STORAGE_ERRORS, file_system, is_web

_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
_MARKS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest", "Last-Modified")

DEEPEST = 32
"""Folders within each other that the pages of a web server are followed into."""


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
        found = _pages(system, path) if is_web(url) else system.find(path, detail=True)
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


def _pages(system: Any, path: str) -> dict[str, dict[str, Any]]:
    """Return what the pages of a web server link to at or below a URL.

    A link that leads elsewhere, to the parent or to another order of the same page, is no input.
    """
    folders, files, any_link = [(path, 0)], set(), path.endswith("/")
    while folders:
        folder, depth = folders.pop()
        links = [entry["name"] for entry in system.ls(folder, detail=True)]
        below = {link for link in links if _is_below(link, folder.rstrip("/") + "/")}
        any_link = any_link or bool(below)
        files |= {link for link in below if not link.endswith("/")}
        if depth < DEEPEST:
            folders += [(link, depth + 1) for link in below if link.endswith("/")]
    return {name: system.info(name) for name in (files if any_link else [path])}


def _is_below(link: str, folder: str) -> bool:
    rest = link.removeprefix(folder)
    parts = urlsplit(rest)
    steps = unquote(parts.path).rstrip("/").split("/")
    plain = not (parts.scheme or parts.netloc or parts.query or parts.fragment or rest.endswith("?"))
    return plain and link.startswith(folder) and bool(rest) and not {"", ".", ".."} & set(steps)


def _not_listed(why: str) -> UsageError:
    return UsageError(f"IN cannot be listed ({why}).",
                      remedy="Check the URL and the credentials in the environment.")


def _version(info: dict[str, Any]) -> int:
    """Return what changes with the content: the entity tag if there is one, else the time.

    Where the store tells neither, it is different each time, so that a later run reads the object again.
    """
    mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    if mark:
        return int.from_bytes(hashlib.sha256(mark.encode()).digest()[:7], "big")
    moment = next((info[name] for name in _TIMES if info.get(name)), None)
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return int(seconds * 1e9) if isinstance(seconds, (int, float)) else time.time_ns()


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
