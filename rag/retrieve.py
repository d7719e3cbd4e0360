"""Retrieval: find the passages that may answer a question, best first.

Dense and lexical search each propose candidates. Every candidate then gets a score from both:

    dense   = 0.4 cos(question, passage) + 0.6 max over its sentences of cos(question, sentence)
    lexical = shares_language * coverage^2 * bm25 / (bm25 + 20)
    score   = dense + 0.4 * lexical

In a conversation what was asked before counts as well, a fifth as much (`rag.earlier`).
Coverage is the share of the question that the corpus's vocabulary can match. ``shares_language`` is how far the
passages are in the question's language (`rag.index.search_index`). So words count for a question in the corpus's
language, and not for a question in another language. ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.errors import MissingIndexError
from rag.index.index import Index
from rag.index.search_index import top
from rag.messages import message
from rag.models.reader import ReaderAnswer
from rag.types import Floats, Hit

SENTENCE_WEIGHT = 0.6
"""What the best sentence's similarity counts beside the passage's (docs/experiments.md, the first table)."""
LEXICAL_WEIGHT = 0.4
"""What words count at most beside similarity (docs/experiments.md, the table of BM25)."""
BM25_HALF = 20.0
"""The BM25 score that counts half."""
LEXICAL_SHARE = 0.4
"""Candidates that BM25 proposes for each one that dense search proposes. Only its first ones matter."""
SELECTED = 4.0
"""What a row counts that a superlative selects, in place of 1 for one that is named: more than any sentence scores."""


@dataclass(frozen=True)
class Retrieval:
    """Hits with what was computed on the way.

    ``vector`` is the query's vector, shape (dimension,); ``sentences`` the similarity of each hit's sentences to
    it, by passage id; ``coverage`` the share of the query that the corpus's vocabulary can carry; ``word_weights`` the
    inverse document frequency of its words; ``languages`` those of the corpus; ``answers`` what the reader found in
    each sentence of the hits it read, by passage id; ``rows`` how far the question names a row of a table, 0 to 1, or
    `SELECTED` where it selects one, by passage id and number of the sentence.
    """

    query: str
    hits: tuple[Hit, ...]
    vector: Floats
    sentences: Mapping[str, Floats]
    coverage: float
    word_weights: Mapping[str, float]
    languages: Sequence[str]
    answers: Mapping[str, tuple[ReaderAnswer, ...]] = field(default_factory=dict)
    rows: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def retrieve(
    index: Index,
    query: str,
    *,
    count: int,
    candidates: int,
    document_ids: Sequence[str] | None = None,
    vector: Floats | None = None,
    earlier: Floats | None = None,
) -> Retrieval:
    """Return the ``count`` best passages for a query, only from ``document_ids`` where given.

    Args:
        vector: that of the query, of shape (dimension,), where it is known.
        earlier: that of what was asked before (`rag.earlier`), of shape (dimension,), as long as it counts.

    Raises:
        MissingIndexError: the index is empty.
    """
    try:
        return _retrieve(index, query, count, candidates, document_ids, vector, earlier)
    except MissingIndexError:  # rebuilt while we searched, perhaps: then a second look finds the new passages
        return _retrieve(index, query, count, candidates, document_ids, vector, earlier)


def _retrieve(
    index: Index,
    query: str,
    count: int,
    candidates: int,
    document_ids: Sequence[str] | None,
    vector: Floats | None,
    earlier: Floats | None,
) -> Retrieval:
    search_index = index.search_index()
    if not len(search_index):
        raise MissingIndexError(message("index_empty"))
    vector = index.embedder.encode_query(query) if vector is None else vector
    lexical, coverage, word_weights = search_index.words.scores(query)
    allowed = None if document_ids is None else search_index.within(document_ids)
    by_words = top(lexical, round(candidates * LEXICAL_SHARE), allowed)
    near = [*search_index.vectors.nearest(vector, candidates, allowed)]
    if earlier is not None:
        near += search_index.vectors.nearest(vector + earlier, candidates, allowed)
    rows = dict.fromkeys([*near, *by_words])
    proposed = dict(zip(search_index.ids_of(rows), rows, strict=True))
    similarities = index.products(list(proposed), vector)
    names = np.array(list(similarities))
    dense = _dense(list(similarities.values()))
    words = lexical[[proposed[name] for name in similarities]]
    weight = LEXICAL_WEIGHT * search_index.shares_language(query) * coverage**2
    scores = dense + weight * words / (words + BM25_HALF)
    if earlier is not None:
        before = index.products(list(similarities), earlier)
        about = _dense([before[name] for name in similarities])
        scores = scores + about - about.max(initial=-np.inf)
    hits: list[Hit] = []
    order = np.lexsort((names, -scores)).tolist()
    # Another process may have removed a passage in between: then the next one stands for it.
    while order and len(hits) < count:
        some, order = order[: count - len(hits)], order[count - len(hits) :]
        passages = index.passages_at(search_index, [proposed[str(name)] for name in names[some]])
        for i in some:
            if (passage := passages.get(str(names[i]))) is not None:
                hits.append(Hit(passage, float(scores[i]), float(dense[i]), float(words[i])))
    shown = {hit.passage.id: similarities[hit.passage.id][1:] for hit in hits}
    return Retrieval(query, tuple(hits), vector, shown, coverage, word_weights, search_index.languages)


def _dense(similarities: Sequence[Floats]) -> Floats:
    """Return the dense score of passages, whose own similarity comes first and then those of its sentences."""
    if not similarities:
        return np.zeros(0, dtype=np.float32)
    every = np.concatenate(similarities)
    starts = np.cumsum([0, *map(len, similarities[:-1])])
    whole = every[starts]
    every[starts] = -np.inf
    best = np.maximum.reduceat(every, starts)
    return np.asarray((1 - SENTENCE_WEIGHT) * whole + SENTENCE_WEIGHT * best, dtype=np.float32)
