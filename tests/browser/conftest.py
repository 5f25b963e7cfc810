"""A browser for a module, a shop and a page for each test; a page that complains fails its test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from shopnow_streams.simulator import shoppers
from tests.browser.chromium import ARGUMENTS, MISSING, find
from tests.browser.shop import Shop

TIMEOUT_MS = 20_000
expect.set_options(timeout=TIMEOUT_MS)
WATCH = """
    Math.random = () => 0.5;
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module, not of the session: while Playwright's loop runs, no asynchronous test could."""
    found = find()
    assert found is not None, MISSING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A busy shop: 1,500 events of today, all of them archived."""
    busy = Shop(tmp_path)
    busy.fold(islice(shoppers(7, lambda: datetime.now(UTC)), 1_500))
    busy.archive()
    yield busy
    busy.close()


@pytest.fixture
def open_page(browser: Browser, shop: Shop) -> Iterator[Open]:
    """Opens the dashboard, and waits until it stands and is pushed so. `silences` are errors that a test causes."""
    opened: list[tuple[Page, list[str]]] = []

    def open_one(
        *,
        silences: str = "",
        standing: str = "live",
        push: str = "open",
        fake_clock: bool = False,
        before: Callable[[Page], object] = lambda _page: None,
        **options: Any,
    ) -> Page:
        options = {
            "locale": "en-GB",
            "timezone_id": "Europe/Paris",
            "viewport": {"width": 1280, "height": 800},
            "reduced_motion": "reduce",
        } | options
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        complaints: list[str] = []

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not (silences and silences in message.text):
                complaints.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(WATCH)
        if fake_clock:
            page.clock.install()
        opened.append((page, complaints))
        before(page)
        page.goto(shop.url)
        page.wait_for_selector(f"#pulse[data-standing={standing}][data-push={push}]")
        return page

    yield open_one
    for page, complaints in opened:
        violations = page.evaluate("window.violations")
        page.context.close()
        assert (complaints, violations) == ([], [])
