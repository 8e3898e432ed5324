"""A report in a real Chromium: what the tests of this folder share.

Needs chromium, chromium-driver and python3-selenium; without one of them a test ends with status 77,
which ctest shows as skipped, and says why. The pages are files: nothing is fetched, and Chromium's own
background traffic is switched off.
"""
import json
import shutil
import sys
import time

SKIPPED = 77


def skip(reason):
    print("SKIPPED: " + reason)
    sys.exit(SKIPPED)


def needs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not on this machine")


try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    skip("python3-selenium is not on this machine")

QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars"]


class Page:
    """One browser; `open` shows a file, `console` is what it has written since it was asked last."""

    def __init__(self, width=1280, height=900, dark=False):
        options = webdriver.ChromeOptions()
        for flag in QUIET + [f"--window-size={width},{height}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_script_timeout(60)
        self.size(width, height)
        self.colours(dark)

    def close(self):
        self.driver.quit()

    def cdp(self, command, **values):
        return self.driver.execute_cdp_cmd(command, values)

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def colours(self, dark):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def scripts(self, on):
        self.cdp("Emulation.setScriptExecutionDisabled", value=not on)

    def open(self, path, fragment="", drawn=True):
        # Another fragment alone would not load the file again.
        self.driver.get("about:blank")
        self.driver.get(f"file://{path}{fragment}")
        if drawn:
            self.until("return document.documentElement.dataset.drawn === 'all'", "the page to be drawn")

    def js(self, script, *values):
        return self.driver.execute_script(script, *values)

    def until(self, script, what, seconds=20):
        """Waits until the script returns something that is true, and returns that."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.js(script)
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}; the hash is {self.hash()!r}")
            time.sleep(0.03)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).textContent", selector)

    def hash(self):
        return self.js("return location.hash")

    def go(self, fragment):
        self.js("location.hash = arguments[0]", fragment)
        self.until("return location.hash === '%s' || !location.hash" % fragment, "the hash")

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def console(self):
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def shoot(self, path, whole=False):
        if whole:
            height = self.js("return document.documentElement.scrollHeight")
            width = self.js("return window.innerWidth")
            self.size(width, min(height, 12000))
        self.driver.save_screenshot(str(path))


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
