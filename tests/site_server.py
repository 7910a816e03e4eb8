"""A review site in a thread, on a free port, as the tests of the site and its benchmark use it."""

from __future__ import annotations

import contextlib
import socket
import threading
import warnings
from dataclasses import replace

import uvicorn

from scrub_pixels.review.site.app import build
from scrub_pixels.review.site.house import House
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.releaser import Releaser
from scrub_pixels.review.site.serving import Access, _config
from scrub_pixels.review.site.vendor import Asset, Assets, load_assets

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer Starlette would rather have httpx2 than httpx; both do
    from starlette.testclient import TestClient  # noqa: F401

OWNER = Person("anna", Role.ADMIN)
NO_ASSETS = Assets({"base.css": Asset(b"body{}", "text/css")}, "v1")


def house_of(desk, assets=NO_ASSETS, **changes):
    """Return a house with everything a test does not care about."""
    parts = {"desk": desk, "releaser": Releaser(desk), "assets": assets, "owner": OWNER}
    return House(**{**parts, "cookie": "scrub-pixels-test", **changes})


class Running:
    """A site that listens; `url` is where."""

    def __init__(self, house, port):
        self.house, self.port, self.url = house, port, f"http://127.0.0.1:{port}"

    def opening(self):
        return f"{self.url}/open#{self.house.tokens.issue()}"


@contextlib.contextmanager
def running(desk, **changes):
    """Serve a desk until the block ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        house = replace(house_of(desk, load_assets(), **changes), cookie=f"scrub-pixels-{port}")
        access = Access()
        app = build(house, access.hosts(port), [f"http://{name}" for name in access.hosts(port)])
        server = uvicorn.Server(_config(uvicorn, app, access))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        house.releaser.start()
        thread.start()
        try:
            yield Running(house, port)
        finally:
            server.should_exit = True
            thread.join(120)
            house.releaser.stop(120)
