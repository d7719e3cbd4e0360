"""Write the arrays of BM25 from the passage cache, a chunk at a time."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.files.checksums import DamagedError
from rag.files.memmap import create, let_go
from rag.index.int8_search import Int8Vectors, VectorsOf
from rag.index.passage_cache import Counted, PassageCache

K1, B = 1.5, 0.75
"""The two parameters of BM25, as libraries commonly set them; not tuned here."""

WORDS = ("keys", "numbers_of", "starts", "rows", "values")
ARRAYS = ("names", "document_names", "document_of", "stored", "documents", *WORDS)
"""The files, without ``.npy``; those of `rag.index.words.WordIndex` last."""


def idf(passages: int, holding: Any) -> Any:
    """Return the inverse document frequency of terms that ``holding`` of the passages hold."""
    return np.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def key(term: str) -> int:
    """Return the hash by which a term is found: 64 bits, in which two of a million terms agree once in 10^7 corpora."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def write(cache: PassageCache, folder: Path, vectors_of: VectorsOf, dimension: int) -> dict[str, int]:
    """Write all arrays; return the languages of the passages, and how many are in each.

    Raises:
        DamagedError: the passage cache is damaged.
    """
    names, languages = _write(cache, folder)
    Int8Vectors.write(folder, names, vectors_of, dimension)
    return languages


def _write(cache: PassageCache, folder: Path) -> tuple[list[str], dict[str, int]]:
    """Write the arrays in two turns over the passages: the first counts, the second fills in.

    Return the ids, and the languages with the numbers of passages in them.
    """
    terms = sorted((key(term), number) for term, number in cache.terms())
    np.save(folder / "keys.npy", np.array([found for found, _ in terms], dtype=np.uint64))
    np.save(folder / "numbers_of.npy", np.array([number for _, number in terms], dtype=np.int32))
    languages: dict[str, int] = {}
    stored: list[NDArray[np.int64]] = []
    frequency = np.zeros(cache.highest() + 1, dtype=np.int64)
    lengths: list[NDArray[np.int64]] = []
    names: list[NDArray[np.bytes_]] = []
    document_of: list[NDArray[np.int32]] = []
    documents: dict[str, int] = {}
    for chunk in cache.counted():
        np.add.at(frequency, np.concatenate([passage.terms for passage in chunk]), 1)
        stored.append(np.array([passage.row for passage in chunk], dtype=np.int64))
        for passage in chunk:
            languages[passage.language] = languages.get(passage.language, 0) + 1
        lengths.append(np.array([passage.counts.sum() for passage in chunk], dtype=np.int64))
        names.append(np.array([passage.id.encode() for passage in chunk]))
        numbers = [documents.setdefault(passage.document, len(documents)) for passage in chunk]
        document_of.append(np.array(numbers, dtype=np.int32))
    every = np.concatenate(names) if names else np.zeros(0, dtype="S1")
    np.save(folder / "names.npy", every)
    held = np.array(sorted(row for row, _ in cache.document_rows()), dtype=np.int64)
    if cache.generation and (len(every), len(held)) != cache.noted():
        raise DamagedError("the passage cache lacks some of its rows")
    np.save(folder / "documents.npy", held)
    np.save(folder / "stored.npy", np.concatenate(stored) if stored else np.zeros(0, dtype=np.int64))
    np.save(folder / "document_names.npy", np.array([name.encode() for name in documents], dtype=np.bytes_))
    np.save(folder / "document_of.npy", np.concatenate(document_of) if document_of else np.zeros(0, dtype=np.int32))
    starts = np.concatenate([[0], np.cumsum(frequency)])
    np.save(folder / "starts.npy", starts)
    length = np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)
    _fill(cache, folder, starts, length)
    return [name.decode() for name in every.tolist()], dict(sorted(languages.items()))


def _fill(cache: PassageCache, folder: Path, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    size = int(starts[-1])
    rows = create(folder / "rows.npy", np.int32, (size,))
    values = create(folder / "values.npy", np.float32, (size,))
    weights = idf(len(lengths), np.diff(starts)).astype(np.float32)
    norms = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9)) if len(lengths) else lengths
    free = starts[:-1].copy()
    first = 0
    for chunk in cache.counted():
        terms, counts, row = _postings(chunk, first)
        by_term = np.argsort(terms, kind="stable")
        terms, counts, row = terms[by_term], counts[by_term], row[by_term]
        distinct, begin, times = np.unique(terms, return_index=True, return_counts=True)
        place = free[terms] + np.arange(len(terms)) - np.repeat(begin, times)
        free[distinct] += times
        rows[place] = row
        values[place] = weights[terms] * counts / (counts + norms[row])
        first += len(chunk)
        for mapped in (rows, values):
            let_go(mapped)
    for mapped in (rows, values):
        mapped.flush()


def _postings(chunk: Sequence[Counted], first: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    terms = np.concatenate([passage.terms for passage in chunk])
    counts = np.concatenate([passage.counts for passage in chunk])
    return terms, counts, np.repeat(np.arange(first, first + len(chunk)), [len(passage.terms) for passage in chunk])
