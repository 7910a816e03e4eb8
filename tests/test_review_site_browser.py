"""The review site in a real browser, before a real workspace: from the mouse to the pixels in OUT."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from browser import DESKTOP, TABLET, TABLET_UPRIGHT, artefact_folder, browsing
from fake_desk import FakeDesk
from site_server import running

from fixtures import make_fixture
from scrub_pixels.geometry import Region
from scrub_pixels.policy import Policy
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.showing import NotShown
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.sessions import Sessions
from scrub_pixels.review.site.vendor import FETCHED, STATIC
from scrub_pixels.review.views import PLAIN
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.queue import Kind, State, Wanted

pytestmark = pytest.mark.skipif(
    any(not (STATIC / name).is_file() for name in FETCHED),
    reason="the drawing library was not fetched (npm was missing at installation)")

SIZE = (480, 360)
SIDEWAYS = """
return [...document.querySelectorAll('.filters, .filters *, .panel, .panel-part')]
  .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== 'inline')
  .map((node) => node.id || node.className);
"""
"""What is wider than there is room for it."""
COMPLETE = "return [...document.querySelectorAll('.thumb')].map((image) => image.complete)"
HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with browsing(folder / "profile", artefact_folder(folder / "screenshots")) as started:
        yield started


@pytest.fixture(autouse=True)
def fresh(browser):
    """Begin each test with a desktop's size and without cookies; end it without complaints of the page."""
    browser.only_window()
    browser.resize(DESKTOP)
    browser.complaints()
    yield
    complaints = [line for line in browser.complaints() if "favicon" not in line]
    browser.go("about:blank")
    browser.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    assert [line for line in complaints if " 401 " not in line and " 409 " not in line] == []


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A finished run: pictures without text, held as headers claim some, and a sample of one with text."""
    folder = tmp_path_factory.mktemp("review")
    (folder / "in").mkdir()
    stills = [(seed, "blank_us", None) for seed in range(8, 14)]
    for seed, kind, frames in (*stills, (4, "blank_cine", 6), (8, "us_sector", None)):
        dataset = make_fixture(seed, kind, size=SIZE, frames=frames).dataset
        dataset.BurnedInAnnotation = "YES"
        dataset.save_as(folder / "in" / f"ROE-{frames or 1}-{kind}-{seed}.dcm", enforce_file_format=True)
    campaign = Campaign(folder / "in", folder / "out", Policy(), jobs=0, qa_sample=1.0)
    run(campaign)
    return campaign


@pytest.fixture
def desk(campaign):
    with open_desk(campaign.private) as desk:
        for entry in desk.page(Wanted(state=State.PENDING)):
            desk.leave(entry.key, entry.claimed_by)
        yield desk


def waiting(desk, kind=Kind.HELD, frames=None):
    """Return an entry that waits."""
    found = desk.page(Wanted(state=State.PENDING, kind=kind))
    return next(e for e in found if frames is None or (e.frames > 1) == (frames > 1))


@contextlib.contextmanager
def visiting(browser, desk, **changes):
    """Serve a desk, and leave its pages before it ends."""
    with running(desk, **changes) as site:
        try:
            yield site
        finally:
            browser.go("about:blank")


def comes_in(browser, site):
    browser.go(site.opening())
    browser.until(lambda: browser.all(".entry"), "the list is empty")


def opens(browser, site, key):
    comes_in(browser, site)
    browser.go(f"{site.url}/entry/{key}")
    browser.shown(key)


def drawn(desk, key):
    """Return the regions of an entry's draft that a person drew, once there are any."""
    draft = desk.drafts.current(desk.queue.get(key))
    return [r for r in draft.redactions if r.reason == "reviewer"] if draft else []


def released(browser, campaign, desk, entry):
    """Wait until an entry is released; return original and released frames."""
    browser.until(lambda: desk.queue.get(entry.key).state is State.RELEASED, "nothing is released")
    with open_ledger(campaign.private / "ledger.sqlite", campaign.out) as ledger:
        (output,) = [row.output for row in ledger.rows() if row.path == entry.path]
    return pydicom.dcmread(entry.path).pixel_array, pydicom.dcmread(campaign.out / output).pixel_array


def test_a_box_drawn_with_the_mouse_is_black_in_the_released_file(browser, campaign, desk):
    entry = waiting(desk, frames=1)
    with visiting(browser, desk) as site:
        comes_in(browser, site)
        browser.until(lambda: all(browser.script(COMPLETE)))
        browser.screenshot("list")
        browser.go(f"{site.url}/entry/{entry.key}")
        browser.shown(entry.key)
        browser.drag(browser.on_page(100, 60), browser.on_page(139, 219))
        browser.until(lambda: drawn(desk, entry.key), "the box is not kept")
        browser.screenshot("viewer-box")
        browser.one("#accept").click()
        after = browser.shown(f"-{entry.key}")
        before, found = released(browser, campaign, desk, entry)
        assert after != entry.key and browser.script("return document.title") == "Review · scrub-pixels"
    (region,) = [r.region for r in drawn(desk, entry.key)] or [None]
    assert abs(region.row - 100) <= 2 and abs(region.column - 60) <= 2 and abs(region.rows - 40) <= 4
    inside = np.zeros(before.shape[:2], bool)
    inside[region.slices] = True
    assert not found[inside].any() and np.array_equal(found[~inside], before[~inside])


SAMPLE = """
const shown = document.createElement('canvas'), from = document.getElementById('picture');
Object.assign(shown, { width: from.width, height: from.height });
const context = shown.getContext('2d', { willReadFrequently: true });
context.drawImage(from, 0, 0);
return arguments[0].map(([row, column]) => context.getImageData(column, row, 1, 1).data[0]);
"""


def settled(browser):
    """Wait until the canvas is drawn by the window that was chosen last, and return both halves of `deep`.

    The page lays a filter over the canvas at once, and takes it away with the server's picture.
    """
    browser.until(lambda: not browser.all("#picture.windowed"), "the server's picture does not come")
    return browser.script(SAMPLE, [[60, 40], [60, 120]])


def told_apart(halves, inverse):
    return (halves[1] - halves[0]) * (-1 if inverse else 1) > 5


@pytest.fixture(params=["MONOCHROME2", "MONOCHROME1"])
def deep(request, tmp_path):
    """A held picture of 16 bit, whose greys differ by less than a screen shows at first."""
    from instances import Recipe, make_instance

    samples = np.full((120, 160), 40_000, np.uint16)
    samples[:, 80:] += 40
    samples[0, :2] = 0, 65_535
    recipe = Recipe(120, 160, bits_allocated=16, photometric=request.param)
    dataset = make_instance(recipe, [samples], BurnedInAnnotation="YES", Modality="CR",
                            WindowCenter="40020", WindowWidth="40000")
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "deep.dcm", enforce_file_format=True)
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy(), jobs=0)
    run(campaign)
    with open_desk(campaign.private) as opened:
        yield opened, request.param == "MONOCHROME1"


def test_window_and_level_reach_every_bit_of_sixteen_before_and_after(browser, deep):
    from selenium.webdriver.common.keys import Keys

    desk, inverse = deep
    (entry,) = desk.page(Wanted(state=State.PENDING))
    with visiting(browser, desk) as site:
        opens(browser, site, entry.key)
        left, right = browser.script(SAMPLE, [[60, 40], [60, 120]])
        assert abs(left - right) <= 1, "a screen shows 256 greys of 65536"
        browser.keys("w")
        for _ in range(2):  # to the left: narrower, down to a 256th of what it was
            browser.drag(browser.on_page(60, 150), browser.on_page(60, 4))
        assert told_apart(settled(browser), inverse)
        browser.keys("c")
        browser.until(lambda: browser.one("#preset").get_attribute("value") != "-1")
        browser.keys(Keys.ESCAPE, "d")
        browser.until(lambda: drawn(desk, entry.key), "no box stands in the middle")
        box = drawn(desk, entry.key)[0].region
        browser.keys("t")
        browser.until(lambda: browser.one("#badge").is_displayed(), "the masked picture does not come")
        browser.screenshot(f"deep-{'inverse' if inverse else 'plain'}")
        assert browser.script(SAMPLE, [[box.row + 1, box.column + 1]]) == [0]
        browser.keys("t")
        browser.until(lambda: not browser.one("#stage").get_attribute("data-masked"), "before stays away")


def test_window_and_level_by_keyboard_reach_the_server_and_go_back(browser, deep):
    from selenium.webdriver.common.keys import Keys

    desk, inverse = deep
    (entry,) = desk.page(Wanted(state=State.PENDING))
    with visiting(browser, desk) as site:
        opens(browser, site, entry.key)
        before = settled(browser)
        browser.keys(*"." * 60)
        assert told_apart(settled(browser), inverse) and "width" in browser.one("#status").text
        for key, brighter in (("]", True), ("[", False), (Keys.PAGE_UP, True), (Keys.PAGE_DOWN, False)):
            last = settled(browser)[0]
            browser.keys(*[key] * 4)
            assert settled(browser)[0] > last if brighter else settled(browser)[0] < last
        browser.keys(*[Keys.PAGE_DOWN] * 60, hold=[Keys.SHIFT])
        assert not told_apart(settled(browser), inverse)
        browser.keys("c", hold=[Keys.SHIFT])
        assert settled(browser) == before and browser.one("#preset").get_attribute("value") == "0"


def test_everything_goes_by_keyboard(browser, campaign, desk):
    from selenium.webdriver.common.keys import Keys

    with visiting(browser, desk) as site:
        comes_in(browser, site)
        browser.keys("s")
        key = browser.shown()
        entry = desk.queue.get(key)
        browser.keys("?")
        browser.until(lambda: browser.one("#shortcuts").is_displayed())
        browser.screenshot("shortcuts")
        browser.keys(Keys.ESCAPE)
        browser.until(lambda: not browser.one("#shortcuts").is_displayed())
        browser.keys("d")
        browser.until(lambda: drawn(desk, key), "no box stands in the middle")
        first = drawn(desk, key)[0].region
        browser.keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, hold=[Keys.SHIFT])
        browser.keys(Keys.ARROW_RIGHT, hold=[Keys.CONTROL, Keys.SHIFT])
        moved = Region(first.row + 1, first.column + 1, first.rows, first.columns + 1)
        browser.until(lambda: drawn(desk, key)[0].region == moved, "the box does not move")
        browser.until(lambda: browser.one("#undo").is_enabled())
        browser.keys("u")
        browser.until(lambda: drawn(desk, key)[0].region != moved, "undo does nothing")
        browser.keys("u", hold=[Keys.SHIFT])
        browser.until(lambda: drawn(desk, key)[0].region == moved, "redo does nothing")
        browser.keys("t")
        browser.until(lambda: browser.one("#badge").is_displayed())
        browser.screenshot("after")
        browser.keys("t", "a")
        browser.shown(f"-{key}")
        before, found = released(browser, campaign, desk, entry)
    assert not found[moved.slices].any()
    assert np.array_equal(found[: moved.row], before[: moved.row])


def test_two_reviewers_never_hold_the_same_entry(browser, desk):
    """One browser, two names of this machine: cookies of one do not go to the other."""
    with visiting(browser, desk) as site:
        first, keys = browser.driver.current_window_handle, []
        for host, name in (("127.0.0.1", "ann"), ("localhost", "bob")):
            cookie, _ = site.house.sessions.open(Person(name, Role.REVIEWER))
            url = f"http://{host}:{site.port}"
            browser.driver.switch_to.new_window("window")
            browser.go(f"{url}/open")
            browser.driver.add_cookie({"name": site.house.cookie, "value": cookie, "path": "/"})
            browser.go(f"{url}/")
            browser.until(lambda: browser.all(".entry"))
            browser.keys("s")
            keys.append(browser.shown())
        browser.go(f"http://localhost:{site.port}/entry/{keys[0]}")
        browser.until(lambda: "ann" in browser.one("#notice").text, "nobody says who has it")
        assert not browser.one("#accept").is_enabled()
        browser.screenshot("taken-by-another")
        held = {key: desk.queue.get(key).claimed_by for key in keys}
        close_other_tabs(browser, first)
    assert len(set(keys)) == 2 and held[keys[0]] == "ann"


class SlowDesk(FakeDesk):
    """Takes the next entry only when told to."""

    def __init__(self):
        super().__init__()
        self.asked, self.told = threading.Event(), threading.Event()
        self.returned = []

    def claim_next(self, *args, **kwargs):
        self.asked.set()
        assert self.told.wait(60)
        return super().claim_next(*args, **kwargs)

    def leave(self, key, who):
        super().leave(key, who)
        self.returned.append(key)


def test_what_is_still_being_taken_when_the_viewer_is_left_goes_back_too(browser):
    desk = SlowDesk()
    with visiting(browser, desk) as site:
        opens(browser, site, "key0001")
        browser.until(desk.asked.is_set, "nothing is fetched ahead")
        browser.keys("g")
        browser.until(lambda: browser.all(".entry"))
        browser.until(lambda: not desk.leases, "the entry shown is still taken")
        desk.told.set()
        browser.until(lambda: desk.returned == ["key0001", "key0002"], "the entry ahead is still taken")
        assert not desk.leases


def test_leaving_the_viewer_gives_everything_back(browser):
    desk = FakeDesk()
    with visiting(browser, desk) as site:
        opens(browser, site, "key0001")
        browser.until(lambda: set(desk.leases) == {"key0001", "key0002"}, "nothing is fetched ahead")
        browser.keys("g")
        browser.until(lambda: browser.all(".entry"))
        browser.until(lambda: not desk.leases, "an entry is still taken")


class MinedDesk(FakeDesk):
    """Has a frame, and an entry, that cost the worker that was to show them."""

    def frame(self, key, frame, who, wanted=PLAIN):
        if key == "key0002" and frame == 1:
            raise NotShown("It crashed the decoder.", stage="decode", remedy="Reject it.")
        return super().frame(key, frame, who, wanted)

    def look(self, key, who):
        if key == "key0003":
            raise NotShown("It crashed the decoder.", stage="decode", remedy="Reject it.")
        return super().look(key, who)

    def unseen(self, key, why):
        return replace(super().look(key, "nobody"), trouble=why)


def test_an_image_that_cannot_be_shown_is_said_to_be_and_can_be_rejected(browser):
    from selenium.webdriver.common.keys import Keys

    desk = MinedDesk()
    with visiting(browser, desk) as site:
        opens(browser, site, "key0002")
        row, column = 400, 320
        browser.until(lambda: browser.script(SAMPLE, [[row, column]]) != [0], "the first frame is not shown")
        browser.keys(Keys.ARROW_RIGHT)
        browser.until(lambda: "cannot be shown" in browser.one("#unseen").text, "nobody says why")
        assert browser.script(SAMPLE, [[row, column]]) == [0], "another frame stands in for it"
        browser.screenshot("unseen-frame")
        browser.keys(Keys.ARROW_RIGHT)
        browser.until(lambda: not browser.one("#unseen").is_displayed(), "the next frame stays away")
        browser.keys("n")
        browser.shown("key0003")
        browser.until(lambda: "Reject it" in browser.one("#unseen").text)
        assert not browser.one("#accept").is_enabled() and browser.one("#reject").is_enabled()
        browser.screenshot("unseen-entry")
        browser.keys("r")
        browser.until(lambda: browser.one("#reject-sheet").is_displayed())
        browser.keys(Keys.ENTER)
        browser.until(lambda: desk.entries["key0003"].state is State.REJECTED, "it cannot be rejected")
        browser.shown("key0004")
        assert not browser.one("#unseen").is_displayed() and browser.one("#accept").is_enabled()
        said = browser.complaints()
        assert said and all("/key0002/frames/1" in line and " 422 " in line for line in said)


def close_other_tabs(browser, first):
    for handle in browser.driver.window_handles:
        if handle != first:
            browser.driver.switch_to.window(handle)
            browser.go("about:blank")
            browser.driver.close()
    browser.driver.switch_to.window(first)


class Clock:
    """Time that moves when told to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_session_that_ended_shows_nothing_and_loses_nothing(browser, desk):
    clock = Clock()
    entry = waiting(desk, frames=1)
    with visiting(browser, desk, sessions=Sessions(clock=clock)) as site:
        opens(browser, site, entry.key)
        browser.drag(browser.on_page(40, 60), browser.on_page(60, 120))
        browser.until(lambda: drawn(desk, entry.key))
        kept = drawn(desk, entry.key)
        clock.now += 901
        browser.keys("d")
        browser.until(lambda: "Locked after" in browser.one("#message").text, "the page stays open")
        assert not browser.all("canvas, #items") and "ROE-" not in browser.driver.page_source
        browser.screenshot("locked")
        browser.go(site.opening())
        browser.shown(entry.key)
        assert drawn(desk, entry.key) == kept
        browser.keys("u")
        browser.until(lambda: not drawn(desk, entry.key))


def test_quality_control_says_clean_or_missed(browser, desk):
    entry = waiting(desk, Kind.QA)
    with visiting(browser, desk) as site:
        comes_in(browser, site)
        browser.keys("2")
        browser.until(lambda: "Nothing of the sample" in browser.one("#miss-rate").text)
        assert browser.one("#start-text").text == "Start checking"
        assert browser.script(SIDEWAYS) == []
        browser.keys("s")
        browser.shown(entry.key)
        assert browser.one("#accept").text.startswith("Clean") and browser.all(".item")
        browser.screenshot("quality-control")
        browser.keys("a")
        browser.until(lambda: desk.queue.get(entry.key).state is State.PASSED, "the sample is not passed")
    assert desk.miss_rate().reviewed == 1 and desk.miss_rate().missed == 0


def test_a_box_over_some_frames_masks_those_alone(browser, campaign, desk):
    from selenium.webdriver.common.keys import Keys

    entry = waiting(desk, frames=2)
    with visiting(browser, desk) as site:
        opens(browser, site, entry.key)
        browser.keys("d", "e")
        browser.until(lambda: browser.one("#frames-sheet").is_displayed())
        browser.one('#frames-sheet [name="first"]').clear()
        browser.one('#frames-sheet [name="first"]').send_keys("2")
        browser.one('#frames-sheet [name="last"]').clear()
        browser.one('#frames-sheet [name="last"]').send_keys("4", Keys.ENTER)
        browser.until(lambda: drawn(desk, entry.key) and len(drawn(desk, entry.key)[0].frames) == 3)
        browser.keys(Keys.ARROW_RIGHT)
        browser.until(lambda: browser.one("#stage").get_attribute("data-frame") == "1")
        browser.screenshot("cine")
        made = drawn(desk, entry.key)[0]
        browser.keys("a")
        before, found = released(browser, campaign, desk, entry)
    assert (made.frames.start, made.frames.stop) == (1, 4)
    for frame in range(6):
        inside = found[frame][made.region.slices]
        assert inside.any() != (frame in made.frames) or not before[frame][made.region.slices].any()
        assert np.array_equal(found[frame][: made.region.row], before[frame][: made.region.row])


def test_hostile_names_and_readings_are_shown_as_they_are(browser):
    desk = FakeDesk(readings=(HOSTILE, "\u202eROE", "x" * 4000))
    desk.entries = {key: replace(e, device=HOSTILE, modality=HOSTILE, reasons=(HOSTILE,), relative=HOSTILE)
                    for key, e in desk.entries.items()}
    with visiting(browser, desk) as site:
        comes_in(browser, site)
        assert HOSTILE in browser.one(".entry").text
        opens(browser, site, "key0001")
        assert HOSTILE in browser.one("#items").text and HOSTILE in browser.one("#where").text
        browser.keys("l")
        browser.until(lambda: browser.one("#many-sheet").is_displayed())
        assert browser.script("return window.hacked") is None
        assert not browser.all("#items img, #items script, #reasons img, #many-list script")


@pytest.mark.parametrize(("name", "size"), [("tablet", TABLET), ("tablet-upright", TABLET_UPRIGHT)])
def test_a_finger_draws_and_two_zoom(browser, name, size):
    desk = FakeDesk()
    browser.resize(size, touch=True)
    with visiting(browser, desk) as site:
        opens(browser, site, "key0001")
        start, stop = browser.on_page(200, 200), browser.on_page(259, 319)
        middle = [(a + b) / 2 for a, b in zip(start, stop, strict=True)]
        browser.touch([start, middle, stop, stop])
        browser.until(lambda: len(desk._drafts("key0001")) == 2, "a finger draws nothing")
        region = desk._drafts("key0001")[-1].redactions[-1].region
        assert abs(region.row - 200) <= 3 and abs(region.columns - 120) <= 5
        zoom = zoomed(browser)
        x, y = browser.on_page(240, 320)
        browser.touch([(x - 20, y), (x - 60, y), (x - 100, y)], [(x + 20, y), (x + 60, y), (x + 100, y)])
        browser.until(lambda: zoomed(browser) > 2 * zoom, "two fingers do not zoom")
        browser.keys("0")
        browser.screenshot(name)
        assert len(desk._drafts("key0001")) == 2
        wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        low = browser.script("const r = document.getElementById('accept').getBoundingClientRect();"
                             "return [r.bottom, innerHeight, r.height]")
        assert low[0] <= low[1] and low[2] >= 44


def zoomed(browser):
    """Return the percentage that the viewer says it zooms by."""
    return int(browser.one("#zoom").text.split()[0])


CONTRAST = r"""
const over = (top, under) =>
  top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3])).concat([1]);
const rgba = (text) => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
const linear = (v) => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ground = (node) => { const stack = [];
  for (let n = node; n; n = n.parentElement) stack.unshift(rgba(getComputedStyle(n).backgroundColor));
  return stack.reduce((under, top) => over(top, under), [14, 18, 22, 1]); };
const bad = [];
for (const node of document.querySelectorAll('body *')) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest(':disabled, .toast')) continue;
  let alpha = 1;
  for (let n = node; n; n = n.parentElement) alpha *= Number(getComputedStyle(n).opacity);
  const under = ground(node), ink = rgba(getComputedStyle(node).color);
  const shown = over([ink[0], ink[1], ink[2], ink[3] * alpha], under);
  const [a, b] = [light(shown), light(under)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) bad.push([node.className || node.tagName, node.textContent.trim().slice(0, 30), ratio]);
}
return bad;
"""

UNNAMED = """
const named = (node) => node.getAttribute('aria-label') || node.textContent.trim() || node.title
  || node.labels?.length;
return [...document.querySelectorAll('button, a[href], input, select, summary')]
  .filter((node) => node.checkVisibility() && !named(node)).map((node) => node.outerHTML.slice(0, 100));
"""


def test_pages_can_be_read_and_named(browser):
    """Contrast of text (WCAG 1.4.3), names of controls (4.1.2), a heading, a language, a live region."""
    with visiting(browser, FakeDesk()) as site:
        comes_in(browser, site)
        pages = [(browser.script(CONTRAST), browser.script(UNNAMED))]
        opens(browser, site, "key0001")
        from selenium.webdriver.common.keys import Keys

        browser.keys(Keys.ARROW_DOWN)
        browser.until(lambda: browser.one("#selected").is_displayed())
        browser.screenshot("selected")
        pages.append((browser.script(CONTRAST), browser.script(UNNAMED)))
        assert pages == [([], []), ([], [])]
        assert browser.script("return document.documentElement.lang") == "en" and browser.all("h1")
        assert browser.one("#status").get_attribute("aria-live") == "polite"


def test_nothing_leaves_this_machine(browser):
    """Every address a page asks for is the site's own."""
    with visiting(browser, FakeDesk()) as site:
        opens(browser, site, "key0001")
        asked = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert asked and all(name.startswith(site.url) for name in asked)
        assert not [name for name in asked if "ROE" in name or "ACME" in name]




def test_what_is_left_is_counted_kind_by_kind_and_an_empty_list_says_where_there_is_more(browser):
    desk = FakeDesk(3)
    held, *others = sorted(desk.entries)
    for key in others:
        desk.entries[key] = replace(desk.entries[key], kind=Kind.QA)
    with visiting(browser, desk) as site:
        opens(browser, site, held)
        browser.until(lambda: browser.one("#left").text == "1", "samples are counted as held")
        desk.entries[held] = replace(desk.entries[held], state=State.RELEASED)
        browser.go(site.url)
        more = "Nothing is held any more. Quality control has 2 to look at."
        browser.until(lambda: browser.one("#empty").text == more, "nothing is said of the samples")
        browser.one("[data-tab=decided]").click()
        browser.until(lambda: len(browser.all(".entry")) == 1, "what was released is not shown at first")
        assert browser.one("[name=state]").get_attribute("value") == "released"
        browser.script("document.getElementById('filters').elements.state.value = 'rejected'")
        browser.one("#filters button[type=reset]").click()
        browser.until(lambda: browser.one("[name=state]").get_attribute("value") == "released", "not reset")
