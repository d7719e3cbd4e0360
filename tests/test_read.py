"""Reading: which sentences of the hits answer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest import quotes
from fakes import FakeEmbedder

from ingest import ingest, split
from rag import Document, Hit, Passage, Settings
from rag.index.index import Index
from rag.index.vectors import SHORT, SHORTER
from rag.models.reader import ReaderAnswer
from rag.read import APART_MARGIN, MARGIN, READ_MARGIN, WEIGHTS, Sentence, choose, rank_sentences
from rag.retrieve import Retrieval, retrieve
from rag.text.language import letters

TEXT = (
    "Pelicanii albi cuibăresc pe lacul Roșca. Ei sosesc în martie din Africa. "
    "Delta Dunării are trei brațe mari. Brațul Sfântu Gheorghe este cel mai vechi. "
    "Rezervația a intrat în patrimoniul UNESCO în anul 1991."
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("read")
    (folder / "delta.txt").write_text(TEXT)
    index = Index(Settings(home=folder / "home", passage_tokens=40), FakeEmbedder(), create=True)
    ingest([folder / "delta.txt"], index)
    assert len(index) == 3
    yield index
    index.close()


def search(index: Index, query: str, scores: tuple[float, ...] = ()) -> Retrieval:
    """Retrieve the three passages, in source order and with other scores where these are given."""
    retrieval = retrieve(index, query, count=3, candidates=3)
    if not scores:
        return retrieval
    hits = sorted(retrieval.hits, key=lambda hit: hit.passage.start)
    scored = tuple(replace(hit, score=score) for hit, score in zip(hits, scores, strict=True))
    return replace(retrieval, hits=scored)


def a_sentence(score: float, start: int = 0, text: str = "", document: str = "d") -> Sentence:
    text = text or f"Propoziția {start}."
    passage = Passage(f"p{start}", document, "T", "s", start, start + len(text), text, "ro")
    return Sentence(Hit(passage, score, score, 0.0), (start, start + len(text)), text, score, score, 0.5)


@pytest.mark.parametrize("wanted", range(5))
def test_a_sentence_answers_its_own_words(index: Index, wanted: int) -> None:
    sentence = quotes(split(Document("d", "T", "s", TEXT, "ro"), 384)[0])[wanted]

    best = rank_sentences(search(index, sentence.upper()))[0]

    assert best.text == sentence
    assert best.cosine == pytest.approx(1 - SHORTER * math.exp(-letters(sentence) / SHORT), abs=2e-3)
    assert best.overlap == pytest.approx(1)


def test_each_sentence_of_the_hits_is_ranked_once(index: Index) -> None:
    retrieval = search(index, "Unde cuibăresc pelicanii?")
    spans = [span for hit in retrieval.hits for span in hit.passage.sentences]
    assert len(spans) > len(set(spans)), "no sentence is shared"

    ranked = rank_sentences(retrieval)

    assert sorted(sentence.span for sentence in ranked) == sorted(set(spans))
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)
    assert all(TEXT[s.span[0] : s.span[1]] == s.text for s in ranked)
    assert all(0 <= s.overlap <= 1 for s in ranked)


def test_a_shared_sentence_counts_in_its_better_passage(index: Index) -> None:
    one = search(index, "Unde cuibăresc pelicanii?", (0.1, 0.9, 0.1))
    other = search(index, "Unde cuibăresc pelicanii?", (0.9, 0.1, 0.1))
    (span,) = set(one.hits[0].passage.sentences) & set(one.hits[1].passage.sentences)

    for retrieval in (one, other):
        (sentence,) = (s for s in rank_sentences(retrieval) if s.span == span)
        assert sentence.hit.score == 0.9


def test_the_passage_score_counts(index: Index) -> None:
    last = "Rezervația a intrat în patrimoniul UNESCO în anul 1991."
    favoured = {s.text: s.score for s in rank_sentences(search(index, "Ce?", (0.1, 0.1, 0.9)))}
    other = {s.text: s.score for s in rank_sentences(search(index, "Ce?", (0.9, 0.9, 0.1)))}

    assert favoured[last] - other[last] == pytest.approx(0.8 * WEIGHTS["passage"])


def test_a_question_without_a_known_word_is_ranked_too(index: Index) -> None:
    ranked = rank_sentences(search(index, "?!"))

    assert len(ranked) == 5
    assert all(np.isfinite(s.score) for s in ranked)
    assert all(s.overlap == 0 for s in ranked)


def test_the_best_are_chosen_in_source_order() -> None:
    ranked = [a_sentence(1.0, 300), a_sentence(0.99, 100), a_sentence(0.98, 200)]

    assert [s.span[0] for s in choose(ranked, 1)] == [300]
    assert [s.span[0] for s in choose(ranked, 2)] == [100, 300]
    assert [s.span[0] for s in choose(ranked, 3)] == [100, 200, 300]


def test_the_document_of_the_best_comes_first() -> None:
    ranked = [
        a_sentence(1.0, 300, document="b"),
        a_sentence(0.99, 100, document="a"),
        a_sentence(0.98, 200, document="b"),
    ]

    assert [(s.hit.passage.document_id, s.span[0]) for s in choose(ranked, 3)] == [("b", 200), ("b", 300), ("a", 100)]


def test_only_what_is_nearly_as_good_is_added() -> None:
    ranked = [a_sentence(1.0, 1), a_sentence(1.0 - MARGIN / 2, 2), a_sentence(1.0 - MARGIN * 1.1, 3)]

    assert [s.span[0] for s in choose(ranked, 3)] == [1, 2]


def test_a_sentence_of_another_passage_must_be_nearer() -> None:
    best = replace(a_sentence(1.0, 1), found=ReaderAnswer((1, 2), 5.0))
    far, near = 1.0 - 1.1 * APART_MARGIN, 1.0 - 0.9 * APART_MARGIN
    beside = a_sentence(far, 50)
    beside = replace(beside, hit=replace(beside.hit, passage=replace(beside.hit.passage, id=best.hit.passage.id)))

    assert [s.span[0] for s in choose([best, a_sentence(far, 20)], 2)] == [1]
    assert [s.span[0] for s in choose([best, a_sentence(near, 20)], 2)] == [1, 20]
    assert [s.span[0] for s in choose([best, a_sentence(far, 20), beside], 2)] == [1, 50]
    assert READ_MARGIN > 1.1 * APART_MARGIN


def test_the_same_words_are_not_quoted_twice() -> None:
    ranked = [a_sentence(1.0, 1, "Așa este."), a_sentence(0.99, 50, "AŞA ESTE!"), a_sentence(0.98, 99, "Altceva.")]

    assert [s.span[0] for s in choose(ranked, 2)] == [1, 99]


def test_a_sentence_without_words_is_not_quoted() -> None:
    assert choose([a_sentence(1.0, 1, "…"), a_sentence(0.99, 5, "Da.")], 2)[0].text == "Da."
    assert choose([a_sentence(1.0, 1, "…")], 2) == []
    assert choose([], 2) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Pune un termen la client.", "```python\nClient(timeout=10)\n```", 2),
        ("Sunt trei termene:", "Unul e de zece secunde.", 2),
        ("Pune un termen la client.", "Alt text despre altele.", 1),
        ("```python\nClient()\n```", "```python\nClient(timeout=10)\n```", 1),
    ],
)
def test_what_the_best_announces_is_quoted_with_it(first: str, second: str, expected: int) -> None:
    text = f"{first}\n\n{second}"
    spans = ((0, len(first)), (len(first) + 2, len(text)))
    hit = Hit(Passage("p", "d", "T", "a.md", 0, len(text), text, "ro", spans), 0.9, 0.8, 3.0)
    ranked = [Sentence(hit, span, text[slice(*span)], 2.0 - n, 0.8, 0.5) for n, span in enumerate(spans)]

    assert len(choose(ranked, 2)) == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("În acest caz se plătește dublu.", 2),
        ("In diesem Fall wird doppelt bezahlt.", 2),
        ("The above does not apply to children.", 2),
        ("**Otherwise** the price is doubled.", 2),
        ("Aceasta se plătește dublu.", 2),
        ("```\nbilet --pentru mâine\n```", 2),
        ("Acest preț este dublu.", 1),
        ("Thermal baths cost double.", 1),
    ],
)
def test_what_only_refers_brings_the_sentence_before_along(second: str, expected: int) -> None:
    first = "Biletul se cumpără cu o zi înainte."
    text = f"{first} {second} Casa se închide la șase."
    cuts = ((0, len(first)), (len(first) + 1, len(first) + 1 + len(second)), (len(first) + len(second) + 2, len(text)))
    hit = Hit(Passage("p", "d", "T", "a.md", 0, len(text), text, "ro", cuts), 0.9, 0.8, 3.0)
    ranked = [
        Sentence(hit, cuts[row], text[slice(*cuts[row])], score, 0.8, 0.5) for row, score in ((1, 2), (2, 1), (0, 0))
    ]

    assert [s.text for s in choose(ranked, 2)] == ([first, second] if expected == 2 else [second])
    assert [s.text for s in choose(ranked, 1)] == [second] or expected == 2
    apart = replace(hit, passage=replace(hit.passage, sections=((0, ("A",)), (cuts[1][0], ("B",)))))
    assert len(choose([replace(sentence, hit=apart) for sentence in ranked], 2)) == 1


@pytest.mark.parametrize(("behind", "expected"), [(0.9 * MARGIN, 2), (1.1 * MARGIN, 1)])
def test_a_sentence_of_a_sister_section_must_be_as_good(behind: float, expected: int) -> None:
    best = replace(a_sentence(1.0, 1), found=ReaderAnswer((1, 2), 5.0))
    other = a_sentence(1.0 - behind, 50)
    sisters = [
        replace(sentence, hit=replace(sentence.hit, passage=replace(sentence.hit.passage, path=("Ghid", name))))
        for sentence, name in ((best, "Vânzător"), (other, "Cumpărător"))
    ]

    assert len(choose(sisters, 2)) == expected
    assert len(choose([best, other], 2)) == 2


def test_a_heading_that_the_question_names_speaks_for_the_sentences_below_it(index: Index) -> None:
    retrieval = search(index, "Ce brațe are Delta la Tulcea?")
    named = [replace(hit, passage=replace(hit.passage, path=("Ghid", "Tulcea"))) for hit in retrieval.hits]

    before = {s.span: s.score for s in rank_sentences(retrieval)}
    after = rank_sentences(replace(retrieval, hits=tuple(named)))

    assert all(s.score > before[s.span] for s in after)
    assert all(s.evidence["path"] > 0 for s in after)
