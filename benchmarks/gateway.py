"""How much the gateway takes in compared with the command, and whether its memory grows.

``python -m benchmarks.gateway`` makes small secondary captures, scrubs them with the command, then sends
them to a gateway (a process of its own) with dcmtk's dcmsend, and prints both rates and the memory of
the gateway on the way. ``--count 10000`` is the long form. Senders and gateway share the machine: what
the senders need is missing to the gateway, so CPU-seconds are printed beside wall time.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from pydicom.uid import generate_uid

from tests.gateways import small

COMMAND = [sys.executable, "-m", "scrub_pixels.cli"]
TICKS = os.sysconf("SC_CLK_TCK")
DONE = re.compile(r'stage="(waiting|held|refused|due|done)"} (\d+)')


STANDSTILL = 120.0
"""Seconds without an instance settled after which a measurement is given up."""


@dataclass
class Progress:
    """Sees that a gateway lives and gets on."""

    settled: int = -1
    since: float = 0.0

    def check(self, settled: int, process: subprocess.Popen[str]) -> None:
        """End the program if the gateway has ended, or has not settled anything for long."""
        if settled != self.settled:
            self.settled, self.since = settled, time.monotonic()
        if process.poll() is not None or time.monotonic() - self.since > STANDSTILL:
            raise SystemExit(f"the gateway stands still at {settled} instances")


@dataclass(frozen=True)
class Figure:
    """Wall seconds, CPU-seconds of the program measured, and instances."""

    wall: float
    cpu: float
    count: int

    def __str__(self) -> str:
        each = f"{1000 * self.cpu / self.count:6.1f} ms CPU each"
        return f"{self.count / self.wall:6.1f} instances/s   {each}   {self.wall:6.1f} s"


def make(folder: Path, count: int, rows: int) -> None:
    """Write small secondary captures, a hundred to a folder, ten to a study."""
    study = ""
    for number in range(count):
        if number % 10 == 0:
            study = generate_uid()
        place = folder / f"{number // 100:04d}"
        place.mkdir(parents=True, exist_ok=True)
        small(study, rows=rows).save_as(place / f"{number % 100}.dcm", enforce_file_format=True)


def by_command(source: Path, out: Path, options: list[str]) -> Figure:
    """Measure ``scrub-pixels IN OUT``."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([*COMMAND, str(source), str(out), "--quiet", *options], check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Figure(time.perf_counter() - start, cpu, sum(1 for _ in source.rglob("*.dcm")))


@contextmanager
def gateway(folder: Path, options: list[str]) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Run a gateway, and yield its process and ports."""
    process = subprocess.Popen([*COMMAND, "gateway", "--workspace", str(folder / "workspace"), "--out",
                                str(folder / "out"), "--port", "0", "--http-port", "0", *options],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout
    ports = [int(process.stdout.readline().rpartition(":")[2]) for _ in range(2)]
    try:
        yield process, ports[0], ports[1]
    finally:
        process.terminate()
        process.wait(STANDSTILL)


def by_gateway(source: Path, folder: Path, options: list[str], clients: int) -> Figure:
    """Measure from the first byte sent until the last instance stands in OUT."""
    count = sum(1 for _ in source.rglob("*.dcm"))
    folder.mkdir()
    with gateway(folder, options) as (process, dicom, http):
        start, before = time.perf_counter(), cpu_of(process.pid)
        send = ["dcmsend", "-aec", "SCRUB", "--scan-directories", "127.0.0.1", str(dicom)]
        folders = [[str(each) for each in sorted(source.iterdir())[n::clients]] for n in range(clients)]
        senders = [subprocess.Popen([*send, *mine]) for mine in folders if mine]
        step = min(1000, max(1, count // 5))
        report = 0
        progress = Progress()
        while (settled := ended(http)) < count:
            progress.check(settled, process)
            if settled >= report:
                tell_memory(settled, process.pid)
                report = settled - settled % step + step
            time.sleep(0.5)
        figure = Figure(time.perf_counter() - start, cpu_of(process.pid) - before, count)
        tell_memory(count, process.pid)
        if any(sender.wait(STANDSTILL) for sender in senders):
            raise SystemExit("a sender failed")
    return figure


def tell_memory(settled: int, pid: int) -> None:
    """Print what the gateway and its workers have in memory."""
    sizes = [memory_of(each) / 2**20 for each in family_of(pid)]
    workers = " + ".join(f"{size:.1f}" for size in sizes[1:])
    print(f"  {settled:6d} instances: {sizes[0]:.1f} MiB, workers {workers} MiB", flush=True)


def ended(port: int) -> int:
    """Return how many instances a gateway is done with."""
    opener = build_opener(ProxyHandler({}))
    text = opener.open(f"http://127.0.0.1:{port}/metrics").read().decode()
    counts = {stage: int(number) for stage, number in DONE.findall(text)}
    return counts["done"] + counts["held"] + counts["refused"]


def family_of(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family_of(int(child))
    return found


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process; of one that has ended, 0."""
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 if match else 0


def cpu_of(pid: int) -> float:
    """Return the CPU-seconds of a process and its living descendants."""
    times = (Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[11:13] for p in family_of(pid))
    return sum(int(user) + int(system) for user, system in times) / TICKS


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rows", type=int, default=64, help="rows and columns of an instance")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="search pixels too, not headers only")
    chosen = parser.parse_args()
    if shutil.which("dcmsend") is None:
        raise SystemExit("dcmtk is not installed")
    options = ["--jobs", str(chosen.jobs), *([] if chosen.whole else ["--header-only"])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "in", chosen.count, chosen.rows)
        command = by_command(folder / "in", folder / "out", options)
        print(f"command  {command}", flush=True)
        door = by_gateway(folder / "in", folder / "gateway", options, chosen.clients)
        print(f"gateway  {door}   {command.wall / door.wall:.0%} of the command's rate")


if __name__ == "__main__":
    main()
