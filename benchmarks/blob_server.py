"""A stand-in for Azure's Blob service, in memory and in this process: as much of it as adlfs asks for.

What the emulators lack it has: copies that are acknowledged before they are done, as the real service may
answer every copy (Copy Blob, ``x-ms-copy-status: pending``). Such a copy is done when its target has been
asked for a few times, and fails if its source is gone by then, which leaves an empty blob.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"no secret: this service asks for none").decode()
ETAG = '"0x8D0000000000000"'


@dataclass
class Blob:
    """Content, and what is known of the copy that makes it.

    Parameters
    ----------
    content
        Bytes.
    source
        Name of the blob it is a copy of, while that is pending.
    questions
        How often its properties or content may be asked for before the copy is done.
    failed
        True if the source was gone.
    """

    content: bytes = b""
    source: str = ""
    questions: int = 0
    failed: bool = False

    @property
    def copying(self) -> str:
        """What the service says of the copy."""
        return "failed" if self.failed else "pending" if self.source else "success"


@dataclass
class Container:
    """All blobs of the service, by container and name.

    Parameters
    ----------
    questions
        After how many questions copies are done; 0 does them at once.
    """

    questions: int = 0
    blobs: dict[str, Blob] = field(default_factory=dict)
    blocks: dict[tuple[str, str], bytes] = field(default_factory=dict)
    containers: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def copy(self, source: str, target: str) -> Blob:
        """Begin a copy."""
        blob = Blob(source=source, questions=self.questions)
        self.blobs[target] = blob
        return self.asked(blob)

    def asked(self, blob: Blob) -> Blob:
        """Count a question, and end the copy that has had enough of them."""
        if blob.source and blob.questions <= 0:
            source = self.blobs.get(blob.source)
            blob.failed, blob.content = source is None, source.content if source else b""
            blob.source = ""
        blob.questions -= 1
        return blob


class Desk(BaseHTTPRequestHandler):
    """Answers requests of the Blob service's REST interface."""

    protocol_version = "HTTP/1.1"
    place: Container

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """List a container, or give a blob or its properties."""
        name, query, _ = self._asked()
        with self.place.lock:
            if query.get("comp") == "list":
                self._list(name, query)
            elif query.get("restype") == "container":
                known = name in self.place.containers
                self._answer(200 if known else 404, {} if known else {"x-ms-error-code": "ContainerNotFound"})
            elif name not in self.place.blobs:
                self._answer(404, {"x-ms-error-code": "BlobNotFound"})
            else:
                self._give(self.place.asked(self.place.blobs[name]))

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Make a container, a blob, a block of one, or a copy."""
        name, query, body = self._asked()
        with self.place.lock:
            if query.get("restype") == "container":
                self.place.containers.add(name)
            elif query.get("comp") == "block":
                self.place.blocks[name, query["blockid"]] = body
            elif query.get("comp") == "blocklist":
                wanted = [node.text or "" for node in ElementTree.fromstring(body)]
                blocks = (self.place.blocks.pop((name, each)) for each in wanted)
                self.place.blobs[name] = Blob(b"".join(blocks))
            elif source := self.headers.get("x-ms-copy-source"):
                self._copy(unquote(urlsplit(source).path).split("/", 2)[2], name)
                return
            else:
                self.place.blobs[name] = Blob(body)
            self._answer(201)

    def do_DELETE(self) -> None:
        """Remove a blob."""
        name, _, _ = self._asked()
        with self.place.lock:
            gone = self.place.blobs.pop(name, None)
            self._answer(202 if gone else 404, {} if gone else {"x-ms-error-code": "BlobNotFound"})

    def _asked(self) -> tuple[str, dict[str, str], bytes]:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return unquote(url.path).removeprefix(f"/{ACCOUNT}/"), query, body

    def _copy(self, source: str, target: str) -> None:
        if source not in self.place.blobs:
            self._answer(404, {"x-ms-error-code": "BlobNotFound"})
            return
        blob = self.place.copy(source, target)
        self._answer(202, {"x-ms-copy-id": "1", "x-ms-copy-status": blob.copying})

    def _give(self, blob: Blob) -> None:
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-copy-status": blob.copying, "Accept-Ranges": "bytes",
                   "Content-Type": "application/octet-stream"}
        wanted = self.headers.get("x-ms-range") or self.headers.get("Range") or ""
        asked = re.match(r"bytes=(\d+)-(\d*)", wanted)
        if asked is None:
            self._answer(200, headers, blob.content)
            return
        first, size = int(asked[1]), len(blob.content)
        if first >= size:
            self._answer(416, {"x-ms-error-code": "InvalidRange"})
            return
        last = min(int(asked[2] or size), size - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._answer(206, headers, blob.content[first:last + 1])

    def _list(self, container: str, query: dict[str, str]) -> None:
        """List blobs, all in one page; with a delimiter, folders once."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        found: dict[str, str] = {}
        for full in sorted(self.place.blobs):
            name = full.removeprefix(container + "/")
            if full == name or not name.startswith(prefix):
                continue
            head, cut, _ = name[len(prefix):].partition(delimiter) if delimiter else (name, "", "")
            if cut:
                folder = prefix + head + delimiter
                found[folder] = f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>"
            else:
                found[name] = _listed(name, self.place.blobs[full])
        page = f"<Blobs>{''.join(found.values())}</Blobs><NextMarker/>"
        text = f"<EnumerationResults ContainerName={quoteattr(container)}>{page}</EnumerationResults>"
        self._answer(200, {"Content-Type": "application/xml"}, text.encode())

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        now = formatdate(usegmt=True)
        given = {"ETag": ETAG, "Last-Modified": now, "x-ms-version": "2021-12-02", **(headers or {})}
        for name, value in {**given, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _listed(name: str, blob: Blob) -> str:
    now = formatdate(usegmt=True)
    about = (f"<Last-Modified>{now}</Last-Modified><Etag>{escape(ETAG)}</Etag><BlobType>BlockBlob</BlobType>"
             f"<Content-Length>{len(blob.content)}</Content-Length>")
    return f"<Blob><Name>{escape(name)}</Name><Properties>{about}</Properties></Blob>"


@contextmanager
def blob_service(questions: int = 0) -> Iterator[str]:
    """Run the service on a free port of this machine, and yield a connection string for it.

    Parameters
    ----------
    questions
        After how many questions for its target a copy is done; 0 does copies at once.
    """
    desk = type("Desk", (Desk,), {"place": Container(questions)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), desk)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever is killed hangs up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield (f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
               f"BlobEndpoint=http://127.0.0.1:{server.server_port}/{ACCOUNT};")
    finally:
        server.shutdown()
        server.server_close()
