"""The list of conversations in a headless Chromium: kept, opened, renamed, searched, deleted, restored; two tabs."""

from __future__ import annotations

import pytest
from test_page_browser import CHINA, NOWHERE, Visit, address, browser, library, visit  # noqa: F401 - fixtures

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import expect  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.model]


def test_conversations_are_kept_and_managed_and_two_tabs_do_not_disturb_each_other(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    visit.ask(CHINA)
    talks = page.locator("#conversations-list .talk")
    expect(talks).to_have_count(1)
    expect(talks.locator("span")).to_have_text(CHINA)

    other = Visit(page.context.new_page())
    other.page.goto(page.url)
    expect(other.page.locator("#conversations-list .talk")).to_have_count(1)
    expect(other.page.locator(".answer")).to_have_count(0)
    other.ask(NOWHERE)
    expect(other.page.locator("#conversations-list .talk")).to_have_count(2)
    visit.ask(NOWHERE)  # in the first tab, whose conversation is another
    page.reload()
    expect(page.locator(".answer")).to_have_count(2)
    other.page.reload()
    expect(other.page.locator(".answer")).to_have_count(1)
    other.page.close()

    page.get_by_role("button", name="Conversație nouă").click()
    expect(page.locator(".answer")).to_have_count(0)
    talks.filter(has_text=CHINA).click()
    expect(page.locator(".answer")).to_have_count(2)
    expect(talks.filter(has_text=CHINA)).to_have_attribute("aria-current", "true")

    page.get_by_role("button", name=f"Redenumește: {CHINA}").click()
    page.locator("#conversations-list li input").fill("Despre China")
    page.keyboard.press("Enter")
    expect(talks.filter(has_text="Despre China")).to_have_count(1)
    page.locator("#conversations input").fill("eurovision")
    expect(talks).to_have_count(2)
    page.locator("#conversations input").fill("mobilă")
    expect(talks).to_have_count(1)
    page.locator("#conversations input").fill("")
    expect(talks).to_have_count(2)

    page.get_by_role("button", name="Șterge: Despre China").click()
    expect(talks).to_have_count(1)
    page.get_by_role("button", name="Anulează ștergerea").click()
    expect(talks).to_have_count(2)
    page.locator("[data-language=en]").click()
    expect(page.get_by_role("button", name="Rename: Despre China")).to_be_visible()
