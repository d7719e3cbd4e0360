"""The lexical side of the index: BM25 (Robertson & Zaragoza, 2009) over stemmed, folded terms, as Lucene counts it.

It is derived from the passages (`rag.mirror`) and stamped with the generation it was made from, so that it can always
be made again and is never used out of step. Its arrays lie in files that are written a chunk at a time and mapped
into memory, so neither making nor using it takes memory that grows with the corpus. The passages' vectors lie with
them (`rag.flat`), since both have the same rows and are renewed together.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.flat import Flat, VectorsOf, best
from rag.language import language_share, stem, words
from rag.mapped import create, let_go, load
from rag.mirror import Counted, Mirror

Floats = NDArray[np.float32]

K1, B = 1.5, 0.75
FEW = 0.05
ABOUT = "about.json"


@dataclass(frozen=True)
class Bm25:
    """BM25 scores of passages; row ``i`` of every array is one passage.

    ``starts`` says where each term's part of ``rows`` and ``values`` begins: the passages it stands in and what it adds
    to their scores. ``numbers`` gives the numbers of terms.
    """

    generation: str
    passages_in: Mapping[str, int]
    names: NDArray[np.bytes_]
    document_names: NDArray[np.bytes_]
    document_of: NDArray[np.int32]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.float32]
    flat: Flat
    numbers: Callable[[Iterable[str]], Mapping[str, int]]

    @classmethod
    def build(cls, mirror: Mirror, folder: Path, generation: str, vectors_of: VectorsOf, dimension: int) -> Bm25:
        """Write the index of the mirror's passages beside ``folder``, put it in its place and return it.

        Nobody else may be building there.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}-*"):  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            about = {"generation": generation, "mirror": mirror.name, "languages": mirror.languages()}
            Flat.write(fresh, _write(mirror, fresh), vectors_of, dimension)
            (fresh / ABOUT).write_text(json.dumps(about), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        built = cls.load(folder, mirror)
        if built is None:
            raise OSError(f"{folder} cannot be read back")
        return built

    @classmethod
    def load(cls, folder: Path, mirror: Mirror) -> Bm25 | None:
        """Return the stored index, or None where there is none that can be read and was made from this mirror."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            names = ("names", "document_names", "document_of", "starts", "rows", "values")
            arrays = {name: load(folder / f"{name}.npy") for name in names}
            loaded = cls(
                str(about["generation"]),
                dict(about["languages"]),
                flat=Flat.load(folder),
                numbers=mirror.numbers,
                **arrays,
            )
            whole = (
                about["mirror"] == mirror.name
                and len(loaded.names) == len(loaded.document_of) == len(loaded.flat)
                and len(loaded.rows) == len(loaded.values) == loaded.starts[-1]
            )
            return loaded if whole else None
        except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError):
            return None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def ids(self) -> list[str]:
        """The ids of all passages."""
        return [name.decode() for name in self.names.tolist()]

    def ids_of(self, rows: Iterable[int]) -> list[str]:
        """Return the ids of the passages of some rows."""
        return [bytes(self.names[row]).decode() for row in rows]

    def within(self, document_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Return which rows are of one of some documents."""
        longest = self.document_names.dtype.itemsize  # an array of names takes as much for each as for the longest
        names = [name for name in map(str.encode, document_ids) if len(name) <= longest]
        chosen = np.isin(self.document_names, np.array(names, dtype=np.bytes_))
        return np.asarray(chosen[self.document_of], dtype=np.bool_)

    @property
    def languages(self) -> list[str]:
        """The languages of the passages."""
        return list(self.passages_in)

    def shares_language(self, query: str) -> float:
        """Return how far (0..1) the passages are in the query's language.

        A large corpus holds some words, and a few passages, of every language, so that its vocabulary alone does not
        tell: 1 where all passages are in it, about half where a twentieth is.
        """
        return max(
            (
                language_share(query, language) * (1 + FEW) * count / (count + FEW * len(self))
                for language, count in self.passages_in.items()
            ),
            default=0.0,
        )

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
            return np.zeros(len(self), dtype=np.float32), 0.0, weights
        parts = [slice(int(self.starts[term]), int(self.starts[term + 1])) for term in known]
        rows, values = (np.concatenate([array[part] for part in parts]) for array in (self.rows, self.values))
        scores = np.bincount(rows, values, len(self)).astype(np.float32)
        matched = sum(weight for word, weight in weights.items() if terms[word])
        return scores, matched / sum(weights.values()), weights

    def _weights(self, terms: Mapping[str, set[int]]) -> dict[str, float]:
        frequency = {word: max(map(self._frequency, found), default=0) for word, found in terms.items()}
        return {word: float(_idf(len(self), count)) for word, count in frequency.items()}

    def _terms(self, query: str) -> dict[str, set[int]]:
        """Return the words of a query with the numbers of their stems that stand in any passage."""
        stems = {word: {stem(word, language) for language in self.languages} for word in words(query)}
        numbers = self.numbers(set().union(*stems.values()))
        return {
            word: {numbers[one] for one in found if one in numbers and self._frequency(numbers[one])}
            for word, found in stems.items()
        }

    def _frequency(self, term: int) -> int:
        # A term may be newer than this index, and no passage may hold it any more.
        return int(self.starts[term + 1] - self.starts[term]) if term + 1 < len(self.starts) else 0


def top(scores: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> list[int]:
    """Return the positions of the best positive scores, best first, ties in order of position."""
    rows = best(scores, count, allowed)
    rows = rows[scores[rows] > 0]
    return [int(row) for row in rows[np.lexsort((rows, -scores[rows]))][:count]]


def _idf(passages: int, holding: Any) -> Any:
    return np.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def _write(mirror: Mirror, folder: Path) -> list[str]:
    """Write the arrays in two turns over the passages: the first counts, the second fills in. Return the ids."""
    frequency = np.zeros(mirror.highest() + 1, dtype=np.int64)
    lengths: list[NDArray[np.int64]] = []
    names: list[NDArray[np.bytes_]] = []
    document_of: list[NDArray[np.int32]] = []
    documents: dict[str, int] = {}
    for chunk in mirror.counted():
        np.add.at(frequency, np.concatenate([passage.terms for passage in chunk]), 1)
        lengths.append(np.array([passage.counts.sum() for passage in chunk], dtype=np.int64))
        names.append(np.array([passage.id.encode() for passage in chunk]))
        numbers = [documents.setdefault(passage.document, len(documents)) for passage in chunk]
        document_of.append(np.array(numbers, dtype=np.int32))
    every = np.concatenate(names) if names else np.zeros(0, dtype="S1")
    np.save(folder / "names.npy", every)
    np.save(folder / "document_names.npy", np.array([name.encode() for name in documents], dtype=np.bytes_))
    np.save(folder / "document_of.npy", np.concatenate(document_of) if document_of else np.zeros(0, dtype=np.int32))
    starts = np.concatenate([[0], np.cumsum(frequency)])
    np.save(folder / "starts.npy", starts)
    length = np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)
    _fill(mirror, folder, starts, length)
    return [name.decode() for name in every.tolist()]


def _fill(mirror: Mirror, folder: Path, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    size = int(starts[-1])
    rows = create(folder / "rows.npy", np.int32, (size,))
    values = create(folder / "values.npy", np.float32, (size,))
    idf = _idf(len(lengths), np.diff(starts)).astype(np.float32)
    norms = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9)) if len(lengths) else lengths
    free = starts[:-1].copy()
    first = 0
    for chunk in mirror.counted():
        terms, counts, row = _postings(chunk, first)
        by_term = np.argsort(terms, kind="stable")
        terms, counts, row = terms[by_term], counts[by_term], row[by_term]
        distinct, begin, times = np.unique(terms, return_index=True, return_counts=True)
        place = free[terms] + np.arange(len(terms)) - np.repeat(begin, times)
        free[distinct] += times
        rows[place] = row
        values[place] = idf[terms] * counts / (counts + norms[row])
        first += len(chunk)
        for mapped in (rows, values):
            let_go(mapped)
    for mapped in (rows, values):
        mapped.flush()


def _postings(chunk: Sequence[Counted], first: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    terms = np.concatenate([passage.terms for passage in chunk])
    counts = np.concatenate([passage.counts for passage in chunk])
    return terms, counts, np.repeat(np.arange(first, first + len(chunk)), [len(passage.terms) for passage in chunk])
