"""What a reviewer waits for: ``python -m benchmarks.review_queue [--entries 100000] [--postgresql URL]``.

Lists, filters, counts and claims in a queue of many entries, and the pictures of a 60-frame 1024x768
cine. Each figure stands beside its floor: the same rows or the same bytes without our layers. Times are the
least of several runs, since a machine that does other things too tells more about them than about us.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from sqlalchemy import insert, text

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.review.shelter import MakeShelter, OneWorker, ThisProcess
from scrub_pixels.review.showing import Showing
from scrub_pixels.review.views import Form, Rendering
from scrub_pixels.store.queue import Entry, Kind, State, Wanted, open_queue
from scrub_pixels.store.queue.leases import Leases
from scrub_pixels.store.queue.schema import ENTRIES, REASONS
from tests.instances import Recipe, make_instance

REASONS_THERE = ("places that may be text and could not be read: 1", "the search saw: barcode", "cine")
DEVICES, MODALITIES, STATES = 40, ("US", "XA", "CR", "OT"), (State.PENDING, State.RELEASED)
RUNS = 15
PAGE = 100


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--postgresql", default="", help="URL of an empty database")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for place in (Path(folder) / "queue.sqlite", given.postgresql):
            if place:
                measure_queue(place, given.entries)
        measure_pictures(Path(folder))


def measure_queue(place: Path | str, count: int) -> None:
    """Fill a queue and measure what a list does with it."""
    with open_queue(place, "bench") as queue:
        print(f"-- {queue.database.engine.dialect.name}, {count} entries")
        fill(queue, count)
        floor = _milliseconds(lambda: _floor(queue))
        print(f"{'floor: ' + str(PAGE) + ' rows by number':<44}{floor:8.1f} ms")
        leases = Leases(queue)
        tasks: dict[str, Callable[[], object]] = {
            "first page": lambda: queue.entries(Wanted(state=State.PENDING, limit=PAGE)),
            "page from the middle": lambda: queue.entries(Wanted(state=State.PENDING, after=count // 2)),
            "last page": lambda: queue.entries(Wanted(state=State.PENDING, after=count - PAGE)),
            "filter: device": lambda: queue.entries(Wanted(state=State.PENDING, device="DEVICE 7")),
            "filter: modality": lambda: queue.entries(Wanted(state=State.PENDING, modality="XA")),
            "filter: reason": lambda: queue.entries(Wanted(state=State.PENDING, reason=REASONS_THERE[1])),
            "filter: rare kind": lambda: queue.entries(Wanted(state=State.PENDING, kind=Kind.QA)),
            "filter: nothing fits": lambda: queue.entries(Wanted(state=State.PENDING, device="NONE")),
            "filters together": lambda: queue.entries(Wanted(
                State.PENDING, Kind.HELD, REASONS_THERE[2], "US", "DEVICE 8")),
            "counts of every facet": queue.facets,
            "claim the next": lambda: leases.claim_next("bench", Wanted(state=State.PENDING), 300),
        }
        for name, task in tasks.items():
            spent = _milliseconds(task)
            print(f"{name:<44}{spent:8.1f} ms  {spent / floor:6.1f} x the floor")


def fill(queue, count: int) -> None:
    """Enter many entries at once."""
    finding = json.dumps([{"region": [1, 2, 3, 4], "frames": [0, 1], "reading": "X" * 40}] * 10)
    with queue.database.writing() as connection:
        for start in range(0, count, 5000):
            numbers = range(start + 1, min(start + 5000, count) + 1)
            connection.execute(insert(ENTRIES), [_row(number, finding) for number in numbers])
            connection.execute(insert(REASONS), [
                {"entry": number, "reason": REASONS_THERE[number % 3]} for number in numbers])
        if not queue.database.is_sqlite:
            connection.execute(text("ANALYZE"))


def _row(number: int, finding: str) -> dict[str, object]:
    kind = Kind.QA if number % 1000 == 0 else Kind.HELD
    return {"id": number, "key": f"{number:032x}", "owner": "bench", "path": b"/in/x", "member": -1,
            "relative": b"x", "state": STATES[number % 5 == 0].value, "kind": kind.value, "created": 0.0,
            "changed": 0.0, "modality": MODALITIES[number % 4], "device": f"DEVICE {number % DEVICES}",
            "series": f"{number // 20:016x}", "rows": 768, "columns": 1024, "frames": 60,
            "reasons": json.dumps([REASONS_THERE[number % len(REASONS_THERE)]]), "findings": finding,
            "redactions": "[]"}


def _floor(queue) -> object:
    with queue.database.reading() as connection:
        return connection.execute(text(f"SELECT * FROM review_entries ORDER BY id LIMIT {PAGE}")).all()


def measure_pictures(folder: Path) -> None:
    """Measure how long a reviewer waits for pictures of a long cine."""
    random = np.random.default_rng(0)
    still = cv2.GaussianBlur(random.integers(0, 255, (768, 1024, 3)).astype(np.uint8), (9, 9), 3)
    frames = [np.roll(still, 3 * n, axis=1) for n in range(60)]
    for name, syntax, photometric in (("native RGB", "1.2.840.10008.1.2.1", "RGB"),
                                      ("JPEG Baseline", "1.2.840.10008.1.2.4.50", "YBR_FULL_422")):
        file = folder / "cine.dcm"
        dataset = make_instance(Recipe(photometric=photometric, syntax=syntax), frames)
        dataset.save_as(file, enforce_file_format=True)
        print(f"-- {name}, 60 frames of 1024x768, {file.stat().st_size / 1e6:.0f} MB")
        measure_cine(file)


def measure_cine(file: Path) -> None:
    """Measure the pictures of one file."""
    entry = Entry(1, "k", str(file), None, file.name, file.stat().st_size, 0, State.PENDING, Kind.HELD,
                  0.0, "US", "", "", 768, 1024, 60, ())
    floor = _milliseconds(lambda: open_instance(file).stored(0), runs=5)
    print(f"{'floor: open and decode one frame':<44}{floor:8.1f} ms")
    for name, shelter in (("in this process", ThisProcess), ("in a worker", OneWorker)):
        measure_showing(entry, shelter, (name, floor))


def measure_showing(entry: Entry, shelter: MakeShelter, beside: tuple[str, float]) -> None:
    """Measure the pictures of one file, made here or in a worker."""
    name, floor = beside
    starting = time.perf_counter()
    ready = _showing(shelter)
    ready.facts(entry)
    print(f"{f'{name}: start and open':<44}{1000 * (time.perf_counter() - starting):8.1f} ms")
    ready.close()
    shown, spent = [_showing(shelter) for _ in range(5)], []
    for one in shown:
        with suppress(Refusal):  # it starts the worker, and opens nothing
            one.facts(replace(entry, path="/dev/null"))
        spent.append(_milliseconds(lambda one=one: one.picture(entry, 0, Rendering(), ()), runs=1))
    first = min(spent)
    print(f"{f'{name}: first picture, nothing open':<44}{first:8.1f} ms  {first / floor:6.1f} x the floor")
    play, one = Rendering(form=Form.JPEG), shown[0]
    spent = [_milliseconds(lambda n=n: one.picture(entry, n, play, ()), runs=1) for n in range(60)]
    print(f"{f'{name}: a frame while playing, median':<44}{statistics.median(spent):8.1f} ms, "
          f"worst {max(spent):.1f}")
    again = _milliseconds(lambda: one.picture(entry, 0, play, ()))
    print(f"{f'{name}: a picture shown before':<44}{again:8.2f} ms")
    for one in shown:
        one.close()


def _showing(shelter: MakeShelter) -> Showing:
    return Showing(Limits(), shelter)


def _milliseconds(task: Callable[[], object], runs: int = RUNS) -> float:
    """Return the least time of a task."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
