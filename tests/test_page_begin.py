"""The page without any document, in a headless Chromium: drop, paste, or read the shipped article, then ask."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import serving
from test_page_browser import Visit, browser, marked, visit  # noqa: F401 - two of them are fixtures

from rag import Settings, Temei
from rag.models.embeddings import BundledEmbedder
from ui import cli, serve
from ui.serve import app

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import expect  # noqa: E402

READ = 90_000
"""Milliseconds to wait until a document was read: on a busy machine a process takes long to start."""
QUESTION = {
    "ro-RO": "Când a trimis președintele scrisoarea de felicitare?",
    "en-GB": "When did the president send the letter of congratulation?",
}


@pytest.fixture
def empty(tmp_path: Path, embedder: BundledEmbedder) -> Temei:
    return Temei(Settings(home=tmp_path / "home"), embedder=embedder)


@pytest.fixture
def address(empty: Temei) -> Iterator[str]:
    with serving(app(empty)) as where:
        yield where


@pytest.mark.parametrize("visit", [{"locale": tag} for tag in QUESTION], indirect=True, ids=QUESTION)
@pytest.mark.browser
@pytest.mark.model
def test_from_the_first_visit_to_the_first_cited_answer_takes_less_than_a_minute(
    visit: Visit,  # noqa: F811
) -> None:
    page, began = visit.page, time.monotonic()
    page.reload()
    ways = page.locator(".begin")
    expect(ways).to_be_visible()
    page.locator(".begin [data-shipped]").click()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(1, timeout=READ)
    expect(ways).to_be_hidden()
    expect(page.locator("#question textarea")).to_be_focused()
    language = page.evaluate("navigator.language")
    visit.ask(QUESTION[language])
    expect(page.locator(".answer button.cite").first).to_be_visible()
    assert "12 iulie" in marked(page)
    # A minute on a machine of its own; others that compute beside the test take their share of it.
    assert time.monotonic() - began < 60 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
@pytest.mark.browser
@pytest.mark.model
def test_the_ways_to_begin_fit_a_phone_and_the_question_waits_for_a_document(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    expect(page.locator(".begin")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.fill("#question textarea", "Unde e Delta?")
    page.press("#question textarea", "Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("adaugă un fișier")
    expect(page.locator("#question textarea")).to_have_value("Unde e Delta?")


DROP = """([names, where]) => {
  const given = new DataTransfer();
  names.forEach((name) => given.items.add(new File(['Moara din Runcu a fost construită în 1874. ' + name], name)));
  const tell = (kind) => document.querySelector(where).dispatchEvent(
    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: given }));
  tell('dragenter'); tell('dragover');
  const shown = !document.querySelector('#drop').hidden;
  tell('drop');
  return shown;
}"""


@pytest.mark.browser
@pytest.mark.model
def test_files_are_dropped_anywhere_on_the_page(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    expect(page.locator(".begin")).to_be_visible()
    assert page.evaluate(DROP, [["moara.txt", "roata.txt"], "#right"])
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(2, timeout=READ)
    assert page.evaluate(DROP, [["iaz.txt", "poza.xyz"], "#question textarea"])
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(3, timeout=READ)
    expect(page.locator("#added .failed")).to_contain_text("poza.xyz")
    visit.ask("Când a fost construită moara din Runcu?")
    assert "1874" in marked(page)


@pytest.mark.browser
@pytest.mark.model
def test_pasted_text_becomes_a_document_named_after_its_first_words(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    text = "Fântâna din Bărcuț: are apă sărată.\nA fost săpată în anul 1911 de frații Oprea."
    expect(page.locator(".begin")).to_be_visible()
    page.evaluate(
        """(text) => {
          const given = new DataTransfer();
          given.setData('text/plain', text);
          document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: given }));
        }""",
        text,
    )
    expect(page.locator("#paste textarea")).to_have_value(text)
    page.get_by_role("button", name="Adaugă textul").click()
    expect(page.locator("#documents .file")).to_have_text("Fântâna din Bărcuț are apă sărată.txt", timeout=READ)
    page.locator("#left [data-paste]").click()
    expect(page.locator("#paste textarea")).to_be_focused()
    page.locator("#paste textarea").fill("# Iazul\n\nIazul are trei metri adâncime.")
    page.keyboard.press("Escape")
    expect(page.locator("#paste")).to_be_hidden()
    page.wait_for_timeout(500)
    expect(page.locator("#documents .file")).to_have_count(1)


def test_the_page_opens_without_a_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedder: BundledEmbedder
) -> None:
    monkeypatch.setattr(cli, "Temei", lambda report: Temei(Settings(home=tmp_path / "home"), embedder=embedder))
    opened: list[Temei] = []
    monkeypatch.setattr(serve, "launch", lambda temei, host, port: opened.append(temei))
    cli.chat()
    assert len(opened) == 1
