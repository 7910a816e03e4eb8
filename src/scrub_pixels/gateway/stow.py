"""STOW-RS (PS3.18 10.5), both ways: parts of a request into the spool, files to a service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from pydicom.filereader import read_file_meta_info

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.delivery import DestinationDown, Item, Receipt
from scrub_pixels.gateway.multipart import DICOM, Body
from scrub_pixels.gateway.reception import Labels, Mismatch, NotUnderstood, Reception
from scrub_pixels.gateway.settings import TlsFiles
from scrub_pixels.gateway.tls import client_context

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"
CLASS, INSTANCE, REASON = "00081150", "00081155", "00081197"

OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000

OK, ACCEPTED, CONFLICT, TOO_LARGE = 200, 202, 409, 413

MOST_BYTES, MOST_ITEMS = 32 * 2**20, 50
"""How much goes into one request."""

Group = tuple[list[Item], list[str]]


@dataclass
class Answer:
    """What became of the parts of one request (PS3.18 I.2).

    Parameters
    ----------
    stored
        What is safely in the spool.
    failed
        Reasons of parts that are not, with what they say they are if they do.
    """

    stored: list[Labels] = field(default_factory=list)
    failed: list[tuple[int, Labels | None]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 all stored, 202 some, 409 none (PS3.18 Table 10.5.3-1)."""
        if not self.failed:
            return OK
        return ACCEPTED if self.stored else CONFLICT

    @property
    def body(self) -> dict[str, Any]:
        """The response in the DICOM JSON Model (PS3.18 F)."""
        failed = [_named(labels) | _reason(reason) for reason, labels in self.failed if labels]
        nameless = [_reason(reason) for reason, labels in self.failed if labels is None]
        named = {REFERENCED: [_named(labels) for labels in self.stored], FAILED: failed, OTHER: nameless}
        return {tag: {"vr": "SQ", "Value": items} for tag, items in named.items() if items}


def _named(labels: Labels) -> dict[str, Any]:
    return {CLASS: _ui(labels.sop_class), INSTANCE: _ui(labels.sop_instance)}


def _reason(reason: int) -> dict[str, Any]:
    return {REASON: {"vr": "US", "Value": [reason]}}


def _ui(uid: str) -> dict[str, Any]:
    return {"vr": "UI", "Value": [uid]}


class Parts:
    """Takes the parts of a STOW-RS request into the spool; a `multipart.Sink`.

    Parameters
    ----------
    reception
        Where instances go.
    study
        The study of the request, or empty.
    """

    def __init__(self, reception: Reception, study: str = "") -> None:
        self._reception, self._study = reception, study
        self.answer = Answer()
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._path = Path()
        self._size, self._reason = 0, 0
        self._labels: Labels | None = None

    def part_begins(self, headers: Mapping[str, str]) -> None:
        """Open a file in the spool for a part."""
        self._size, self._reason, self._file, self._labels = 0, 0, None, None
        kind = headers.get("content-type", DICOM).partition(";")[0].strip().lower()
        if kind != DICOM:
            self._reason = NOT_UNDERSTOOD
            return
        try:
            self._reception.check_room()
            self._path, self._file = self._stack.enter_context(self._reception.spool.incoming())
        except (ScrubError, OSError):
            self._reason = OUT_OF_RESOURCES

    def part_data(self, data: bytes) -> None:
        """Write a piece; what is over the limit or over the disk makes the part fail, not the request."""
        if self._file is None or self._reason:
            return
        self._size += len(data)
        if self._size > self._reception.spool.limits.largest:
            self._reason = OUT_OF_RESOURCES
            return
        try:
            self._file.write(data)
        except OSError:
            self._reason = OUT_OF_RESOURCES

    def part_ends(self) -> None:
        """Take a whole part in."""
        try:
            if not self._reason:
                self._take()
        finally:
            self.abandon()
        if self._reason:
            self.answer.failed.append((self._reason, self._labels))

    def abandon(self) -> None:
        """Let go of a part that will not be whole."""
        self._file = None
        with suppress(OSError):
            self._stack.close()

    def _take(self) -> None:
        if self._file is None:
            return
        try:
            labels = self._reception.take_file(self._path, self._file, self._study)
        except NotUnderstood:
            self._reason = NOT_UNDERSTOOD
        except Mismatch as mismatch:
            self._reason, self._labels = MISMATCH, mismatch.labels
        except (ScrubError, OSError):
            self._reason = OUT_OF_RESOURCES
        else:
            self.answer.stored.append(labels)


class StowClient:
    """Delivers files to a DICOMweb service; a `delivery.Destination`.

    Parameters
    ----------
    url
        Base URL of the service; ``/studies`` is added.
    token
        Bearer token, or empty.
    timeout
        Seconds to wait for an answer.
    tls
        Certificates; None trusts the authorities of the system.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 60.0, tls: TlsFiles | None = None) -> None:
        headers = {"Accept": "application/dicom+json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._url = url.rstrip("/") + "/studies"
        self._client = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False,
                                    verify=client_context(tls) if tls else True)

    def deliver(self, items: Sequence[Item]) -> Iterator[Receipt]:
        """Deliver files in requests of a sensible size; a refused request is repeated file by file."""
        for group in _grouped(items):
            response = self._post(group)
            if response.status_code in (OK, ACCEPTED, CONFLICT) or len(group[0]) == 1:
                yield from _receipts(group, response)
                continue
            for item, uid in zip(*group, strict=True):
                yield from _receipts(([item], [uid]), self._post(([item], [uid])))

    def _post(self, group: Group) -> httpx.Response:
        body = Body([item.path for item in group[0]])
        try:
            response = self._client.post(self._url, content=iter(body), headers=body.headers)
        except httpx.HTTPError:
            raise DestinationDown("no-connection") from None
        if response.status_code in (401, 403, 404, 408, 429) or response.status_code >= 500:
            raise DestinationDown(f"http-{response.status_code}")
        return response


def _grouped(items: Sequence[Item]) -> Iterator[Group]:
    """Yield items with their SOP Instance UIDs, no UID twice in a group."""
    group: list[Item] = []
    uids: list[str] = []
    size = 0
    for item in items:
        uid, more = str(read_file_meta_info(item.path).MediaStorageSOPInstanceUID), item.path.stat().st_size
        if group and (uid in uids or len(group) == MOST_ITEMS or size + more > MOST_BYTES):
            yield group, uids
            group, uids, size = [], [], 0
        group.append(item)
        uids.append(uid)
        size += more
    if group:
        yield group, uids


def _receipts(group: Group, response: httpx.Response) -> Iterator[Receipt]:
    stored, failed = _read_answer(response)
    for item, uid in zip(*group, strict=True):
        if uid in failed:
            yield Receipt(item.token, f"failure-{failed[uid]:04x}")
        elif uid in stored or (response.status_code == OK and not stored):
            yield Receipt(item.token)
        else:
            yield Receipt(item.token, f"http-{response.status_code}")


def _read_answer(response: httpx.Response) -> tuple[set[str], dict[str, int]]:
    """Return what the service says it stored, and what it did not with the reason."""
    try:
        body = response.json()
        stored = {_value(item, INSTANCE) for item in _items(body, REFERENCED)}
        failed = {_value(item, INSTANCE): int(_value(item, REASON) or 0) for item in _items(body, FAILED)}
        return stored, failed
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return set(), {}


def _items(body: Any, tag: str) -> list[Any]:
    return body.get(tag, {}).get("Value") or []


def _value(item: Any, tag: str) -> Any:
    values = item.get(tag, {}).get("Value") or [""]
    return values[0]
