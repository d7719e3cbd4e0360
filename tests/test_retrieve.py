"""Retrieval: both searches propose, and one score decides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from conftest import quotes
from fakes import FakeEmbedder

from ingest import ingest
from rag import Settings, Temei
from rag.errors import MissingIndexError
from rag.index.index import Index
from rag.index.int8_search import Int8Vectors
from rag.index.vectors import SHORT, SHORTER
from rag.retrieve import BM25_HALF, LEXICAL_WEIGHT, SENTENCE_WEIGHT, retrieve
from rag.text.language import letters

FACTS = [
    "Pelicanii albi cuibăresc pe lacul Roșca.",
    "Un ceainic de alamă fierbe apa în trei minute.",
    "Scrisoarea a fost trimisă pe data de 12 iulie.",
    "Turnul vechi are optzeci de trepte de piatră.",
    "Vinul roșu se face din struguri negri.",
    "Trenul pleacă din gara de nord la amiază.",
    "Bufnița vânează noaptea fără zgomot.",
    "Orchestra cântă o simfonie de Enescu.",
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("facts")
    for n, fact in enumerate(FACTS):
        (folder / f"f{n}.txt").write_text(f"{fact} Textul numărul {n} se termină aici.")
    index = Index(Settings(home=folder / "home"), FakeEmbedder(), create=True)
    ingest([folder], index)
    assert len(index) == len(FACTS)
    yield index
    index.close()


@pytest.mark.parametrize("fact", FACTS)
def test_what_a_sentence_says_is_found_first(facts: Index, fact: str) -> None:
    retrieval = retrieve(facts, fact.lower(), count=3, candidates=5)

    assert fact in retrieval.hits[0].passage.text
    assert len(retrieval.hits) == 3
    assert [hit.score for hit in retrieval.hits] == sorted((hit.score for hit in retrieval.hits), reverse=True)


def test_scores_are_what_the_formula_says(facts: Index) -> None:
    query = "pe ce lac cuibăresc pelicanii"
    retrieval = retrieve(facts, query, count=8, candidates=8)
    fake = FakeEmbedder()
    vector = fake.encode_query(query)
    lexical, coverage, _ = facts.search_index().words.scores(query)
    shared = facts.search_index().shares_language(query)

    assert 0.9 < shared <= 1
    assert len(retrieval.hits) == 8
    assert np.allclose(retrieval.vector, vector)
    assert retrieval.coverage == coverage
    for hit in retrieval.hits:
        counts = np.array([letters(quote) for quote in quotes(hit.passage)])
        sentences = fake.encode_passages(quotes(hit.passage))
        weighted = np.sqrt([len(quote) for quote in quotes(hit.passage)]) @ sentences
        passage = weighted / np.linalg.norm(weighted) * (1 - SHORTER * np.exp(-counts.sum() / SHORT))
        sentences = sentences * (1 - SHORTER * np.exp(-counts / SHORT))[:, None]
        dense = (1 - SENTENCE_WEIGHT) * passage @ vector + SENTENCE_WEIGHT * (sentences @ vector).max()
        words = lexical[facts.search_index().ids.index(hit.passage.id)]
        assert hit.dense == pytest.approx(dense, abs=2e-3)
        assert hit.lexical == pytest.approx(words)
        expected = dense + LEXICAL_WEIGHT * shared * coverage**2 * words / (words + BM25_HALF)
        assert hit.score == pytest.approx(expected, abs=2e-3)
        assert np.allclose(retrieval.sentences[hit.passage.id], sentences @ vector, atol=2e-3)


def test_words_help_only_as_far_as_the_query_is_known(facts: Index) -> None:
    known = retrieve(facts, "ceainic alamă", count=8, candidates=8)
    foreign = retrieve(facts, "ceainic " + " ".join(f"unbekannt{n}" for n in range(30)), count=8, candidates=8)

    gain = {hit.passage.text: hit.score - hit.dense for hit in known.hits}
    assert max(gain.values()) > 0.02
    assert foreign.coverage < 0.1
    assert max(hit.score - hit.dense for hit in foreign.hits) < 0.005


def test_a_word_is_found_that_the_vectors_miss(facts: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Int8Vectors, "nearest", lambda *_: [])

    (hit, *_) = retrieve(facts, "bufniță", count=2, candidates=2).hits

    assert "Bufnița" in hit.passage.text


def test_a_meaning_is_found_that_the_words_miss(facts: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts.embedder, "_vector", lambda text: FakeEmbedder()._vector(FACTS[3]))

    retrieval = retrieve(facts, "unbekannt", count=1, candidates=4)

    assert retrieval.coverage == 0
    assert FACTS[3] in retrieval.hits[0].passage.text


def test_count_is_at_most_what_there_is(facts: Index) -> None:
    assert len(retrieve(facts, "apa", count=50, candidates=50).hits) == len(FACTS)
    assert len(retrieve(facts, "apa", count=1, candidates=1).hits) == 1


def test_the_same_question_gives_the_same_hits(facts: Index) -> None:
    assert retrieve(facts, "apa", count=5, candidates=5).hits == retrieve(facts, "apa", count=5, candidates=5).hits


def test_only_some_documents(facts: Index) -> None:
    rows = facts.documents()[:2]
    ids = [row.id for row in rows]

    hits = retrieve(facts, "Bufnița vânează noaptea", count=5, candidates=5, document_ids=ids).hits

    assert {hit.passage.document_id for hit in hits} == set(ids)
    assert retrieve(facts, "Bufnița", count=5, candidates=5, document_ids=[]).hits == ()
    assert retrieve(facts, "Bufnița", count=5, candidates=5, document_ids=["nu există"]).hits == ()


def test_nothing_to_search(fake_index: Index) -> None:
    with pytest.raises(MissingIndexError, match="temei ingest"):
        retrieve(fake_index, "apa", count=1, candidates=1)


def test_temei_retrieves_as_many_as_asked_for(facts: Index) -> None:
    temei = Temei(Settings(home=facts.settings.home, top_k=4, candidates=2), embedder=facts.embedder)

    assert len(temei.retrieve("apa")) == 4
    assert len(temei.retrieve("apa", 7)) == 7
    assert len(temei.retrieve("apa", 1)) == 1
