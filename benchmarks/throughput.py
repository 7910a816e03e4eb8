"""How many Instances an hour: ``python -m benchmarks.throughput [--count 1500] [--rounds 5] ...``.

Small header-only Instances in one process, in two, and on a local Dask cluster of two workers, one way
after the other in every round: what else the machine does then hits all of them, and the median of the
rounds' ratios is told. Beside wall-clock times stand CPU times by phase (start-up, parent and worker for
each Instance), which a busy machine changes less. With ``--pictures N`` Instances with pixels are
searched instead, as most users do. ``--large N`` shows memory over many Instances; from all this a table
of what a collection needs, up to ten million Instances. Runs are whole: discovery, proof, sync, ledger and
report included.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clusters import local_cluster
from benchmarks.instances import small_instance
from scrub_pixels import Policy, Scrubber
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.limits import data_bytes

HEADERS, PIXELS = Policy(header_only=True), Policy()
MEBI = 2**20
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
IN_ONE, ONE, TWO, DASK = "in one process", "one worker process", "two worker processes", "Dask, two workers"
PICTURES = ("us_grey", "us_linear", "us_flow", "us_spectral", "screenshot", "report")


@dataclass(frozen=True)
class Timed:
    """One run, or the difference of two: Instances, wall-clock seconds, CPU seconds of parent and workers."""

    count: int
    wall: float
    parent: float
    workers: float

    def __sub__(self, other: Timed) -> Timed:
        return Timed(self.count - other.count, max(1e-3, self.wall - other.wall),
                     self.parent - other.parent, self.workers - other.workers)

    @property
    def rate(self) -> float:
        """Instances a second."""
        return self.count / self.wall

    @property
    def cost(self) -> float:
        """CPU-milliseconds an Instance."""
        return 1000 * (self.parent + self.workers) / self.count


@dataclass(frozen=True)
class Way:
    """One way to run: what it changes in a campaign, and how many workers there are."""

    name: str
    settings: Mapping[str, Any]
    workers: int
    spent: Callable[[], float]
    """CPU seconds of the workers so far."""


@dataclass(frozen=True)
class Round:
    """One way in one round: a run of one Instance, and one of all."""

    begin: Timed
    whole: Timed

    @property
    def steady(self) -> Timed:
        """What more Instances cost once everything has started."""
        return self.whole - self.begin


def make(folder: Path, count: int) -> Path:
    """Write so many small Instances."""
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}"
        path.parent.mkdir(parents=True, exist_ok=True)
        small_instance(number).save_as(path, enforce_file_format=True)
    return folder


def make_pictures(folder: Path, count: int) -> Path:
    """Write so many generated Instances with text in their pixels."""
    from fixtures import make_fixture  # workers import this module, and have no use for those

    folder.mkdir(parents=True)
    for number in range(count):
        made = make_fixture(number, PICTURES[number % len(PICTURES)]).dataset
        made.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)
    return folder


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def children() -> float:
    """CPU seconds of the children of this process that have ended."""
    return _cpu(resource.RUSAGE_CHILDREN)


def _own() -> float:
    used = os.times()
    return used.user + used.system


def timed(campaign: Campaign, spent: Callable[[], float]) -> Timed:
    """Run a campaign, and take its times.

    OUT goes aside and is not removed before the end: where many files have just been removed, some file
    systems take long to make new ones.
    """
    wall, parent, workers = time.perf_counter(), _cpu(resource.RUSAGE_SELF), spent()
    result = run(campaign)
    took = Timed(result.totals.inputs, time.perf_counter() - wall,
                 _cpu(resource.RUSAGE_SELF) - parent, spent() - workers)
    if not result.totals.closed or result.totals.released + result.totals.held != result.totals.inputs:
        raise RuntimeError("not everything was released or held")
    for folder in (Path(campaign.out), campaign.private):
        folder.rename(folder.with_name(f"{folder.name}-{secrets.token_hex(8)}"))
    return took


def compare(
    ways: list[Way], whole: Campaign, one: Campaign, rounds: int, between: Callable[[], None] = lambda: None
) -> dict[str, list[Round]]:
    """Run all ways in every round, over one Instance and over all of them; and something else after each."""
    found: dict[str, list[Round]] = {way.name: [] for way in ways}
    for way in ways:  # what is read and imported for the first time is no part of any round
        timed(replace(whole if way.name == DASK else one, **way.settings), way.spent)
    for number in range(rounds):
        for way in ways if number % 2 == 0 else reversed(ways):
            begin, all_of_it = (timed(replace(c, **way.settings), way.spent) for c in (one, whole))
            found[way.name].append(Round(begin, all_of_it))
        between()
    return found


def tell(ways: list[Way], found: Mapping[str, list[Round]]) -> None:
    """Print what each way took, and the ratios of ways that ran in the same round."""
    for way in ways:
        rounds = found[way.name]
        begin, steady = [r.begin for r in rounds], [r.steady for r in rounds]
        print(f"{way.name}: {median(s.rate for s in steady):.1f} a second, "
              f"{median(r.whole.rate for r in rounds):.1f} with start-up; CPU-ms an Instance "
              f"{1000 * median(s.parent / s.count for s in steady):.2f} in the parent, "
              f"{1000 * median(s.workers / s.count for s in steady):.2f} in workers; start-up "
              f"{median(b.wall for b in begin):.1f} s, {median(b.parent for b in begin):.2f} CPU-s, and "
              f"{median(b.workers for b in begin) / max(1, way.workers):.2f} CPU-s each worker", flush=True)
    for a, b, what in ((TWO, ONE, "rate"), (TWO, IN_ONE, "rate"), (DASK, TWO, "time"), (IN_ONE, ONE, "rate")):
        if a in found and b in found:
            print(f"{a} against {b}: {what} x {_ratio(found[a], found[b], what, lambda r: r.steady):.2f}, "
                  f"start-up included {_ratio(found[a], found[b], what, lambda r: r.whole):.2f}", flush=True)


def _ratio(a: list[Round], b: list[Round], what: str, part: Callable[[Round], Timed]) -> float:
    of = median(part(x).rate / part(y).rate for x, y in zip(a, b, strict=True))
    return 1 / of if what == "time" else of


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


def on_this_machine() -> list[Way]:
    """Return the ways that need no cluster."""
    return [Way(IN_ONE, {"jobs": 0}, 0, children), Way(ONE, {"jobs": 1}, 1, children),
            Way(TWO, {"jobs": 2}, 2, children)]


def on_cluster(client: Any) -> Way:
    """Return the way over a Dask cluster."""
    return Way(DASK, {"scheduler": client.scheduler.address}, 2, lambda: sum(client.run(_own).values()))


def headers(folder: Path, given: argparse.Namespace) -> float:
    """Time small headers in all ways; return CPU-milliseconds an Instance in one process."""
    whole = Campaign(make(folder / "in", given.count), folder / "out", HEADERS)
    one = replace(whole, source=make(folder / "one", 1))
    most: list[float] = []

    def labours() -> None:
        most.append(ceiling(folder))
        shutil.rmtree(folder / "labour")

    with local_cluster(folder, search=os.getcwd()) as client:
        ways = on_this_machine() if given.no_dask else [*on_this_machine(), on_cluster(client)]
        found = compare(ways, whole, one, given.rounds, labours)
    tell(ways, found)
    print(f"two processes that share nothing, in each round: {', '.join(f'{m:.2f}' for m in most)} x one; "
          f"median {median(most):.2f}", flush=True)
    return median(r.steady.cost for r in found[IN_ONE])


def pictures(folder: Path, given: argparse.Namespace) -> None:
    """Time Instances whose pixels are searched."""
    whole = Campaign(make_pictures(folder / "pictures", given.pictures), folder / "out", PIXELS)
    one = replace(whole, source=make_pictures(folder / "picture", 1))
    ways = on_this_machine()[1:]
    with local_cluster(folder, search=os.getcwd()) as client:
        ways += [] if given.no_dask else [on_cluster(client)]
        found = compare(ways, whole, one, given.rounds)
    tell(ways, found)


def as_installed() -> None:
    """Let processes that are started from here keep compiled modules, as installed packages have them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "throughput-pycache"))


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1500, help="small header-only Instances; 0 for none")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("--pictures", type=int, default=0, help="Instances whose pixels are searched")
    parser.add_argument("--large", type=int, default=0, help="Instances over which memory is watched")
    parser.add_argument("--pixels", type=float, default=0.41, help="CPU-seconds of an Instance with pixels")
    given = parser.parse_args()
    as_installed()
    with tempfile.TemporaryDirectory() as name:
        cost = headers(Path(name), given) if given.count else 0.0
        if given.pictures:
            pictures(Path(name), given)
        if given.large:
            memory(Path(name), given.large)
    if cost:
        table(cost, given.pixels)


if __name__ == "__main__":
    main()
