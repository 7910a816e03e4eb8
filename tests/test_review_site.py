"""The review site as a program: what it needs, how it starts, what a kill leaves, what the page is told."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from fake_desk import FRAMES, FakeDesk
from review_cases import a_case
from site_server import TestClient, house_of

from scrub_pixels.errors import MissingDependency, UsageError, WorkspaceError
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.site import serving, visits
from scrub_pixels.review.site.app import build
from scrub_pixels.review.site.calls import ROUTES
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.releaser import Releaser
from scrub_pixels.review.site.serving import Access, serve
from scrub_pixels.review.site.vendor import FETCHED, STATIC, load_assets
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.queue import State, Wanted

ROOT = Path(__file__).parents[1]
URL = "http://127.0.0.1:8000"
fetched = pytest.mark.skipif(any(not (STATIC / name).is_file() for name in FETCHED),
                             reason="the drawing library was not fetched (npm was missing at installation)")


@pytest.fixture
def page():
    """A signed-in page and its desk."""
    desk = FakeDesk()
    house = house_of(desk)
    cookie, session = house.sessions.open(Person("anna", Role.ADMIN))
    client = TestClient(build(house, ["127.0.0.1:8000"], [URL]), base_url=URL, cookies={house.cookie: cookie},
                        headers={"Origin": URL, "X-CSRF-Token": session.csrf})
    return client, desk


def test_the_page_is_told_everything_but_where_the_input_lies(page):
    client, desk = page
    view = client.post("/api/entries/key0001/claim", json={}).json()
    assert view["findings"][0]["reading"] == "ROE^RICHARD 1950-03-04" and view["frames"] == FRAMES
    assert view["draft"]["redactions"][0]["box"] == [20, 20, 24, 330] and view["conflict"] == ""
    assert "/in/secret" not in str(view) and desk.leases["key0001"].who == "anna"
    assert "relative" not in str(client.post("/api/entries", json={}).json())


def test_an_entry_of_someone_else_is_shown_to_look_at_only(page):
    client, desk = page
    desk.claim("key0001", "bob")
    view = client.post("/api/entries/key0001/claim", json={}).json()
    assert "bob" in view["conflict"] and view["until"] == 0
    draft = {"redactions": [], "answers": {}}
    assert client.post("/api/entries/key0001/draft", json=draft).status_code == 409
    assert client.post("/api/entries/key0001/accept", json={}).status_code == 409


def test_a_page_that_is_left_gives_back_what_it_took_and_what_it_is_still_taking(page):
    client, desk = page
    one, other = ({"X-Visit": name} for name in ("one", "other"))
    assert client.post("/api/entries/key0001/claim", json={}, headers=one).json()["entry"]["id"] == 1
    assert client.post("/api/next", json={"after": 1}, headers=one).json()["entry"]["id"] == 2
    client.post("/api/entries/key0003/claim", json={}, headers=other)
    client.post("/api/leave", json={}, headers=one)
    assert set(desk.leases) == {"key0003"}
    assert client.post("/api/next", json={"after": 3}, headers=one).json() == {"entry": None}
    assert client.post("/api/entries/key0005/claim", json={}, headers=one).json() == {"entry": None}
    assert client.post("/api/entries/key0001/renew", json={}, headers=one).json() == {"until": 0}
    assert set(desk.leases) == {"key0003"}
    assert client.post("/api/entries/key0001/claim", json={}, headers=other).json()["entry"]["id"] == 1


def test_a_page_keeps_what_the_same_person_took_in_another_one(page):
    client, desk = page
    one, other = ({"X-Visit": name} for name in ("one", "other"))
    client.post("/api/entries/key0001/claim", json={}, headers=one)
    client.post("/api/entries/key0001/leave", json={}, headers=one)
    client.post("/api/entries/key0001/claim", json={}, headers=other)
    client.post("/api/leave", json={}, headers=one)
    assert set(desk.leases) == {"key0001"}


def test_visits_are_forgotten_beyond_a_number(monkeypatch):
    monkeypatch.setattr(visits, "MOST_VISITS", 3)
    known = visits.Visits()
    for name in "abcde":
        assert known.takes("anna", name, f"key-{name}")
    assert [known.ends("anna", name) for name in "aceb"] == [set(), {"key-c"}, {"key-e"}, set()]
    assert not known.takes("anna", "e", "key") and known.takes("bob", "e", "key")


def test_the_next_entry_comes_round_to_the_first_again(page):
    client, desk = page
    first = client.post("/api/next", json={"after": 3}).json()
    assert first["entry"]["id"] == 4
    desk.leave("key0004", "anna")
    for key in ("key0004", "key0005"):
        desk.claim(key, "bob")
    assert client.post("/api/next", json={"after": 3}).json()["entry"]["id"] == 1


def test_a_draft_an_undo_and_a_decision(page):
    client, desk = page
    client.post("/api/entries/key0001/claim", json={})
    box = {"box": [5, 6, 7, 8], "span": [0, 3], "reason": "reviewer"}
    draft = {"redactions": [box], "answers": {"1": "term"}}
    view = client.post("/api/entries/key0001/draft", json=draft).json()
    assert view["draft"] == draft and view["canUndo"]
    assert len(client.post("/api/entries/key0001/undo", json={}).json()["draft"]["redactions"]) == 2
    assert client.post("/api/entries/key0001/redo", json={}).json()["draft"]["redactions"] == [box]
    assert client.post("/api/entries/key0001/accept", json={}).json()["entry"]["state"] == "accepted"
    assert desk.entries["key0001"].state is State.ACCEPTED


def test_the_list_is_paged_and_filtered(page):
    client, desk = page
    desk.entries["key0002"] = replace(desk.entries["key0002"], modality="CT")
    found = client.post("/api/entries", json={"modality": "US", "limit": 2, "after": 1}).json()["entries"]
    assert [entry["id"] for entry in found] == [3, 4]
    assert client.get("/api/facets").json()["modalities"] == {"US": 4, "CT": 1}
    assert client.get("/api/miss-rate").json()["reviewed"] == 40


def test_every_picture_is_looked_at_under_the_persons_name(page):
    client, desk = page
    answer = client.get("/api/entries/key0001/frames/3?form=jpeg")
    assert answer.headers["content-type"] == "image/jpeg" and ("anna", "key0001 3") in desk.audit
    assert client.get("/api/entries/key0001/thumbnail").content[:2] == b"\xff\xd8"


def test_routes_have_one_operation_each():
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert {route.method for route in ROUTES} == {"GET", "POST"}


# -- releasing beside the site


class Failing(FakeDesk):
    """A desk that cannot carry out at first."""

    def __init__(self, error):
        super().__init__()
        self.error, self.tried, self.done = error, threading.Event(), threading.Event()

    def carry_out(self):
        if self.error and self.tried.is_set():
            self.error = None
        self.tried.set()
        if self.error:
            raise self.error
        self.done.set()
        return super().carry_out()


@pytest.mark.parametrize(("error", "told"), [
    (StoreFailed("The disk is full.", remedy="Free some space."), "The disk is full. Free some space."),
    (RuntimeError("ROE^RICHARD"), "Releasing failed for an unforeseen reason (RuntimeError).")])
def test_what_keeps_releases_back_is_told_and_tried_again(error, told):
    desk = Failing(error)
    releaser = Releaser(desk, every=0.05)
    assert not releaser.trouble
    releaser._try()
    assert releaser.trouble == told
    releaser.start()
    assert desk.done.wait(120)
    releaser.stop(120)
    assert releaser.trouble == ""


# -- starting


def test_a_missing_drawing_library_is_told_with_the_remedy(tmp_path):
    shutil.copytree(STATIC, tmp_path / "static", ignore=shutil.ignore_patterns("vendor"))
    with pytest.raises(MissingDependency, match="npm"):
        load_assets(tmp_path / "static")
    assert MissingDependency.exit_code == 3


@fetched
def test_the_address_of_files_changes_with_them(tmp_path):
    shutil.copytree(STATIC, tmp_path / "static")
    before = load_assets(tmp_path / "static")
    (tmp_path / "static" / "base.css").write_text("body{}")
    assert load_assets(tmp_path / "static").version != before.version
    assert "vendor/annotorious.js" in before.files and "sourceMappingURL" not in str(
        before.files["vendor/annotorious.js"].content[-200:])
    assert "BSD" in before.files["vendor/LICENCES.txt"].content.decode()


@fetched
def test_a_folder_that_is_no_workspace_and_a_port_that_is_taken_are_refused(tmp_path):
    with pytest.raises(WorkspaceError):
        serve(tmp_path, open_browser=False)
    case = a_case(tmp_path, held=1)
    with pytest.raises(UsageError, match="Nobody has an account yet.*users add NAME WORKSPACE"):
        serve(case.workspace, open_browser=False, access=Access(shared=True))
    with serving._listening(Access()) as taken, pytest.raises(UsageError, match="listen"):
        serve(case.workspace, open_browser=False, access=Access(port=taken.getsockname()[1]))


def test_the_link_is_opened_from_a_private_page_and_not_from_the_command_line(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    address = serving._Address(tmp_path, Access(), 4711)
    address.announce("t0ken", open_browser=True)
    (url,) = opened
    page = Path(url.removeprefix("file://"))
    assert "t0ken" not in url and "t0ken" in page.read_text() and page.stat().st_mode & 0o077 == 0
    assert "http://127.0.0.1:4711/open#t0ken" in capsys.readouterr().out
    address.forget()
    assert not page.exists()


# -- a kill


SERVE = "import sys; from pathlib import Path; from scrub_pixels.review.site import serve; " \
        "serve(Path(sys.argv[1]), open_browser=False)"


class Server:
    """The site in a process of its own, and a page of it."""

    def __init__(self, workspace):
        self.process = subprocess.Popen([sys.executable, "-c", SERVE, str(workspace)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        link = next(line.strip() for line in self.process.stdout if "/open#" in line)
        self.url, token = re.fullmatch(r"(http://[^/]+)/open#(\S+)", link).groups()
        self.client = httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=180)
        self.client.post("/api/open", json={"token": token}).raise_for_status()
        page = self.client.get("/").text
        self.client.headers["X-CSRF-Token"] = re.search('csrf-token" content="([^"]+)', page).group(1)

    def post(self, path, **body):
        return self.client.post(path, json=body).raise_for_status().json()

    def end(self, how):
        self.process.send_signal(how)
        out, errors = self.process.communicate(timeout=180)
        self.client.close()
        return out + errors


@fetched
def test_a_kill_in_the_middle_of_a_decision_loses_nothing_and_releases_nothing_half(tmp_path):
    case = a_case(tmp_path)
    server = Server(case.workspace)
    key = server.post("/api/next")["entry"]["key"]
    box = {"box": [8, 8, 16, 24], "span": [0, 1], "reason": "reviewer"}
    server.post(f"/api/entries/{key}/draft", redactions=[box], answers={})
    server.post(f"/api/entries/{key}/accept")
    said = server.end(signal.SIGKILL)
    for file in case.released():
        pydicom.dcmread(file).pixel_array  # noqa: B018 - whole, if it stands there at all
    again = Server(case.workspace)
    with open_desk(case.workspace) as desk:
        until = time.monotonic() + 180
        while desk.queue.get(key).state is not State.RELEASED:
            assert again.process.poll() is None and time.monotonic() < until
        assert desk.left() == 1 and len(desk.page(Wanted())) == 2
    said += again.end(signal.SIGINT)
    (file,) = case.released()
    pixels = pydicom.dcmread(file).pixel_array
    assert not pixels[8:24, 8:32].any() and np.count_nonzero(pixels) == pixels.size - 16 * 24
    assert "Quixotewski" not in said and "DOE-" not in said and "Traceback" not in said
    assert not list(case.workspace.glob(".open-review*"))


# -- what is fetched from npm


def hook():
    pytest.importorskip("hatchling")
    sys.path.insert(0, str(ROOT))
    try:
        import hatch_build
    finally:
        sys.path.remove(str(ROOT))
    return hatch_build


class Project:
    """What the build hook sees of a checkout: the site's folder, and what it was told."""

    def __init__(self, root):
        self.root, self.warned = root, []
        shutil.copytree(ROOT / "src/scrub_pixels/review/site", root / "src/scrub_pixels/review/site",
                        ignore=shutil.ignore_patterns("vendor", "__pycache__"))
        self.site = root / "src/scrub_pixels/review/site"

    def build(self):
        made = hook().VendorHook.__new__(hook().VendorHook)
        app = type("App", (), {"display_warning": lambda _, text: self.warned.append(text)})()
        made.__dict__.update({"_BuildHookInterface__root": str(self.root), "_BuildHookInterface__app": app})
        made.initialize("editable", {})


def test_installing_goes_on_without_npm_and_says_so(tmp_path, monkeypatch):
    project = Project(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    project.build()
    assert len(project.warned) == 1 and "npm" in project.warned[0]
    assert not (project.site / "static" / "vendor").exists()


def test_what_npm_brings_is_kept_with_its_licences_and_not_fetched_again(tmp_path, monkeypatch):
    """With a stand-in for npm, which no network and no registry is needed for."""
    project = Project(tmp_path)
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text('#!/bin/sh\n[ "$1 $2" = "ci --ignore-scripts" ] || exit 1\necho x >> "$RUNS"\n'
                   'd=node_modules/@annotorious/annotorious; mkdir -p $d/dist\n'
                   'printf "code\\n//# sourceMappingURL=a.map" > $d/dist/annotorious.js\n'
                   'touch $d/dist/annotorious.css\n'
                   'echo \'{"name": "@annotorious/annotorious", "version": "1", "license": "BSD"}\' '
                   '> $d/package.json\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    project.build()
    project.build()
    vendor = project.site / "static" / "vendor"
    assert project.warned == [] and (tmp_path / "runs").read_text() == "x\n"
    assert (vendor / "annotorious.js").read_text() == "code\n"
    assert "@annotorious/annotorious 1 (BSD)" in (vendor / "LICENCES.txt").read_text()
    assert "Pelagios" in (vendor / "LICENCES.txt").read_text()


def test_the_lock_file_names_digests_and_no_addresses():
    lock = (ROOT / "src/scrub_pixels/review/site/package-lock.json").read_text()
    assert '"resolved"' not in lock and "registry" not in lock
    assert lock.count('"integrity": "sha512-') >= 8
