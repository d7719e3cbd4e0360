"""HTML in Markdown: out of what is embedded, read, shown and suggested, while every span stays exact."""

from __future__ import annotations

import re
from html import unescape

import pytest
from conftest import SEED, quotes

from ingest.load import load, to_document
from ingest.split import split
from rag.cite import as_prose
from rag.index.records import sentence_texts
from rag.models.reader_input import reader_inputs
from rag.text.language import prose
from ui.page.markup import markdown, pieces
from ui.page.phrases import candidates

LAW = """# <a name="tit"></a>LEGE nr. 12 din 5 mai {#lege-12}
# <b>privind morile de apă</b>

<p style="text-align: justify; font: 12pt 'Times. New'">Moara din Horezu a fost construită în anul 1874.</p>
<p style="text-align: justify;">Roata morii are opt metri.<br>Apa vine din râul Luncavăț&nbsp;printr-un canal.</p>

<!-- pagina 2. Nu se citește. -->
## Art. 4. Taxe {#art-4 .titlu}

<div class="x"><p>Taxa pentru măcinat este de 3 lei pe sac.</p></div>

Un canal {: .nota} are 40 de metri; în cod se scrie `<p>{#a}</p>`, iar 3 < 5 și 7 > 2 rămân.
"""


def seen(text: str) -> str:
    """Return what a person sees of a Markdown text."""
    shown = "".join(piece for _, _, piece in pieces(text, markdown(text)))
    shown = re.sub(r'<span class="markup gap">.*?</span>', " ", shown, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r'<span class="markup">.*?</span>', "", shown, flags=re.DOTALL)))


def test_markup_is_out_of_sentences_vectors_and_reading() -> None:
    document = to_document(LAW, source="lege.md", name="lege")
    for passage in (passages := split(document, 40)):
        assert passage.text == document.text[passage.start : passage.end]
        reading = reader_inputs(passage)[0].text
        for text in [*sentence_texts(passage), reading]:
            assert not re.search(r"style|justify|art-4|lege-12|titlu|nota|Nu se citește|Times|&nbsp;", text)
    told = [quote for passage in passages for quote in quotes(passage)]
    assert "Moara din Horezu a fost construită în anul 1874." in told
    assert "Taxa pentru măcinat este de 3 lei pe sac." in told
    assert not any("pagina 2" in quote and "Taxa" not in quote for quote in told)
    covered = {at for passage in passages for at in range(passage.start, passage.end)}
    assert not "".join(c for at, c in enumerate(document.text) if at not in covered).strip()


def test_the_page_and_the_answer_show_the_words_alone() -> None:
    shown = seen(LAW)

    assert not re.search(r"style|<br|art-4|pagina 2|&nbsp;|<p s", shown)
    assert "Roata morii are opt metri. Apa vine" in shown
    assert "`" not in shown
    assert "<p>{#a}</p>" in shown
    assert "3 < 5 și 7 > 2" in shown
    assert as_prose('<p style="x">Taxa este\n<b>3</b> lei.</p>') == "Taxa este 3 lei."
    assert as_prose("Scrie `<b>`.") == "Scrie `<b>`."


def test_the_title_is_the_whole_heading_without_markup() -> None:
    assert to_document(LAW, source="lege.md", name="lege").title == "LEGE nr. 12 din 5 mai privind morile de apă"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Unu\n\n#  Doi ##\n\nText.", "Unu Doi"),
        ("Lege privind\nmorile de apă\n======\n\nText.", "Lege privind morile de apă"),
        ("# Unu\n\nText.\n\n# Doi\n", "Unu"),
        ("# Limba C#\n", "Limba C#"),
        ("```\n# nu\n```\nText.\n\nDa\n===\n", "Da"),
        ("#\n\n# <!-- gol -->\n\nText fără titlu.", "A"),
        ("Text.\n---\nAlt text = 3\n", "A"),
        ("# Titlu\r\n# pe două\r\nText.", "Titlu pe două"),
    ],
)
def test_headings_of_all_kinds(write, text: str, title: str) -> None:
    assert load(write(text, "a.md")).title == title


def test_questions_are_suggested_from_the_words_alone() -> None:
    made = candidates(to_document(LAW, source="lege.md", name="lege"), "ro")

    assert any("Moara din Horezu" in candidate.question or "construită" in candidate.question for candidate in made)
    assert not any(re.search(r"style|justify|align|nbsp|art-4|[<>{}]", candidate.question) for candidate in made)


@pytest.mark.parametrize(
    "text",
    [
        "Dacă a < b și c > d, atunci {x} este {{#if}} și ${.y}.",
        'El a spus „da"\n> apoi a plecat.\nAlt rând > altul.',
        "O săgeată -> aici și <https://exemplu.ro> și <a@b.ro>.",
        "Un comentariu <!-- care nu se încheie. Textul rămâne.",
    ],
)
def test_what_is_no_markup_stays(text: str) -> None:
    assert prose(text, cut=False) == text
    assert quotes(split(to_document(text, source="a.md", name="a"), 64)[0])[0].split()[0] == text.split()[0]


def test_the_shipped_article_has_none() -> None:
    text = SEED.read_text("utf-8")
    assert prose(text) == text
