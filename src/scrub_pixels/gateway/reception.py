"""Take instances in: look at their labels, put them into the spool, enter them into the journal.

Both doors end here. When `take` returns, the instance survives a crash of the machine; when it
raises, nothing of it is kept.
"""

from __future__ import annotations

import hashlib
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.journal import Arrival, Journal
from scrub_pixels.gateway.spool import Spool
from scrub_pixels.store.atomic import failures_explained
from scrub_pixels.store.workspace import Workspace

UID_FORM = re.compile(r"[0-9.]{1,64}")
SOP_CLASS, SOP_INSTANCE = Tag(0x0008, 0x0016), Tag(0x0008, 0x0018)
TRANSFER_SYNTAX = Tag(0x0002, 0x0010)
STUDY, SERIES = Tag(0x0020, 0x000D), Tag(0x0020, 0x000E)
LABELS = (SOP_CLASS, SOP_INSTANCE, STUDY, SERIES)
LAST_BEFORE_PIXELS = Tag(0x7FDF, 0xFFFF)
DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
"""Inflating without a bound is for nobody: the pipeline, which has bounds, looks into these."""

CHUNK = 1 << 20
IN_MEMORY = 4 << 20
"""Bytes up to which a data set that has come is read where it is, and not again from the disk."""

META_GROUP = 2
NOT_PARSED = (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError,
              NotImplementedError, OverflowError, struct.error, RecursionError)


class NotUnderstood(ScrubError):
    """What was sent is no DICOM instance; nothing of it is kept (PS3.4 B.2.3, Cxxx)."""


class Mismatch(ScrubError):
    """The data set is not the one that was announced; nothing of it is kept (PS3.4 B.2.3, A9xx).

    Parameters
    ----------
    message
        What does not fit.
    labels
        What the data set says it is.
    """

    def __init__(self, message: str, labels: Labels) -> None:
        super().__init__(message)
        self.labels = labels


@dataclass(frozen=True)
class Labels:
    """What an instance says it is. Private: UIDs link to the sender's archive; the repr is empty."""

    sop_class: str
    sop_instance: str
    study: str
    syntax: str
    series: str = ""

    def __repr__(self) -> str:
        return "Labels()"


class Reception:
    """Takes instances into spool and journal; any thread may use it.

    Parameters
    ----------
    workspace
        Whose key makes the tokens.
    spool, journal
        Where instances go.
    arrived
        Called after each new instance.
    """

    def __init__(self, workspace: Workspace, spool: Spool, journal: Journal,
                 arrived: Callable[[], None] = lambda: None) -> None:
        self._workspace, self.spool, self.journal, self._arrived = workspace, spool, journal, arrived
        self._lock = threading.Lock()
        self._waiting = journal.counts()["waiting"]
        self.taken = self.repeated = self.turned_away = 0
        self._adopt()

    def recount(self) -> None:
        """Count anew what waits."""
        with self._lock:
            self._waiting = self.journal.counts()["waiting"]

    def worked_off(self, instances: int) -> None:
        """Count instances that wait no more."""
        with self._lock:
            self._waiting -= instances

    def check_room(self, size: int = 0) -> None:
        """See that one more instance may come; raises `SpoolFull`."""
        self.spool.check_room(self._waiting, size)

    def take_data_set(self, data: memoryview, announced: Labels) -> Labels:
        """Take an encoded data set (PS3.7 C-STORE) and return what it says it is.

        Raises
        ------
        SpoolFull, StoreFailed
            If there is no room, or the disk does not take it.
        NotUnderstood, Mismatch
            If it is no data set, or not the one announced.
        """
        with self._counted():
            self.check_room(len(data))
            with failures_explained("The spool"), self.spool.incoming() as (path, file):
                file.write(_head(announced))
                file.write(data)
                file.flush()
                return self._keep(path, _labels_in(data, announced) or _read_labels(path), announced)

    def take_file(self, path: Path, file: BinaryIO, study: str = "") -> Labels:
        """Take a file in DICOM format (PS3.10) that was received into `spool.incoming`.

        Parameters
        ----------
        path, file
            The file and where it is.
        study
            The study it must be of; empty for any.

        Raises
        ------
        SpoolFull, StoreFailed, NotUnderstood, Mismatch
            As `take_data_set` does.
        """
        with self._counted(), failures_explained("The spool"):
            self.check_room()
            file.flush()
            return self._keep(path, _read_labels(path), study=study)

    def _counted(self) -> _Counted:
        return _Counted(self)

    def _keep(self, path: Path, read: tuple[Labels, bytes], announced: Labels | None = None,
              study: str = "") -> Labels:
        labels, digest = read
        if announced and replace(labels, study="", series="") != announced:
            raise Mismatch("The data set is of another SOP class or instance than was announced.", labels)
        if study and labels.study != study:
            raise Mismatch("The instance is of another study than the request names.", labels)
        arrival = self._arrival(labels, digest, path.stat().st_size)
        if self.journal.knows(arrival.token):
            self._count("repeated")
            return labels
        self.spool.keep(path, arrival.token)
        self.journal.receive(arrival)
        self._count("taken", 1)
        self._arrived()
        return labels

    def _arrival(self, labels: Labels, digest: bytes, size: int) -> Arrival:
        identity = f"{labels.sop_instance}\0{labels.syntax}\0".encode() + digest
        study, series = (self.token_of(uid) if uid else "" for uid in (labels.study, labels.series))
        return Arrival(self._workspace.token("gateway", identity), self.token_of(labels.sop_instance),
                       labels.sop_class, study, size, series)

    def token_of(self, uid: str) -> str:
        """Return what stands for a UID in the journal."""
        return self._workspace.token("gateway uid", uid.encode())

    def _count(self, name: str, waiting: int = 0) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)
            self._waiting += waiting

    def _adopt(self) -> None:
        """Enter what lies in the spool without a row: a crash came between the two."""
        for token in list(self.spool.tokens()):
            if self.journal.finished(token):
                self.spool.drop(token)
            elif not self.journal.knows(token):
                self._adopt_one(token)

    def _adopt_one(self, token: str) -> None:
        """Enter a file without a row, if it is whole; its sender may have been told nothing yet."""
        path = self.spool.path(token)
        try:
            labels, digest = _read_labels(path)
            arrival = self._arrival(labels, digest, path.stat().st_size)
        except NotUnderstood:
            arrival = None
        if arrival is None or arrival.token != token:
            self.spool.drop(token)
            return
        self.journal.receive(arrival)
        self._waiting += 1


class _Counted:
    """Counts what is turned away."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._reception._count("turned_away")


def _head(labels: Labels) -> bytes:
    """Return preamble and file meta information (PS3.10 7.1) for a data set that comes without.

    By hand, for that is a tenth of what writing a data set costs, and every instance needs one.
    """
    if not all(UID_FORM.fullmatch(uid) for uid in (labels.sop_class, labels.sop_instance, labels.syntax)):
        raise NotUnderstood("The instance was announced without SOP class, instance or transfer syntax.")
    uids = ((0x0002, labels.sop_class), (0x0003, labels.sop_instance), (0x0010, labels.syntax),
            (0x0012, PYDICOM_IMPLEMENTATION_UID))
    version = struct.pack("<HH2sHL", META_GROUP, 0x0001, b"OB", 0, 2) + b"\0\1"
    body = version + b"".join(_uid_element(element, uid) for element, uid in uids)
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHL", META_GROUP, 0x0000, b"UL", 4, len(body)) + body


def _uid_element(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", META_GROUP, element, b"UI", len(value)) + value


def _labels_in(data: memoryview, announced: Labels) -> tuple[Labels, bytes] | None:
    """Return what `_read_labels` would of a data set that is in memory; None if it has to be read."""
    if len(data) > IN_MEMORY or announced.syntax in DEFLATED:
        return None
    with _parsing():
        found = _peek(BytesIO(data), UID(announced.syntax))
        return _labels(found, announced.syntax), hashlib.sha256(data).digest()


def _read_labels(path: Path) -> tuple[Labels, bytes]:
    """Return what a file says it is, and the SHA-256 of its data set."""
    with _parsing(), path.open("rb") as file:
        meta, start = _read_meta(file)
        syntax = _uid_in(meta, TRANSFER_SYNTAX)
        found = _meta_as_labels(meta) if syntax in DEFLATED else _peek(file, UID(syntax))
        file.seek(start)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return _labels(found, syntax), digest.digest()


@contextmanager
def _parsing() -> Iterator[None]:
    """Say of what cannot be parsed that it is not understood; quote nothing of it."""
    try:
        yield
    except NOT_PARSED:
        raise NotUnderstood("What was sent is no DICOM instance.") from None


def _labels(found: Dataset, syntax: str) -> Labels:
    sop_class, sop_instance, study, series = (_uid_in(found, tag) for tag in LABELS)
    if not all(UID_FORM.fullmatch(uid) for uid in (sop_class, sop_instance, syntax)):
        raise NotUnderstood("The instance has no SOP Class UID, SOP Instance UID or transfer syntax.")
    return Labels(sop_class, sop_instance, study, syntax, series)


def _uid_in(dataset: Dataset, tag: BaseTag) -> str:
    """Return a UID as it was read, without the cost of an element; what is none does not look like one."""
    value: Any = dataset.get_item(tag).value if tag in dataset else ""
    return value.decode("ascii", "replace").rstrip("\0 ") if isinstance(value, bytes) else str(value or "")


def _peek(file: BinaryIO, syntax: UID) -> Dataset:
    """Read the labels of a data set; where its elements are out of order, all of it but pixels."""
    start = file.tell()
    found = _read_until(file, syntax, SERIES)
    if len(found) == len(LABELS):
        return found
    file.seek(start)
    return _read_until(file, syntax, LAST_BEFORE_PIXELS)


def _read_until(file: BinaryIO, syntax: UID, last: BaseTag) -> Dataset:
    return read_dataset(file, syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian,
                        stop_when=lambda tag, vr, length: tag > last, specific_tags=list(LABELS))


def _read_meta(file: BinaryIO) -> tuple[Dataset, int]:
    """Return file meta information and where the data set begins; the file must have both."""
    read_preamble(file, force=False)
    meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True,
                        stop_when=lambda tag, vr, length: tag.group != META_GROUP)
    return meta, file.tell()


def _meta_as_labels(meta: Dataset) -> Dataset:
    labels = Dataset()
    labels.SOPClassUID = meta.get("MediaStorageSOPClassUID")
    labels.SOPInstanceUID = meta.get("MediaStorageSOPInstanceUID")
    return labels
