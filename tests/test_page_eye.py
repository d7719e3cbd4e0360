"""Where the eye is, and what a reload keeps: the page in a headless Chromium."""

from __future__ import annotations

import re

import pytest
from test_page_browser import CHINA, NOWHERE, Visit, address, browser, library, visit  # noqa: F401 - fixtures

from rag import Temei

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import expect  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.model]

SHORT = "Ce populație de utilizatori de internet are China?"
ABOVE = """() => {
  const log = document.querySelector('#chat [role=log]').getBoundingClientRect();
  return [...document.querySelectorAll('#chat .user-row')].at(-1).getBoundingClientRect().top - log.top;
}"""
"""How many pixels the last question stands below the top of the conversation."""


@pytest.mark.parametrize(
    "visit", [{}, {"viewport": {"width": 390, "height": 844}}], indirect=True, ids=["wide", "phone"]
)
def test_a_new_answer_stands_below_its_question_at_the_top(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    for question in (NOWHERE, CHINA, NOWHERE):
        visit.ask(question)
        page.wait_for_function(f"Math.abs(({ABOVE})() - 8) < 30")
        expect(page.locator("#chat .user-row").last).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_back_closes_the_document_on_a_phone(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    visit.ask(CHINA)
    for _ in range(2):
        page.locator(".answer button.cite").first.click()
        expect(page.locator("#right")).to_be_visible()
        page.go_back()
        expect(page.locator("#middle")).to_be_visible()
        expect(page.locator("#right")).to_be_hidden()
    expect(page.locator(".answer")).to_have_count(1)
    page.locator(".answer button.cite").first.click()
    page.locator("[data-show=left]").click()
    expect(page.locator("#left")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator("#left")).to_be_visible()


def test_a_screen_reader_is_told_what_happens(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    page.evaluate(
        "new MutationObserver(() => (window.told ??= []).push(document.querySelector('#announce').textContent))"
        ".observe(document.querySelector('#announce'), { childList: true })"
    )
    visit.ask(CHINA)
    expect(page.locator("#announce")).to_have_text(re.compile(r"Răspuns, (1 citat|\d citate)\."))
    visit.ask(NOWHERE)
    expect(page.locator("#announce")).to_have_text("Fără temei în surse")
    assert "Caut în surse…" in page.evaluate("window.told")


def test_the_document_opens_at_the_short_answer(visit: Visit, library: Temei) -> None:  # noqa: F811
    page = visit.page
    answer = library.answer(CHINA)
    visit.ask(CHINA)
    number = answer.short.citation if answer.short is not None else 1
    expect(page.locator("#document-panel article")).to_have_attribute("data-current", str(number))


@pytest.mark.parametrize(
    ("chosen", "said"), [("ro", "limba sursei: română"), ("en", "language of the source: Romanian")]
)
def test_a_source_in_another_language_is_named(visit: Visit, chosen: str, said: str) -> None:  # noqa: F811
    page = visit.page
    page.locator(f"[data-language={chosen}]").click()
    visit.ask("What has China accelerated in recent years?")
    expect(page.locator(".answer .foreign")).to_have_text(said)
    visit.ask(CHINA)
    expect(page.locator(".answer").last.locator("button.cite").first).to_be_visible()
    expect(page.locator(".answer .foreign")).to_have_count(1)


def test_a_draft_ticks_likes_and_a_stopped_question_survive_a_reload(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    visit.ask(CHINA)
    page.get_by_role("button", name="Îmi place", exact=True).first.click()
    expect(page.locator("#comment")).to_be_visible()
    boxes = page.locator("#documents input[type=checkbox]")
    boxes.nth(2).click()  # the list is drawn anew
    expect(page.locator("#documents .count")).to_contain_text("3 din 4")
    page.fill("#question textarea", "[încet] " + CHINA)
    page.press("#question textarea", "Enter")
    expect(page.locator("#chat .user-row")).to_have_count(2)
    page.get_by_role("button", name="Oprește").click()
    page.locator("#question textarea").press_sequentially("Cine semnează")
    page.wait_for_timeout(1500)
    page.reload()
    expect(page.locator("#question textarea")).to_have_value("Cine semnează")
    expect(page.locator("#documents .count")).to_contain_text("3 din 4")
    assert not boxes.nth(2).is_checked()
    expect(page.locator("#chat [data-testid=user]")).to_have_text([CHINA, "[încet] " + CHINA])
    expect(page.get_by_role("button", name="Marcat: îmi place")).to_have_count(1)
