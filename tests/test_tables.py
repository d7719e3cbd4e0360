"""Tables: their rows are sentences, embedded with the names of the columns, and their header is no answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest import ingest, split
from rag import Document, Passage, Settings, Temei
from rag.index.index import Index
from rag.index.records import passage_metadata, sentence_texts, to_passages
from rag.models.embeddings import BundledEmbedder, Embedder
from rag.models.reader import open_reader
from rag.models.reader_input import reader_inputs
from rag.text import tables
from rag.text.headings import HeadingKind, headings
from rag.text.tables import table_rows

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
    assert headings(passage)[1:3] == [HeadingKind.COLUMNS, None]


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


PRICES = """# Prețuri

| Serviciu | Durată | Preț (lei) | Observații |
|---|---|---|---|
| Tuns bărbați | 30 min | 60 | |
| Balayage | 180 min | 450 | consultație gratuită |
| Manichiură semipermanentă | 75 min | 110 | garanție 7 zile |
| Masaj facial | 50 min | 150 | doar joia și vinerea |

Copiii sub 10 ani au reducere 20%."""


@pytest.mark.parametrize(
    "text", [MARKDOWN, HTML, PRICES, "Unu. Doi.", "| a | b |\n|---|---|\n", "Ana | Pop\n\nIon | Vlad\n"]
)
def test_a_row_is_read_by_itself_and_every_cell_knows_where_it_stands(text: str) -> None:
    passage = a_passage(text)
    passage = replace(passage, start=passage.start + 7, sentences=tuple((a + 7, b + 7) for a, b in passage.sentences))
    _, rows = reader_inputs(passage)

    headers = {number for number, row in table_rows(passage).items() if row.is_header}
    assert {number for number, row in rows.items() if not row.stretches} == headers
    for number, row in rows.items():
        for stretch in row.stretches:
            start, end = stretch.origin_of(stretch.start, stretch.end)
            assert row.text[stretch.start : stretch.end] == passage.quote((start, end))
            assert passage.sentences[number][0] <= start < end <= passage.sentences[number][1]


def test_cells_are_read_with_the_names_of_their_columns() -> None:
    _, rows = reader_inputs(a_passage(PRICES))
    _, first, *_ = rows.values()

    assert first.text == "Serviciu: Tuns bărbați, Durată: 30 min, Preț (lei): 60"


LONG = "".join(f"| Șurub M{n} | {n + 100} lei |\n" for n in range(60))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (f"| Articol | Preț |\n|---|---|\n{LONG}", ("Articol", "Preț")),
        (f"{LONG.replace('lei', 'lei | x')}", ()),
    ],
)
def test_a_table_longer_than_a_passage_keeps_the_names_of_its_columns(text: str, columns: tuple[str, ...]) -> None:
    first, *others = split(Document("d", "T", "s", text + "\nTransport gratuit.\n", "ro"), 100)

    assert first.columns == ()
    assert len(others) > 4
    assert {passage.columns for passage in others} == {columns}
    if columns:
        assert sentence_texts(others[1])[2].startswith("Articol: Șurub M")
        (back,) = to_passages(
            {"ids": [others[1].id], "metadatas": [passage_metadata(others[1])], "documents": [others[1].text]}
        )
        assert back == others[1]


def test_another_table_has_its_own_columns() -> None:
    text = f"| Articol | Preț |\n|---|---|\n{LONG}\nText.\n\n| Oraș | Județ |\n|---|---|\n" + "| Cluj | Cluj |\n" * 40

    passages = split(Document("d", "T", "s", text, "ro"), 100)

    assert passages[1].columns == ("Articol", "Preț")
    assert passages[-1].columns == ("Oraș", "Județ")
    assert sentence_texts(passages[-1])[-1] == "Oraș: Cluj, Județ: Cluj"


@pytest.fixture(scope="module")
def prices(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Temei:
    folder = tmp_path_factory.mktemp("prices")
    (folder / "a.md").write_text(PRICES, "utf-8")
    settings = Settings(home=folder / "home")
    ingest([folder / "a.md"], Index(settings, embedder, create=True))
    return Temei(settings, embedder=embedder)


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "cell"),
    [
        ("Cât costă o manichiură semipermanentă?", "110"),
        ("How much does Balayage cost?", "450"),
        ("Cât durează Balayage?", "180 min"),
        ("Cât timp durează masajul facial?", "50 min"),
        ("Ce reducere au copiii?", "20%"),
    ],
)
def test_the_short_answer_is_one_cell(prices: Temei, question: str, cell: str) -> None:
    answer = prices.answer(question)

    assert answer.short is not None
    assert cell in answer.short.text
    assert "|" not in answer.short.text


@pytest.mark.model
def test_of_a_long_table_a_few_rows_are_read(embedder: BundledEmbedder, models: Path) -> None:
    rows = "".join(f"| Articolul numărul {n} | {n + 100} lei |\n" for n in range(60))
    passage = a_passage("| Articol | Preț |\n|---|---|\n" + rows)
    reader = open_reader(embedder, models)
    assert reader is not None
    near = np.zeros(len(passage.sentences), np.float32)
    near[41] = 1

    (found,) = reader.read("Cât costă articolul numărul 40?", [passage], [near])

    read = [number for number, one in enumerate(found) if one.span[0] < one.span[1]]
    assert 41 in read
    assert len(read) < 12
    assert passage.quote(found[41].span) == "140 lei"


@pytest.mark.parametrize("text", ["| a | b |\n|---|---|\n| c | d |", "Pret | 5\n\nOra | 6\n\nZi | 7"])
def test_the_rows_of_a_passage_are_found_once_for_reading_and_ranking(text: str) -> None:
    passage = a_passage(text)
    tables._rows.cache_clear()

    _, rows = reader_inputs(passage)
    kinds = headings(passage)

    assert rows
    assert len(kinds) == len(passage.sentences)
    assert tables._rows.cache_info().misses == 1
    with pytest.raises(TypeError):
        table_rows(passage)[0] = None  # type: ignore[index]


def test_another_text_or_place_of_a_passage_has_rows_of_its_own() -> None:
    passage = a_passage("| a | b |\n|---|---|\n| c | d |")
    moved = replace(
        passage, start=7, end=passage.end + 7, sentences=tuple((a + 7, b + 7) for a, b in passage.sentences)
    )

    assert table_rows(passage, passage.text.replace("c", "x"))[1].text == "a: x, b: d"
    assert table_rows(passage)[1].text == "a: c, b: d"
    assert table_rows(moved) == table_rows(passage)
    below = replace(passage, text="c | d", end=5, sentences=((0, 5),))
    assert (table_rows(below), table_rows(replace(below, columns=("a", "b")))[0].text) == ({}, "a: c, b: d")
