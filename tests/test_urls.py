"""IN as a URL of a plain web server: its pages are listed, its files read, and it is never believed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from test_run_campaign import everything_in, plain, saved
from test_store_objects import ends

from scrub_pixels import Policy
from scrub_pixels.errors import TooLarge, UnreadableFile, UsageError
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.discovery import discover
from scrub_pixels.run.objects import _version, objects_below, read_object

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
HEADERS = Policy(header_only=True)


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder with its listings, and keeps quiet about it."""

    pages: dict[str, bytes] = {}
    status = 200

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.status != 200:
            self.send_error(self.status, "Quixotewski")
        elif self.path in self.pages:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(self.pages[self.path])))
            self.end_headers()
            self.wfile.write(self.pages[self.path])
        else:
            super().do_GET()

    def do_HEAD(self):
        if self.status != 200:
            self.send_error(self.status, "Quixotewski")
        else:
            super().do_HEAD()


@contextmanager
def served(folder, **answers):
    """Yield the URL at which a folder is served."""
    handler = type("Handler", (Silent,), answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


def test_a_run_from_a_web_server(tmp_path):
    """Names with blanks, folders within folders, what is no DICOM; then again, one changed and one new."""
    site, out = tmp_path / "site", tmp_path / "out"
    saved(plain(), site / "in" / "QUIXOTEWSKI" / "a b.dcm")
    changed = saved(plain(), site / "in" / "QUIXOTEWSKI" / "deep" / "c")
    (site / "in" / "note.txt").write_text("no DICOM")
    saved(plain(), site / "beside.dcm")
    with served(site) as url:
        campaign = Campaign(f"{url}/in/", out, HEADERS, tmp_path / "ws")
        result = run(campaign)
        assert (result.totals.released, result.totals.not_dicom, result.totals.closed) == (2, 1, True)
        assert set(ends(campaign)) == {"QUIXOTEWSKI/a%20b.dcm", "QUIXOTEWSKI/deep/c", "note.txt"}
        saved(plain(PatientComments="longer"), changed)
        saved(plain(), site / "in" / "new")
        again = run(Campaign(f"{url}/in/", out, HEADERS, tmp_path / "ws", resume=True))
    assert (again.skipped, again.totals.released, again.totals.not_dicom) == (2, 3, 1)
    for content in everything_in(out):
        assert b"quixotewski" not in content.lower() and b"127.0.0.1" not in content


def test_one_file_of_a_web_server(tmp_path):
    saved(plain(), tmp_path / "site" / "a.dcm")
    with served(tmp_path / "site") as url:
        (source,) = discover(f"{url}/a.dcm")
        assert source.relative == "a.dcm" and source.read(1 << 20)[128:132] == b"DICM"


def test_links_that_lead_elsewhere_are_no_inputs(tmp_path):
    saved(plain(), tmp_path / "in" / "a.dcm")
    links = (b"?C=M;O=A", b"../", b"..", b"../../secret.dcm", b"%2e%2e/secret.dcm", b"/secret.dcm",
             b"/in/../x", b"http://127.0.0.1:9/x.dcm", b"./", b"a.dcm#there",
             b"//127.0.0.1:9/x.dcm", b"a.dcm")
    page = b"".join(b'<a href="%b">x</a>' % link for link in links)
    with served(tmp_path, pages={"/in/": page}) as url:
        assert [found.relative for found in objects_below(f"{url}/in")] == ["a.dcm"]


def test_a_listing_without_end_is_followed_so_far(tmp_path, monkeypatch):
    monkeypatch.setattr("scrub_pixels.run.objects.DEEPEST", 3)
    pages = {f"/{'a/' * depth}": b'<a href="a/">a</a>' for depth in range(20)}
    with served(tmp_path, pages=pages) as url, pytest.raises(UsageError):
        list(objects_below(url))


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_server_that_refuses_is_told_without_what_it_says(tmp_path, status):
    with served(tmp_path, status=status) as url:
        with pytest.raises(UsageError) as told:
            run(Campaign(f"{url}/QUIXOTEWSKI/", tmp_path / "out", HEADERS, tmp_path / "ws"))
        with pytest.raises(UnreadableFile) as read:
            read_object(f"{url}/QUIXOTEWSKI", 1000)
    assert "quixotewski" not in f"{told.value} {told.value.remedy} {read.value}".lower()
    assert told.value.__cause__ is None


def test_a_server_that_is_gone_is_told(tmp_path):
    with served(tmp_path) as url:
        pass
    with pytest.raises(UsageError, match="IN cannot be listed"):
        list(objects_below(url))


def test_more_than_the_policy_allows_is_not_read(tmp_path):
    (tmp_path / "big").write_bytes(bytes(5000))
    with served(tmp_path) as url, pytest.raises(TooLarge):
        read_object(f"{url}/big", 4999)


def test_a_web_server_is_no_output(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    with pytest.raises(UsageError, match="takes no files"):
        run(Campaign(tmp_path / "in", "http://127.0.0.1:9/out", HEADERS, tmp_path / "ws"))


def test_an_object_of_which_nothing_is_told_is_read_again():
    assert _version({}) != _version({"name": "x"}) and _version({"ETag": "1"}) == _version({"ETag": "1"})
    assert _version({"ETag": "1"}) != _version({"ETag": "2"})
