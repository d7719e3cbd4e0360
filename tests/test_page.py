"""The page without a browser: what it renders, refuses and offers."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fakes import FakeEmbedder
from markdown_it import MarkdownIt

from ingest import ingest
from rag import Answer, Citation, Document, Settings, ShortAnswer, Temei
from rag.errors import QuestionError, SettingsError
from rag.index.index import Index
from rag.messages import as_it_stands
from ui.api.rate_limit import RateLimit
from ui.markdown import escape_markdown
from ui.page.conversation import shown_error
from ui.page.document_list import Added, Given, added_html
from ui.page.documents import Documents
from ui.page.export import to_markdown
from ui.page.markup import markdown, pieces
from ui.page.page import build
from ui.page.render import answer_html, document_panel_html, question_html
from ui.page.sessions import Session
from ui.page.theme import ASSETS
from ui.page.turn_view import TurnView, from_json, history
from ui.serve import check_free, options
from ui.texts import preferred

EVIL = '<img src=x onerror=alert(1)> [l](javascript:alert(1)) **b** "q" & ${1+1} {{value}}'


@pytest.fixture
def library(tmp_path: Path, settings: Settings, fake: FakeEmbedder) -> Temei:
    (tmp_path / "a.md").write_text("# Delta\n\nDelta Dunării este în România.\n\nPelicanii au revenit.", "utf-8")
    (tmp_path / "b.md").write_text(f"# {EVIL}\n\nUn text.", "utf-8")
    ingest([tmp_path / "a.md", tmp_path / "b.md"], Index(settings, fake, create=True))
    return Temei(settings, embedder=fake)


def citation(text: str, start: int, end: int, number: int = 1) -> Citation:
    return Citation(number, "d", EVIL, "s" + EVIL, start, end, text[start:end], 0.5)


def turn_view(text: str, *citations: Citation, **changes: object) -> TurnView:
    facts: dict[str, object] = {"confidence": 0.9, "mode": "extractive"} | changes
    return TurnView("Ce?", text, citations, **facts)  # type: ignore[arg-type]


def test_markers_become_buttons_with_the_quote() -> None:
    source = 'Zis-a "el" <tare>.'
    shown = answer_html(turn_view(f"{EVIL} [1] și [7].", citation(source, 0, 18)), 3, "ro")
    assert shown.count('class="cite"') == 1
    assert 'data-turn="3" data-number="1"' in shown
    assert 'data-quote="Zis-a &quot;el&quot; &lt;tare&gt;."' in shown
    assert "[7]" in shown
    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_the_path_of_headings_stands_over_the_quote_and_marks_are_hidden() -> None:
    quote = "Proprietarul **repară** [acoperișul](https://example.org)."
    cited = Citation(1, "d", "Ghid", "ghid.md", 5, 5 + len(quote), quote, 0.5, 2, ("Locuire", "Obligații <noi>"))
    view = turn_view(f"{quote} [1]", cited)

    shown = answer_html(view, 0, "ro")

    assert 'data-where="Ghid › Locuire › Obligații &lt;noi&gt; · ' in shown
    assert 'data-shown="Proprietarul repară acoperișul."' in shown
    assert f'data-quote="{quote}"' in shown
    assert "data-shown" not in answer_html(turn_view("a [1]", replace(cited, source="ghid.txt")), 0, "ro")
    assert "**Ghid › Locuire › Obligații" in to_markdown([view], "ro")
    nearest = replace(view, abstained=True, citations=(), nearest=(cited,))
    assert "Ghid › Locuire › Obligații &lt;noi&gt;" in answer_html(nearest, 0, "ro")


def test_a_browser_keeps_the_path_of_a_citation() -> None:
    document = Document("d", "Ghid", "ghid.md", "## Locuire\n\nSe plătește.", "ro")
    cited = Citation(1, "d", "Ghid", "ghid.md", 12, 25, "Se plătește.", 0.5, 0, ("Locuire",))
    cited = replace(cited, start=12, end=24)
    kept = json.loads(json.dumps(turn_view("Se plătește. [1]", cited).to_json()))

    assert from_json([kept], lambda name: document)[0].citations == (cited,)
    for row in kept["citations"]:
        del row["path"]  # kept by an earlier version
    assert from_json([kept], lambda name: document)[0].citations == (replace(cited, path=()),)


def test_tags_and_anchors_are_hidden_in_the_text_of_a_document() -> None:
    text = "## Art. 4 {#art-4}\n\nSe <b>plătește</b>.<!-- vechi -->"
    shown = "".join(piece for _, _, piece in pieces(text, markdown(text)))
    visible = re.sub(r"<[^>]*>", "", re.sub(r'<span class="markup">.*?</span>', "", shown))
    assert visible == "Art. 4 \n\nSe plătește."
    assert unescape(re.sub(r"<[^>]*>", "", shown)) == text


def test_an_abstention_looks_different_and_offers_passages() -> None:
    passage = citation(EVIL, 0, len(EVIL))
    shown = answer_html(turn_view("Nu găsesc.", abstained=True, nearest=(passage,)), 0, "ro")
    assert 'class="answer abstained"' in shown
    assert "Ce spun totuși sursele" in shown
    assert "<img" not in shown
    assert 'class="confidence' not in shown


def test_the_standalone_question_is_shown_where_it_differs() -> None:
    assert "Am căutat" not in answer_html(turn_view("Da."), 0, "ro")
    shown = answer_html(turn_view("Da.", standalone_question="Ce <b> {x}?"), 0, "ro")
    assert "Am căutat: „Ce &lt;b&gt; {x}?”" in shown


def test_the_mode_is_named() -> None:
    assert "citat din surse" in answer_html(turn_view("Da."), 0, "ro")
    assert "formulat de m&lt;1&gt;" in answer_html(turn_view("Da.", mode="m<1>"), 0, "ro")


def test_a_question_is_text() -> None:
    assert question_html("1 < 2 & <b>") == "1 &lt; 2 &amp; &lt;b&gt;"


def test_the_document_panel_refuses_a_quote_that_does_not_hold() -> None:
    document = Document("d", "T", "s", "Alt text.", "ro")
    shown = document_panel_html(turn_view("Da. [1]", citation("Un text.", 0, 8)), 0, 1, "en", lambda name: document)
    assert "<mark" not in shown
    assert "no longer in the index" in shown
    assert "<img" not in shown


def test_the_document_panel_shows_all_citations_of_the_document() -> None:
    document = Document("d", EVIL, "s", "Unu. Doi. Trei.", "ro")
    cited = turn_view("Unu. [1] Trei. [2]", citation(document.text, 0, 4), citation(document.text, 10, 15, 2))
    shown = document_panel_html(cited, 0, 2, "ro", lambda name: document)
    assert shown.count("<mark") == 2
    assert 'class="current">Trei.</mark>' in shown
    assert "<img" not in shown


def test_a_turn_survives_json_and_loses_citations_that_do_not_hold() -> None:
    document = Document("d", "T", "s", "Unu. Doi. Trei.", "ro")
    kept = turn_view("Unu. [1] Doi. [2]", citation(document.text, 0, 4), citation("altceva", 0, 7, 2))
    row = json.loads(json.dumps(kept.to_json()))
    back = from_json([row, "rubbish", {"question": 1}, None], lambda name: document)
    assert [c.number for c in back[0].citations] == [1]
    assert len(back) == 1
    assert (back[0].id, back[0].text) == (kept.id, kept.text)
    assert from_json("rubbish", lambda name: None) == ()


def test_the_history_leaves_out_what_was_not_answered() -> None:
    turns = history([turn_view("Da."), TurnView("Oprit?"), turn_view("Nu.", abstained=True)])
    assert [(turn.answer, turn.abstained) for turn in turns] == [("Da.", False), ("Nu.", True)]


@pytest.mark.parametrize(
    ("header", "language"),
    [("ro-RO,ro;q=0.9,en;q=0.8", "ro"), ("de,en;q=0.5,ro;q=0.7", "ro"), ("de", "en"), ("", "en"), ("ro;q=x,en", "en")],
)
def test_the_browser_chooses_the_language(header: str, language: str) -> None:
    assert preferred(header) == language


def test_a_busy_port_says_what_to_set() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="set TEMEI_PORT") as error:
            check_free("127.0.0.1", port)
    assert "\n" not in str(error.value)


def test_errors_are_one_escaped_line() -> None:
    error = shown_error(QuestionError(as_it_stands("The <b>question</b> is empty.")), "ro")
    assert isinstance(error, gr.Error)
    assert error.message == "The &lt;b&gt;question&lt;/b&gt; is empty."


def test_the_page_asks_nothing_of_other_hosts(library: Temei) -> None:
    page = build(library)
    assert page.analytics_enabled is False
    served = options(library)
    assert served["footer_links"] == []
    local = served["theme"]._get_theme_css().replace("http://www.w3.org/2000/svg", "")
    assert "http" not in local + "".join(file.read_text("utf-8") for file in ASSETS.iterdir())
    assert not served["theme"]._stylesheets


def test_pages_are_named_where_a_format_has_them() -> None:
    document = Document("d", "T", "s", "Unu. Doi.", "ro")
    paged = turn_view("Unu. [1]", replace(citation(document.text, 0, 4), page=3))
    assert "p. 3" in document_panel_html(paged, 0, 1, "ro", lambda name: document)
    assert "p. 3" in to_markdown([paged], "ro")
    assert from_json([paged.to_json()], lambda name: document)[0].citations == paged.citations


@pytest.mark.parametrize("text", [EVIL, "- a\n1. b\n# c\n> d", "[1]: http://evil.example", "a\n===\nb | c ~~d~~ $e$"])
def test_exported_text_is_never_markup(text: str) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(escape_markdown(text))
    assert not re.search(r"<(?!/?p>|br)", shown)
    assert unescape(re.sub(r"</?p>", "", shown)).strip() == text


def upload(library: Temei, tmp_path: Path, name: str, data: bytes) -> Added:
    given = tmp_path / "given" / name
    given.parent.mkdir(exist_ok=True)
    given.write_bytes(data)
    added = Documents(library).add(Given(given, name), lambda source, done, total: None)
    assert not given.exists()
    return added


def test_a_broken_upload_costs_nothing(library: Temei, tmp_path: Path) -> None:
    documents = Documents(library)
    assert upload(library, tmp_path, "n.txt", b"Vulpea sare peste gard.").key == "added"
    kept = documents.folder / "n.txt"
    for name, data in [("n.txt", b"\xff\xfe"), ("n.txt", b""), ("n.txt", b"a\0b"), ("n.xyz", b"text")]:
        broken = upload(library, tmp_path, name, data)
        assert broken.failed
        assert str(tmp_path) not in str(broken.problem)
        assert "\n" not in str(broken.problem)
        assert kept.read_bytes() == b"Vulpea sare peste gard."
    assert upload(library, tmp_path, "n.txt", b"Vulpea sare peste gard.").key == "unchanged"
    assert upload(library, tmp_path, "m.txt", b"Vulpea sare peste gard.").key == "duplicate"
    assert [file.name for file in documents.folder.iterdir()] == ["n.txt"]
    assert len(documents.records()) == 3
    assert "<img" not in documents.html((), "ro")


def test_a_file_too_large_is_refused(tmp_path: Path, fake: FakeEmbedder) -> None:
    small = Temei(Settings(home=tmp_path / "home", max_file_mb=0.001), embedder=fake)
    assert "TEMEI_MAX_FILE_MB" in str(upload(small, tmp_path, "n.txt", b"a" * 2000).problem)


def test_the_first_upload_makes_the_index(settings: Settings, tmp_path: Path, fake: FakeEmbedder) -> None:
    empty = Temei(settings, embedder=fake)
    assert Documents(empty).records() == []
    assert upload(empty, tmp_path, "n.txt", b"Vulpea sare peste gard.").key == "added"
    assert "Vulpea" in empty.answer("Vulpea sare peste gard?").hits[0].passage.text


def test_removing_takes_the_uploaded_file_away_and_no_other(library: Temei, tmp_path: Path) -> None:
    documents = Documents(library)
    upload(library, tmp_path, "n.txt", b"Vulpea sare peste gard.")
    for row in documents.records():
        documents.remove(row.id)
    assert documents.records() == []
    assert not (documents.folder / "n.txt").exists()
    assert (tmp_path / "a.md").exists()


def test_left_out_documents_are_not_searched(library: Temei) -> None:
    documents = Documents(library)
    names = [row.id for row in documents.records()]
    assert documents.chosen(()) is None
    assert documents.chosen(("gone",)) is None
    assert documents.chosen(names[:1]) == names[1:]
    assert documents.chosen(names) == []


def test_the_pace_is_each_visitors_own() -> None:
    rate_limit = RateLimit(2, 0.05)
    assert [rate_limit.allows("a"), rate_limit.allows("a"), rate_limit.allows("a"), rate_limit.allows("b")] == [
        True,
        True,
        False,
        True,
    ]
    time.sleep(0.06)
    assert rate_limit.allows("a")


def test_answers_are_told_from_answers(library: Temei) -> None:
    answer = library.answer("Unde este Delta Dunării?")
    assert isinstance(answer, Answer)
    told = TurnView("Unde este Delta Dunării?").answered(answer)
    for shown in told.shown:
        document = library.document(shown.document_id)
        assert document is not None
        assert document.text[shown.start : shown.end] == shown.quote


def told(text: str, cited: Citation, **more: Any) -> TurnView:
    """Return a turn of an answer."""
    return TurnView("Ce?").answered(Answer("Ce?", text, (cited,), (), False, 0.9, "Ce?", "extractive", **more))


def test_the_short_answer_stands_out_in_the_answer_and_in_the_document_panel() -> None:
    document = Document("d", "T", "s", "Ieri 12. Moara  e\ndin 1874, din 1874 <b>.", "ro")
    cited = citation(document.text, 9, len(document.text))
    second = document.text.rindex("1874")
    answered = told("Moara e din 1874, din 1874 <b>. [1]", cited, short=ShortAnswer("1874", 1, second, second + 4))
    assert 'din 1874, din <strong class="short">1874</strong> &lt;b&gt;.' in answer_html(answered, 0, "ro")
    shown = document_panel_html(answered, 0, 1, "ro", lambda name: document)
    assert 'class="current short">1874</mark>' in shown
    marks = re.findall(r"<mark[^>]*>(.*?)</mark>", shown, re.DOTALL)
    assert unescape("".join(marks)) == cited.quote
    assert from_json([answered.to_json()], lambda name: document)[0].short == answered.short


@pytest.mark.parametrize("place", [(1, 90, 95), (7, 0, 2), (1, 3, 3)])
def test_a_short_answer_outside_its_citation_is_not_restored(place: tuple[int, int, int]) -> None:
    document = Document("d", "T", "s", "Moara e din 1874.", "ro")
    kept = told("Moara e din 1874. [1]", citation(document.text, 0, 17)).to_json()
    kept["short"] = dict(zip(("citation", "start", "end"), place, strict=True))
    (answered,) = from_json([kept], lambda name: document)
    assert answered.short is None
    assert "short" not in answer_html(answered, 0, "ro") + document_panel_html(
        answered, 0, 1, "ro", lambda name: document
    )


def test_a_note_is_shown_quietly_and_escaped() -> None:
    answered = told("Da. [1]", citation("Da.", 0, 3), note="Modelul <b> nu a răspuns.")
    assert '<span class="note" dir="auto">Modelul &lt;b&gt; nu a răspuns.</span>' in answer_html(answered, 0, "ro")
    assert "note" not in answer_html(told("Da. [1]", citation("Da.", 0, 3)), 0, "ro")


def test_a_quote_from_markdown_is_shown_without_its_marks() -> None:
    quote = "Sunt [11 zile](https://exemplu.ro) **libere**."
    at = replace(citation(quote, 0, len(quote)), source="a.md")
    extractive = answer_html(told(f"{quote} [1]", at), 0, "ro")
    assert 'href="https://exemplu.ro"' in extractive
    assert "<b>libere</b>" in extractive
    assert "href" not in answer_html(replace(told(f"{quote} [1]", at), mode="openai:gpt"), 0, "ro")
    assert "href" not in answer_html(told(f"{quote} [1]", replace(at, source="a.txt")), 0, "ro")


def test_quoted_code_keeps_its_lines() -> None:
    quote = "```python\nif x < 1:\n    print(x)\n```"
    at = replace(citation(quote, 0, len(quote)), source="a.md")
    shown = answer_html(told("```python if x < 1: print(x) ``` [1]", at), 0, "ro")
    assert '<code class="block">if x &lt; 1:\n    print(x)</code>' in shown


def test_headings_are_set_off_and_stay_the_same_text() -> None:
    document = Document("d", "T", "a.md", "# Titlu\n\nText <x>.\n## Doi", "ro")
    cited = turn_view("x [1]", citation(document.text, 2, 13))
    shown = document_panel_html(cited, 0, 1, "ro", lambda name: document)
    assert shown.count('class="heading"') == 2
    text = re.search(r'<div class="text"[^>]*>(.*?)</div>', shown, re.DOTALL)
    assert text is not None
    assert unescape(re.sub(r"<[^>]+>", "", text[1])) == document.text


def test_errors_of_files_are_told_in_romanian(library: Temei, tmp_path: Path) -> None:
    for name, data in [("a.txt", b"\xff\xfe"), ("a.txt", b""), ("a.txt", b"a\0b"), ("a.xyz", b"text")]:
        broken = upload(library, tmp_path, name, data)
        line = added_html([broken], "ro")
        assert re.search(r"<span>(?:este|nu|are) ", line), line
        assert str(broken.problem) in unescape(added_html([broken], "en"))


def test_files_are_added_in_steps(library: Temei, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    given = tmp_path / "given" / "n.txt"
    given.write_text("Vulpea sare peste gard. " * 500, "utf-8")
    steps = list(Documents(library).adding(Given(given, "n.txt")))
    assert [step.key for step in steps][-1] == "added"
    assert {step.key for step in steps[:-1]} <= {"reading"}
    assert 'value="0.400"' in added_html([Added("n", "reading", share=0.4)], "ro")


def test_a_visit_holds_no_copy_of_the_pages_configuration(library: Temei) -> None:
    page = build(library)
    visit = Session(page)
    state = next(key for key, block in page.blocks.items() if isinstance(block, gr.State))
    visit[state] = ("x",)
    assert visit[state] == ("x",)
    assert visit.config_values == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("question", "x" * 1_000_000),
        ("question", 5),
        ("text", ["a"] * 1000),
        ("id", "x" * 1000),
        ("confidence", float("nan")),
        ("confidence", float("inf")),
        ("confidence", "9" * 5000),
        ("citations", [{"number": float("inf")}]),
        ("citations", ["abc"]),
        ("citations", "abc"),
        ("citations", {"a": 1}),
        ("mode", "m" * 100_000),
    ],
)
def test_what_is_no_turn_is_not_restored(name: str, value: Any) -> None:
    row = TurnView("q", "text", confidence=0.5).to_json()
    assert len(from_json([row], lambda _: None)) == 1
    assert from_json([{**row, name: value}], lambda _: None) == ()


def test_a_restored_conversation_is_bounded() -> None:
    row = TurnView("q \ud800", "text").to_json()
    restored = from_json([row] * 100_000, lambda _: None)
    assert len(restored) == 40
    assert restored[0].question == "q \ufffd"
