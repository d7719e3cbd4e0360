"""Fuller answers: whole lists, more of an explanation, and what several documents say once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEmbedder

from ingest import ingest, split
from rag import Document, Hit, Passage, Settings, Temei
from rag.cite import cite, shorten
from rag.fuller import MORE, MOST_ITEMS, choose_fully
from rag.index.index import Index
from rag.models.reader import LEAST_CERTAIN, ReaderAnswer
from rag.read import READ_MARGIN, Sentence
from rag.same_words import apart_and_again

STEPS = "## What we recommend\n\n- Build separate lanes.\n- Let bicycles travel free.\n- Pay for the showers.\n"
NUMBERS = ("first", "second", "third", "fourth", "fifth", "sixth")
PLAIN = " ".join(f"The {number} reason stands in this sentence here." for number in NUMBERS)
SISTERS = "## Buyers\n\n- Check the deed.\n- Pay in advance.\n\n## Sellers\n\n- Find the deed.\n- Wait for the money.\n"


def a_passage(text: str, document: str = "d") -> Passage:
    (passage,) = split(Document(document, "T", f"{document}.md", text, "en"), 384)
    return passage


def ranked(
    passage: Passage, scores: Mapping[int, float], *, found: float | None = None, headings: tuple[int, ...] = ()
) -> list[Sentence]:
    """Return the sentences of a passage by number with their scores, which are their cosines too, best first."""
    hit = Hit(passage, 1.0, 1.0, 0.0)
    answer = None if found is None else ReaderAnswer((0, 3), found)
    sentences = [
        Sentence(
            hit, span, passage.quote(span), scores.get(row, 0.0), scores.get(row, 0.0), 0.0, answer, row in headings
        )
        for row, span in enumerate(passage.sentences)
    ]
    return sorted(sentences, key=lambda s: (s.is_heading, -s.score))


def texts(sentences: tuple[Sentence, ...]) -> list[str]:
    return [sentence.text for sentence in sentences]


def test_the_whole_list_is_quoted_where_its_heading_is_nearer_than_its_items() -> None:
    scores = {0: 0.9, 1: 0.9, 2: 0.5, 3: 0.4}

    chosen = choose_fully(ranked(a_passage(STEPS), scores, headings=(0,)), 2, "What does the survey recommend?")

    assert texts(chosen.sentences) == ["Build separate lanes.", "Let bicycles travel free.", "Pay for the showers."]
    assert chosen.left_out == 0


def test_one_item_is_quoted_where_it_is_nearer_than_the_heading() -> None:
    scores = {0: 0.4, 1: 0.3, 2: 0.9, 3: 0.3}

    chosen = choose_fully(ranked(a_passage(STEPS), scores, headings=(0,)), 2, "May bicycles travel free?")

    assert texts(chosen.sentences) == ["Let bicycles travel free."]


def test_one_item_is_quoted_where_a_number_is_asked_for() -> None:
    scores = {0: 0.9, 1: 0.9, 2: 0.5, 3: 0.4}

    chosen = choose_fully(ranked(a_passage(STEPS), scores, headings=(0,)), 1, "How many lanes are recommended?")

    assert texts(chosen.sentences) == ["Build separate lanes."]


@pytest.mark.parametrize("question", ["Which steps are there?", "Ce măsuri se recomandă?", "Welche Schritte gibt es?"])
def test_words_for_several_things_ask_for_the_whole_list(question: str) -> None:
    scores = {0: 0.1, 1: 0.2, 2: 0.9, 3: 0.3}

    assert len(choose_fully(ranked(a_passage(STEPS), scores, headings=(0,)), 2, question).sentences) == 3


def test_what_announces_a_list_is_quoted_with_it_and_a_long_one_says_how_many_more() -> None:
    many = MOST_ITEMS + 3
    text = "Bring all of these:\n\n" + "".join(f"- thing number {n} of yours\n" for n in range(many))

    chosen = choose_fully(ranked(a_passage(text), {3: 0.9}), 2, "What are the things to bring?")

    assert chosen.sentences[0].text == "Bring all of these:"
    assert len(chosen.sentences) == MOST_ITEMS + 1
    assert chosen.left_out == 3


@pytest.mark.parametrize(("found", "expected"), [(LEAST_CERTAIN - 1, 2 + MORE), (LEAST_CERTAIN, 2), (None, 1)])
def test_an_explanation_has_more_sentences_where_no_short_answer_is_certain(found: float | None, expected: int) -> None:
    scores = {0: 0.5, 1: 0.9, 2: 0.85, 3: 0.84, 4: 0.83}

    chosen = choose_fully(ranked(a_passage(PLAIN), scores, found=found), 2, "Why so?")

    assert len(chosen.sentences) == expected
    assert len(choose_fully(ranked(a_passage(PLAIN), scores, found=found), 2, "When?").sentences) <= 2
    assert [s.span for s in chosen.sentences] == sorted(s.span for s in chosen.sentences)


def test_an_explanation_goes_on_beside_what_is_quoted_rather_than_far_away() -> None:
    scores = {0: 0.9, 1: 0.9 - READ_MARGIN + 0.01, 5: 0.9 - READ_MARGIN + 0.02}
    sentences = ranked(a_passage(PLAIN), scores, found=0.0)

    chosen = choose_fully(sentences, 1, "Why so?")

    assert [s.span for s in chosen.sentences] == list(sentences[0].hit.passage.sentences[:2])


def test_of_sister_lists_the_one_is_quoted_whose_heading_is_named() -> None:
    scores = {0: 0.4, 1: 0.9, 2: 0.5, 3: 0.8, 4: 0.85, 5: 0.5}

    chosen = choose_fully(ranked(a_passage(SISTERS), scores, headings=(0, 3)), 2, "What are the steps for sellers?")

    assert texts(chosen.sentences) == ["Find the deed.", "Wait for the money."]


def test_sister_lists_in_passages_of_their_own_are_told_apart() -> None:
    buyers, sellers = SISTERS.split("\n\n## Sellers")
    one = ranked(a_passage(buyers), {0: 0.4, 1: 0.9, 2: 0.5}, headings=(0,))
    two = ranked(a_passage("## Sellers" + sellers), {0: 0.8, 1: 0.7, 2: 0.6}, headings=(0,))
    both = sorted([*one, *two], key=lambda s: (s.is_heading, -s.score))

    chosen = choose_fully(both, 2, "What are the steps for sellers?")

    assert texts(chosen.sentences) == ["Find the deed.", "Wait for the money."]


def test_what_several_documents_say_is_quoted_once() -> None:
    one, two, three = (
        ranked(a_passage(text, name), {0: score}, found=9.0)[0]
        for name, text, score in (
            ("a", "The office opens at nine.", 0.9),
            ("b", "**The office** opens at nine.", 0.88),
            ("c", "The office opens at ten.", 0.86),
        )
    )

    kept, again = apart_and_again([one, two, three], [one, two, three])
    text, citations = cite(kept, again, "also in")

    assert [s.hit.passage.document_id for s in kept] == ["a", "c"]
    assert text == "The office opens at nine. [1] – also in [2] The office opens at ten. [3]"
    assert [(c.number, c.document_id) for c in citations] == [(1, "a"), (2, "b"), (3, "c")]
    short = shorten([replace(one, found=None), three], citations)
    assert short is not None
    assert short.citation == 3


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Biroul se deschide la ora nouă.", True),
        ("Biroului se deschide la ora nouă.", True),
        ("Biroul se deschide la ora 9.", False),
        ("Biroul nu se deschide la ora nouă.", False),
        ("Biroul se închide la ora nouă.", False),
    ],
)
def test_endings_may_differ_but_words_and_numbers_may_not(other: str, same: bool) -> None:
    one = ranked(a_passage("Biroul se deschide la ora nouă.", "a"), {0: 0.9})[0]
    two = ranked(a_passage(other, "b"), {0: 0.8})[0]

    assert bool(apart_and_again([one], [one, two])[1][0]) is same


def test_an_answer_says_also_in_and_how_many_more_in_its_language(tmp_path: Path) -> None:
    things = "".join(f"- lucrul numărul {n} din listă\n" for n in range(12))
    (tmp_path / "a.md").write_text(f"# Lista\n\nAduceți aceste lucruri la ghișeu:\n\n{things}")
    (tmp_path / "b.md").write_text("# Program\n\nGhișeul mare se deschide la ora nouă.")
    (tmp_path / "c.md").write_text("# Orar\n\nGhișeul mare se deschide la ora nouă.")
    settings = Settings(home=tmp_path / "home", min_confidence=0.0)
    index = Index(settings, FakeEmbedder(), create=True)
    ingest(sorted(tmp_path.glob("*.md")), index)
    index.close()
    temei = Temei(settings, embedder=FakeEmbedder())

    many = temei.answer("Care sunt lucrurile din listă: aceste lucruri la ghișeu?")
    twice = temei.answer("La ce oră se deschide ghișeul mare?")

    assert len(many.citations) == MOST_ITEMS + 1
    assert many.note == f"Și încă 4 în sursă, lângă [{MOST_ITEMS + 1}]."
    assert "[1] – și în [2]" in twice.text
    assert len({citation.document_id for citation in twice.citations[:2]}) == 2
    for answer in (many, twice):
        for citation in answer.citations:
            document = temei.document(citation.document_id)
            assert document is not None
            assert document.text[citation.start : citation.end] == citation.quote
