"""The lexical side of the index: BM25 (Robertson & Zaragoza, 2009) over stemmed, folded terms, on `bm25s`.

It is derived from the passages in Chroma and stamped with the generation it was made from, so that it can always be
made again and is never used out of step.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from rag.language import stem, terms, words
from rag.types import Passage

Floats = NDArray[np.float32]

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG


@dataclass(frozen=True)
class Bm25:
    """BM25 scores of passages, which are named by their ids."""

    generation: str
    ids: list[str]
    documents: list[str]
    languages: list[str]
    positions: dict[str, int]
    _model: Any
    _frequencies: NDArray[np.int64]

    @classmethod
    def build(cls, passages: Iterable[Passage], generation: str) -> Bm25:
        """Index the passages in memory."""
        ids: list[str] = []
        documents: list[str] = []
        languages: set[str] = set()
        vocabulary: dict[str, int] = {}
        tokens: list[array[int]] = []
        for passage in passages:
            ids.append(passage.id)
            documents.append(passage.document_id)
            languages.add(passage.language)
            found = terms(f"{passage.title}\n{passage.text}", passage.language)
            tokens.append(array("i", [vocabulary.setdefault(term, len(vocabulary)) for term in found]))
        if not ids:
            return cls(generation, ids, documents, [], {}, None, np.zeros(0, dtype=np.int64))
        model = bm25s.BM25(k1=1.5, b=0.75)
        if not vocabulary:  # bm25s cannot index a corpus without words
            vocabulary, tokens = {"": 0}, [array("i", [0]) for _ in ids]
        model.index((tokens, vocabulary), show_progress=False, create_empty_token=False)
        return cls(generation, ids, documents, sorted(languages), _positions(ids), model, _frequencies(model))

    @classmethod
    def load(cls, folder: Path) -> Bm25 | None:
        """Return the stored index, or None where there is none that can be read."""
        try:
            stored = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
            if not stored["ids"]:
                return cls.build((), stored["generation"])
            model = bm25s.BM25.load(str(folder), load_corpus=False, show_progress=False)
            return cls(
                stored["generation"],
                stored["ids"],
                stored["documents"],
                stored["languages"],
                _positions(stored["ids"]),
                model,
                _frequencies(model),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    def save(self, folder: Path) -> None:
        """Write the index beside ``folder`` and put it in its place."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            if self._model is not None:
                self._model.save(str(fresh), show_progress=False)
            stored = {
                "generation": self.generation,
                "ids": self.ids,
                "documents": self.documents,
                "languages": self.languages,
            }
            (fresh / "passages.json").write_text(json.dumps(stored), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def word_weights(self, query: str) -> dict[str, float]:
        """Return the query's folded words with their inverse document frequency, ln(1 + (N - n + 0.5) / (n + 0.5)).

        A word is looked up in the stem of each of the corpus's languages, and the most frequent counts; one found
        nowhere weighs as much as the rarest.
        """
        weights = {}
        for word in words(query):
            frequency = max((int(self._frequencies[token]) for token in self._tokens(word)), default=0)
            weights[word] = float(np.log(1 + (len(self.ids) - frequency + 0.5) / (frequency + 0.5)))
        return weights

    def scores(self, query: str) -> tuple[Floats, float]:
        """Return the BM25 score of every passage and the query's coverage.

        Coverage (0..1) is the share of the query's word weights that the corpus's vocabulary can match: near 1 for a
        question in the corpus's language, near 0 for one in another.
        """
        weights = self.word_weights(query)
        tokens = {word: self._tokens(word) for word in weights}
        known = sorted(set().union(*tokens.values()))
        if not known:
            return np.zeros(len(self.ids), dtype=np.float32), 0.0
        matched = sum(weight for word, weight in weights.items() if tokens[word])
        scores = self._model.get_scores_from_ids(known)
        return np.asarray(scores, dtype=np.float32), matched / sum(weights.values())

    def _tokens(self, word: str) -> set[int]:
        vocabulary = self._model.vocab_dict if self._model is not None else {}
        stems = {stem(word, language) for language in self.languages}
        return {vocabulary[s] for s in stems if s in vocabulary}


def top(scores: Floats, count: int, allowed: Sequence[bool] | NDArray[np.bool_] | None = None) -> list[int]:
    """Return the positions of the best positive scores, best first, ties in order of position."""
    ranked = scores if allowed is None else np.where(allowed, scores, 0)
    positive = np.flatnonzero(ranked > 0)
    if len(positive) > count:
        positive = positive[np.argpartition(-ranked[positive], count)[:count]]
    return [int(i) for i in sorted(positive, key=lambda i: (-ranked[i], i))]


def _frequencies(model: Any) -> NDArray[np.int64]:
    """Return in how many passages each term stands: the length of its column in bm25s's sparse matrix."""
    return np.diff(np.asarray(model.scores["indptr"])).astype(np.int64)


def _positions(ids: list[str]) -> dict[str, int]:
    return {name: position for position, name in enumerate(ids)}
