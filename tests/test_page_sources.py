"""A page with many sources in a headless Chromium: found, sorted, reached by the keyboard, refused, put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeEmbedder
from serving import serving
from test_page_browser import Visit, browser, visit  # noqa: F401 - two of them are fixtures

from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from ui.serve import app

playwright_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
from playwright.sync_api import expect  # noqa: E402

pytestmark = pytest.mark.browser

COUNT = 50


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fifty")
    for number in range(COUNT):
        text = f"Moara numărul {number} se află la Bărcuț. " * (1 + 5 * (number == 7))
        (folder / f"{'Șezătoare' if number % 10 == 3 else 'moara'}-{number:02d}.txt").write_text(text, "utf-8")
    temei = Temei(Settings(home=folder / "home"), embedder=FakeEmbedder())
    with_index = Index(temei.settings, temei.embedder, create=True)
    ingest(sorted(folder.glob("*.txt")), with_index)
    with_index.close()
    with serving(app(temei)) as where:
        yield where


def test_fifty_sources_are_found_sorted_and_one_stop_of_the_tab_key(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    shown = page.locator("#documents li:not([hidden])")
    expect(shown).to_have_count(COUNT)
    page.locator("#tools input").fill("sezatoare")
    expect(shown).to_have_count(5)
    page.get_by_role("button", name="Niciuna").click()
    expect(page.locator("#documents .count")).to_contain_text("45 din 50")
    expect(shown).to_have_count(5)
    page.locator("#tools input").fill("")
    page.get_by_role("button", name="Cele lungi").click()
    expect(shown.first).to_contain_text("moara-07.txt")
    page.get_by_role("button", name="Nume", exact=True).click()
    expect(shown.first).to_contain_text("moara-00.txt")

    assert page.locator("#documents li").locator("css=[tabindex='0']").count() == 1
    page.locator("#documents li .open").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Scoate Moara 02")).to_be_focused()
    page.keyboard.press("End")
    expect(shown.last.locator(".remove")).to_be_focused()
    expect(page.locator("#add")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Tab")
    assert not page.evaluate("document.querySelector('#documents').contains(document.activeElement)")
    title = page.locator("#documents .open").first.get_attribute("title") or ""
    assert title.startswith("Moara 00\n")
    assert title.endswith("moara-00.txt")


def test_the_first_stop_of_the_tab_key_skips_to_the_question(visit: Visit) -> None:  # noqa: F811
    page = visit.page
    expect(page.locator("#documents li").first).to_be_visible()
    page.evaluate("document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus()")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sari la întrebare")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()


def test_a_refused_file_stays_with_its_reason_and_a_removed_source_can_be_put_back(
    visit: Visit,  # noqa: F811
    tmp_path: Path,
) -> None:
    page = visit.page
    (tmp_path / "poza.xyz").write_bytes(b"?")
    (tmp_path / "fântâna.txt").write_text("Fântâna din Bărcuț are apă sărată.", "utf-8")
    page.locator("#left input[type=file]").set_input_files([tmp_path / "poza.xyz"])
    refused = page.locator("#tools .refused li")
    expect(refused).to_contain_text("poza.xyz", timeout=60_000)
    page.locator("#left input[type=file]").set_input_files([tmp_path / "fântâna.txt"])
    expect(page.locator("#documents li")).to_have_count(COUNT + 1, timeout=60_000)
    expect(refused).to_have_count(1)
    page.reload()
    expect(refused).to_contain_text("poza.xyz")
    page.get_by_role("button", name="Ascunde: poza.xyz").click()
    expect(refused).to_have_count(0)

    remove = page.get_by_role("button", name="Scoate Fântâna")
    remove.click()
    remove.click()
    expect(page.locator("#documents li")).to_have_count(COUNT)
    page.get_by_role("button", name="Anulează ștergerea").click()
    expect(page.locator("#documents li")).to_have_count(COUNT + 1, timeout=60_000)
    expect(page.locator("#documents .file").get_by_text("fântâna.txt", exact=True)).to_be_visible()
