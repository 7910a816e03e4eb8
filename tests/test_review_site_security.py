"""Attacks on the review site: none passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from fake_desk import FakeDesk
from site_server import OWNER, TestClient, house_of

from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.review.site.accounts import Accounts, Throttle
from scrub_pixels.review.site.app import build
from scrub_pixels.review.site.guard import HEADERS, MOST_BODY_BYTES
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.serving import Access, check
from scrub_pixels.review.site.sessions import OpeningTokens, Sessions

URL = "http://127.0.0.1:8000"
OURS = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"


class Clock:
    """Time that moves when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def house(clock):
    return house_of(FakeDesk(), sessions=Sessions(idle=900, clock=clock), tokens=OpeningTokens(clock=clock),
                    throttle=Throttle(clock))


def visit(house):
    """Return a browser that has not signed in."""
    return TestClient(build(house, ["127.0.0.1:8000", "localhost:8000"], [URL]), base_url=URL, headers=OURS,
                      raise_server_exceptions=True, follow_redirects=False)


def inside(house, person=OWNER):
    """Return a signed-in browser that sends its page's token."""
    browser = visit(house)
    cookie, session = house.sessions.open(person)
    browser.cookies.set(house.cookie, cookie)
    browser.headers["X-CSRF-Token"] = session.csrf
    return browser


# -- the opening token


def test_an_opening_token_becomes_a_session_that_scripts_and_other_sites_cannot_read(house):
    browser = visit(house)
    answer = browser.post("/api/open", json={"token": house.tokens.issue()})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert browser.get("/").status_code == 200
    assert ("anna", "signed in") in house.desk.audit


def test_an_opening_token_is_good_once(house):
    token = house.tokens.issue()
    assert visit(house).post("/api/open", json={"token": token}).status_code == 200
    assert visit(house).post("/api/open", json={"token": token}).status_code == 401


def test_an_opening_token_expires(house, clock):
    token = house.tokens.issue()
    clock.now += 601
    assert visit(house).post("/api/open", json={"token": token}).status_code == 401


@pytest.mark.parametrize("token", ["", "A" * 43, "\0", "é" * 20])
def test_a_forged_opening_token_opens_nothing(house, token):
    house.tokens.issue()
    answer = visit(house).post("/api/open", json={"token": token})
    assert answer.status_code in (401, 422) and "set-cookie" not in answer.headers


def test_a_session_begins_with_a_new_cookie_whatever_the_browser_brought(house):
    browser = visit(house)
    browser.cookies.set(house.cookie, "chosen-by-an-attacker")
    answer = browser.post("/api/open", json={"token": house.tokens.issue()})
    assert "chosen-by-an-attacker" not in answer.headers["set-cookie"]
    fixed = visit(house)
    fixed.cookies.set(house.cookie, "chosen-by-an-attacker")
    assert fixed.get("/api/facets").status_code == 401


def test_https_cookies_stay_on_https(house):
    answer = visit(replace(house, secure=True)).post("/api/open", json={"token": house.tokens.issue()})
    assert "; secure" in answer.headers["set-cookie"].lower()


# -- nobody without a session


PATHS = ["/api/facets", "/api/miss-rate", "/api/entries/key0001/thumbnail", "/api/entries/key0001/frames/0"]
ACTIONS = ["/api/entries", "/api/next", *(f"/api/entries/key0001/{name}" for name in (
    "claim", "renew", "leave", "draft", "undo", "redo", "accept", "reject", "reopen", "missed", "preview",
    "apply"))]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_to_nobody(house, path):
    answer = visit(house).get(path)
    assert answer.status_code == 401 and "ROE" not in answer.text


@pytest.mark.parametrize("path", ACTIONS)
def test_nobody_does_anything(house, path):
    assert visit(house).post(path, json={}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/entry/key0001"])
def test_pages_lead_nobody_to_the_entrance(house, path):
    answer = visit(house).get(path)
    assert answer.status_code == 303 and answer.headers["location"] == "/sign-in"


# -- cross-site requests


@pytest.mark.parametrize("path", ACTIONS)
def test_a_post_without_the_pages_token_does_nothing(house, path):
    browser = inside(house)
    for token in ("", "forged", "A" * 43):
        browser.headers["X-CSRF-Token"] = token
        assert browser.post(path, json={}).status_code == 403
    del browser.headers["X-CSRF-Token"]
    assert browser.post(path, json={}).status_code == 403
    assert not house.desk.leases


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:99"}, {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": f"{URL}.evil.example"}])
def test_a_post_from_another_site_does_nothing(house, headers):
    answer = inside(house).post("/api/entries/key0001/claim", json={}, headers=headers)
    assert answer.status_code == 403 and not house.desk.leases


def test_an_image_is_not_shown_inside_another_site(house):
    browser = inside(house)
    answer = browser.get("/api/entries/key0001/frames/0", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    answer = browser.get("/api/entries/key0001/frames/0")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_form_of_another_site_is_no_json(house):
    answer = inside(house).post("/api/entries/key0001/claim", content=b'{"a":1}',
                                headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


# -- DNS rebinding


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:9", "",
                                  "localhost.:8000"])
def test_a_name_that_is_not_ours_is_refused(house, host):
    assert inside(house).get("/", headers={"Host": host}).status_code == 421


def test_a_name_of_ours_is_served(house):
    assert inside(house).get("/", headers={"Host": "localhost:8000"}).status_code == 200


# -- what answers carry


ANSWERS = ["/", "/entry/key0001", "/api/facets", "/api/entries/key0001/frames/0",
           "/api/entries/nobody/frames/0", "/static/v1/base.css", "/nothing/here", "/open", "/sign-in"]


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_carries_the_headers(house, path):
    answer = inside(house).get(path)
    for name, value in HEADERS:
        assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
    kept = "immutable" in answer.headers["cache-control"]
    assert kept if path.startswith("/static") else answer.headers["cache-control"] == "no-store"


def test_pages_hold_no_script_and_no_style_of_their_own_and_nothing_from_elsewhere(house):
    for path in ("/", "/entry/key0001", "/open", "/sign-in"):
        page = inside(house).get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert "<style" not in page and " style=" not in page
        assert not re.search(r"\son\w+=", page)
        assert not [url for url in re.findall(r'(?:src|href)="([^"]*)"', page) if not re.match(r"/|#", url)]


def test_titles_and_addresses_name_nobody(house):
    browser = inside(house)
    for path in ("/", "/entry/key0001"):
        page = browser.get(path).text
        assert re.findall("<title>(.*)</title>", page) == ["Review · scrub-pixels"]
        assert "ROE^" not in page, "three letters alone stand in a random token now and then"


# -- traversal, injection, sizes


@pytest.mark.parametrize("path", [
    "/static/v1/../../app.py", "/static/v1/%2e%2e/%2e%2e/app.py", "/static/v1/..%2f..%2fapp.py",
    "/static/v1//etc/passwd", "/static/../../../etc/passwd", "/static/v1/%00", "/static/other/base.css",
    "/api/entries/..%2f..%2fetc/frames/0",
    "/api/entries/key0001/frames/-1", "/api/entries/key0001/frames/9999", "/api/entries/key0001/frames/0.5"])
def test_no_path_leads_out(house, path):
    answer = inside(house).get(path)
    assert answer.status_code in (404, 422) and "import" not in answer.text and "root:" not in answer.text


HOSTILE = '<img src=x onerror="alert(1)"></script><script>alert(1)</script>'


def test_names_and_readings_are_never_markup(house):
    """Pages never hold them; the API says that it is JSON, and browsers are told not to guess."""
    desk = FakeDesk(readings=(HOSTILE,))
    desk.entries["key0001"] = replace(desk.entries["key0001"], device=HOSTILE, reasons=(HOSTILE,),
                                      relative=HOSTILE)
    hostile = replace(house, desk=desk)
    for path in ("/", "/entry/key0001"):
        assert "onerror" not in inside(hostile).get(path).text
    answer = inside(hostile).post("/api/entries/key0001/claim", json={})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["findings"][0]["reading"] == HOSTILE


def test_a_persons_name_is_never_markup(house):
    page = inside(house, Person('"><script>alert(1)</script>', Role.ADMIN)).get("/").text
    assert "<script>alert" not in page


def test_sql_in_a_filter_is_a_value(house):
    browser = inside(house)
    answer = browser.post("/api/entries", json={"device": "' OR 1=1 --"})
    assert answer.json() == {"entries": []}


def test_a_body_over_the_limit_is_refused_before_it_is_read(house):
    browser = inside(house)
    answer = browser.post("/api/entries/key0001/draft", content=b" " * (MOST_BODY_BYTES + 1),
                          headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_body_that_hides_its_size_is_refused_too(house):
    def endless():
        for _ in range(2000):
            yield b" " * 1024

    answer = inside(house).post("/api/entries/key0001/draft", content=endless(),
                                headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


BAD_DRAFTS = [
    {}, [], 7, {"redactions": {}, "answers": {}}, {"redactions": [{}], "answers": {}},
    {"redactions": [{"box": [0, 0, 0, 0], "span": [0, 1]}], "answers": {}},
    {"redactions": [{"box": [-1, 0, 5, 5], "span": [0, 1]}], "answers": {}},
    {"redactions": [{"box": [0, 0, 5, 5], "span": [1, 1]}], "answers": {}},
    {"redactions": [{"box": [0, 0, 5, 1e400], "span": [0, 1]}], "answers": {}},
    {"redactions": [{"box": [0, 0, 5, True], "span": [0, 1]}], "answers": {}},
    {"redactions": [{"box": [0, 0, 5, 5], "span": [0, 1], "reason": "x" * 301}], "answers": {}},
    {"redactions": [], "answers": {"-1": "keep"}}, {"redactions": [], "answers": {"0": "burn"}},
    {"redactions": [], "answers": {"0": []}},
    {"redactions": [{"box": [0, 0, 1, 1], "span": [0, 1]}] * 5001, "answers": {}}]


@pytest.mark.parametrize("draft", BAD_DRAFTS, ids=lambda d: json.dumps(d)[:40])
def test_what_no_page_of_ours_sends_is_refused(house, draft):
    browser = inside(house)
    browser.post("/api/entries/key0001/claim", json={})
    answer = browser.post("/api/entries/key0001/draft", content=json.dumps(draft),
                          headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["error"]
    assert len(house.desk.steps.get("key0001", [None])) == 1


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"null"])
def test_what_is_no_json_is_refused(house, content):
    answer = inside(house).post("/api/entries", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("query", ["center=nan&width=1", "center=1&width=0", "center=1", "width=-5&center=0",
                                   "center=1e99&width=1", "center='&width=1"])
def test_a_window_that_is_none_is_refused(house, query):
    assert inside(house).get(f"/api/entries/key0001/frames/0?{query}").status_code == 422


class Broken(FakeDesk):
    """A desk that fails as nobody foresaw."""

    def look(self, key, who):
        raise RuntimeError("ROE^RICHARD stands in this message")


def test_an_error_nobody_foresaw_tells_nothing_of_a_patient(house, caplog, capfd):
    answer = inside(replace(house, desk=Broken())).post("/api/entries/key0001/claim", json={})
    assert answer.status_code == 500 and "ROE" not in answer.text and "RuntimeError" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "ROE" not in caplog.text + "".join(capfd.readouterr())


# -- pauses


def test_a_session_ends_after_a_pause(house, clock):
    browser = inside(house)
    clock.now += 890
    assert browser.get("/api/facets").status_code == 200
    clock.now += 890
    assert browser.get("/api/facets").status_code == 200
    clock.now += 901
    assert browser.get("/api/facets").status_code == 401


def test_what_a_page_asks_by_itself_keeps_no_session_alive(house, clock):
    browser = inside(house)
    for _ in range(3):
        clock.now += 400
        answer = browser.post("/api/entries/key0001/claim", json={}, headers={"X-Background": "1"})
    assert answer.status_code == 401


def test_no_session_lasts_for_ever(house, clock):
    browser = inside(house)
    for _ in range(60):
        clock.now += 800
        answer = browser.get("/api/facets")
    assert answer.status_code == 401


def test_signing_out_ends_the_session_for_good(house):
    browser = inside(house)
    cookie = browser.cookies[house.cookie]
    assert browser.post("/api/sign-out", json={}).status_code == 200
    browser.cookies.set(house.cookie, cookie)
    assert browser.get("/api/facets").status_code == 401


def test_a_new_link_is_told_at_the_terminal_only(house):
    told = []
    answer = visit(replace(house, announce=told.append)).post("/api/open-again", json={})
    assert answer.json() == {} and len(told) == 1
    assert visit(house).post("/api/open", json={"token": told[0]}).status_code == 200


# -- accounts and roles


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    made = Accounts(a_workspace(tmp_path_factory.mktemp("workspace")))
    for name, role in (("rita", Role.REVIEWER), ("aron", Role.APPROVER)):
        made.add(name, PASSWORD, role)
    return made


@pytest.fixture
def shared(house, accounts):
    return replace(house, owner=None, accounts=accounts)


def a_workspace(folder):
    (folder / "version").write_text("1")
    return folder


def test_accounts_are_kept_in_workspaces_only(tmp_path):
    with pytest.raises(WorkspaceError):
        Accounts(tmp_path).add("rita", PASSWORD, Role.ADMIN)
    assert list(tmp_path.iterdir()) == []


def sign_in(house, name, password=PASSWORD):
    return visit(house).post("/api/sign-in", json={"name": name, "password": password})


def test_passwords_are_kept_as_argon2_digests_in_a_private_file(accounts):
    text = accounts._file.read_text()
    assert "$argon2id$" in text and PASSWORD not in text
    assert accounts._file.stat().st_mode & 0o077 == 0
    assert PASSWORD not in repr(accounts.all()) and "argon2" not in repr(accounts.all())


def test_a_password_signs_in(shared):
    answer = sign_in(shared, "rita")
    assert answer.status_code == 200 and "httponly" in answer.headers["set-cookie"].lower()


def test_wrong_names_and_wrong_passwords_are_answered_alike(shared):
    known, unknown = sign_in(shared, "rita", "wrong password"), sign_in(shared, "nobody", "wrong password")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


def test_guessing_is_slowed_down_for_the_name_and_for_the_address(shared, clock):
    codes = [sign_in(shared, "rita", f"guess number {n}").status_code for n in range(6)]
    assert codes == [401] * 5 + [429]
    assert sign_in(shared, "rita").status_code == 429
    assert sign_in(shared, "aron").status_code == 429
    clock.now += 31
    assert sign_in(shared, "rita").status_code == 200


def test_there_is_no_opening_link_where_people_have_passwords(shared):
    assert visit(shared).post("/api/open", json={"token": shared.tokens.issue()}).status_code == 401
    assert visit(shared).post("/api/open-again", json={}).status_code == 401


def test_a_role_is_what_the_account_says_now(shared, accounts):
    accounts.add("carl", PASSWORD, Role.APPROVER)
    browser = inside(shared, Person("carl", Role.APPROVER))
    assert browser.post("/api/entries/key0001/reopen", json={}).status_code == 200
    accounts.add("carl", PASSWORD, Role.REVIEWER)
    assert browser.post("/api/entries/key0001/reopen", json={}).status_code == 403
    accounts.remove("carl")
    assert browser.get("/api/facets").status_code == 401


def test_the_last_word_of_two_is_an_approvers(shared):
    desk = FakeDesk(approvals=2)
    both = replace(shared, desk=desk)
    rita, aron = inside(both, Person("rita", Role.REVIEWER)), inside(both, Person("aron", Role.APPROVER))
    desk.approved["key0001"] = {"someone"}
    rita.post("/api/entries/key0001/claim", json={})
    assert rita.post("/api/entries/key0001/accept", json={}).status_code == 403
    rita.post("/api/entries/key0001/leave", json={})
    aron.post("/api/entries/key0001/claim", json={})
    answer = aron.post("/api/entries/key0001/accept", json={})
    assert answer.json()["entry"]["state"] == "accepted"


def test_a_reviewer_has_no_last_word_on_many_entries_either(shared):
    both = replace(shared, desk=FakeDesk(approvals=2))
    body = {"keys": ["key0002"], "then": "accept"}
    for name, role, status in (("rita", Role.REVIEWER, 403), ("aron", Role.APPROVER, 200)):
        browser = inside(both, Person(name, role))
        assert browser.post("/api/entries/key0001/apply", json=body).status_code == status
        assert browser.post("/api/entries/key0001/apply", json={**body, "then": "draft"}).status_code == 200


@pytest.mark.parametrize(("name", "password"), [
    ("", PASSWORD), ("../up", PASSWORD), ("a b", PASSWORD), ("x" * 41, PASSWORD), ("rita", "short"),
    ("rita", "rita is the best name"), ("rita", "x" * 1001)])
def test_accounts_that_would_be_weak_are_refused(accounts, name, password):
    with pytest.raises(UsageError):
        accounts.add(name, password, Role.ADMIN)


def test_a_damaged_file_of_accounts_lets_nobody_in(tmp_path):
    damaged = Accounts(a_workspace(tmp_path))
    damaged.add("rita", PASSWORD, Role.REVIEWER)
    (tmp_path / "accounts.json").write_text('{"rita": {"role": "emperor", "digest": ""}}')
    with pytest.raises(WorkspaceError):
        damaged.check("rita", PASSWORD)
    (tmp_path / "accounts.json").write_text('{"rita": {"role": "admin", "digest": "plain"}}')
    assert damaged.check("rita", "plain") is None


# -- where it listens


@pytest.mark.parametrize("access", [
    Access(host="0.0.0.0"), Access(host="192.0.2.7"), Access(host="::"), Access(host="0.0.0.0", shared=True),
    Access(host="review.example", shared=True), Access(certificate=None, certificate_key=URL)], ids=repr)
def test_a_site_open_to_others_without_accounts_or_encryption_is_refused(access):
    with pytest.raises(UsageError):
        check(access, 1)


def test_two_cannot_agree_where_one_can_sign_in():
    with pytest.raises(UsageError):
        check(Access(), 2)
    check(Access(shared=True), 2)


def test_names_are_those_it_was_told_of():
    assert set(Access().hosts(80)) == {"127.0.0.1:80", "localhost:80", "[::1]:80"}
    hosts = Access(host="0.0.0.0", shared=True, behind_proxy=True, names=("review.example",)).hosts(80)
    assert hosts == ["review.example:80", "review.example"]
