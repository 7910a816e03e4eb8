"""The promises of OUT kept in an object store: a run is killed, resumed, and compared with one that was not.

Runs are processes of their own that find the store through the environment: S3 (moto's server), Google
Cloud (``pip install gcsfs gcp-storage-emulator``) or Azure (``pip install adlfs``, and the stand-in of
`benchmarks.blob_server`). ``python -m benchmarks.faults --object-kills 20 --stores gcs`` kills them at random
moments; tests kill them at named ones.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import fsspec

from benchmarks.blob_server import blob_service
from benchmarks.instances import PLANTED, make_inputs
from scrub_pixels import Policy
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.store.atomic import MARKER, PARTIAL_PREFIX
from scrub_pixels.store.books import open_books
from scrub_pixels.store.objects import file_system
from scrub_pixels.store.workspace import open_workspace

HEADERS = Policy(header_only=True)
BUCKET = "fault-campaign"
COPY_QUESTIONS = 5
"""How often an empty object is asked for; more than copies take in the stand-in for Azure."""

REPORTS = ("scrub-report.html", "scrub-report.json", "scrub-report.jsonl")

AT_A_POINT = """
import os, signal, sys
from benchmarks.object_faults import DyingStore
from scrub_pixels.cli import main
from scrub_pixels.store import objects
name, when, number = sys.argv[1:4]
DyingStore.install(name, when, int(number))
sys.exit(main(sys.argv[4:]))
"""
"""A run that kills itself at a call of the store, with what follows as its arguments."""


class Broken(Exception):
    """A promise was not kept."""


class DyingStore:
    """A file system of fsspec whose process dies at a call.

    Parameters
    ----------
    system
        The real one.
    name, when, number
        The method; ``before`` or ``after`` it has done its work; at which call of it, from 1.
    """

    calls = 0

    def __init__(self, system: Any, name: str, when: str, number: int) -> None:
        self._system, self._name, self._when, self._number = system, name, when, number

    @classmethod
    def install(cls, name: str, when: str, number: int) -> None:
        """Put it under the store of this process, for good."""
        from scrub_pixels.store import objects

        real = objects.file_system

        def dying(url: str) -> tuple[Any, str]:
            system, path = real(url)
            return cls(system, name, when, number), path

        objects.file_system = dying

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._system, name)
        return self._deadly(real) if name == self._name else real

    def _deadly(self, real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            DyingStore.calls += 1
            last = DyingStore.calls >= self._number
            if last and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **options)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call


@contextmanager
def s3_store() -> Iterator[str]:
    """Yield the URL of a bucket of moto's S3 server on a free port, reached through the environment."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or it tells of every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "id",
             "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        with _reached("s3", given) as url:
            yield url
    finally:
        server.stop()


@contextmanager
def gcs_store() -> Iterator[str]:
    """Yield the URL of a bucket of an emulated Google Cloud Storage, reached through the environment."""
    from gcp_storage_emulator import server as emulator

    port, emulators_own = free_port(), emulator._read_data
    emulator._read_data = partial(_read_whole_parts, emulator, own=emulators_own)
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    server._api._httpd.handle_error = lambda *_: None  # whoever is killed reads no answer
    given = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "FSSPEC_GS_TOKEN": "anon",
             "FSSPEC_GS_PROJECT": "none", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    try:
        with _reached("gs", given) as url:
            yield url
    finally:
        server.stop()
        emulator._read_data = emulators_own


def _read_whole_parts(emulator: Any, handler: Any, query: Any, own: Any) -> Any:
    """Read the body of a request to the emulator as gcsfs means it.

    gcsfs ends lines by LF alone. The emulator, whose parser is one of mail, takes a CR that ends an object
    for a part of the line end that follows it.
    """
    kind = handler.headers.get("Content-Type") or ""
    if not kind.startswith("multipart/related"):
        return own(handler, query)
    body = emulator._decode_raw_data(emulator._read_raw_data(handler), handler)
    boundary = kind.partition("boundary=")[2].strip().strip("\"'").encode()
    line = b"\r\n" if body.startswith(b"--" + boundary + b"\r\n") else b"\n"
    about, content = (part.partition(2 * line)[2] for part in body.split(b"--" + boundary)[1:3])
    return {"meta": json.loads(about), "content": content.removesuffix(line),
            "content-type": "application/octet-stream"}


@contextmanager
def azure_store(questions: int = 2) -> Iterator[str]:
    """Yield the URL of a container of a Blob service, which acknowledges copies before they are done."""
    with blob_service(questions) as connection, _reached(
            "az", {"AZURE_STORAGE_CONNECTION_STRING": connection}) as url:
        yield url


@contextmanager
def _reached(scheme: str, given: dict[str, str]) -> Iterator[str]:
    """Yield the URL of a new bucket, with the variables by which this process and others reach its store."""
    before = {name: os.environ.get(name) for name in given}
    settings = dict(fsspec.config.conf)
    os.environ.update(given)
    fsspec.config.set_conf_env(fsspec.config.conf)
    kind = fsspec.get_filesystem_class(scheme)  # imported now: gcsfs looks at its variables then
    if kind.__name__.startswith("Extended"):  # asks Google itself about each bucket, and waits for long
        raise RuntimeError("gcsfs was imported before its variables were set: use a process of its own")
    kind.clear_instance_cache()  # those of before know another server
    try:
        file_system(f"{scheme}://{BUCKET}")[0].mkdir(BUCKET)
        yield f"{scheme}://{BUCKET}"
    finally:
        kind.clear_instance_cache()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        fsspec.config.conf.clear()
        fsspec.config.conf.update(settings)


STORES = {"s3": s3_store, "gcs": gcs_store, "azure": azure_store}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def objects_of(url: str) -> dict[str, bytes]:
    """Return everything that stands below a prefix, private or not, by its name below it."""
    system, base = file_system(url)
    base = base.rstrip("/") + "/"
    try:
        names = system.find(base)
    except FileNotFoundError:
        return {}
    return {name.removeprefix(base): _settled(system, name) for name in names}


def _settled(system: Any, name: str) -> bytes:
    """Return the content of an object; one that is empty may be a copy that the store has not made yet."""
    for _ in range(COPY_QUESTIONS):
        if content := system.cat_file(name):
            return content
    return b""


@dataclass
class ObjectStage:
    """Inputs in a folder, OUT in a store made anew for each round, one workspace with one key.

    Parameters
    ----------
    folder
        An empty folder.
    store
        URL of a bucket.
    inputs
        How many inputs.
    """

    folder: Path
    store: str
    inputs: int
    rounds: int = 0
    seconds: float = 0.0
    files: dict[str, bytes] = field(default_factory=dict)
    ends: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_inputs(self.folder / "in", self.inputs)
        began = monotonic()
        run(self.campaign)
        self.seconds = monotonic() - began
        self.files, self.ends = self._instances(), self._ends()
        self.rounds += 1

    @property
    def campaign(self) -> Campaign:
        """The run of this round."""
        return Campaign(self.folder / "in", f"{self.store}/out-{self.rounds}", HEADERS, self.folder / "ws")

    def command(self) -> list[str]:
        """Return the arguments of the command for it."""
        places = self.campaign.source, self.campaign.out, "--workspace", self.campaign.workspace
        return [*map(str, places), "--header-only", "--resume", "--jobs", "0", "--quiet"]

    def begun(self, *program: str) -> subprocess.Popen[bytes]:
        """Start a run in a process of its own."""
        return subprocess.Popen([sys.executable, *program, *self.command()], stderr=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])

    def check(self) -> None:
        """Check what a kill left: nothing public but whole, proven objects; nobody's name anywhere."""
        for name, content in objects_of(str(self.campaign.out)).items():
            if any(text in content.lower() or text in name.lower().encode() for text in PLANTED):
                raise Broken("a name stands in the store")
            if name.startswith(PARTIAL_PREFIX) or name in (MARKER, *REPORTS):
                continue
            if content not in self.files.values():
                raise Broken("an object is not one of the undisturbed run")

    def finish(self) -> None:
        """Resume to the end, and compare with the undisturbed run; then begin the next round."""
        run(replace(self.campaign, resume=True))
        if self._instances() != self.files or self._ends() != self.ends:
            raise Broken("OUT or the ledger is not that of the undisturbed run")
        if any(name.startswith(PARTIAL_PREFIX) for name in objects_of(str(self.campaign.out))):
            raise Broken("something is left below a private prefix")
        self.rounds += 1

    def _instances(self) -> dict[str, bytes]:
        found = objects_of(str(self.campaign.out)).items()
        return {name: content for name, content in found
                if name.endswith(".dcm") and not name.startswith(PARTIAL_PREFIX)}

    def _ends(self) -> dict[str, tuple[str, str, str]]:
        with open_books(open_workspace(self.campaign.private, create=False), self.campaign.out) as books:
            if not books.ledger.totals().closed:
                raise Broken("the sums do not close")
            return {row.relative: (str(row.outcome), row.code, row.output) for row in books.ledger.rows()}


@dataclass(frozen=True)
class Attack:
    """How often, and how: a kind of `STORES`, inputs, kills, and the seed of their moments."""

    kind: str
    inputs: int
    kills: int
    seed: int


def object_kills(folder: Path, attack: Attack) -> Counter[str]:
    """Kill runs into a store at random moments, until so many were killed; resume each third to its end."""
    chance, tally = random.Random(attack.seed), Counter[str]()
    with STORES[attack.kind]() as url:
        stage = ObjectStage(folder, url, attack.inputs)
        while tally["killed"] < attack.kills:
            process = stage.begun("-m", "scrub_pixels.cli")
            try:
                process.wait(chance.uniform(1.0, 2.5 + stage.seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            stage.check()
            tally["killed" if process.returncode < 0 else "finished"] += 1
            if process.returncode >= 0 or tally["killed"] % 3 == 0:
                stage.finish()
                tally["resumed to the end"] += 1
        stage.finish()
    return tally
