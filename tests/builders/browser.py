"""A headless Chromium for the tests of the pages, and what they ask of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest


def chromium() -> Iterator[Any]:
    """The driver; the test is skipped where there is no Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver_path = shutil.which("chromedriver")
    if not binary or not driver_path:
        # `make test` installs both where it may; without a browser there is no page to look at, and the page's content
        # is tested without one in test_report*.py
        pytest.skip("no Chromium with chromedriver here; install Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900",
        "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    driver.set_script_timeout(240)
    yield driver
    driver.quit()


def wait(browser: Any, script: str, seconds: float = 240.0) -> Any:
    """The first true value of a script."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = browser.execute_script(script)
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"never true: {script}")


def fetched(browser: Any) -> list[str]:
    """Every address that was asked for since the last call."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def barriers(browser: Any) -> list[str]:
    """What axe-core finds serious or critical on the page that is open: rule, element, and why."""
    selenium = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")
    found = selenium.Axe().run(browser)
    assert len(found["passes"]) > 10, "axe looked at the page"
    return [
        f"{each['id']} {element['target']}: {element['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for element in each["nodes"]
    ]


@contextlib.contextmanager
def screen(browser: Any, width: int, mobile: bool = False) -> Iterator[None]:
    """A screen of another width."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wait(browser, f"return innerWidth === {width}")
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def phone(browser: Any, width: int = 390) -> contextlib.AbstractContextManager[None]:
    """A screen as narrow as that of a phone."""
    return screen(browser, width, mobile=True)


def severe(browser: Any) -> list[str]:
    """Severe messages of the console since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
