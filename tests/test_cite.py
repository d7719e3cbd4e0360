"""Citing: exact spans under numbers, and no other markers than these."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Hit, Passage
from rag.cite import as_prose, cite, shorten
from rag.models.reader import LEAST_CERTAIN, ReaderAnswer
from rag.read import Sentence

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
