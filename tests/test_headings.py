"""Headings and questions of a document: told from what answers, and answered by what stands below them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import ingest, split
from rag import Document, Passage, Settings, Temei
from rag.index.index import Index
from rag.models.embeddings import Embedder
from rag.text.headings import HeadingKind, headings, is_label

FAQ = """Frequently asked questions

1.1. Opening hours

The library is open from nine to five on weekdays, on Saturdays until noon.

1.2. How do I get a reader's card?

Bring your passport to the desk on the ground floor. The card costs 15 lei and is made while you wait.

1.3. Can I bring my dog?

Only guide dogs are let in. To have one registered, send us:

- its vaccination record

We answer within two days.

1.4. What happens if I lose a book?

You pay its price, or replace it with a copy in the same edition.
"""


def told(text: str, language: str = "en") -> dict[str, HeadingKind]:
    """Return the sentences of a text that lead to others."""
    return {
        text[start:end]: heading
        for passage in split(Document("d", "T", "s", text, language), 2000)
        for (start, end), heading in zip(passage.sentences, headings(passage), strict=True)
        if heading is not None
    }


def test_questions_headings_and_colons_are_told() -> None:
    assert told(FAQ) == {
        "Frequently asked questions": HeadingKind.HEADING,
        "1.1. Opening hours": HeadingKind.HEADING,
        "1.2. How do I get a reader's card?": HeadingKind.QUESTION,
        "1.3. Can I bring my dog?": HeadingKind.QUESTION,
        "To have one registered, send us:": HeadingKind.COLON,
        "1.4. What happens if I lose a book?": HeadingKind.QUESTION,
    }


@pytest.mark.parametrize("heading", ["# The mill", "###### The mill", "The mill\n========", "The mill\n---"])
def test_headings_of_markdown_are_told_wherever_they_stand(heading: str) -> None:
    assert told(f"{heading}\n\n- flour\n- bran\n") == {heading: HeadingKind.HEADING}


def test_a_heading_below_a_block_of_code_is_told() -> None:
    text = "Start it:\n\n```\nmill --start\n```\n\n## Stopping the mill\n\nPress the red button."

    assert told(text)["## Stopping the mill"] == HeadingKind.HEADING


def test_a_numbered_heading_of_markdown_is_told() -> None:
    assert told("# 3. Telefon și laptop\n\nFiecare primește un laptop.", "ro") == {
        "# 3. Telefon și laptop": HeadingKind.HEADING
    }


@pytest.mark.parametrize(
    "line", ["Price: 100 lei", "- flour", "flour and bran", "The mill closed.", "Come in;", "A\nB", "A" * 101]
)
def test_other_lines_say_something_themselves(line: str) -> None:
    assert told(f"{line}\n\nThe mill was built by two brothers, and it ground the corn of the whole valley"
                " for more than a hundred and twenty years.") == {}  # fmt: skip


def test_what_stands_below_an_unfinished_line_is_no_heading() -> None:
    assert told("To list the files run\n\nDpkg list\n\nNote that the scripts' own files are not shown.") == {}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("如何安装软件包？使用以下命令。", "zh"),
        ("هل الدخول مجاني؟ نعم، للجميع.", "ar"),
        ("«Cât costă?» Cinci lei.", "ro"),
    ],
)
def test_questions_of_other_scripts_are_told(text: str, language: str) -> None:
    assert list(told(text, language).values()) == [HeadingKind.QUESTION]


def test_a_table_of_contents_is_told() -> None:
    assert set(told("7.1 What is a package . . . . . . . . . . . . 29").values()) == {HeadingKind.CONTENTS}
    assert set(told("The price................12").values()) == {HeadingKind.CONTENTS}
    assert told("It rained... and rained.") == {}
    listed = "13. Contributing\n  13.1. How can I join?\n  13.2. How can I pay?\n  13.3. Thanks"
    whole = Passage("p", "d", "T", "s", 0, len(listed), listed, "en", ((0, len(listed)),))
    assert headings(whole) == [HeadingKind.QUESTION]


@pytest.fixture(scope="module")
def temei(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Temei:
    folder = tmp_path_factory.mktemp("leads")
    (folder / "faq.txt").write_text(FAQ, "utf-8")
    (folder / "mill.md").write_text(
        "# The mill of Fontaine\n\n## Built by two brothers in 1874\n\nIt stands by the old bridge.\n", "utf-8"
    )
    settings = Settings(home=folder / "home")
    ingest([folder / "faq.txt", folder / "mill.md"], Index(settings, embedder, create=True))
    return Temei(settings, embedder=embedder)


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("How do I get a reader's card?", "Bring your passport to the desk on the ground floor."),
        ("Can I bring my dog?", "Only guide dogs are let in."),
        ("What happens if I lose a book?", "You pay its price, or replace it with a copy in the same edition."),
        ("Ce se întâmplă dacă pierd o carte?", "You pay its price, or replace it with a copy in the same edition."),
        ("What are the opening hours?", "The library is open from nine to five on weekdays, on Saturdays until noon."),
        ("How is a guide dog registered?", "its vaccination record"),
    ],
)  # fmt: skip
def test_a_documents_own_question_is_answered_by_what_stands_below(question: str, quote: str, temei: Temei) -> None:
    quotes = [citation.quote for citation in temei.answer(question).citations]

    assert quote in quotes
    assert not [q for q in quotes if q.endswith("?")]


@pytest.mark.model
def test_a_heading_that_holds_the_date_asked_for_is_quoted(temei: Temei) -> None:
    citations = temei.answer("When was the mill of Fontaine built?").citations

    assert "## Built by two brothers in 1874" in [citation.quote for citation in citations]


@pytest.mark.model
def test_a_document_of_nothing_but_questions_is_quoted(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "survey.txt").write_text("How old are you? Do you keep bees? Where do you keep your bees?", "utf-8")
    settings = Settings(home=tmp_path / "home")
    ingest([tmp_path / "survey.txt"], Index(settings, embedder, create=True))

    answer = Temei(settings, embedder=embedder).answer("Where do you keep your bees?")

    assert [citation.quote for citation in answer.citations][-1] == "Where do you keep your bees?"


@pytest.mark.parametrize(
    "label", ["Atenție!", "Notă:", "**Important!**", "Nota bene:", "Achtung!", "Attention !", "Succes!"]
)
def test_labels_lead_to_the_next_sentence_and_answer_nothing(label: str) -> None:
    kinds = told(f"Plita se încălzește repede.\n\n{label}\n\nNu atingeți plita cu mâna goală.", "ro")

    assert list(kinds.values()) == [HeadingKind.LABEL]
    assert HeadingKind.LABEL.to_the_next
    assert HeadingKind.LABEL.says_nothing(wanted_is_there=True)


@pytest.mark.parametrize("text", ["Sunt trei:", "Nu fumați aici!", "Sunați la 112!", "Telefon:", "Nota este 10."])
def test_what_says_something_is_no_label(text: str) -> None:
    assert not is_label(text)


@pytest.mark.parametrize(
    "line", ["Pagina 3 din 12", "- 3 -", "Page 4", "Înapoi sus", "Acasă › Servicii › Taxe", "Back to top"]
)
def test_page_numbers_and_navigation_lead_nowhere(line: str) -> None:
    kinds = told(f"Taxa este de 20 de lei pe an.\n\n{line}\n\nSe plătește la ghișeul doi.", "ro")

    assert kinds == {line.removeprefix("- "): HeadingKind.NAVIGATION}
    assert not HeadingKind.NAVIGATION.to_the_next
    assert HeadingKind.NAVIGATION.says_nothing(wanted_is_there=True)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('<a id="a"></a>\n\n<p>Moara e din 1874.</p>', ["Moara e din 1874."]),
        ("<!-- Taxa veche era 10. Acum nu mai e. -->\n\nTaxa este 20.", ["Taxa este 20."]),
        ("***\n\nTaxa este 20.", ["Taxa este 20."]),
    ],
)
def test_anchors_comments_and_rules_are_no_sentences(text: str, quoted: list[str]) -> None:
    document = Document("d", "T", "s.md", text, "ro")
    assert [text[start:end] for passage in split(document, 384) for start, end in passage.sentences] == quoted
