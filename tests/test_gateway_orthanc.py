"""Orthanc, storescu and dcmsend for real: an ultrasound goes in, its scrubbed self is found, no name is."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from fixtures import make_fixture
from fixtures.scoring import score_fixture
from scrub_pixels import Policy
from scrub_pixels.gateway import Gateway, HttpDoor, Peer, TlsFiles
from scrub_pixels.gateway.fetch import fetch_studies
from scrub_pixels.gateway.settings import DimseDoor
from tests.gateways import LONG, NAME, settings, settled, small, until

ORTHANC = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = PLUGINS / "libOrthancDicomWeb.so"

needs_orthanc = pytest.mark.skipif(ORTHANC is None or not DICOMWEB.exists(),
                                   reason="Debian's packages orthanc and orthanc-dicomweb are not installed")
needs_dcmtk = pytest.mark.skipif(shutil.which("storescu") is None or shutil.which("dcmsend") is None,
                                 reason="Debian's package dcmtk is not installed")


@dataclass
class Orthanc:
    """A running Orthanc: ports, and a session with its REST API."""

    dicom: int
    web: str
    session: httpx.Client

    @property
    def peer(self) -> Peer:
        return Peer("ORTHANC", "127.0.0.1", self.dicom)

    def everything(self) -> str:
        """Return every tag of every instance, of every level, and the DICOMweb metadata, as text."""
        texts = []
        for level in ("patients", "studies", "series", "instances"):
            texts.append(self.session.get(f"{self.web}/{level}?expand").text)
        for instance in self.session.get(f"{self.web}/instances").json():
            texts.append(self.session.get(f"{self.web}/instances/{instance}/tags").text)
        for study in self.found("studies"):
            uid = study["0020000D"]["Value"][0]
            texts.append(self.session.get(f"{self.web}/dicom-web/studies/{uid}/metadata").text)
        return "\n".join(texts)

    def found(self, path: str) -> list[dict]:
        """Return what QIDO-RS finds."""
        return self.session.get(f"{self.web}/dicom-web/{path}").json()

    def files(self) -> list[Dataset]:
        """Return every instance as Orthanc gives it."""
        names = self.session.get(f"{self.web}/instances").json()
        urls = [f"{self.web}/instances/{name}/file" for name in names]
        return [dcmread(BytesIO(self.session.get(url).content)) for url in urls]


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago; Orthanc takes no port 0."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Run Orthanc; if somebody else took its ports in the meantime, on others."""
    with ExitStack() as stack:
        for attempt in range(5):
            orthanc = stack.enter_context(started_orthanc(folder.with_name(f"{folder.name}-{attempt}")))
            if orthanc is not None:
                break
        assert orthanc is not None, "Orthanc does not start"
        yield orthanc


@contextmanager
def started_orthanc(folder: Path) -> Iterator[Orthanc | None]:
    """Yield Orthanc, or None if it ended at once."""
    dicom, web = free_ports(2)
    folder.mkdir()
    (folder / "orthanc.json").write_text(json.dumps({
        "Name": "test", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"),
        "DicomAet": "ORTHANC", "DicomPort": dicom, "HttpPort": web, "RemoteAccessAllowed": False,
        "DicomAlwaysAllowStore": True, "UnknownSopClassAccepted": True, "Plugins": [str(DICOMWEB)],
        "OverwriteInstances": False, "StableAge": 1,
        "AuthenticationEnabled": True, "RegisteredUsers": {"tester": "secret"}, "DicomWeb": {"Enable": True},
    }))
    log = (folder / "log.txt").open("wb")
    process = subprocess.Popen([str(ORTHANC), str(folder / "orthanc.json")], stdout=log, stderr=log)
    session = httpx.Client(trust_env=False, timeout=LONG, auth=("tester", "secret"))
    orthanc = Orthanc(dicom, f"http://127.0.0.1:{web}", session)
    try:
        until(lambda: process.poll() is not None or answers(orthanc), "Orthanc to start")
        yield orthanc if process.poll() is None else None
    finally:
        process.terminate()
        process.wait(LONG)
        session.close()
        log.close()


def answers(orthanc: Orthanc) -> bool:
    try:
        return orthanc.session.get(f"{orthanc.web}/system").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    with running_orthanc(tmp_path_factory.mktemp("orthanc") / "server") as running:
        yield running


def dcmtk(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr


def identifiers(dataset: Dataset) -> list[str]:
    """Return what must be found nowhere: every part of the name, and the numbers."""
    parts = str(dataset.PatientName).replace("^", " ").split()
    return [part for part in (*parts, str(dataset.PatientID), str(dataset.StudyInstanceUID)) if len(part) > 3]


@needs_orthanc
@needs_dcmtk
def test_an_ultrasound_goes_through_the_gateway_into_orthanc(orthanc, tmp_path):
    """By dcmtk's storescu and dcmsend, with the real reader: masked, forwarded, and found by QIDO-RS."""
    fixture = make_fixture(11, "us_sector")
    first, second = fixture.dataset, small()
    first.save_as(tmp_path / "ultrasound.dcm", enforce_file_format=True)
    second.save_as(tmp_path / "plain.dcm", enforce_file_format=True)
    before = len(orthanc.found("instances"))
    with Gateway(settings(tmp_path, policy=Policy(), to=orthanc.peer)) as gateway:
        to = ["-aec", "SCRUB", "127.0.0.1", str(gateway.dimse.port)]
        dcmtk("storescu", "-xy", *to, str(tmp_path / "ultrasound.dcm"))
        dcmtk("dcmsend", *to, str(tmp_path / "plain.dcm"))
        settled(gateway, 2)
        assert gateway.journal.counts()["done"] == 2
    assert len(orthanc.found("instances")) == before + 2
    (ultrasound,) = [d for d in orthanc.files() if d.Modality == "US"]
    assert ultrasound.file_meta.TransferSyntaxUID == first.file_meta.TransferSyntaxUID
    found = orthanc.found(f"studies?PatientID={ultrasound.PatientID}")
    assert [s["0020000D"]["Value"][0] for s in found] == [ultrasound.StudyInstanceUID]
    text = orthanc.everything()
    for dataset in (first, second):
        assert not [part for part in identifiers(dataset) if part in text]
    assert ultrasound.PatientIdentityRemoved == "YES" and ultrasound.BurnedInAnnotation == "NO"
    result = score_fixture(fixture, ultrasound)
    assert result.identifying and result.clean


@needs_orthanc
def test_stow_in_stow_out_and_a_name_nowhere(orthanc, tmp_path):
    study, before = generate_uid(), len(orthanc.found("instances"))
    stow = orthanc.web.replace("://", "://tester:secret@") + "/dicom-web"
    from tests.test_gateway_http import part10, store

    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0), stow=stow)) as gateway:
        assert store(gateway, [part10(small(study)) for _ in range(3)]).status_code == 200
        settled(gateway, 3)
        assert gateway.journal.counts()["done"] == 3
    assert len(orthanc.found("instances")) == before + 3
    assert NAME not in orthanc.everything()


@needs_orthanc
def test_studies_come_from_orthanc_by_qido_and_wado(orthanc, tmp_path):
    study = generate_uid()
    datasets = [small(study) for _ in range(3)]
    from pynetdicom import AE

    ae = AE()
    ae.add_requested_context(datasets[0].SOPClassUID, datasets[0].file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", orthanc.dicom, ae_title="ORTHANC")
    assert [association.send_c_store(d).Status for d in datasets] == [0, 0, 0]
    association.release()
    service = orthanc.web.replace("http://", "dicomweb+http://tester:secret@") + "/dicom-web"
    fetched = fetch_studies(f"{service}?StudyInstanceUID={study}", tmp_path / "spool")
    assert fetched.instances == 3
    found = [dcmread(path) for path in (tmp_path / "spool").glob("*.dcm")]
    assert {d.SOPInstanceUID for d in found} == {d.SOPInstanceUID for d in datasets}
    assert all(np.array_equal(d.pixel_array, datasets[0].pixel_array) for d in found)


# -- TLS, with dcmtk and pynetdicom as clients

@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server for 127.0.0.1 and a client, made for this test."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*run, "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"], cwd=folder,
                   check=True, capture_output=True)
    for name in ("server", "client"):
        extensions = ["-addext", "subjectAltName=IP:127.0.0.1",
                      "-addext", "basicConstraints=critical,CA:FALSE"]
        files = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run([*run, "-subj", f"/CN={name}", *extensions, *files], cwd=folder, check=True,
                       capture_output=True)
    return folder


def test_tls_all_the_way(certificates, tmp_path):
    """Two gateways, each certain of the other; one without a certificate is not let in."""
    def files(name: str) -> TlsFiles:
        return TlsFiles(certificates / f"{name}.pem", certificates / f"{name}.key", certificates / "ca.pem")

    from tests.gateways import send

    (tmp_path / "second").mkdir()
    second = settings(tmp_path / "second", dimse=DimseDoor("SECOND", port=0, tls=files("server")))
    with Gateway(second) as destination:
        peer = Peer("SECOND", "127.0.0.1", destination.dimse.port)
        with Gateway(settings(tmp_path, to=peer, destination_tls=files("client"))) as gateway:
            send(gateway, [small(), small()])
            settled(gateway, 2)
        settled(destination, 2)
        stranger = settings(tmp_path, workspace=tmp_path / "w2", out=tmp_path / "o2", to=peer,
                            destination_tls=TlsFiles(authority=certificates / "ca.pem"))
        with Gateway(stranger) as gateway:
            send(gateway, [small()])
            until(lambda: gateway.delivery.failed, "a refusal")
        assert sum(destination.journal.counts().values()) == 2


def test_a_stalled_handshake_keeps_nobody_out(certificates, tmp_path):
    server = TlsFiles(certificates / "server.pem", certificates / "server.key")
    with Gateway(settings(tmp_path, dimse=DimseDoor("SCRUB", port=0, tls=server))) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.dimse.port)):
            from pynetdicom import AE
            from pynetdicom.sop_class import Verification

            from scrub_pixels.gateway.tls import client_context

            ae = AE()
            ae.add_requested_context(Verification)
            context = client_context(TlsFiles(authority=certificates / "ca.pem"))
            association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB",
                                       tls_args=(context, "127.0.0.1"))
            assert association.is_established and association.send_c_echo().Status == 0
            association.release()


def test_https(certificates, tmp_path):
    server = TlsFiles(certificates / "server.pem", certificates / "server.key")
    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0, tls=server))) as gateway:
        with httpx.Client(verify=str(certificates / "ca.pem"), trust_env=False) as session:
            assert session.get(f"https://127.0.0.1:{gateway.http.port}/healthz").status_code == 200
