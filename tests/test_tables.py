"""Tables: their rows are sentences, embedded with the names of the columns, and their header is no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import ingest, split
from rag import Document, Passage, Settings, Temei
from rag.embeddings import Embedder
from rag.index import Index
from rag.leads import Lead, leads
from rag.records import sentence_texts
from rag.tables import table_rows

MARKDOWN = """Zile libere plătite:

| Eveniment | Zile |
|---|---:|
| Căsătoria. A salariatului | 5 |
| Nașterea unui copil | 10 |
|  | 3 |

Restul zilelor se iau din concediu. Se anunță din vreme."""
HTML = "Leave in days.\n\nEvent | Days\n\nMarriage of an employee | 5\n\nBirth of a child | 10\n\nThe rest is unpaid."


def a_passage(text: str, language: str = "ro") -> Passage:
    (passage,) = split(Document("d", "T", "s", text, language), 2000)
    return passage


def test_every_row_is_a_sentence() -> None:
    passage = a_passage(MARKDOWN)

    assert [MARKDOWN[start:end] for start, end in passage.sentences] == [
        "Zile libere plătite:",
        "Eveniment | Zile",
        "Căsătoria. A salariatului | 5",
        "Nașterea unui copil | 10",
        "| 3",
        "Restul zilelor se iau din concediu.",
        "Se anunță din vreme.",
    ]


@pytest.mark.parametrize(
    ("text", "language", "embedded"),
    [
        (MARKDOWN, "ro", ["Eveniment, Zile", "Eveniment: Căsătoria. A salariatului, Zile: 5"]),
        (HTML, "en", ["Event, Days", "Event: Marriage of an employee, Days: 5"]),
    ],
)
def test_a_row_names_its_columns(text: str, language: str, embedded: list[str]) -> None:
    passage = a_passage(text, language)

    assert sentence_texts(passage)[1:3] == embedded
    assert leads(passage)[1:3] == [Lead.COLUMNS, None]


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n| c | d |\n",
        "Ana | Popescu\n\nIon | Ionescu\n\nMaria | Vlad\n",
        "Tulcea | 73707\n\nIași | 271692\n\nCluj | 286598\n",
    ],
)
def test_without_a_rule_or_figures_the_first_row_is_like_the_others(text: str) -> None:
    assert not [row for row in table_rows(a_passage(text)).values() if row.is_header or row.columns]


def test_two_tables_do_not_share_their_columns() -> None:
    rows = table_rows(a_passage("| a | b |\n|---|---|\n| c | d |\n\nText.\n\n| e | f |\n|---|---|\n| g | h |"))

    assert [row.text for row in rows.values()] == ["a, b", "a: c, b: d", "e, f", "e: g, f: h"]


def test_a_row_of_another_length_has_no_columns() -> None:
    rows = table_rows(a_passage("| a | b |\n|---|---|\n| c | d | e |\n| f | g |"))

    assert [row.text for row in rows.values()] == ["a, b", "c, d, e", "a: f, b: g"]


def test_a_pipe_in_prose_is_no_table() -> None:
    assert table_rows(a_passage("He typed ls | sort and waited. Then he went.", "en")) == {}


@pytest.mark.model
def test_a_row_is_quoted_alone(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "zile.md").write_text(MARKDOWN, "utf-8")
    settings = Settings(home=tmp_path / "home")
    ingest([tmp_path / "zile.md"], Index(settings, embedder, create=True))

    answer = Temei(settings, embedder=embedder).answer("Câte zile libere primesc la nașterea unui copil?")

    assert "Nașterea unui copil | 10" in [citation.quote for citation in answer.citations]
    assert answer.short is not None
    assert "10" in answer.short.text
