"""No fault loses or leaks: ``python -m benchmarks.faults [--inputs 500] [--kills 200] ...``.

One folder of inputs (Instances, copies, Instances that share a UID, damaged files, other files) is
scrubbed undisturbed, and then again and again while the process is killed at random moments, the disk
is full at random writes, workers of a Dask cluster are killed, or a run is whose OUT is an S3 store. After
every fault: each Instance in OUT is, byte for byte, one of the undisturbed run, and no planted identifier
stands anywhere in OUT. After every resumption to the end: OUT and the ledger are those of the undisturbed
run, and its sums close.
"""

from __future__ import annotations

import argparse
import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.clusters import PATIENCE, local_cluster
from benchmarks.instances import PLANTED, make_inputs
from benchmarks.object_faults import STORES, Attack, object_kills
from scrub_pixels import Policy
from scrub_pixels.errors import ScrubError
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.store import atomic, journal
from scrub_pixels.store.books import open_books
from scrub_pixels.store.workspace import open_workspace

HEADERS = Policy(header_only=True)
FULL, KILLED = "disk full", "killed"


class Leak(Exception):
    """Something stands where it must not, or is missing where it must be."""


@dataclass(frozen=True)
class Truth:
    """What an undisturbed run gives: the content of OUT and how each input ended."""

    files: dict[str, bytes]
    ends: dict[str, tuple[str, str, str]]


def truth_of(campaign: Campaign) -> Truth:
    """Return what stands in OUT and in the ledger now; the sums must close."""
    out = Path(campaign.out)
    with open_books(open_workspace(campaign.private, create=False), out.resolve()) as books:
        if not books.ledger.totals().closed:
            raise Leak("the sums do not close")
        ends = {row.relative: (str(row.outcome), row.code, row.output) for row in books.ledger.rows()}
    return Truth({str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.dcm")}, ends)


def check_public(out: Path, truth: Truth) -> None:
    """Check what a fault left: whole, proven files of ours, and no identifier anywhere."""
    for path in out.rglob("*"):
        if any(text in str(path).lower().encode() for text in PLANTED):
            raise Leak("a name stands in a path")
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(text in content.lower() for text in PLANTED):
                raise Leak("a name stands in a file")
            name = str(path.relative_to(out))
            if path.suffix == ".dcm" and content != truth.files.get(name) and not _is_second(content, truth):
                raise Leak("a file is not one of the undisturbed run")


def _is_second(content: bytes, truth: Truth) -> bool:
    """Tell whether this is a whole file under another name: twins are put in order at the end of a run."""
    return content in truth.files.values()


def check_end(campaign: Campaign, truth: Truth) -> None:
    """Check that a run that was resumed to its end is the undisturbed one."""
    found = truth_of(campaign)
    if found.files != truth.files:
        raise Leak("OUT is not that of the undisturbed run")
    if found.ends != truth.ends:
        raise Leak("the ledger is not that of the undisturbed run")
    if list(Path(campaign.out).glob(atomic.PARTIAL_PREFIX + "*")):
        raise Leak("a private folder is left")


class Stage:
    """Where a campaign of faults plays: inputs, one workspace with one key, and OUT made anew.

    Parameters
    ----------
    folder
        An empty folder.
    inputs
        How many inputs.
    """

    def __init__(self, folder: Path, inputs: int) -> None:
        self.folder = folder
        make_inputs(folder / "in", inputs)
        calm = Campaign(folder / "in", folder / "calm", HEADERS, workspace=folder / "ws")
        started = time.monotonic()
        run(calm)
        self.seconds = time.monotonic() - started
        self.truth = truth_of(calm)
        self._rounds = 0
        self.campaign = self.again()

    def again(self) -> Campaign:
        """Return the campaign for a new OUT."""
        self._rounds += 1
        out = self.folder / f"wild-{self._rounds}"
        self.campaign = Campaign(self.folder / "in", out, HEADERS, workspace=self.folder / "ws", resume=True)
        return self.campaign

    def finish(self) -> None:
        """Check a finished run, and clear the stage for the next."""
        check_end(self.campaign, self.truth)
        shutil.rmtree(self.campaign.out)
        self.again()

    def check(self) -> None:
        """Check what a fault left."""
        if Path(self.campaign.out).exists():
            check_public(Path(self.campaign.out), self.truth)


def kills(stage: Stage, count: int, seed: int) -> Counter[str]:
    """Kill forked lives of a run in this code at random moments, until so many were killed in work."""
    chance, tally = random.Random(seed), Counter[str]()
    while tally[KILLED] < count:
        process = multiprocessing.get_context("fork").Process(target=run, args=(stage.campaign,))
        process.start()
        process.join(chance.uniform(0, min(1.5, 1.1 * stage.seconds)))
        _after(process, stage, tally)
    run(stage.campaign)
    stage.finish()
    return tally


def _after(process: multiprocessing.process.BaseProcess, stage: Stage, tally: Counter[str]) -> None:
    ended = process.exitcode is not None
    if not ended:
        process.kill()
        process.join()
    stage.check()
    if process.exitcode == 0:
        tally["finished"] += 1
        stage.finish()
    elif process.exitcode == -signal.SIGKILL:
        tally[KILLED] += 1
    else:
        raise Leak(f"the run failed by itself with {process.exitcode}")


def kills_of_groups(stage: Stage, count: int, seed: int) -> Counter[str]:
    """Kill the command with its two worker processes, or the command alone, at random moments."""
    chance, tally = random.Random(seed), Counter[str]()
    folders = [str(stage.campaign.source), str(stage.campaign.out)]
    options = ["--workspace", str(stage.campaign.workspace), "--header-only", "--resume", "--jobs", "2"]
    while tally[KILLED] < count:
        folders[1] = str(stage.campaign.out)
        command = [sys.executable, "-m", "scrub_pixels.cli", *folders, *options, "--quiet"]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(1.0, 5.0))
        except subprocess.TimeoutExpired:
            (os.killpg if chance.random() < 0.7 else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
        stage.check()
        if process.returncode >= 0:
            tally["finished"] += 1
            stage.finish()
        else:
            tally[KILLED] += 1
    _finish_over_orphans(stage)
    return tally


def _finish_over_orphans(stage: Stage) -> None:
    """Run to the end; workers whose parent was killed alone may hold on for a moment."""
    run(stage.campaign)
    stage.finish()


@dataclass
class FullDisk:
    """A disk that is full from one write on: system calls and the database alike."""

    writes_left: int

    def calls(self, real: Callable[..., object]) -> Callable[..., object]:
        """Return a call that fails once the disk is full."""
        def call(*arguments: object, **options: object) -> object:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise OSError(errno.ENOSPC, "No space left on device", "/secret/Quixotewski")
            return real(*arguments, **options)

        return call

    def install(self) -> None:
        """Put it under the store of this process, for good."""
        for module, name in ((os, "fsync"), (os, "link"), (os, "mkdir"), (os, "write"), (atomic, "_put"),
                             (os, "replace"), (journal, "_append")):
            setattr(module, name, self.calls(getattr(module, name)))


def _on_a_full_disk(campaign: Campaign, writes: int, largest: int) -> None:
    if writes:
        FullDisk(writes).install()
    if largest:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        run(campaign)
    except ScrubError as error:
        os._exit(3 if "secret" not in str(error) else 4)


def full_disks(stage: Stage, count: int, seed: int) -> Counter[str]:
    """Fill the disk at random writes; every third time it is the ledger that finds no room."""
    chance, tally = random.Random(seed), Counter[str]()
    while tally[FULL] < count:
        ledger = tally.total() % 3 == 2
        writes = 0 if ledger else int(chance.uniform(1, 6 * len(stage.truth.files)))
        largest = int(chance.uniform(50_000, 400_000)) if ledger else 0
        process = multiprocessing.get_context("fork").Process(
            target=_on_a_full_disk, args=(stage.campaign, writes, largest))
        process.start()
        process.join()
        stage.check()
        if process.exitcode not in (0, 3):
            raise Leak(f"a full disk ended the run with {process.exitcode}")
        tally[FULL if process.exitcode else "finished"] += 1
        run(stage.campaign)
        stage.finish()
    return tally


def worker_kills(stage: Stage, count: int, seed: int) -> Counter[str]:
    """Kill workers of a Dask cluster while they work; their nannies bring new ones."""
    chance, tally = random.Random(seed), Counter[str]()
    with local_cluster(stage.folder, search=os.getcwd()) as client:
        address = client.scheduler.address
        while tally[KILLED] < count:
            for _ in _run_with_kills(stage, client, chance, address):
                tally[KILLED] += 1
            stage.check()
            tally["finished"] += 1
            stage.finish()
            client.wait_for_workers(2, timeout=PATIENCE)
    return tally


def _run_with_kills(stage: Stage, client: object, chance: random.Random, address: str) -> Iterator[int]:
    moments = sorted(chance.sample(range(5, max(12, len(stage.truth.ends) - 5)), 2))
    killed: list[int] = []
    settled = 0

    def watch(_: object) -> None:
        nonlocal settled
        settled += 1
        if moments and settled >= moments[0]:
            moments.pop(0)
            # A worker that was killed just now may still be listed, and fails to answer.
            pids = list(client.run(os.getpid, on_error="ignore").values())  # type: ignore[attr-defined]
            if pids:
                killed.append(chance.choice(pids))
                os.kill(killed[-1], signal.SIGKILL)

    run(replace(stage.campaign, scheduler=address), watch)
    yield from killed


def main() -> None:
    """Run all campaigns and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("inputs", 500), ("kills", 150), ("group-kills", 50), ("full-inputs", 100),
                          ("full", 50), ("workers", 20), ("object-inputs", 60), ("object-kills", 20),
                          ("seed", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--stores", nargs="+", choices=list(STORES), default=["s3"])
    parser.add_argument("--only-stores", action="store_true", help="leave out what does not need a store")
    given = parser.parse_args()
    if not given.only_stores:
        _on_disks(given)
    for kind in given.stores if given.object_kills else ():
        attack = Attack(kind, given.object_inputs, given.object_kills, given.seed)
        with tempfile.TemporaryDirectory() as name:
            _told(f"kill -9, OUT in a store of {kind}", partial(object_kills, Path(name), attack))


def _on_disks(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        stage, small = (_staged(Path(name) / sub, inputs)
                        for sub, inputs in (("large", given.inputs), ("small", given.full_inputs)))
        for title, play, where, count in (
                ("kill -9, one process", kills, stage, given.kills),
                ("kill -9, command with two workers", kills_of_groups, stage, given.group_kills),
                ("disk full", full_disks, small, given.full),
                ("kill -9, Dask workers", worker_kills, stage, given.workers)):
            _told(title, partial(play, where, count, given.seed))


def _told(title: str, play: Callable[[], Counter[str]]) -> None:
    started = time.monotonic()
    tally = play()
    print(f"{title}: {dict(tally)}, nothing lost, nothing leaked, {time.monotonic() - started:.0f} s",
          flush=True)


def _staged(folder: Path, inputs: int) -> Stage:
    folder.mkdir()
    stage = Stage(folder, inputs)
    ends = Counter(end[0] for end in stage.truth.ends.values())
    print(f"{inputs} inputs, undisturbed in {stage.seconds:.1f} s: {dict(ends)}", flush=True)
    return stage


if __name__ == "__main__":
    main()
