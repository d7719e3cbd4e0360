"""The vectors of passages and of their sentences by passage id, in one SQLite file.

Passage ids are content hashes and every model has its own file, so an entry is never stale, only missing; what is
missing is embedded again by whoever needs it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.graph import quantise
from rag.language import letters

Floats = NDArray[np.float32]

MAPPED = 1 << 34
"""How many bytes of the file SQLite maps into memory rather than copies, at most."""


class PassageVectors:
    """A map from passage id to vectors of about unit length: row 0 the passage, then its sentences.

    They are kept in int16, each row with the size of its steps: as exact as fp16, which takes much longer to convert.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._row = np.dtype([("step", "<f4"), ("levels", "<i2", (dimension,))])
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        # Mapped, and with the rows in a tree of their own, a hundred passages take 0.3 ms in place of 2.3.
        self._connection.execute(f"PRAGMA mmap_size={MAPPED}")
        self._connection.execute("CREATE TABLE IF NOT EXISTS levels (passage TEXT PRIMARY KEY, data BLOB NOT NULL)")

    def put(self, vectors: Mapping[str, Floats]) -> None:
        rows = []
        for name, value in vectors.items():
            stored = np.empty(len(value), dtype=self._row)
            stored["levels"], stored["step"] = quantise(value, np.int16)
            rows.append((name, stored.tobytes()))
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO levels VALUES (?, ?)", rows)

    def get(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of the passages that are stored."""
        return self._each("data", passage_ids, _whole)

    def products(self, passage_ids: Sequence[str], query: Floats) -> dict[str, Floats]:
        """Return the products of a vector with those of the passages that are stored."""
        return self._each("data", passage_ids, lambda levels, steps: (levels @ query) * steps)

    def of_passages(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of the passages alone, shape (1, dimension), that are stored."""
        first = f"substr(data, 1, {self._row.itemsize})"
        return self._each(first, passage_ids, _whole)

    def _each(
        self, column: str, passage_ids: Sequence[str], value: Callable[[Floats, Floats], Floats]
    ) -> dict[str, Floats]:
        rows = self._rows(column, passage_ids)
        # All at once: one blob after the other takes three times as long.
        stored = np.frombuffer(b"".join(data for _, data in rows), dtype=self._row)
        values = value(stored["levels"].astype(np.float32), stored["step"])
        ends = np.cumsum([len(data) // self._row.itemsize for _, data in rows]).tolist()
        return {name: values[start:end] for (name, _), start, end in zip(rows, [0, *ends], ends, strict=False)}

    def _rows(self, column: str, passage_ids: Sequence[str]) -> list[tuple[str, bytes]]:
        rows: list[tuple[str, bytes]] = []
        for start in range(0, len(passage_ids), 500):
            ids = list(passage_ids[start : start + 500])
            marks = ",".join("?" * len(ids))
            query = f"SELECT passage, {column} FROM levels WHERE passage IN ({marks})"
            with self._lock:
                rows += self._connection.execute(query, ids).fetchall()
        return rows

    def drop(self, passage_ids: Sequence[str]) -> None:
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("DELETE FROM levels WHERE passage = ?", [(name,) for name in passage_ids])

    def close(self) -> None:
        self._connection.close()


def _whole(levels: Floats, steps: Floats) -> Floats:
    return levels * steps[:, None]


SHORTER, SHORT = 0.05, 25
"""A vector is shorter by ``SHORTER * exp(-letters / SHORT)``: what says little is a little near to every question."""


def with_passage_row(sentences: Floats, texts: Sequence[str]) -> Floats:
    """Return the sentences' vectors below their passage's: their sum weighted by the root of their lengths.

    (Embedding the passage as well would double the work of ingestion; ``docs/experiments.md`` says what it would gain.)

    Args:
        sentences: unit vectors, or zero for one that has none; shape (n, dimension).
        texts: of each sentence, as it was embedded.
    """
    characters = np.array([len(" ".join(text.split())) for text in texts], dtype=np.float32)
    total = np.sqrt(np.maximum(characters, 1)) @ sentences
    passage = total / max(float(np.linalg.norm(total)), 1e-12)
    said = np.array([letters(text) for text in texts], dtype=np.float32)
    lengths = 1 - SHORTER * np.exp(-np.append(said.sum(), said) / SHORT)
    return np.asarray(np.vstack([passage, sentences]) * lengths[:, None], dtype=np.float32)
