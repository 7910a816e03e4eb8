"""A team at the review, as it is set up for real: the command, https, PostgreSQL, two approvals, a proxy."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address

import pytest
from browser import artefact_folder, browsing
from databases import postgresql_server
from review_cases import a_case

from scrub_pixels.review.site.accounts import Accounts
from scrub_pixels.review.site.people import Role
from scrub_pixels.review.site.vendor import FETCHED, STATIC
from scrub_pixels.store.queue import State, open_queue

pytestmark = pytest.mark.skipif(
    any(not (STATIC / name).is_file() for name in FETCHED),
    reason="the drawing library was not fetched (npm was missing at installation)")

PASSWORD = "correct horse battery"
SECONDS_TO_START = 120
COMMAND = "import sys; from scrub_pixels.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    with browsing(folder / "profile", artefact_folder(folder / "screenshots"), trusting=True) as started:
        yield started


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return the files of a self-signed certificate for this machine, and of its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder, key = tmp_path_factory.mktemp("certificate"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(names, False).sign(key, hashes.SHA256()))
    files = folder / "site.pem", folder / "site.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return files


@contextlib.contextmanager
def site(case, *options):
    """Run the command itself, and yield the address that it prints."""
    command = [sys.executable, "-c", COMMAND, "review", str(case.workspace), "--shared", "--no-browser"]
    running = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    watch = threading.Timer(SECONDS_TO_START, running.kill)
    watch.start()
    try:
        line = running.stdout.readline()
        watch.cancel()
        found = re.search(r"https://\S+(?=/sign-in)", line)
        assert found, f"the site did not start: {line} {running.stderr.read() if running.poll() else ''}"
        yield found[0]
    finally:
        watch.cancel()
        running.terminate()
        running.communicate(timeout=60)


def signs_in(browser, url, name):
    browser.go(f"{url}/sign-in")
    browser.until(lambda: browser.all("#sign-in"), "there is no form to sign in by")
    browser.one('[name="name"]').send_keys(name)
    browser.one('[name="password"]').send_keys(PASSWORD)
    browser.one('#sign-in button[type="submit"]').click()
    browser.until(lambda: lists(browser), "the list does not come up")


def lists(browser):
    """Tell whether the list's script has done its work: before, its keys and buttons do nothing."""
    return browser.all(".list-page .entry") or browser.one(".list-page #empty").text


def signs_out(browser, url):
    browser.go(f"{url}/")
    browser.until(lambda: lists(browser), "the list does not come up")
    browser.one("#sign-out").click()
    browser.until(lambda: browser.all("#sign-in"), "nobody was signed out")


def accepts(browser, key):
    """Accept the entry that is shown by keyboard."""
    browser.until(lambda: browser.one("#accept").is_enabled(), "the entry cannot be accepted")
    browser.keys("a")
    browser.until(lambda: browser.one("#status").text or not browser.all("#stage"), "nothing was accepted")


def test_two_of_a_team_agree_over_https_and_the_queue_is_in_postgresql(browser, tmp_path, certificate):
    with postgresql_server() as server:
        url = server.fresh()
        case = a_case(tmp_path, held=1, queue_url=url)
        accounts = Accounts(case.workspace)
        accounts.add("ann", PASSWORD, Role.REVIEWER)
        accounts.add("bob", PASSWORD, Role.APPROVER)
        options = ("--queue", url, "--approvals", "2", "--certificate", str(certificate[0]),
                   "--certificate-key", str(certificate[1]))
        with site(case, *options) as address:
            signs_in(browser, address, "ann")
            (cookie,) = browser.driver.get_cookies()
            assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"
            browser.keys("s")
            key = browser.shown()
            assert "2 people have to agree" in browser.one("#agreement").text
            accepts(browser, key)
            browser.until(lambda: not browser.all("#stage"), "ann is not led back to the list")
            assert case.released() == []
            signs_out(browser, address)
            signs_in(browser, address, "bob")
            browser.keys("s")
            assert browser.shown() == key
            assert "Accepted by ann" in browser.one("#agreement").text
            browser.screenshot("second-approval")
            accepts(browser, key)
            browser.until(lambda: case.released(), "two agreed, and nothing is released")
            browser.go("about:blank")
        with open_queue(url) as queue:
            rows = queue.database.engine.connect().exec_driver_sql(
                "SELECT state, claimed_by FROM review_entries").all()
        assert [state for state, _ in rows] == [State.RELEASED.value]


@dataclass(frozen=True)
class Upstream:
    """Where a proxy sends requests, and which part of their path it takes off."""

    port: int
    off: str = ""


def proxy_of(upstream):
    """Return a handler that passes requests on, as a reverse proxy does."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def passes(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            onward = http.client.HTTPConnection("127.0.0.1", upstream().port, timeout=120)
            headers = {**self.headers, "X-Forwarded-Proto": "https", "Connection": "close"}
            onward.request(self.command, self.path.removeprefix(upstream().off) or "/", body, headers)
            answer = onward.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            onward.close()

        do_GET = do_POST = passes

        def log_message(self, *_):
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def proxy(certificate, upstream):
    """Serve https on a free port before a site; `upstream` tells where that is."""
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """A browser that leaves is no error."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Server(("127.0.0.1", 0), proxy_of(upstream), bind_and_activate=True) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.parametrize("off", ["", "/tools/review"], ids=["prefix passed on", "prefix taken off"])
def test_a_proxy_serves_the_site_below_a_prefix(browser, tmp_path, certificate, off):
    case, behind = a_case(tmp_path, held=2), Upstream(0, off)
    Accounts(case.workspace).add("ann", PASSWORD, Role.ADMIN)
    with proxy(certificate, lambda: behind) as port, reserved_port() as free:
        behind = replace(behind, port=free)
        options = ("--behind-proxy", "--prefix", "/tools/review", "--name", f"localhost:{port}",
                   "--port", str(behind.port))
        with site(case, *options) as address:
            assert address == f"https://localhost:{port}/tools/review"
            signs_in(browser, address, "ann")
            (cookie,) = browser.driver.get_cookies()
            assert cookie["path"] == "/tools/review" and cookie["secure"]
            browser.until(lambda: browser.all(".entry"), "the list is empty")
            browser.keys("s")
            key = browser.shown()
            assert browser.driver.current_url == f"{address}/entry/{key}"
            accepts(browser, key)
            other = browser.shown(f"-{key}")
            assert browser.driver.current_url == f"{address}/entry/{other}"
            browser.keys("g")
            browser.until(lambda: browser.all(".entry"), "the way back to the list is lost")
            asked = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
            assert asked and all(name.startswith(f"{address}/") for name in asked)
            browser.until(lambda: case.released(), "nothing is released")
            signs_out(browser, address)
            assert browser.driver.current_url == f"{address}/sign-in"
            browser.go("about:blank")


@contextlib.contextmanager
def reserved_port():
    """Yield a free port that stays bound here, so that nobody else is given it before the site listens."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
