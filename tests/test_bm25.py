"""The lexical index: real BM25 scores over folded stems, saved and loaded without a change."""

from __future__ import annotations

import logging
import math
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rag import Passage
from rag.bm25 import Bm25, top
from rag.language import terms

TEXTS = [
    ("ro", "Pelicanii albi cuibăresc pe lacul Roșca, în Delta Dunării."),
    ("ro", "Delta Dunării are o suprafață de 3446 de kilometri pătrați. Delta e vastă."),
    ("en", "The white pelicans of the delta are nesting on a lake."),
    ("zh", "会议在乌镇举行。"),
    ("ro", "Scrisoarea preşedintelui a fost trimisă organizaţiei."),
]


def passages(texts: list[tuple[str, str]] = TEXTS) -> list[Passage]:
    return [
        Passage(f"p{n}", f"d{n % 2}", "Titlu", "s", 0, len(text), text, language, ((0, len(text)),))
        for n, (language, text) in enumerate(texts)
    ]


@pytest.fixture
def bm25() -> Bm25:
    return Bm25.build(passages(), "g1")


def best(bm25: Bm25, query: str) -> str:
    return bm25.ids[int(np.argmax(bm25.scores(query)[0]))]


def reference(query_terms: list[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """Return BM25 as Lucene counts it, from the formula."""
    texts = [terms(f"{p.title}\n{p.text}", p.language) for p in passages()]
    mean = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        counts = Counter(text)
        score = 0.0
        for term in set(query_terms):
            holding = sum(term in other for other in texts)
            idf = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
            score += idf * counts[term] / (counts[term] + k1 * (1 - b + b * len(text) / mean))
        scores.append(score)
    return scores


def test_scores_are_bm25(bm25: Bm25) -> None:
    scores, coverage = bm25.scores("delta Dunării")

    # Each word counts by its stem in either language of the corpus.
    stems = {*terms("delta Dunării", "ro"), *terms("delta Dunării", "en"), *terms("delta Dunării", "zh")}
    assert scores == pytest.approx(reference(sorted(stems)), rel=1e-5)
    assert coverage == pytest.approx(1)
    assert scores[1] > scores[0] > scores[2] > scores[4] == 0


def test_a_repeated_word_counts_once(bm25: Bm25) -> None:
    assert np.array_equal(bm25.scores("delta delta Delta")[0], bm25.scores("delta")[0])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("presedintele", "p4"),
        ("PREȘEDINTELE scris", "p4"),
        ("organizației", "p4"),
        ("scrisori trimise", "p4"),
        ("pelican nest", "p2"),
        ("suprafata deltei", "p1"),
        ("乌镇", "p3"),
        ("3446", "p1"),
    ],
)
def test_diacritics_and_endings_do_not_matter(bm25: Bm25, query: str, expected: str) -> None:
    assert best(bm25, query) == expected


def test_the_title_is_searched_too(bm25: Bm25) -> None:
    assert (bm25.scores("TITLU")[0] > 0).all()


def test_coverage_is_the_share_of_the_query_that_is_known(bm25: Bm25) -> None:
    assert bm25.scores("pelicani")[1] == 1
    assert bm25.scores("Wie hoch ist der Turm?")[1] < 0.3
    half = bm25.scores("pelicani xylofon")[1]
    weights = bm25.word_weights("pelicani xylofon")
    assert half == pytest.approx(weights["pelicani"] / sum(weights.values()))
    assert 0 < half < 0.5


@pytest.mark.parametrize("query", ["", "?!", "xylofon", "😀", "\u0301"])
def test_a_query_without_a_known_word_scores_nothing(bm25: Bm25, query: str) -> None:
    scores, coverage = bm25.scores(query)

    assert scores.tolist() == [0] * len(TEXTS)
    assert coverage == 0


def test_rare_words_weigh_more_and_unknown_ones_most(bm25: Bm25) -> None:
    weights = bm25.word_weights("Dunării 3446 xylofon titlu")

    assert weights["titlu"] < weights["dunarii"] < weights["3446"] < weights["xylofon"]
    assert weights["3446"] == pytest.approx(math.log(1 + (5 - 1 + 0.5) / 1.5))


def test_saved_and_loaded_it_is_the_same(bm25: Bm25, tmp_path: Path) -> None:
    bm25.save(tmp_path / "new" / "bm25")
    bm25.save(tmp_path / "new" / "bm25")  # over itself
    loaded = Bm25.load(tmp_path / "new" / "bm25")

    assert loaded is not None
    assert (loaded.generation, loaded.ids, loaded.documents) == (bm25.generation, bm25.ids, bm25.documents)
    assert loaded.languages == ["en", "ro", "zh"]
    for query in ["delta Dunării", "乌镇", "xylofon"]:
        assert np.array_equal(loaded.scores(query)[0], bm25.scores(query)[0])
        assert loaded.scores(query)[1] == bm25.scores(query)[1]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["bm25"]


def test_there_is_none_to_load(tmp_path: Path) -> None:
    assert Bm25.load(tmp_path / "nowhere") is None


@pytest.mark.parametrize("texts", [[], [("ro", "…")], [("ro", "!"), ("zh", "?")]])
def test_a_corpus_without_words(texts: list[tuple[str, str]], tmp_path: Path) -> None:
    untitled = [Passage(f"p{n}", "d", "", "s", 0, 1, text, language) for n, (language, text) in enumerate(texts)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built = Bm25.build(untitled, "g")
        built.save(tmp_path / "bm25")

    for one in (built, Bm25.load(tmp_path / "bm25")):
        assert one is not None
        assert one.ids == [passage.id for passage in untitled]
        assert one.scores("delta")[0].tolist() == [0] * len(texts)
        assert one.scores("delta")[1] == 0


def test_building_says_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, "root")

    Bm25.build(passages(), "g").save(tmp_path / "bm25")
    Bm25.load(tmp_path / "bm25")

    assert [record.message for record in caplog.records if record.name == "bm25s"] == []
    assert capfd.readouterr() == ("", "")


def test_the_top_scores() -> None:
    scores = np.array([0, 3, 1, 3, 2, 0], dtype=np.float32)

    assert top(scores, 10) == [1, 3, 4, 2]
    assert top(scores, 2) == [1, 3]
    assert top(scores, 3, [True, False, True, True, False, True]) == [3, 2]
    assert top(np.zeros(3, dtype=np.float32), 2) == []
    assert top(np.zeros(0, dtype=np.float32), 2) == []
