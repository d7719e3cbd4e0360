"""The path of headings on its way through the index: stored, embedded, searched by words, and given with answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import check_whole
from fakes import FakeEmbedder

from ingest import ingest
from rag import Passage, Temei
from rag.index.index import Index
from rag.index.paths import PATH_WEIGHT, embed_paths, under_paths
from rag.models.embeddings import Embedder
from rag.retrieve import retrieve

FILLER = "Programul ghișeului este afișat la intrare și pe pagina primăriei, pentru toată lumea. "
GUIDE = f"""# Ghid

Ghidul spune ce se depune la fiecare ghișeu.

## Vânzător

Termenul de depunere este de cincisprezece zile. {FILLER}

## Cumpărător

Termenul de depunere este de treizeci de zile. {FILLER}

## Moștenitor

{FILLER * 30}
"""


@pytest.fixture
def index(fake_index: Index, tmp_path: Path) -> Index:
    (tmp_path / "ghid.md").write_text(GUIDE, "utf-8")
    (tmp_path / "simplu.txt").write_text("Moara e din 1874. A ars în 1901.", "utf-8")
    report = ingest([tmp_path / "ghid.md", tmp_path / "simplu.txt"], fake_index)
    assert not report.problems
    return fake_index


def test_passages_of_an_index_have_their_paths_in_all_that_is_stored(index: Index) -> None:
    check_whole(index)
    stored = index.vectorstore.get(include=["metadatas"])["metadatas"]
    assert {meta.get("path") for meta in stored} == {None, "Vânzător", "Cumpărător", "Moștenitor"}
    assert {passage.path for passage in index.scan()} == {(), ("Vânzător",), ("Cumpărător",), ("Moștenitor",)}


def test_a_passage_is_found_by_the_heading_above_it_where_it_does_not_stand_in_it(index: Index) -> None:
    passages = [passage for passage in index.scan() if passage.path == ("Moștenitor",)]
    assert sum("Moștenitor" not in passage.text for passage in passages) > 1

    hits = retrieve(index, "moștenitor", count=9, candidates=9).hits

    assert {hit.passage.id for hit in hits if hit.lexical > 0} == {passage.id for passage in passages}


def test_sister_sections_are_told_apart_by_their_headings(index: Index) -> None:
    for branch, term in (("Vânzător", "cincisprezece"), ("Cumpărător", "treizeci")):
        best = retrieve(index, f"Termenul de depunere pentru {branch}", count=1, candidates=9).hits[0].passage
        assert best.path == (branch,)
        assert term in best.text


def test_an_answer_gives_the_path_beside_the_quote(index: Index) -> None:
    answer = Temei(index.settings, embedder=index.embedder).answer("Care este termenul de depunere pentru vânzător?")

    cited = answer.to_dict()["citations"][0]
    assert cited["path"] == ["Vânzător"]
    assert GUIDE[cited["start"] : cited["end"]] == cited["quote"]
    assert "Vânzător" not in cited["quote"]


def test_vectors_that_are_lost_are_made_again_with_their_paths(index: Index) -> None:
    names = [passage.id for passage in index.scan()]
    before = index.vectors(names)

    index._derived.vectors.drop(names)
    index._derived.vectors._connection.execute("DELETE FROM levels")

    after = index.vectors(names)
    assert all(np.allclose(before[name], after[name], atol=1e-3) for name in names)


def test_a_sentence_is_moved_towards_its_path_and_nothing_else_is(fake: FakeEmbedder) -> None:
    passage = Passage("p", "d", "Ghid", "s", 0, 9, "Unu. Doi.", "ro", ((0, 4), (5, 9)))
    sentences = fake.encode_passages(["Unu.", "Doi."])
    assert under_paths(sentences, passage, embed_paths([passage], fake, {})) is sentences
    sentences[1] = 0  # a fragment, without a vector

    placed = replace(passage, path=("Taxe",))
    moved = under_paths(sentences, placed, embed_paths([placed], fake, {}))

    path = fake.encode_passages(["Ghid › Taxe"])[0]
    expected = sentences[0] + PATH_WEIGHT * path
    assert np.allclose(moved[0], expected / np.linalg.norm(expected), atol=1e-6)
    assert not moved[1].any()


def test_a_path_is_embedded_once(fake: FakeEmbedder) -> None:
    passage = Passage("p", "d", "Ghid", "s", 0, 9, "Unu. Doi.", "ro", ((0, 4), (5, 9)), path=("Taxe",))
    known = embed_paths([passage, passage], fake, {})
    assert fake.passages == ["Ghid › Taxe"]
    assert embed_paths([passage], fake, known).keys() == known.keys()
    assert fake.passages == ["Ghid › Taxe"]


@pytest.mark.model
def test_the_real_chain_answers_from_the_right_of_two_sister_sections(
    embedder: Embedder, fake_index: Index, tmp_path: Path
) -> None:
    settings = fake_index.settings.model_copy(update={"home": tmp_path / "real"})
    (tmp_path / "ghid.md").write_text(GUIDE, "utf-8")
    ingest([tmp_path / "ghid.md"], Index(settings, embedder, create=True))
    temei = Temei(settings, embedder=embedder)

    for question, words in (
        ("Ce termen are vânzătorul?", "cincisprezece"),
        ("Ce termen are cumpărătorul?", "treizeci"),
        ("How many days does the seller have?", "cincisprezece"),
    ):
        assert words in temei.answer(question).citations[0].quote, question
