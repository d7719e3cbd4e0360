"""The page in a headless Chromium: ask, follow a citation, compare the highlighted words with the quote."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from serving import serving

from ingest import ingest
from rag import Answer, Settings, Temei
from rag.errors import ModelError
from rag.index.index import Index
from rag.messages import as_it_stands
from rag.models.embeddings import BundledEmbedder
from ui.page import highlight
from ui.serve import app

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import Browser, BrowserContext, Page, expect  # noqa: E402

expect.set_options(timeout=20_000)  # a busy machine takes its time
pytestmark = [pytest.mark.browser, pytest.mark.model]

SEEDS = Path(__file__).parent.parent / "seeds"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DOCUMENTS = {
    "dragon.md": "# <img src=x onerror=alert(1)> **D** [l](javascript:alert(2))\n\n"
    'Culoarea preferată a dragonului este <script>window.hacked=1</script> verdele smarald & "albastrul" ${7*7} '
    "{{value}} ![p](http://evil.example/p.png).\r\nAltceva nu se știe despre el.",
    "cafenea.txt": "Cafeneaua servește cafe\u0301 cu lapte 👩‍👩‍👧 și „gogoși” 😀 în fiecare sâmbătă dimineață.",
    "delta.txt": "دلتا الدانوب هي ثاني أكبر دلتا نهرية في أوروبا. تقع في رومانيا وأوكرانيا.",
}
CHINA = "Ce a accelerat China în ultimii ani?"
NOWHERE = "Cine a câștigat Eurovision în 2015?"


BROKEN = "Ce se strică?"


class Hesitant(Temei):
    """Temei that takes its time with questions that ask for it, and fails one."""

    def stream(self, question: str, *rest: Any, **named: Any) -> Iterator[Answer]:
        if question == BROKEN:
            raise ModelError(as_it_stands("The <b>model</b> is away; set TEMEI_EMBEDDING_MODEL."))
        for answer in super().stream(question.removeprefix("[încet] "), *rest, **named):
            yield answer
            for _ in range(100 if question.startswith("[încet]") else 0):
                time.sleep(0.1)
                yield answer


@dataclass
class Visit:
    """A page opened by a visitor, and what went wrong on it."""

    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ask(self, question: str) -> None:
        answers = self.page.locator(".answer:not(.waiting)")
        before = answers.count()
        self.page.fill("#question textarea", question)
        self.page.press("#question textarea", "Enter")
        expect(answers).to_have_count(before + 1)
        expect(self.page.locator("#question [data-testid=submit-button]")).to_be_visible()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder) -> Temei:
    folder = tmp_path_factory.mktemp("page")
    for name, text in DOCUMENTS.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    temei = Hesitant(Settings(home=folder / "home"), embedder=embedder)
    ingest([SEEDS, *(folder / name for name in DOCUMENTS)], Index(temei.settings, embedder, create=True))
    return temei


@pytest.fixture(scope="module")
def address(library: Temei) -> Iterator[str]:
    with serving(app(library)) as where:
        yield where


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO BROWSER: the page is untested; install one, for example: apt install chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    options: dict[str, object] = {"viewport": {"width": 1280, "height": 800}, "locale": "ro-RO"}
    context: BrowserContext = browser.new_context(**(options | getattr(request, "param", {})))
    seen = Visit(context.new_page())
    seen.page.set_default_timeout(20_000)
    seen.page.on("request", lambda r: None if is_local(r.url) else seen.outside.append(r.url))
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("console", lambda told: seen.errors.append(told.text) if is_policy(told.text) else None)
    seen.page.on("dialog", lambda dialog: (seen.errors.append(dialog.message), dialog.dismiss()))
    seen.page.goto(address)
    expect(seen.page.locator("#question textarea")).to_have_attribute("placeholder", re.compile("Întreabă|Ask"))
    yield seen
    assert seen.outside == []
    assert seen.errors == []
    context.close()


def is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def is_policy(told: str) -> bool:
    """Tell whether the browser says that something broke the policy of what may be loaded and run."""
    return "Content Security Policy" in told or "Content-Security-Policy" in told


@pytest.mark.parametrize("visit", [{"color_scheme": "dark"}, {"color_scheme": "light"}], indirect=True)
def test_only_scripts_of_the_page_run(visit: Visit) -> None:
    visit.ask(CHINA)
    assert visit.errors == []
    visit.page.evaluate(
        """() => {
          document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.hacked = 1">');
          const script = document.createElement('script');
          script.textContent = 'window.hacked = 2';
          document.body.append(script);
        }"""
    )
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.hacked") is None
    assert len(visit.errors) == 2
    assert all(map(is_policy, visit.errors))
    visit.errors.clear()


def marked(page: Page, number: int = 1) -> str:
    """Return the highlighted words of a citation, as the browser has them."""
    return str(
        page.evaluate(
            "n => [...document.querySelectorAll('#document-panel mark')]"
            ".filter(m => m.dataset.citation.split(' ').includes(n)).map(m => m.textContent).join('')",
            str(number),
        )
    )


def test_a_cited_answer_opens_at_its_words(visit: Visit, library: Temei) -> None:
    page = visit.page
    visit.ask(CHINA)
    answer = library.answer(CHINA)
    assert not answer.abstained
    for citation in answer.citations:
        button = page.locator(f".answer button.cite[data-number='{citation.number}']")
        button.hover()
        assert page.locator("#quote q").evaluate("e => e.textContent") == citation.quote
        expect(page.locator("#quote cite")).to_have_text(citation.title)
        button.click()
        expect(page.locator("#quote")).to_be_hidden()
        expect(page.locator("#document-panel mark.current").first).to_be_in_viewport()
        assert marked(page, citation.number) == citation.quote
    expect(page.locator(".answer .mode")).to_have_text("citat din surse")


@pytest.mark.parametrize(
    "question",
    [
        "Care este culoarea preferată a dragonului?",
        "Ce servește cafeneaua în fiecare sâmbătă dimineață?",
        "أين تقع دلتا الدانوب؟",
    ],
)
def test_hostile_and_foreign_text_is_shown_as_it_stands(visit: Visit, library: Temei, question: str) -> None:
    page = visit.page
    answer = library.answer(question)
    assert answer.citations
    visit.ask(question)
    for citation in answer.citations:
        page.locator(f".answer button.cite[data-number='{citation.number}']").click()
        expect(page.locator("#document-panel article")).to_have_attribute("data-document", citation.document_id)
        assert marked(page, citation.number) == citation.quote
    document = library.document(answer.citations[0].document_id)
    assert document is not None
    assert page.locator("#document-panel .text").evaluate("e => e.textContent") == document.text[document.body :]
    assert page.evaluate("window.hacked") is None
    assert (
        page.locator(
            "#document-panel img, #document-panel a, #document-panel script, #chat .answer img, #chat .answer a"
        ).count()
        == 0
    )


def test_a_question_is_never_markup(visit: Visit) -> None:
    question = "Ce e <img src=http://evil.example/q.png onerror=alert(1)> **b** [l](javascript:alert(1)) &lt; $$x$$?"
    visit.ask(question)
    expect(visit.page.locator("#chat [data-testid=user] .message-content")).to_have_text(question)
    assert visit.page.locator("#chat [data-testid=user] :is(img, a, strong)").count() == 0


def test_an_abstention_offers_the_nearest_passages(visit: Visit) -> None:
    page = visit.page
    visit.ask(NOWHERE)
    refused = page.locator(".answer.abstained")
    expect(refused).to_contain_text("Ce spun totuși sursele")
    assert refused.locator("button.cite").count() == 0
    refused.locator("button.passage").nth(1).click()
    expect(page.locator("#document-panel article")).to_have_attribute("data-current", "2")
    expect(page.locator("#document-panel mark.current").first).to_be_in_viewport()


def test_suggested_questions_come_from_the_documents_and_work(visit: Visit) -> None:
    page = visit.page
    examples = page.locator("#chat .example")
    expect(examples).to_have_count(3)
    question = examples.first.inner_text().strip()
    examples.first.click()
    expect(page.locator("#chat [data-testid=user]")).to_have_text(question)
    expect(page.locator(".answer button.cite").first).to_be_visible()


@pytest.mark.parametrize("visit", [{"locale": "en-GB", "color_scheme": "dark"}], indirect=True)
def test_english_and_dark(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#question textarea")).to_have_attribute("placeholder", re.compile("Ask something"))
    assert page.evaluate("document.body.classList.contains('dark')")
    visit.ask(CHINA)
    expect(page.locator(".answer .mode")).to_have_text("quoted from the sources")


CONTRAST = """() => {
  const colour = text => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [], words = document.createTreeWalker(document.querySelector('gradio-app, body'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || element.closest('script, style, svg') || !element.checkVisibility({
      opacityProperty: true, visibilityProperty: true })) continue;
    let behind = element, ground = [0, 0, 0, 0];
    while (behind && (ground[3] ?? 1) === 0) {
      ground = colour(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement;
    }
    const pair = [light(colour(getComputedStyle(element).color)), light(ground)].sort((a, b) => b - a);
    found.push([words.currentNode.data.trim().slice(0, 40), element.className, (pair[0] + 0.05) / (pair[1] + 0.05)]);
  }
  return found;
}"""
"""The contrast (1 to 21, as WCAG computes it) of every piece of text with what is behind it."""


@pytest.mark.parametrize("visit", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_everything_can_be_read(visit: Visit) -> None:
    page = visit.page
    visit.ask(NOWHERE)
    page.get_by_role("button", name="Nu-mi place").click()
    visit.ask(CHINA)
    page.mouse.move(0, 0)
    found = page.evaluate(CONTRAST)
    assert len(found) > 40
    assert [one for one in found if one[2] < 4.5] == []


SMALL = """() => [...document.querySelectorAll('button, textarea, input, label.tick, [role="button"]')].map(e => {
  const box = (e.closest('label') ?? e).getBoundingClientRect();
  return [e.ariaLabel || e.textContent.trim(), box.width, box.height];
}).filter(([name, width, height]) => width && (width < 24 || height < 24))"""


@pytest.mark.parametrize(
    "visit",
    [
        {"viewport": {"width": width, "height": 800}, "locale": locale}
        for width, locale in ((1280, "ro"), (768, "ro"), (390, "ro"), (390, "en"))
    ],
    indirect=True,
)
def test_what_can_be_pressed_is_large_enough_and_nothing_scrolls_sideways(visit: Visit) -> None:
    page = visit.page
    visit.ask(NOWHERE)
    visit.ask(CHINA)
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    edges = "[...document.querySelectorAll('#bar button')].map(e => e.getBoundingClientRect().right)"
    assert page.evaluate(f"Math.max(...{edges}) <= innerWidth")


ENGLISH = re.compile(
    r"\b(?:the|your|error|warning|info|close|copy|message|edit|retry|like|dislike|liked|disliked|submit|stop|clear|undo|"
    r"chatbot|bot's|user's|upload|uploading|drop|loading|processing|queue|textbox|button|built|use|settings|share|html)\b",
    re.IGNORECASE,
)


def said(page: Page) -> list[str]:
    """Return all that the page says by itself: texts, names and hints, without the documents and the conversation."""
    return list(
        page.evaluate(
            """() => {
              const theirs = '.text, .source, .title, .excerpt, .open, #quote, .cited li > span, .answer > p[dir]';
              const found = [], words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (words.nextNode()) {
                const e = words.currentNode.parentElement;
                if (e.checkVisibility() && !e.closest(`script, style, header, [data-testid="user"], ${theirs}`))
                  found.push(words.currentNode.data.trim());
              }
              for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]'))
                for (const name of ['aria-label', 'title', 'placeholder'])
                  if (e.checkVisibility() && e.hasAttribute(name) && !e.matches('.open, .tick input, .remove'))
                    found.push(e.getAttribute(name));
              return found.filter(Boolean);
            }"""
        )
    )


def test_nothing_is_said_in_english(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    visit.ask(NOWHERE)
    page.get_by_role("button", name="Nu-mi place").last.click()
    page.get_by_role("button", name="Editează").last.click()
    page.fill("#question textarea", BROKEN)
    page.press("#question textarea", "Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("Nu a mers")
    assert [text for text in said(page) if ENGLISH.search(text.replace("The <b>model</b> is away", ""))] == []


def test_the_switch_reaches_gradios_own_words(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    page.get_by_role("button", name="EN", exact=True).click()
    for name in ("Like", "Dislike", "Try again", "Edit", "Copy the question", "Ask", "New conversation"):
        expect(page.get_by_role("button", name=name, exact=True).last).to_be_visible()
    expect(page.get_by_role("log")).to_have_attribute("aria-label", "Conversation")
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")


def test_a_full_queue_says_so(visit: Visit) -> None:
    page = visit.page
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "Queue is full."}))
    page.fill("#question textarea", CHINA)
    page.press("#question textarea", "Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("Prea mulți întreabă acum")


def test_the_keyboard_alone_asks_reads_and_comes_back(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type(CHINA)
    page.keyboard.press("Enter")
    expect(page.locator(".answer button.cite").first).to_be_visible()
    expect(page.locator("#question [data-testid=submit-button]")).to_be_visible()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        look = page.evaluate(
            "(e => [e.className, getComputedStyle(e).outlineStyle, e.closest('[id]')?.id])(document.activeElement)"
        )
        assert look[1] != "none", look
        seen.add(look[2])
        if "cite" in look[0]:
            break
    expect(page.locator("#quote q")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#quote")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#document-panel mark.current").first).to_be_focused()


def test_an_edited_question_keeps_its_citations(visit: Visit, library: Temei) -> None:
    page = visit.page
    visit.ask(NOWHERE)
    page.get_by_role("button", name="Editează").first.click()
    page.locator("#chat textarea").fill("Ce servește cafeneaua în fiecare sâmbătă dimineață?")
    page.get_by_role("button", name="Trimite").first.click()
    expect(page.locator(".answer button.cite").first).to_be_visible()
    page.locator(".answer button.cite").first.click()
    quote = marked(page)
    assert quote == library.answer("Ce servește cafeneaua în fiecare sâmbătă dimineață?").citations[0].quote
    assert "cafe\u0301" in quote
    with page.expect_download() as download:
        page.locator("#export").click()
    assert "cafe\u0301 cu lapte" in Path(download.value.path()).read_text("utf-8")


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_a_narrow_screen_shows_one_panel_at_a_time(visit: Visit) -> None:
    page = visit.page

    def shown() -> list[str]:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        return [panel for panel in ("#left", "#middle", "#right") if page.locator(panel).is_visible()]

    visit.ask(CHINA)
    assert shown() == ["#middle"]
    page.locator(".answer button.cite").first.click()
    expect(page.locator("#document-panel mark.current").first).to_be_in_viewport()
    assert shown() == ["#right"]
    page.get_by_role("button", name="Înapoi la răspuns").click()
    expect(page.locator(".answer button.cite").first).to_be_focused()
    assert shown() == ["#middle"]
    page.get_by_role("button", name="Surse", exact=True).click()
    expect(page.get_by_role("checkbox").first).to_be_visible()
    assert shown() == ["#left"]
    page.get_by_role("button", name=re.compile("Deschide Conferinta")).click()
    expect(page.locator("#document-panel .text")).to_be_visible()
    assert shown() == ["#right"]


def test_a_long_document_opens_around_the_citation(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highlight, "FULL", 1000)
    monkeypatch.setattr(highlight, "AROUND", 300)
    page = visit.page
    visit.ask(CHINA)
    text = page.locator("#document-panel .text")
    part = str(text.evaluate("e => e.textContent"))
    assert len(part) < 1500
    quote = marked(page)
    page.locator("#document-panel button.whole").click()
    expect(page.locator("#document-panel button.whole")).to_have_count(0)
    whole = str(text.evaluate("e => e.textContent"))
    assert part in whole
    assert len(whole) > 5000
    assert marked(page) == quote
    expect(page.locator("#document-panel mark.current").first).to_be_in_viewport()


def test_the_keyboard_reaches_citations(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    page.locator(".answer button.cite").first.focus()
    assert "China a accelerat" in (page.locator(".answer button.cite").first.get_attribute("aria-label") or "")
    page.keyboard.press("Enter")
    expect(page.locator("#document-panel mark.current").first).to_be_focused()


def test_ticks_limit_the_search(visit: Visit) -> None:
    page = visit.page
    boxes = page.locator("#documents input[type=checkbox]")
    expect(boxes).to_have_count(4)
    page.get_by_role("button", name="Niciuna").click()
    expect(page.locator("#documents .count")).to_contain_text("0 din 4")
    page.fill("#question textarea", CHINA)
    page.press("#question textarea", "Enter")
    expect(page.get_by_text("Bifează cel puțin o sursă.")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value(CHINA)
    page.get_by_role("checkbox", name="Cafenea").click()  # the list is drawn anew
    expect(page.locator("#documents .count")).to_contain_text("1 din 4")
    visit.ask(CHINA)
    expect(page.locator(".answer.abstained")).to_be_visible()
    titles = page.locator(".answer button.passage .title")
    assert set(titles.all_inner_texts()) == {"Cafenea"}
    page.get_by_role("button", name="Deschide Cafenea").click()
    expect(page.locator("#document-panel .text")).to_contain_text("gogoși")


def test_files_are_added_and_removed(visit: Visit, library: Temei, tmp_path: Path) -> None:
    page = visit.page
    good, bad = tmp_path / "Ghiduș (1).txt", tmp_path / "stricat.txt"
    good.write_text("Ghidușul Vlad a inventat mașina de făcut clătite în anul 1893.", "utf-8")
    bad.write_bytes(b"\xff\xfe nu e UTF-8")
    page.locator("#left input[type=file]").set_input_files([good, bad])
    report = page.locator("#added")
    expect(report.locator(".fine")).to_contain_text("Ghiduș (1).txt adăugat")
    expect(report.locator(".failed")).to_contain_text("stricat.txt nu este text UTF-8")
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(5)
    kept = library.settings.home / "uploads" / "Ghiduș (1).txt"
    assert kept.exists()
    visit.ask("Ce a inventat Vlad?")
    assert "clătite" in marked(page)
    remove = page.get_by_role("button", name="Scoate Ghiduș")
    remove.click()
    expect(remove).to_have_text("Scoate?")
    remove.click()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(4)
    assert not kept.exists()
    visit.ask("Ce a inventat Vlad?")
    assert "clătite" not in marked(page)
    page.locator(".answer button.cite").first.click()
    expect(page.locator("#document-panel .gone")).to_contain_text("nu mai este în index")


def test_a_file_of_a_name_that_is_here_is_kept_beside_and_replaces_when_asked(
    visit: Visit, library: Temei, tmp_path: Path
) -> None:
    page = visit.page
    for folder, price in (("2023", 140), ("2024", 215)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Chirie?.txt").write_text(f"Chiria morii din Bărcuț este de {price} de lei.", "utf-8")
        page.locator("#left input[type=file]").set_input_files([tmp_path / folder / "Chirie?.txt"])
        expect(page.locator("#added .fine")).to_contain_text("Chirie?.txt adăugat")
        expect(page.locator("#added .reading, #added .waiting")).to_have_count(0)
    expect(page.locator("#added .fine")).to_have_text(
        "Chirie?.txt adăugat lângă cel cu același nume, ca Chirie? (2).txt", use_inner_text=True
    )
    names = page.locator("#documents .file")
    expect(names.get_by_text("Chirie?.txt", exact=True)).to_be_visible()
    expect(names.get_by_text("Chirie? (2).txt", exact=True)).to_be_visible()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(6)

    page.locator("[data-language=en]").click()
    expect(page.get_by_role("button", name="Replace Chirie?.txt by this one")).to_have_text("Replace")
    page.locator("[data-language=ro]").click()
    replace = page.get_by_role("button", name="Înlocuiește Chirie?.txt cu acesta")
    replace.click()
    expect(replace).to_have_text("Sigur?")
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(6)
    replace.click()
    expect(page.get_by_text("Chirie?.txt a fost înlocuit.")).to_be_visible()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(5)
    expect(names.get_by_text("Chirie?.txt", exact=True)).to_be_visible()
    expect(replace).to_have_count(0)
    visit.ask("Cât este chiria morii din Bărcuț?")
    assert "215" in marked(page)
    page.locator(".answer button.cite").first.hover()
    expect(page.locator("#quote")).to_contain_text("Chirie")
    remove = page.get_by_role("button", name="Scoate Chirie?")
    remove.click()
    remove.click()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(4)
    assert list((library.settings.home / "uploads").iterdir()) == []


def test_a_file_beyond_the_limit_is_refused_by_its_name(visit: Visit, library: Temei, tmp_path: Path) -> None:
    page = visit.page
    big = tmp_path / "uriaș.txt"
    big.write_bytes(b"Un rand de text.\n" * 1_300_000)
    assert big.stat().st_size > library.settings.max_file_mb * 1_000_000
    page.locator("#left input[type=file]").set_input_files([big])
    expect(page.locator('[data-testid="toast-body"]')).to_contain_text('Peste 20 MB: "uriaș.txt". Nu s-a adăugat nimic')
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(4)
    good = tmp_path / "Stupina.txt"
    good.write_text("Stupina din Cornești are 1240 de stupi.", "utf-8")
    page.locator("#left input[type=file]").set_input_files([good, big])
    expect(page.locator("#left .too-large")).to_have_text('Peste 20 MB, lăsate deoparte: "uriaș.txt".')
    expect(page.locator("#added .fine")).to_contain_text("Stupina.txt adăugat")
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(5)
    remove = page.get_by_role("button", name="Scoate Stupina")
    remove.click()
    remove.click()
    expect(page.locator("#documents input[type=checkbox]")).to_have_count(4)


def test_the_conversation_survives_a_reload(visit: Visit) -> None:
    page = visit.page
    visit.ask(NOWHERE)
    visit.ask(CHINA)
    quote = marked(page)
    page.wait_for_function("localStorage.getItem('temei-conversation')")
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator(".answer")).to_have_count(2)
    expect(page.locator(".answer.abstained")).to_have_count(1)
    page.locator(".answer button.cite").first.click()
    expect(page.locator("#document-panel mark.current").first).to_be_in_viewport()
    assert marked(page) == quote
    page.get_by_role("button", name="Conversație nouă").click()
    expect(page.locator(".answer")).to_have_count(0)
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator("#chat .example")).to_have_count(3)
    expect(page.locator(".answer")).to_have_count(0)


def test_the_language_can_be_switched(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    quote = marked(page)
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator(".answer .mode")).to_have_text("quoted from the sources")
    expect(page.locator("#question textarea")).to_have_attribute("placeholder", re.compile("Ask something"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#export")).to_have_text("Export")
    assert marked(page) == quote
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#documents .count")).to_contain_text("ticked")


def test_retry_and_edit(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    page.evaluate(
        "new MutationObserver(() => { window.waited ||= !!document.querySelector('.answer.waiting'); })"
        ".observe(document.body, { childList: true, subtree: true, attributes: true })"
    )
    page.get_by_role("button", name="Încearcă din nou").click()
    page.wait_for_function("window.waited && !document.querySelector('.answer.waiting')")
    expect(page.locator("#question [data-testid=submit-button]")).to_be_visible()
    expect(page.locator("#chat [data-testid=user]")).to_have_count(1)
    expect(page.locator(".answer")).to_contain_text("China a accelerat")
    visit.ask(NOWHERE)
    page.get_by_role("button", name="Editează").first.click()
    page.locator("#chat textarea").fill("Cine <sau ce> servește cafea & gogoși?")
    page.get_by_role("button", name="Trimite").first.click()
    user = page.locator("#chat [data-testid=user]")
    expect(user).to_have_count(1)
    expect(user).to_have_text("Cine <sau ce> servește cafea & gogoși?")
    expect(page.locator(".answer:not(.waiting)")).to_have_count(1)


def test_stop(visit: Visit) -> None:
    page = visit.page
    page.fill("#question textarea", "[încet] " + CHINA)
    page.press("#question textarea", "Enter")
    expect(page.locator(".answer button.cite").first).to_be_visible()
    page.get_by_role("button", name="Oprește").click()
    expect(page.locator("#question [data-testid=submit-button]")).to_be_visible()
    page.wait_for_timeout(1000)  # until the generator has ended, Gradio takes no other question
    visit.ask(NOWHERE)
    expect(page.locator(".answer")).to_have_count(2)


def test_an_error_is_one_line_and_costs_nothing(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    page.fill("#question textarea", BROKEN)
    page.press("#question textarea", "Enter")
    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text("The <b>model</b> is away; set TEMEI_EMBEDDING_MODEL.")
    assert "Traceback" not in toast.inner_text()
    expect(page.locator("#question textarea")).to_have_value(BROKEN)
    expect(page.locator(".answer")).to_have_count(1)


def test_judgements_are_kept(visit: Visit, library: Temei) -> None:
    page = visit.page
    visit.ask(CHINA)
    page.get_by_role("button", name="Nu-mi place").click()
    page.locator("#comment textarea, #comment input").fill("Lipsește „restul”.")
    page.locator("#comment button").click()
    expect(page.locator("#comment")).to_have_count(0)
    lines = (library.settings.home / "feedback.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines][-2:]
    assert [row["liked"] for row in rows] == [False, False]
    assert [row["comment"] for row in rows] == ["", "Lipsește „restul”."]
    assert rows[0]["id"] == rows[1]["id"]
    cited = rows[1]["citations"][0]
    document = library.document(cited["document_id"])
    assert document is not None
    assert document.text[cited["start"] : cited["end"]] == marked(page)


def test_the_conversation_is_exported_as_markdown(visit: Visit) -> None:
    page = visit.page
    visit.ask(CHINA)
    visit.ask(NOWHERE)
    with page.expect_download() as download:
        page.locator("#export").click()
    assert download.value.suggested_filename == "temei.md"
    text = Path(download.value.path()).read_text("utf-8")
    assert f"## {CHINA}" in text
    assert "> În ultimii ani, de la plata mobilă" in text
    assert "Ce spun totuși sursele" in text
