"""A run from one prefix of an object store to another, on the emulators of Google Cloud and Azure.

``python -m benchmarks.stores gcs`` needs ``pip install gcsfs gcp-storage-emulator``; ``azure`` needs
``pip install adlfs`` and Azurite (``npm install azurite``), named by ``--azurite PATH/azurite-blob``. Both
listen on this machine only. Instances go from the store to the store; then the run is resumed with one
input changed and one new. What S3 and plain web servers do is tested by the test suite.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from scrub_pixels import Policy
from scrub_pixels.run.campaign import Campaign, Result, run
from tests.gateways import NAME, small

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has, and its published key."""

SECONDS_TO_START = 60


@contextmanager
def gcs() -> Iterator[str]:
    """Yield the URL of a bucket of an emulated Google Cloud Storage."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # would ask over gRPC
    fsspec.config.conf["gs"] = {"token": "anon", "project": "none"}
    try:
        yield "gs://bucket"
    finally:
        server.stop()


@contextmanager
def azure(program: str) -> Iterator[str]:
    """Yield the URL of a container of an emulated Azure Blob Storage."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1",
                   "--blobPort", str(port)]
        process = subprocess.Popen([program, *options, "--location", folder])
        try:
            wait_for(port)
            os.environ["AZURE_STORAGE_CONNECTION_STRING"] = (
                f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
                f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};")
            fsspec.filesystem("az").mkdir("bucket")
            yield "az://bucket"
        finally:
            process.terminate()
            process.wait(SECONDS_TO_START)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port."""
    until = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise SystemExit("the emulator did not start") from None
            time.sleep(0.1)


def put(system: Any, name: str) -> None:
    """Write a small Instance of an invented patient."""
    buffer = io.BytesIO()
    small().save_as(buffer, enforce_file_format=True)
    system.pipe_file(name, buffer.getvalue())


def there_and_back(url: str, count: int) -> None:
    """Run from the store to the store, resume, and look at what stands there."""
    system, base = fsspec.core.url_to_fs(url, use_listings_cache=False)
    for number in range(count):
        put(system, f"{base}/in/{NAME}/{number}.dcm")
    system.pipe_file(f"{base}/in/note.txt", b"no DICOM")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        first = once(url, Path(folder), resume=False)
        seconds = time.perf_counter() - start
        put(system, f"{base}/in/{NAME}/0.dcm")
        put(system, f"{base}/in/new")
        second = once(url, Path(folder), resume=True)
    told = {"first": (first.totals.released, first.totals.not_dicom, first.totals.closed),
            "resumed": (second.skipped, second.totals.released, second.totals.closed)}
    wanted = {"first": (count, 1, True), "resumed": (count, count + 1, True)}
    names = [name for name in system.find(f"{base}/out")]
    leaks = [name for name in names if NAME.encode() in name.encode() + system.cat_file(name)]
    instances = sum(name.endswith(".dcm") for name in names)
    partial = sum("partial" in name for name in names)
    print(f"{url}: {told}, {instances} Instances in OUT, {partial} private ones left, {len(leaks)} with the "
          f"patient's name, {count / seconds:.1f} instances/s")
    if told != wanted or leaks or partial or instances != count + 1:
        raise SystemExit(f"not as it should be: wanted {wanted}")


def once(url: str, folder: Path, resume: bool) -> Result:
    """Run once."""
    return run(Campaign(f"{url}/in", f"{url}/out", Policy(header_only=True), folder / "ws", resume=resume))


def main() -> None:
    """Try the store that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", choices=["gcs", "azure"])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--azurite", default="azurite-blob")
    chosen = parser.parse_args()
    with gcs() if chosen.store == "gcs" else azure(chosen.azurite) as url:
        there_and_back(url, chosen.count)


if __name__ == "__main__":
    main()
