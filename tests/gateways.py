"""What the tests of the gateway share: small instances, destinations, and a running gateway."""

from __future__ import annotations

import fnmatch
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from scrub_pixels import Policy
from scrub_pixels.gateway import DimseDoor, Gateway, GatewaySettings, Peer, Retry
from scrub_pixels.gateway.wire import SteadyAE

NAME = "ZANZIBARSKY"
"""A patient's name that stands nowhere by chance."""

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SOON = Retry(first=0.05, most=0.2)
LONG = 120.0
"""Seconds after which a test gives up waiting; never how long one waits."""


def small(study: str = "", series: str = "", rows: int = 8, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Return a small grey secondary capture of an invented patient."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(SECONDARY_CAPTURE), generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study or generate_uid(), series or generate_uid()
    dataset.PatientName, dataset.PatientID = f"{NAME}^ANNA", "4711-0815-XY"
    dataset.PatientBirthDate, dataset.StudyDate = "19510203", "20250304"
    dataset.Modality, dataset.ConversionType = "OT", "WSD"
    dataset.Rows = dataset.Columns = rows
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes(rows * rows)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


def part10(dataset: Dataset) -> bytes:
    """Return a data set as the bytes of a file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail if it never does."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


@dataclass
class Archive:
    """A Storage SCP that keeps what it is sent; it can be stopped and started on the same port."""

    folder: Path
    status: Callable[[Dataset], int] = lambda dataset: 0
    contexts: list[tuple[str, list[str]]] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    port: int = 0
    _server: object = None

    def start(self) -> Archive:
        """Listen, on the port of last time if there was one."""
        ae = AE(ae_title="ARCHIVE")
        for uid, syntaxes in self.contexts or every_context():
            ae.add_supported_context(uid, syntaxes)
        self._server = ae.start_server(("127.0.0.1", self.port), block=False,
                                       evt_handlers=[(evt.EVT_C_STORE, self._store)])
        self.port = self._server.server_address[1]
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        for association in self._server.active_associations:
            association.abort()

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return Peer("ARCHIVE", "127.0.0.1", self.port)

    def datasets(self) -> list[Dataset]:
        """Return what it has."""
        return [dcmread(path) for path in sorted(self.folder.glob("*.dcm"))]

    def _store(self, event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        status = self.status(dataset)
        if status == 0:
            self.received.append(str(dataset.SOPInstanceUID))
            dataset.save_as(self.folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        return status


def every_context() -> list[tuple[str, list[str]]]:
    """Return every storage class with every transfer syntax."""
    return [(str(c.abstract_syntax), list(ALL_TRANSFER_SYNTAXES)) for c in AllStoragePresentationContexts]


@contextmanager
def archive(folder: Path, **options) -> Iterator[Archive]:
    """Run an archive."""
    folder.mkdir(exist_ok=True)
    server = Archive(folder, **options).start()
    try:
        yield server
    finally:
        with suppress(Exception):
            server.stop()


def settings(folder: Path, **options) -> GatewaySettings:
    """Return settings of a gateway that looks at headers only and works in this process."""
    chosen = {"workspace": folder / "workspace", "out": folder / "out", "policy": Policy(header_only=True),
              "dimse": DimseDoor("SCRUB", port=0, timeout=LONG), "retry": SOON, "poll": 0.05, **options}
    return GatewaySettings(**chosen)


def patient(ae: AE) -> AE:
    """Return a client that gives up late: a slow machine breaks no association."""
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = LONG
    return ae


@contextmanager
def associated(gateway: Gateway, datasets: list[Dataset], title: str = "TESTER"):
    """Yield an association with a gateway for some data sets."""
    ae = patient(SteadyAE(ae_title=title))
    pairs = {(str(d.SOPClassUID), str(d.file_meta.TransferSyntaxUID)) for d in datasets}
    for sop_class, syntax in sorted(pairs):
        ae.add_requested_context(sop_class, syntax)
    association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def send(gateway: Gateway, datasets: list[Dataset]) -> list[int]:
    """Send data sets and return the statuses of the answers."""
    with associated(gateway, datasets) as association:
        return [association.send_c_store(dataset).get("Status", -1) for dataset in datasets]


def settled(gateway: Gateway, count: int) -> None:
    """Wait until nothing waits or is due any more, and so many instances are known."""
    def done() -> bool:
        counts = gateway.journal.counts()
        return sum(counts.values()) == count and counts["waiting"] == counts["due"] == 0

    until(done, f"{count} instances settled")


def in_background(*functions: Callable[[], object]) -> None:
    """Run functions at the same time and wait for all."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)


def below(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """Yield what lies below a folder in which others work: what vanishes while one looks is not there."""
    for here, folders, files in os.walk(folder):
        yield from (Path(here, name) for name in fnmatch.filter([*folders, *files], pattern))


def names_in(folder: Path) -> list[Path]:
    """Return the files of a folder that hold the patient's name, in content or path."""
    needle = NAME.encode()
    return [path for path in below(folder) if needle in str(path).encode()
            or (path.is_file() and needle in path.read_bytes())]
