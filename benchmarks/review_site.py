"""What a reviewer waits for in the browser: ``python -m benchmarks.review_site [--stills 31]``.

In headless Chromium before a real workspace: the first image of a 60-frame 1024x768 cine from the
click to the painted frame, the next entry with its image already fetched, entries accepted by keyboard
in a minute, and how far the releases behind them are by then. Beside them, without a browser, what the
server takes to list, filter and count a queue of many entries, as JSON over HTTP.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmarks.review_queue import REASONS_THERE, fill
from fixtures import make_fixture
from scrub_pixels.errors import Refusal
from scrub_pixels.policy import Policy
from scrub_pixels.review.desk import Desk, open_desk
from scrub_pixels.review.shelter import OneWorker
from scrub_pixels.review.showing import Showing
from scrub_pixels.review.site.app import build
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.store.queue import Entry, Kind, State, Wanted, open_queue
from tests.browser import Browser, browsing
from tests.site_server import OWNER, Running, TestClient, house_of, running

SIZE = (1024, 768)
FRAMES = 60
RUNS = 9
URL = "http://127.0.0.1:8000"

NEXT = """
const [key, done] = [arguments[0], arguments[1]];
const stage = document.getElementById('stage');
const before = performance.now();
new MutationObserver((_, watching) => { watching.disconnect(); done(performance.now() - before); })
  .observe(stage, { attributeFilter: ['data-shown'] });
document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
"""
"""From the key to the image of the next entry, painted."""


ALL_LOADED = """
const loaded = [...document.querySelectorAll('#marks .loaded')];
return loaded.length === 1 && Number(loaded[0].getAttribute('width')) === arguments[0];
"""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stills", type=int, default=31)
    options.add_argument("--entries", type=int, default=100_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_list(folder / "queue.sqlite", given.entries)
        campaign = held(folder, given.stills)
        with (open_desk(campaign.private, shelter=OneWorker) as desk,
              browsing(folder / "profile", folder) as browser):
            with running(desk) as site:
                browser.go(site.opening())
                browser.until(lambda: browser.all(".entry"))
                first_image(browser, site, desk)
                next_entries(browser, site, desk)
                accepting(browser, site, desk)


def measure_list(file: Path, count: int) -> None:
    """Print what the server takes to answer the list's requests."""
    with open_queue(file, "bench") as queue:
        fill(queue, count)
        desk = Desk.__new__(Desk)  # the list needs nothing of a desk but its queue
        desk.queue = queue
        house = house_of(desk)
        cookie, session = house.sessions.open(OWNER)
        page = TestClient(build(house, ["127.0.0.1:8000"], [URL]), base_url=URL,
                          cookies={house.cookie: cookie},
                          headers={"Origin": URL, "X-CSRF-Token": session.csrf})
        wanted = {"state": "pending", "kind": "held"}
        tasks: dict[str, Callable[[], object]] = {
            "first page": lambda: page.post("/api/entries", json=wanted),
            "page from the middle": lambda: page.post("/api/entries", json={**wanted, "after": count // 2}),
            "filter: device": lambda: page.post("/api/entries", json={**wanted, "device": "DEVICE 7"}),
            "filter: reason": lambda: page.post("/api/entries", json={**wanted, "reason": REASONS_THERE[1]}),
            "filter: nothing fits": lambda: page.post("/api/entries", json={**wanted, "device": "NONE"}),
            "counts of every filter": lambda: page.get("/api/facets"),
        }
        for name, task in tasks.items():
            shown(f"{count} entries, {name}", milliseconds(task))


def held(folder: Path, stills: int) -> Campaign:
    """Run over a cine and many stills that are held, or drawn for quality control."""
    (folder / "in").mkdir()
    made = {f"b-{n}": make_fixture(n, "blank_us", size=SIZE).dataset for n in range(stills)}
    made["a-cine"] = make_fixture(4, "blank_cine", size=SIZE, frames=FRAMES, syntax="jpeg").dataset
    for name, dataset in made.items():
        dataset.BurnedInAnnotation = "YES"
        dataset.save_as(folder / "in" / f"{name}.dcm", enforce_file_format=True)
    campaign = Campaign(folder / "in", folder / "out", Policy(), jobs=0, qa_sample=1.0)
    run(campaign)
    return campaign


def first_image(browser: Browser, site: Running, desk: Desk) -> None:
    """Print how long the cine's first image takes, from the click; the server has never opened it before."""
    cine = next(entry for entry in waiting(desk) if entry.frames == FRAMES)
    times = []
    for _ in range(RUNS):
        nothing_open(desk, cine)
        browser.go(f"{site.url}/entry/{cine.key}")
        browser.shown(cine.key)
        times.append(browser.script("return performance.getEntriesByName('shown')[0].startTime"))
    shown(f"first image of {FRAMES} frames {SIZE[0]}x{SIZE[1]}, from the click", times)
    began = time.perf_counter()
    browser.until(lambda: browser.script(ALL_LOADED, FRAMES))
    shown("... until all its frames are ready to play", [1000 * (time.perf_counter() - began)])


def nothing_open(desk: Desk, entry: Entry) -> None:
    """Give a desk a worker that runs, as it does since the site started, and has not opened any input."""
    desk.showing.close()
    desk.showing = Showing(desk.orders.policy.limits, OneWorker)
    with suppress(Refusal):
        desk.showing.facts(replace(entry, path="/dev/null"))


def next_entries(browser: Browser, site: Running, desk: Desk) -> None:
    """Print how long the next entry takes when it is fetched already."""
    browser.go(f"{site.url}/entry/{waiting(desk, Kind.HELD)[0].key}")
    browser.shown()
    times = []
    for _ in range(RUNS):
        fetched_ahead(browser)
        times.append(browser.driver.execute_async_script(NEXT, "n"))
    shown("next entry, fetched ahead", times)


def accepting(browser: Browser, site: Running, desk: Desk) -> None:
    """Print how many entries are accepted in a minute by a person who needs no time to think."""
    browser.go(f"{site.url}/entry/{waiting(desk, Kind.HELD)[0].key}")
    browser.shown()
    before, began, times = len(waiting(desk, Kind.HELD)), time.perf_counter(), []
    for _ in range(min(20, before - 4)):
        times.append(browser.driver.execute_async_script(NEXT, "a"))
    spent = time.perf_counter() - began
    done = before - len(waiting(desk, Kind.HELD))
    shown("accept by keyboard until the next image", times)
    print(f"{'accepted in a minute at that pace':<62}{60 * done / spent:8.0f} entries")
    started = time.perf_counter()
    while desk.facets().states.get(State.ACCEPTED.value):
        time.sleep(0.2)
    print(f"{'all of them released after another':<62}{time.perf_counter() - started:8.1f} s")


def waiting(desk: Desk, kind: Kind | None = None) -> list[Entry]:
    """Return what waits."""
    return desk.page(Wanted(state=State.PENDING, kind=kind))


def fetched_ahead(browser: Browser) -> None:
    """Wait until the page rests: a person looks longer than it fetches."""
    count = "return performance.getEntriesByType('resource').length"
    last = -1
    while last != (last := browser.script(count)):
        time.sleep(0.4)


def milliseconds(task: Callable[[], object]) -> list[float]:
    """Return the milliseconds of some runs."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        task()
        times.append(1000 * (time.perf_counter() - began))
    return times


def shown(name: str, times: list[float]) -> None:
    """Print median and worst."""
    print(f"{name:<62}{statistics.median(times):8.0f} ms   worst {max(times):6.0f} ms", flush=True)


if __name__ == "__main__":
    main()
