"""The lexical index: real BM25 scores over folded stems, saved and loaded without a change."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import Passage
from rag.index.passage_cache import PassageCache
from rag.index.search_index import SearchIndex, top
from rag.text.language import terms

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
def passage_cache(tmp_path: Path) -> PassageCache:
    return PassageCache(tmp_path / "passages.sqlite3")


@pytest.fixture
def search_index(passage_cache: PassageCache, tmp_path: Path) -> SearchIndex:
    passage_cache.put(passages())
    return SearchIndex.build(passage_cache, tmp_path / "bm25", "g1", no_vectors, 4)


def no_vectors(ids: Sequence[str]) -> NDArray[np.float32]:
    return np.zeros((len(ids), 4), dtype=np.float32)


def best(search_index: SearchIndex, query: str) -> str:
    return search_index.ids[int(np.argmax(search_index.words.scores(query)[0]))]


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


def test_scores_are_bm25(search_index: SearchIndex) -> None:
    scores, coverage, _ = search_index.words.scores("delta Dunării")

    # Each word counts by its stem in either language of the corpus.
    stems = {*terms("delta Dunării", "ro"), *terms("delta Dunării", "en"), *terms("delta Dunării", "zh")}
    assert scores == pytest.approx(reference(sorted(stems)), rel=1e-5)
    assert coverage == pytest.approx(1)
    assert scores[1] > scores[0] > scores[2] > scores[4] == 0


def test_a_repeated_word_counts_once(search_index: SearchIndex) -> None:
    assert np.array_equal(search_index.words.scores("delta delta Delta")[0], search_index.words.scores("delta")[0])


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
def test_diacritics_and_endings_do_not_matter(search_index: SearchIndex, query: str, expected: str) -> None:
    assert best(search_index, query) == expected


def test_the_title_is_searched_too(search_index: SearchIndex) -> None:
    assert (search_index.words.scores("TITLU")[0] > 0).all()


def test_coverage_is_the_share_of_the_query_that_is_known(search_index: SearchIndex) -> None:
    assert search_index.words.scores("pelicani")[1] == 1
    assert search_index.words.scores("Wie hoch ist der Turm?")[1] < 0.3
    half = search_index.words.scores("pelicani xylofon")[1]
    weights = search_index.words.scores("pelicani xylofon")[2]
    assert half == pytest.approx(weights["pelicani"] / sum(weights.values()))
    assert 0 < half < 0.5


@pytest.mark.parametrize("query", ["", "?!", "xylofon", "😀", "\u0301"])
def test_a_query_without_a_known_word_scores_nothing(search_index: SearchIndex, query: str) -> None:
    scores, coverage, _ = search_index.words.scores(query)

    assert scores.tolist() == [0] * len(TEXTS)
    assert coverage == 0


def test_rare_words_weigh_more_and_unknown_ones_most(search_index: SearchIndex) -> None:
    weights = search_index.words.scores("Dunării 3446 xylofon titlu")[2]

    assert weights["titlu"] < weights["dunarii"] < weights["3446"] < weights["xylofon"]
    assert weights["3446"] == pytest.approx(math.log(1 + (5 - 1 + 0.5) / 1.5))


def test_saved_and_loaded_it_is_the_same(
    search_index: SearchIndex, passage_cache: PassageCache, tmp_path: Path
) -> None:
    SearchIndex.build(passage_cache, tmp_path / "bm25", "g1", no_vectors, 4)  # over itself
    loaded = SearchIndex.load(tmp_path / "bm25", passage_cache)

    assert loaded is not None
    assert (loaded.generation, loaded.ids) == (search_index.generation, search_index.ids)
    assert loaded.languages == ["en", "ro", "zh"]
    for query in ["delta Dunării", "乌镇", "xylofon"]:
        assert np.array_equal(loaded.words.scores(query)[0], search_index.words.scores(query)[0])
        assert loaded.words.scores(query)[1] == search_index.words.scores(query)[1]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "rubbish is left"


def test_rows_are_found_by_id_and_by_document(search_index: SearchIndex) -> None:
    assert search_index.ids == ["p0", "p1", "p2", "p3", "p4"]
    assert search_index.ids_of([3, 0]) == ["p3", "p0"]
    assert search_index.ids_of([4, 1]) == ["p4", "p1"]
    assert search_index.within(["d1"]).tolist() == [False, True, False, True, False]
    assert not search_index.within(["nowhere"]).any()
    assert not search_index.within([]).any()


def test_there_is_none_to_load(passage_cache: PassageCache, tmp_path: Path) -> None:
    assert SearchIndex.load(tmp_path / "nowhere", passage_cache) is None


def test_one_made_from_another_passage_cache_is_not_used(search_index: SearchIndex, tmp_path: Path) -> None:
    assert SearchIndex.load(tmp_path / "bm25", PassageCache(tmp_path / "other.sqlite3")) is None


def test_a_removed_passage_and_its_words_are_forgotten(
    search_index: SearchIndex, passage_cache: PassageCache, tmp_path: Path
) -> None:
    passage_cache.drop(["p3"])
    later = SearchIndex.build(passage_cache, tmp_path / "bm25", "g2", no_vectors, 4)

    assert search_index.words.scores("乌镇")[1] == 1
    assert later.words.scores("乌镇")[1] == 0
    assert "p3" not in later.ids
    assert search_index.words.scores("乌镇")[0].max() > 0, "who holds the earlier one still reads it"


def test_a_passage_that_changed_is_counted_anew(
    search_index: SearchIndex, passage_cache: PassageCache, tmp_path: Path
) -> None:
    changed = passages([("ro", "Bufnița zboară.")])
    passage_cache.put(changed)
    later = SearchIndex.build(passage_cache, tmp_path / "bm25", "g2", no_vectors, 4)

    assert passage_cache.passages(["p0"]) == {"p0": changed[0]}
    assert best(later, "bufnita") == "p0"
    assert search_index.words.scores("bufnita")[1] == 0, "a term that is newer than the index is not in it"


def test_the_passage_cache_takes_up_what_differs(passage_cache: PassageCache) -> None:
    passage_cache.put(passages())
    fresh = [*passages([("ro", "Bufnița zboară.")]), *passages()[1:4]]
    passage_cache.agree_with(iter(fresh), "g9")

    assert passage_cache.generation == "g9"
    assert passage_cache.passages(["p0", "p1", "p2", "p3", "p4"]) == {passage.id: passage for passage in fresh}


@pytest.mark.parametrize("texts", [[], [("ro", "…")], [("ro", "!"), ("zh", "?")]])
def test_a_corpus_without_words(texts: list[tuple[str, str]], passage_cache: PassageCache, tmp_path: Path) -> None:
    untitled = [
        Passage(f"p{n}", "d", "", "s", 0, 1, text, language, ((0, 1),)) for n, (language, text) in enumerate(texts)
    ]
    passage_cache.put(untitled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built = SearchIndex.build(passage_cache, tmp_path / "bm25", "g", no_vectors, 4)

    for one in (built, SearchIndex.load(tmp_path / "bm25", passage_cache)):
        assert one is not None
        assert one.ids == [passage.id for passage in untitled]
        assert one.words.scores("delta")[0].tolist() == [0] * len(texts)
        assert one.words.scores("delta")[1] == 0


def test_a_large_corpus_scores_as_a_reference_does(tmp_path: Path) -> None:
    import bm25s

    rng = np.random.default_rng(0)
    texts = [("xx", " ".join(f"w{n}" for n in rng.zipf(1.3, 30) % 5000)) for _ in range(2500)]
    passage_cache = PassageCache(tmp_path / "m.sqlite3")
    some = passages(texts)
    passage_cache.put(some)
    ours = SearchIndex.build(passage_cache, tmp_path / "bm25", "g", no_vectors, 4)
    theirs = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    theirs.index([terms(f"{p.title}\n{p.text}", p.language) for p in some], show_progress=False)

    for query in ("w1 w17", "w3", "w4999 w2 w88"):
        assert ours.words.scores(query)[0] == pytest.approx(theirs.get_scores(query.split()), rel=1e-4, abs=1e-5)


def test_the_top_scores() -> None:
    scores = np.array([0, 3, 1, 3, 2, 0], dtype=np.float32)

    assert top(scores, 10) == [1, 3, 4, 2]
    assert top(scores, 2) == [1, 3]
    assert top(scores, 3, [True, False, True, True, False, True]) == [3, 2]
    assert top(np.zeros(3, dtype=np.float32), 2) == []
    assert top(np.zeros(0, dtype=np.float32), 2) == []


def test_a_few_passages_in_a_language_do_not_make_the_corpus_speak_it(
    passage_cache: PassageCache, tmp_path: Path
) -> None:
    texts = [("ro", f"Moara numărul {number} a fost construită de săteni în acel an.") for number in range(60)]
    passage_cache.put(passages([*texts, ("en", "The mill was built by the people of the village in that year.")]))

    search_index = SearchIndex.build(passage_cache, tmp_path / "bm25", "g", no_vectors, 4)

    assert search_index.passages_in == {"en": 1, "ro": 60}
    assert search_index.shares_language("Cine a construit moara din sat?") > 0.95
    assert search_index.shares_language("Who built the mill of the village?") < 0.35
