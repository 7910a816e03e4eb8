"""IN and OUT in object stores: the promise of a folder, kept with uploads and copies."""

from __future__ import annotations

import hashlib
import io
import json
import os

import pydicom
import pytest
from test_run_campaign import plain, saved
from test_store_atomic import Stand, make_dataset

from scrub_pixels import Policy
from scrub_pixels.cli import main
from scrub_pixels.errors import MissingDependency, UsageError
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.discovery import discover
from scrub_pixels.store import objects
from scrub_pixels.store.atomic import DuplicateUid, Place, StoreFailed
from scrub_pixels.store.books import open_books
from scrub_pixels.store.objects import OutPrefix, open_prefix
from scrub_pixels.store.places import place_of
from scrub_pixels.store.workspace import open_workspace

fsspec = pytest.importorskip("fsspec")
HEADERS = Policy(header_only=True)


@pytest.fixture
def memory():
    """An empty file system in memory, at ``memory://``."""
    system = fsspec.filesystem("memory")
    for store in (system.store, system.pseudo_dirs):
        store.clear()
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture(scope="module")
def s3():
    """A bucket of moto's S3 server on a free port, reached through the environment alone."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "ZQSECRETID",
             "AWS_SECRET_ACCESS_KEY": "ZQSECRETKEY", "AWS_DEFAULT_REGION": "us-east-1"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    system = fsspec.filesystem("s3", use_listings_cache=False)
    system.mkdir("bucket")
    yield system
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    server.stop()


def ends(campaign):
    with open_books(open_workspace(campaign.private, create=False), campaign.out) as books:
        assert books.ledger.totals().closed
        return {row.relative: (row.outcome.value, row.output) for row in books.ledger.rows()}


def put(system, name, dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    system.pipe_file(name, buffer.getvalue())


def check_a_run(system, base, tmp_path):
    """From prefix to prefix; again with nothing to do; then one more."""
    put(system, f"{base}/in/QUIXOTEWSKI/a.dcm", plain())
    put(system, f"{base}/in/b", plain())
    system.pipe_file(f"{base}/in/note.txt", b"no DICOM")
    url = system.unstrip_protocol(base)
    campaign = Campaign(f"{url}/in", f"{url}/out", HEADERS, tmp_path / "ws")
    result = run(campaign)
    assert (result.totals.released, result.totals.not_dicom, result.totals.closed) == (2, 1, True)
    outputs = {name for _, name in ends(campaign).values() if name}
    prefix = f"{base}/out/".lstrip("/")
    found = {name.lstrip("/").removeprefix(prefix) for name in system.find(f"{base}/out")}
    assert found == {*outputs, ".scrub-pixels-out", "scrub-report.html", "scrub-report.json"}
    for name in found:
        content = system.cat_file(f"{base}/out/{name}").lower()
        assert b"quixotewski" not in content and b"zq77310" not in content
    put(system, f"{base}/in/c", plain())
    again = run(Campaign(f"{url}/in", f"{url}/out", HEADERS, tmp_path / "ws", resume=True))
    assert (again.skipped, again.totals.released) == (3, 3)


def test_a_run_from_memory_to_memory(memory, tmp_path):
    check_a_run(memory, "/data", tmp_path)


def test_a_run_from_s3_to_s3_with_worker_processes_and_credentials_nowhere(s3, tmp_path):
    check_a_run(s3, "bucket/data", tmp_path)
    saved(plain(), tmp_path / "in" / "a.dcm")
    options = ["--workspace", "ws2", "--log-json", "log", "--events", "events"]
    options = [text if text.startswith("--") else str(tmp_path / text) for text in options]
    assert main([str(tmp_path / "in"), "s3://bucket/second", "--jobs", "1", "--header-only", "--quiet",
                 *options]) == 0
    assert json.loads((tmp_path / "events").read_text())["outcome"] == "released"
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"ZQSECRET" not in file.read_bytes()


def test_what_is_uploaded_is_read_back_before_it_has_its_name(memory, monkeypatch):
    with open_prefix("memory://out") as out:
        real = objects._digest
        monkeypatch.setattr(objects, "_digest", lambda system, path: "other")
        with pytest.raises(StoreFailed, match="uploaded"):
            out.publish([(out.prepare(Stand()), Place("a.dcm"))])
        assert list(out.files()) == []
        monkeypatch.setattr(objects, "_digest", real)
        (written,) = out.publish([(out.prepare(Stand()), Place("a.dcm"))])
        assert written.relative == "a.dcm" and out.size("a.dcm") == written.size
        assert pydicom.dcmread(io.BytesIO(out.read("a.dcm"))).ImageComments == "Köln"


def test_the_same_again_is_existing_and_other_content_has_the_second_name_or_none(memory):
    with open_prefix("memory://out") as out:
        def publish(seed, otherwise=""):
            stand = Stand(make_dataset(seed, "2.25.9"))
            return out.publish([(out.prepare(stand), Place("a.dcm", otherwise))])[0]

        assert not publish(1).existing and publish(1).existing
        assert isinstance(publish(2), DuplicateUid)
        assert publish(2, "a-2.dcm").relative == "a-2.dcm"
        assert sorted(out.files()) == ["a-2.dcm", "a.dcm"]


@pytest.mark.parametrize("call", ["put_file", "cat_file", "open", "cp_file", "rm_file", "pipe_file"])
def test_broken_off_anywhere_the_public_part_holds_whole_files_that_are_known(memory, monkeypatch, call):
    kind = type(memory)
    with pytest.raises(KeyboardInterrupt), open_prefix("memory://out") as out:
        with monkeypatch.context() as patch:
            def die(*_, **__):
                raise KeyboardInterrupt

            prepared = out.prepare(Stand())
            patch.setattr(kind, call, die)
            out.publish([(prepared, Place("p/a.dcm"))])
        raise KeyboardInterrupt
    with open_prefix("memory://out") as out:
        for name in out.files():
            assert name in out.journaled() and out.size(name) == len(memory.cat_file("/out/" + name))
    assert not [name for name in memory.find("/out") if ".scrub-partial" in name]


def test_a_store_that_fails_says_so_without_the_names_it_quotes(memory, monkeypatch):
    def fail(*_, **__):
        raise OSError("no bucket s3://QUIXOTEWSKI")

    with open_prefix("memory://out") as out:
        prepared = out.prepare(Stand())
        with monkeypatch.context() as patch:
            patch.setattr(type(memory), "put_file", fail)
            with pytest.raises(StoreFailed) as caught:
                out.publish([(prepared, Place("a.dcm"))])
        assert "QUIXOTEWSKI" not in str(caught.value) and not prepared.parent.exists()


def test_a_prefix_of_someone_else_is_left_alone(memory, tmp_path):
    memory.pipe_file("/out/x.dcm", b"theirs")
    memory.pipe_file("/in/a", b"no DICOM")
    for resume in (False, True):
        with pytest.raises(UsageError):
            run(Campaign("memory://in", "memory://out", HEADERS, tmp_path / "ws", resume=resume))
    assert memory.find("/out") == ["/out/x.dcm"]


def test_objects_are_inputs_with_a_version(memory):
    put(memory, "/in/a/b.dcm", plain())
    (source,) = discover("memory://in")
    assert (source.relative, source.path) == ("a/b.dcm", "memory:///in/a/b.dcm") and source.size > 1000
    assert source.read(1 << 20)[128:132] == b"DICM"
    assert "a/b" not in repr(source)


@pytest.mark.parametrize("url", ["memory://nothing", "zzz://x", "s3://user:secret@bucket/x"])
def test_urls_that_cannot_be_meant_are_refused(memory, url, tmp_path):
    with pytest.raises(UsageError):
        run(Campaign(place_of(url), tmp_path / "out", HEADERS))


def test_a_url_for_out_needs_a_workspace(memory):
    memory.pipe_file("/in/a", b"no DICOM")
    with pytest.raises(UsageError, match="workspace"):
        run(Campaign("memory://in", "memory://out", HEADERS))


def test_a_missing_package_is_named(monkeypatch):
    def fail(*_, **__):
        raise ImportError("adlfs")

    monkeypatch.setattr(fsspec.core, "url_to_fs", fail)
    with pytest.raises(MissingDependency, match="adlfs"):
        objects.file_system("az://x/y")


def test_file_urls_are_folders(tmp_path):
    assert place_of(f"file://{tmp_path}") == tmp_path and place_of("in") == type(tmp_path)("in")


def test_an_out_prefix_is_small_and_picklable():
    import pickle

    assert len(pickle.dumps(OutPrefix("s3://bucket/out", "p"))) < 300


class LateStore:
    """A store that acknowledges copies, and makes them when it was asked for them `questions` times."""

    protocol = ("abfs", "az")

    def __init__(self, questions):
        self.content, self.pending, self.questions = {}, {}, questions

    def cp_file(self, source, target):
        self.content[target] = b""
        self.pending[target] = [source, self.questions]

    def open(self, path, mode):
        if path in self.pending:
            source, left = self.pending[path]
            self.pending[path][1] = left - 1
            if left <= 0:
                self.content[path] = self.content.get(source, b"")
                del self.pending[path]
        return io.BytesIO(self.content[path])

    def exists(self, path):
        return path in self.content

    def rm_file(self, path):
        self.content.pop(path, None)


def late_out(monkeypatch, questions, seconds=60.0):
    system = LateStore(questions)
    monkeypatch.setattr(objects, "file_system", lambda url: (system, "box/out"))
    monkeypatch.setattr(objects, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(objects, "COPY_WAIT", seconds)
    system.content["box/out/.part/1"] = b"released"
    written = objects.Written("a.dcm", hashlib.sha256(b"released").hexdigest(), 8)
    return system, OutPrefix("abfs://box/out", ".part"), written


def test_the_source_of_a_copy_stays_until_the_copy_is_made(monkeypatch):
    system, out, written = late_out(monkeypatch, questions=3)
    assert out._named("box/out/.part/1", written, Place("a.dcm")).digest == written.digest
    assert system.content == {"box/out/a.dcm": b"released"}


def test_a_copy_that_is_never_made_is_a_failure_and_leaves_no_object(monkeypatch):
    system, out, written = late_out(monkeypatch, questions=10**9, seconds=0.0)
    with pytest.raises(StoreFailed, match="did not finish the copy"):
        out._named("box/out/.part/1", written, Place("a.dcm"))
    assert system.content == {}
