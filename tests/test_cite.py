"""Citing: exact spans under numbers, and no other markers than these."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Hit, Passage
from rag.cite import as_prose, cite, shorten, without_marks
from rag.models.reader import LEAST_CERTAIN, ReaderAnswer
from rag.read import Sentence
from rag.text.markup import without_markup

TEXT = "Prima  propoziție\nare [1] două rânduri. A doua e scurtă."
SECOND = TEXT.index("A doua")


def a_sentence(start: int, end: int, passage: Passage) -> Sentence:
    return Sentence(Hit(passage, 0.9, 0.8, 3.0), (start, end), TEXT[start:end], 1.5, 0.8, 0.5)


def a_passage(page: int = 0, page_breaks: tuple[int, ...] = ()) -> Passage:
    spans = ((0, SECOND - 1), (SECOND, len(TEXT)))
    return Passage("p", "d", "Titlu", "s.txt", 0, len(TEXT), TEXT, "ro", spans, page, page_breaks)


def test_each_sentence_is_followed_by_its_marker_and_quoted_exactly() -> None:
    passage = a_passage()

    text, citations = cite([a_sentence(0, SECOND - 1, passage), a_sentence(SECOND, len(TEXT), passage)])

    assert text == "Prima propoziție are ［1］ două rânduri. [1] A doua e scurtă. [2]"
    assert [c.quote for c in citations] == [TEXT[c.start : c.end] for c in citations]
    assert [(c.number, c.start, c.end) for c in citations] == [(1, 0, SECOND - 1), (2, SECOND, len(TEXT))]
    first = citations[0]
    assert (first.document_id, first.title, first.source, first.score) == ("d", "Titlu", "s.txt", 1.5)


def test_nothing_cited_is_an_empty_text() -> None:
    assert cite([]) == ("", ())


@pytest.mark.parametrize(
    ("page", "breaks", "start", "expected"),
    [(0, (), 20, 0), (3, (), 20, 3), (3, (20,), 20, 4), (3, (20,), 0, 3), (3, (10, 19), 20, 5), (3, (21,), 20, 3)],
)
def test_the_page_is_that_on_which_the_quote_begins(
    page: int, breaks: tuple[int, ...], start: int, expected: int
) -> None:
    _, (citation,) = cite([a_sentence(start, len(TEXT), a_passage(page, breaks))])

    assert citation.page == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(3.0, 9.0, ("două", 1)), (LEAST_CERTAIN - 0.1, 9.0, ("scurtă", 2)), (0.0, 0.0, None)],
)
def test_the_short_answer_is_that_of_the_best_sentence_that_has_one(
    first: float, second: float, expected: tuple[str, int] | None
) -> None:
    passage = a_passage()
    words = [(TEXT.index(word), TEXT.index(word) + len(word)) for word in ("două", "scurtă")]
    best = replace(a_sentence(0, SECOND - 1, passage), score=1.9, found=ReaderAnswer(words[0], first))
    other = replace(a_sentence(SECOND, len(TEXT), passage), score=1.8, found=ReaderAnswer(words[1], second))

    short = shorten([best, other])

    assert (short and (short.text, short.citation)) == expected


def test_a_sentence_that_was_not_read_has_no_short_answer() -> None:
    assert shorten([replace(a_sentence(0, SECOND - 1, a_passage()), found=ReaderAnswer((0, 0), 9.0))]) is None


@given(st.text(alphabet=st.sampled_from("[]［］ 1٣2３²\n\t\u00a0\u200bab")))
def test_no_text_reads_as_a_marker(quote: str) -> None:
    prose = as_prose(quote)

    assert not re.search(r"\[\d+\]", prose)
    assert prose == " ".join(prose.split())


def test_brackets_that_are_no_marker_stay() -> None:
    assert as_prose("[a] [1a] (1) x[i] [ ]") == "[a] [1a] (1) x[i] [ ]"


def test_a_citation_carries_the_path_of_headings_above_it() -> None:
    passage = replace(a_passage(), path=("Locuire",), sections=((0, ("Locuire", "A")), (SECOND, ("Locuire", "B"))))

    _, (first, second) = cite([a_sentence(0, SECOND - 1, passage), a_sentence(SECOND, len(TEXT), passage)])

    assert (first.path, second.path) == (("Locuire", "A"), ("Locuire", "B"))
    assert "Locuire" not in first.quote + second.quote


def test_an_answer_is_shown_without_the_marks_of_markdown() -> None:
    text = "**Moara** e [veche](https://example.org). Costă `5 * 2 * 3` lei."
    passage = Passage("p", "d", "T", "a.md", 0, len(text), text, "ro", ((0, 41), (42, len(text))))
    hit = Hit(passage, 0.9, 0.8, 3.0)
    sentences = [Sentence(hit, (a, b), text[a:b], 1.5, 0.8, 0.5) for a, b in passage.sentences]
    said, citations = cite(sentences)
    answer = Answer("?", said, citations, (hit,), False, 0.9, "?", "extractive")

    assert [c.quote for c in citations] == [text[:41], text[42:]]
    assert without_marks(answer) == "Moara e veche. [1] Costă 5 * 2 * 3 lei. [2]"
    plain = replace(answer, citations=tuple(replace(c, source="a.txt") for c in citations))
    assert without_marks(plain) == said


@pytest.mark.parametrize(
    ("marked", "shown"),
    [
        ("## Art. 4 {#art-4}", "Art. 4"),
        ("Titlu\n=====", "Titlu"),
        ("Moara<sup>1</sup> e <b>veche</b>.<!-- sau nu -->", "Moara e veche."),
        ("_Da_, **nu** și ~~poate~~.", "Da, nu și poate."),
        ("snake_case_name și 2 * 3 * 4", "snake_case_name și 2 * 3 * 4"),
        ("![Poza](a.png) din [album][1]", "Poza din album"),
        ("```\n# cod\n```", "```\n# cod\n```"),
        ("a \\* b", "a * b"),
    ],
)
def test_marks_are_left_out_and_nothing_else(marked: str, shown: str) -> None:
    assert without_markup(marked) == shown
