"""A real browser without a window, for the tests of the review site."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
from pathlib import Path

import pytest

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--disable-dev-shm-usage")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, TABLET, TABLET_UPRIGHT = (1280, 720), (1180, 820), (820, 1180)
SECONDS = 120
"""How long something on a page may take on a busy machine; what it waits for ends it sooner."""


def chosen_browser() -> tuple[str, str]:
    """Return browser and driver, or skip."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if not found or not driver:
        pytest.skip("no chromium and chromedriver are installed (.ci/debian-packages installs them)")
    return found, driver


class Browser:
    """What tests do in a browser.

    Parameters
    ----------
    driver
        Of Selenium.
    artefacts
        Where screenshots go.
    """

    def __init__(self, driver, artefacts: Path) -> None:
        self.driver, self.artefacts = driver, artefacts

    def resize(self, size, touch=False):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        fingers = {"enabled": touch, "maxTouchPoints": 5}
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", fingers)

    def go(self, url):
        self.driver.get(url)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def one(self, css):
        return self.driver.find_element("css selector", css)

    def until(self, condition, message=""):
        """Wait until a condition (of no argument) holds, and return what it gave."""
        from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, SECONDS, 0.05, (StaleElementReferenceException, WebDriverException))
        return wait.until(lambda _: condition(), message)

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def keys(self, *keys, hold=()):
        """Press keys, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self.driver)
        for key in hold:
            chain.key_down(key)
        chain.send_keys(*keys)
        for key in hold:
            chain.key_up(key)
        chain.perform()

    def drag(self, start, stop):
        """Drag with the mouse between two points of the page."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        builder = ActionBuilder(self.driver, duration=20)
        pointer = builder.pointer_action
        pointer.move_to_location(*map(round, start))
        pointer.pointer_down()
        for share in (0.3, 0.7, 1.0):
            pointer.move_to_location(*(round(a + share * (b - a)) for a, b in zip(start, stop, strict=True)))
        pointer.pointer_up()
        builder.perform()

    def touch(self, *paths):
        """Drag one or more fingers, each along a path of points, all at once."""
        def send(kind, points):
            touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        send("touchStart", [path[0] for path in paths])
        for step in range(1, len(paths[0])):
            send("touchMove", [path[step] for path in paths])
        send("touchEnd", [])

    def shown(self, key=None):
        """Wait until the viewer shows an entry (another than `key`, if it is given with a minus)."""
        def is_shown():
            now = self.one("#stage").get_attribute("data-shown")
            return now and (key is None or (now != key[1:] if key.startswith("-") else now == key)) and now
        return self.until(is_shown, "the viewer shows no entry")

    def on_page(self, row, column):
        """Return where a sample of the frame stands on the page."""
        box = self.script("const c = document.getElementById('picture'); const r = c.getBoundingClientRect();"
                          "return [r.x, r.y, r.width / c.width]")
        return box[0] + (column + 0.5) * box[2], box[1] + (row + 0.5) * box[2]

    def screenshot(self, name):
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        (self.artefacts / f"{name}.png").write_bytes(base64.b64decode(picture))

    def only_window(self):
        """Close every window but the first, which a test that failed may have left."""
        first, *others = self.driver.window_handles
        for handle in others:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(first)

    def complaints(self):
        """Return what the browser's console holds against the page."""
        lines = self.driver.get_log("browser")
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]


@contextlib.contextmanager
def browsing(profile: Path, artefacts: Path, trusting: bool = False):
    """Start a browser with a fresh profile and end it; a trusting one takes certificates of anybody."""
    selenium = pytest.importorskip("selenium.webdriver")
    path, driver = chosen_browser()
    options = selenium.ChromeOptions()
    options.binary_location = path
    options.accept_insecure_certs = trusting
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={DESKTOP[0]},{DESKTOP[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        yield Browser(started, artefacts)
    finally:
        started.quit()


def artefact_folder(temporary: Path) -> Path:
    """Return where screenshots go: where SCRUB_PIXELS_ARTEFACTS says, or a temporary folder."""
    folder = Path(os.environ.get("SCRUB_PIXELS_ARTEFACTS") or temporary)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
