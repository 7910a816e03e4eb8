"""How many Instances an hour: ``python -m benchmarks.throughput [--count 400] [--large 10000]``.

Small header-only Instances in one process, in two, and on a local Dask cluster of two workers; memory of
the run over many Instances; and from these a table of what a collection needs, up to ten million
Instances. Times are of the run as a whole: discovery, proof, sync, ledger and report included. Beside
every time stands the CPU time, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.clusters import local_cluster
from benchmarks.instances import small_instance
from scrub_pixels import Policy, Scrubber
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.limits import data_bytes

HEADERS = Policy(header_only=True)
MEBI = 2**20
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Timed:
    """One run: Instances, wall-clock and CPU seconds (of this process and its children)."""

    count: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Instances a second."""
        return self.count / self.wall

    @property
    def cost(self) -> float:
        """CPU-milliseconds an Instance."""
        return 1000 * self.cpu / self.count


def make(folder: Path, count: int) -> Path:
    """Write so many small Instances."""
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}"
        path.parent.mkdir(parents=True, exist_ok=True)
        small_instance(number).save_as(path, enforce_file_format=True)
    return folder


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    return sum(u.ru_utime + u.ru_stime
               for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def timed(campaign: Campaign) -> Timed:
    """Run a campaign and take its times."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = run(campaign)
    if not result.totals.closed or result.totals.released != result.totals.inputs:
        raise RuntimeError("not everything was released")
    return Timed(result.totals.inputs, time.perf_counter() - wall, cpu_seconds() - cpu)


def startup(folder: Path, campaign: Campaign) -> Timed:
    """Return what a run of one Instance takes: processes and imports, which more Instances share."""
    out = folder / f"one-{campaign.jobs}{bool(campaign.scheduler)}"
    if campaign.scheduler:  # its workers stay: what they import in the first run is no part of the next
        timed(replace(campaign, source=make(folder / "few", 40), out=out.with_name("warm")))
    return timed(replace(campaign, source=make(folder / "one", 1), out=out))


def compare(folder: Path, count: int, only: Iterable[str]) -> dict[str, Timed]:
    """Time the ways to run over the same inputs, less their start-up, and print them."""
    source, found = make(folder / "in", count), {}
    with local_cluster(folder, search=os.getcwd()) as client:
        ways = {"one process": {"jobs": 1}, "two processes": {"jobs": 2},
                "Dask, two workers": {"scheduler": client.scheduler.address}}
        for name in only:
            campaign = Campaign(source, folder / name.replace(" ", "-"), HEADERS, **ways[name])
            begin = startup(folder, campaign)
            whole = timed(campaign)
            found[name] = Timed(count, max(1e-3, whole.wall - begin.wall),
                                max(1e-3, whole.cpu - begin.cpu))
            cost = "" if "Dask" in name else f", {found[name].cost:.1f} CPU-ms each"
            print(f"{name}: {found[name].rate:.0f} a second{cost}; start-up {begin.wall:.1f} s", flush=True)
    return found


def memory(folder: Path, count: int) -> None:
    """Print how memory of the run's own process grows over many Instances."""
    source, seen, at = make(folder / "many", count), [], max(1, count // 10)

    def watch(_: object) -> None:
        seen.append(data_bytes() if len(seen) % at == at - 1 else 0)

    run(Campaign(source, folder / "many-out", HEADERS, jobs=0), watch)
    steps = [size / MEBI for size in seen if size]
    print(f"memory after each tenth of {count}, MiB: {', '.join(f'{s:.0f}' for s in steps)}", flush=True)


def labour(path: Path, gate: Any, seconds: Any, times: int) -> None:
    """De-identify one file again and again, once all others are ready to; nothing is written."""
    scrubber = Scrubber(HEADERS)
    scrubber.scrub(path)
    gate.wait()
    begin = time.perf_counter()
    for _ in range(times):
        scrubber.scrub(path)
    seconds.put(time.perf_counter() - begin)


def ceiling(folder: Path, times: int = 600) -> float:
    """Return how much more two processes get done here that share nothing: no disk, no queue, no parent.

    Two cores of a machine may be two threads of one core.
    """
    path, context, took = make(folder / "labour", 1) / "0000" / "0000000", get_context("spawn"), []
    for count in (1, 2):
        gate, seconds = context.Barrier(count), context.Queue()
        crew = [context.Process(target=labour, args=(path, gate, seconds, times)) for _ in range(count)]
        for one in crew:
            one.start()
        took.append(max(seconds.get(timeout=600) for _ in crew))
        for one in crew:
            one.join()
    return 2 * took[0] / took[1]


def table(milliseconds: float, seconds_of_pixels: float) -> None:
    """Print what collections need at a cost of CPU time for each Instance."""
    print("| Instances | core-hours, header only | core-hours, with pixels "
          "| hours on 16 cores, with pixels |\n|---|---|---|---|")
    for size in SIZES:
        headers, pixels = size * milliseconds / 3.6e6, size * seconds_of_pixels / 3600
        print(f"| {size:,} | {headers:,.1f} | {pixels:,.0f} | {pixels / 16:,.0f} |")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--large", type=int, default=10_000)
    parser.add_argument("--pixels", type=float, default=0.41, help="CPU-seconds of an Instance with pixels")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ways = ("one process", "two processes", "Dask, two workers")
        found = compare(Path(name), given.count, ways)
        one, two, dask = (found[way] for way in ways)
        print(f"two processes: {two.rate / one.rate:.2f} x one; "
              f"Dask: {dask.wall / two.wall:.2f} x their time")
        print(f"two processes that share nothing: {ceiling(Path(name)):.2f} x one, on this machine")
        if given.large:
            memory(Path(name), given.large)
        table(found[ways[0]].cost, given.pixels)


if __name__ == "__main__":
    main()
