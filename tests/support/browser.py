"""A real Chromium without a window, driven by WebDriver, that tells what it logged and what it asked the network for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from tests.support.servers import server_binary

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1320,900",
)


@contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """A browser with a profile of its own, which ends with the block."""
    program, driver = server_binary("chromium"), server_binary("chromedriver")
    options = ChromeOptions()
    options.binary_location = str(program)
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=Service(executable_path=str(driver)))
    try:
        yield browser
    finally:
        browser.quit()


def complaints(browser: Chrome) -> list[str]:
    """Everything in the console since it was last asked."""
    return [entry["message"] for entry in browser.get_log("browser")]


def requests(browser: Chrome) -> set[str]:
    """Every address that was asked for since it was last asked, but for data in the page itself."""
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    addresses = {
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    }
    return {address for address in addresses if not address.startswith("data:")}
