"""Pictures of the page, wide and narrow, light and dark: ``make screenshots`` keeps them for the README."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import serving
from test_page_browser import browser  # noqa: F401 - a fixture

from rag import Temei
from ui.serve import app

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import Browser, expect  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.model]

ANSWERED = "Când a trimis președintele scrisoarea de felicitare?"
REFUSED = "Cine a câștigat campionatul mondial de fotbal?"
VIEWS = {
    "chat": ((1280, 800), "light", "ro-RO"),
    "chat-dark": ((1280, 800), "dark", "en-GB"),
    "chat-narrow": ((390, 844), "light", "ro-RO"),
    "chat-narrow-dark": ((390, 844), "dark", "en-GB"),
}


@pytest.fixture(scope="module")
def address(temei: Temei) -> Iterator[str]:
    with serving(app(temei)) as where:
        yield where


@pytest.mark.parametrize("name", VIEWS)
def test_the_page_fits_its_window(name: str, browser: Browser, address: str, tmp_path: Path) -> None:  # noqa: F811
    (width, height), scheme, locale = VIEWS[name]
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    box = page.locator("#question textarea")
    for count, question in enumerate((REFUSED, ANSWERED), 1):
        box.fill(question)
        box.press("Enter")
        expect(page.locator(".answer:not(.waiting)")).to_have_count(count)
        expect(page.locator("#question [data-testid=submit-button]")).to_be_visible()
    if name == "chat-narrow-dark":
        page.locator(".answer button.cite").last.click()
    if width > 900 or name == "chat-narrow-dark":
        expect(page.locator("#document-panel mark").first).to_be_visible()
    page.wait_for_timeout(600)

    page.screenshot(path=str(folder / f"{name}.png"))

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
