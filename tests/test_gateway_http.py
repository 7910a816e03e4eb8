"""The HTTP door: STOW-RS in and out, Karnak's masks, health, figures, and who may come."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import cv2
import httpx
import numpy as np
import pytest
from pydicom.uid import generate_uid

from scrub_pixels.errors import UsageError
from scrub_pixels.gateway import Gateway, HttpDoor, Spooling
from scrub_pixels.gateway.fetch import FetchFailed, fetch_studies, read_service
from scrub_pixels.gateway.multipart import BadMultipart, Body, Reader, boundary_of
from scrub_pixels.policy import from_table
from tests.gateways import LONG, NAME, archive, below, names_in, part10, settings, settled, small, until

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def gateway(tmp_path):
    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0))) as running:
        yield running


@contextmanager
def client(gateway, **options):
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.http.port}", trust_env=False, timeout=LONG,
                      **options) as session:
        yield session


RELATED = "multipart/related; type=application/dicom; boundary=edge"


def multipart(parts: list[bytes]) -> tuple[bytes, dict[str, str]]:
    body = b"".join(b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
    return body + b"--edge--\r\n", {"Content-Type": RELATED}


def store(gateway, parts: list[bytes], path: str = "/studies") -> httpx.Response:
    body, headers = multipart(parts)
    with client(gateway) as session:
        return session.post(path, content=body, headers=headers)


def uids(response: httpx.Response, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in response.json().get(tag, {}).get("Value", [])]


def test_what_is_stored_is_scrubbed(gateway, tmp_path):
    datasets = [small() for _ in range(3)]
    response = store(gateway, [part10(d) for d in datasets])
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/dicom+json")
    assert uids(response, "00081199") == [d.SOPInstanceUID for d in datasets]
    settled(gateway, 3)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 3 and not names_in(tmp_path / "out")


def test_some_stored_is_202_and_none_is_409(gateway):
    dataset = small()
    mixed = store(gateway, [part10(dataset), b"no DICOM at all", b""])
    assert mixed.status_code == 202 and uids(mixed, "00081199") == [dataset.SOPInstanceUID]
    reasons = [item["00081197"]["Value"][0] for item in mixed.json()["0008119A"]["Value"]]
    assert reasons == [0xC000, 0xC000]
    assert store(gateway, [b"no DICOM at all"]).status_code == 409
    settled(gateway, 1)


def test_an_instance_of_another_study_is_named_as_failed(gateway):
    mine, other = small(), small()
    response = store(gateway, [part10(mine), part10(other)], f"/studies/{mine.StudyInstanceUID}")
    assert response.status_code == 202
    assert uids(response, "00081199") == [mine.SOPInstanceUID]
    assert uids(response, "00081198") == [other.SOPInstanceUID]


def test_the_same_instance_twice_is_taken_once(gateway):
    dataset = small()
    assert store(gateway, [part10(dataset), part10(dataset)]).status_code == 200
    settled(gateway, 1)


@pytest.mark.parametrize(("path", "headers", "body", "status"), [
    ("/studies", {"Content-Type": "application/dicom"}, b"x", 415),
    ("/studies", {"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=b'}, b"x", 415),
    ("/studies", {"Content-Type": "multipart/related; type=application/dicom"}, b"x", 415),
    ("/studies", {"Content-Type": RELATED}, b"--c\r\n\r\n", 400),
    ("/studies", {"Content-Type": RELATED}, b"--edge\r\nA: b", 400),
    ("/studies", {"Content-Type": RELATED}, b"", 400),
    ("/studies/1.2;DROP", {"Content-Type": "multipart/related; boundary=b"}, b"", 400),
    ("/studies/../../etc", {}, b"", 404),
])
def test_what_is_no_request_is_refused(gateway, path, headers, body, status):
    with client(gateway) as session:
        assert session.post(path, content=body, headers=headers).status_code == status


def test_too_long_a_body_is_cut_off(tmp_path):
    door = HttpDoor(port=0, body=50_000)
    with Gateway(settings(tmp_path, dimse=None, http=door)) as gateway:
        assert store(gateway, [part10(small(rows=400))]).status_code == 413
        assert store(gateway, [part10(small())]).status_code == 200
        settled(gateway, 1)


def test_too_large_an_instance_fails_alone(tmp_path):
    limits = Spooling(largest=50_000)
    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0), spooling=limits)) as gateway:
        response = store(gateway, [part10(small(rows=400)), part10(small())])
        assert response.status_code == 202
        assert response.json()["0008119A"]["Value"][0]["00081197"]["Value"] == [0xA700]


def test_a_full_spool_asks_to_come_again(tmp_path):
    limits = Spooling(instances=1)
    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0), spooling=limits)) as gateway:
        gateway.scrubbing.stop()
        response = store(gateway, [part10(small()), part10(small())])
        assert response.status_code == 202
        again = store(gateway, [part10(small())])
        assert again.status_code == 503 and int(again.headers["retry-after"]) > 0


def test_a_body_that_breaks_off_leaves_nothing_half(gateway):
    body, headers = multipart([part10(small()), part10(small(rows=500))])
    with socket.create_connection(("127.0.0.1", gateway.http.port)) as line:
        head = f"POST /studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        head += f"Content-Type: {headers['Content-Type']}\r\n\r\n"
        line.sendall(head.encode() + body[:100_000])
    settled(gateway, 1)
    until(lambda: not [p for p in below(gateway.reception.spool.folder, "*") if p.is_file()], "nothing half")


def test_without_the_token_nobody_gets_anything(tmp_path):
    with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0, token=TOKEN))) as gateway:
        assert store(gateway, [part10(small())]).status_code == 401
        with client(gateway) as session:
            assert session.get("/metrics").status_code == 401
            assert session.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
            assert session.get("/healthz").status_code == 200
            assert session.get("/metrics", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
        assert sum(gateway.journal.counts().values()) == 0


def test_the_network_needs_a_token():
    with pytest.raises(UsageError, match="token"):
        HttpDoor(host="0.0.0.0", port=0)
    assert HttpDoor(host="0.0.0.0", port=0, token=TOKEN)
    assert TOKEN not in repr(HttpDoor(token=TOKEN))


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Host": "evil.example:8080"},
                                     {"Origin": "http://evil.example"}])
def test_pages_of_others_get_nothing(gateway, headers):
    with client(gateway) as session:
        assert session.get("/metrics", headers=headers).status_code == 403


def test_figures_name_nobody(gateway):
    store(gateway, [part10(small()), b"nothing"])
    settled(gateway, 1)
    with client(gateway) as session:
        text = session.get("/metrics").text
        assert session.get("/healthz").json() == {"status": "ok"}
    assert 'scrub_pixels_gateway_received_total{answer="stored"} 1.0' in text
    assert 'scrub_pixels_gateway_instances{stage="done"} 1.0' in text
    assert NAME not in text and "1.2.826" not in text and "TESTER" not in text


# -- STOW-RS out

def test_stow_in_and_stow_out(tmp_path):
    """One gateway forwards to another: both ends of STOW-RS are ours, Orthanc judges them elsewhere."""
    second = settings(tmp_path / "second", dimse=None, http=HttpDoor(port=0, token=TOKEN))
    (tmp_path / "second").mkdir()
    with Gateway(second) as destination:
        url = f"http://127.0.0.1:{destination.http.port}"
        first = settings(tmp_path, dimse=None, http=HttpDoor(port=0), stow=url, stow_token=TOKEN)
        with Gateway(first) as gateway:
            store(gateway, [part10(small()) for _ in range(3)])
            settled(gateway, 3)
            assert gateway.journal.counts()["done"] == 3
        settled(destination, 3)
    assert not list(below(tmp_path / "out", "*.dcm"))
    assert len(list(below(tmp_path / "second" / "out", "*.dcm"))) == 3


def test_a_poison_instance_does_not_keep_a_request_back(tmp_path):
    refused = []

    def answer(handler, body: bytes) -> None:
        if body.count(b"DICM") > 1 or not refused:
            refused.append(1)
            handler.reply(400, {})
        else:
            handler.reply(200, {})

    with web(answer) as url, Gateway(settings(tmp_path, stow=url)) as gateway:
        from tests.gateways import send

        send(gateway, [small() for _ in range(3)])
        settled(gateway, 3)


@contextmanager
def web(answer):
    """Serve on loopback; `answer(handler, body)` has to reply."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, b"")

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def reply(self, status: int, body, kind: str = "application/dicom+json") -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *rest) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


# -- multipart alone

class Collected:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def part_begins(self, headers) -> None:
        self.parts.append(b"")

    def part_data(self, data: bytes) -> None:
        self.parts[-1] += data

    def part_ends(self) -> None:
        pass


@pytest.mark.parametrize("step", [1, 7, 64, 100_000])
def test_bodies_read_back_as_written_in_pieces_of_any_size(tmp_path, step):
    contents = [b"DICM" + bytes(range(256)), b"\r\n--edge", b"", b"--" * 50]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    body = Body([tmp_path / str(number) for number in range(len(contents))])
    data = b"".join(body)
    assert len(data) == int(body.headers["Content-Length"])
    found = Collected()
    reader = Reader(boundary_of(body.headers["Content-Type"]), found)
    for start in range(0, len(data), step):
        reader.write(data[start : start + step])
    reader.finish()
    assert found.parts == contents


def test_endless_headers_are_cut_off():
    reader = Reader("edge", Collected())
    with pytest.raises(BadMultipart):
        reader.write(b"--edge\r\nContent-Type: " + b"x" * 20_000)


# -- a DICOMweb service as a source

class Archive:
    """A QIDO-RS and WADO-RS service that pages by two and fails now and then."""

    def __init__(self, datasets) -> None:
        self.datasets = {str(d.SOPInstanceUID): d for d in datasets}
        self.failures, self.retrieved, self.ignores_offset = 0, 0, False

    def __call__(self, handler, body: bytes) -> None:
        if self.failures:
            self.failures -= 1
            handler.reply(503, {})
            return
        parts = urlsplit(handler.path)
        path, query = parts.path.split("/")[1:], parse_qs(parts.query)
        if len(path) == 7:
            self._retrieve(handler, path[6])
            return
        offset = 0 if self.ignores_offset else int(query["offset"][0])
        found = self._found(path, query)[offset : offset + 2]
        handler.reply(200, found) if found else handler.reply(204, b"")

    def _found(self, path, query):
        datasets = list(self.datasets.values())
        if len(path) == 2:
            wanted = query.get("StudyInstanceUID") or [str(d.StudyInstanceUID) for d in datasets]
            return [{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in dict.fromkeys(wanted)]
        return [{tag: {"vr": "UI", "Value": [str(d[tag].value)]} for tag in ("0020000E", "00080018")}
                for d in datasets if d.StudyInstanceUID == path[2]]

    def _retrieve(self, handler, uid: str) -> None:
        self.retrieved += 1
        body, headers = multipart([part10(self.datasets[uid])])
        handler.reply(200, body, headers["Content-Type"])


@pytest.mark.parametrize("ignores_offset", [False, True])
def test_studies_are_fetched_page_by_page_and_not_twice(tmp_path, ignores_offset):
    study = generate_uid()
    service = Archive([small(study) for _ in range(2 if ignores_offset else 5)] + [small()])
    service.failures, service.ignores_offset = 2, ignores_offset
    with web(service) as url:
        wanted = f"dicomweb+{url}/dicom-web?StudyInstanceUID={study}"
        first = fetch_studies(wanted, tmp_path / "spool")
        again = fetch_studies(wanted, tmp_path / "spool")
    count = 2 if ignores_offset else 5
    assert (first.instances, first.resumed) == (count, 0)
    assert (again.instances, again.resumed) == (count, count)
    assert service.retrieved == count
    files = list((tmp_path / "spool").iterdir())
    assert len(files) == count and {f.stat().st_mode & 0o777 for f in files} == {0o600}
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_the_command_takes_studies_of_a_service_and_leaves_no_original(tmp_path, capfd):
    from scrub_pixels.cli import main

    study = generate_uid()
    with web(Archive([small(study) for _ in range(3)])) as url:
        source = f"dicomweb+{url}/dicom-web?StudyInstanceUID={study}"
        assert main([source, str(tmp_path / "out"), "--header-only", "--jobs", "0"]) == 0
        assert main([source, str(tmp_path / "out"), "--header-only", "--jobs", "0", "--resume"]) == 0
        assert main([source, str(tmp_path / "other"), "--header-only", "--jobs", "0", "--dry-run"]) == 0
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 3
    assert {p.name for p in tmp_path.iterdir()} == {"out", "out.workspace"}
    printed = capfd.readouterr()
    assert NAME not in printed.out + printed.err and study not in printed.out + printed.err


def test_originals_of_what_is_not_released_stay_private(tmp_path):
    from scrub_pixels.cli import main

    study, broken = generate_uid(), small()
    broken.StudyInstanceUID, broken.Rows = study, 9
    with web(Archive([small(study), broken])) as url:
        source = f"dicomweb+{url}/dicom-web?StudyInstanceUID={study}"
        assert main([source, str(tmp_path / "out"), "--jobs", "0"]) == 1
    left = [p for p in below(tmp_path / "out.workspace.fetched", "*") if p.is_file()]
    assert len(left) == 1 and left[0].stat().st_mode & 0o077 == 0
    assert left[0].parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("answer", [
    lambda handler, body: handler.reply(404, {}),
    lambda handler, body: handler.reply(200, b"<html>", "text/html"),
    lambda handler, body: handler.reply(200, [{"0020000D": {"Value": ["../../etc/passwd"]}}]),
    lambda handler, body: handler.reply(200, [NAME]),
])
def test_a_service_that_does_not_answer_so_is_told_without_names(tmp_path, answer):
    with web(answer) as url, pytest.raises(FetchFailed) as told:
        fetch_studies(f"dicomweb+{url}?PatientName={NAME}", tmp_path / "spool")
    assert NAME not in str(told.value) and told.value.__cause__ is None
    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.parametrize("url", ["https://host/x?a=b", "dicomweb+https:///x?a=b", "dicomweb+https://host/dicom-web"])
def test_what_is_no_service_is_refused(url):
    with pytest.raises(UsageError):
        read_service(url)


# -- Karnak

def karnak(gateway, image: bytes, kind: str, sensitive="{}", accept="application/json; version=1", **fields):
    data = {"sensitive_data_list": sensitive, **{name: str(value) for name, value in fields.items()}}
    with client(gateway) as session:
        return session.post("/deidentify-image", files={"image": ("image.bin", image, kind)}, data=data,
                            headers={"Accept": accept})


def lettered() -> np.ndarray:
    image = np.zeros((120, 400), np.uint8)
    cv2.putText(image, "KOWALSKI ANNA", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 220, 2)
    return image


def test_masks_for_one_image_as_karnak_asks_for_them(gateway):
    image = lettered()
    native = dict(rows=120, columns=400, bits_allocated=8, samples_per_pixel=1, sop_instance_uid="1.2.3",
                  photometric_interpretation="MONOCHROME2", transfer_syntax_uid="1.2.840.10008.1.2.1")
    sensitive = json.dumps({"PatientName": "Kowalski^Anna", "InstitutionalThing": "x"})
    response = karnak(gateway, image.tobytes(), "application/octet-stream", sensitive, **native)
    assert response.status_code == 200 and "version=1" in response.headers["content-type"]
    body = response.json()
    assert body["sop_instance_uid"] == "1.2.3" and len(body["masks"]) == 1
    assert body["masks"][0]["stationName"] == "*" and body["masks"][0]["color"] == "000000"
    covered = np.zeros_like(image)
    for rectangle in body["masks"][0]["rectangles"]:
        x, y, width, height = map(int, rectangle.split())
        covered[y : y + height, x : x + width] = 1
    assert not image[covered == 0].any(), "ink is left outside of the masks"

    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    encapsulated = karnak(gateway, jpeg, "image/jpeg", sensitive,
                          **{**native, "transfer_syntax_uid": "1.2.840.10008.1.2.4.50"}).json()
    assert encapsulated["masks"]
    blank = karnak(gateway, bytes(120 * 400), "application/octet-stream", sensitive, **native).json()
    assert "masks" not in blank and blank["sop_instance_uid"] == "1.2.3"


def test_an_image_that_would_have_to_wait_for_a_person_is_masked_whole():
    """A search that was not complete is no proof, and the contract has no word for that."""
    from scrub_pixels.gateway.karnak import Form, answer

    fields = {"rows": "30", "columns": "40", "bits_allocated": "8", "samples_per_pixel": "1"}
    form = Form(bytes(1200), "application/octet-stream", {}, fields)
    policy = from_table({"decisions": {"policy": "outside-regions"}})  # and there is no region to trust
    assert answer(form, policy, b"k" * 32)["masks"][0]["rectangles"] == ["0 0 40 30"]


@pytest.mark.parametrize(("change", "status", "detail"), [
    ({"kind": "text/plain"}, 400, "Unsupported file type"),
    ({"sensitive": "not json"}, 400, "Invalid JSON"),
    ({"sensitive": '["a"]'}, 400, "JSON object"),
    ({"accept": "application/json; version=99"}, 406, "Unsupported API version"),
    ({"rows": NAME}, 400, "rows"),
    ({"rows": 5000}, 400, "Failed to decode"),
    ({"transfer_syntax_uid": "1.2.3"}, 400, "Failed to decode"),
    ({"palette_color_lut": "{}"}, 400, "palette_color_lut"),
])
def test_what_is_against_karnaks_contract_is_told(gateway, change, status, detail):
    asked = {"kind": "application/octet-stream", "rows": 120, "columns": 400, "bits_allocated": 8,
             "samples_per_pixel": 1, **change}
    response = karnak(gateway, bytes(48000), **asked)
    assert response.status_code == status and detail in response.json()["detail"]
    assert NAME not in response.text


def test_bodies_of_forms_stay_in_the_workspace(gateway):
    """Starlette writes larger parts to temporary files, which must not lie outside."""
    import tempfile

    assert tempfile.gettempdir() == str(gateway.reception.spool.folder / "incoming")


def test_archive_and_gateway_speak_both(tmp_path):
    """What comes in by HTTP goes out by C-STORE."""
    with archive(tmp_path / "archive") as target:
        with Gateway(settings(tmp_path, dimse=None, http=HttpDoor(port=0), to=target.peer)) as gateway:
            store(gateway, [part10(small())])
            settled(gateway, 1)
        assert len(target.received) == 1
