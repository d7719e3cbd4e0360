"""Lexical search: the BM25 scores of passages for a query (Robertson & Zaragoza, 2009), as Lucene counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index.word_arrays import idf, key
from rag.text.language import stem, words
from rag.types import Floats


@dataclass(frozen=True)
class WordIndex:
    """The words of passages, as stems in the ``languages`` of the corpus.

    ``starts`` says where each term's part of ``rows`` and ``values`` begins: the passages it stands in and what it adds
    to their scores. ``keys``, ascending, are hashes of the terms and ``numbers_of`` their ids.
    """

    passages: int
    languages: Sequence[str]
    keys: NDArray[np.uint64]
    numbers_of: NDArray[np.int32]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: Floats

    def scores(self, query: str) -> tuple[Floats, float, dict[str, float]]:
        """Return the BM25 score of every passage, the query's coverage, and the weights of its folded words.

        A word weighs its inverse document frequency, ln(1 + (N - n + 0.5) / (n + 0.5)). It is looked up in the stem of
        each of the corpus's languages, and the most frequent counts; one found nowhere weighs as much as the rarest.
        Coverage (0..1) is the share of these weights that the corpus's vocabulary can match: near 1 for a question in
        the corpus's language, near 0 for one in another.
        """
        terms = self._terms(query)
        weights = self._weights(terms)
        known = sorted(set().union(*terms.values()))
        if not known:
            return np.zeros(self.passages, dtype=np.float32), 0.0, weights
        parts = [slice(int(self.starts[term]), int(self.starts[term + 1])) for term in known]
        rows, values = (np.concatenate([array[part] for part in parts]) for array in (self.rows, self.values))
        scores = np.bincount(rows, values, self.passages).astype(np.float32)
        matched = sum(weight for word, weight in weights.items() if terms[word])
        return scores, matched / sum(weights.values()), weights

    def _weights(self, terms: Mapping[str, set[int]]) -> dict[str, float]:
        frequency = {word: max(map(self._frequency, found), default=0) for word, found in terms.items()}
        return {word: float(idf(self.passages, count)) for word, count in frequency.items()}

    def _terms(self, query: str) -> dict[str, set[int]]:
        """Return the words of a query with the ids of their stems that stand in any passage."""
        stems = {word: {stem(word, language) for language in self.languages} for word in words(query)}
        ids = self._term_ids(sorted(set().union(*stems.values())))
        return {
            word: {ids[one] for one in found if one in ids and self._frequency(ids[one])}
            for word, found in stems.items()
        }

    def _term_ids(self, names: Sequence[str]) -> dict[str, int]:
        """Return the ids of the terms that any passage ever held."""
        wanted = np.array([key(name) for name in names], dtype=np.uint64)
        places = np.minimum(np.searchsorted(self.keys, wanted), max(len(self.keys) - 1, 0))
        found = self.keys[places] == wanted if len(self.keys) else np.zeros(len(names), dtype=bool)
        return {
            name: int(self.numbers_of[place])
            for name, place, is_here in zip(names, places, found, strict=True)
            if is_here
        }

    def _frequency(self, term: int) -> int:
        # No passage may hold a term any more.
        return int(self.starts[term + 1] - self.starts[term])
