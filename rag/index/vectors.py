"""The vectors of passages and of their sentences by passage id, in one SQLite file.

Passage ids are content hashes and every model has its own file, so an entry is never out of date. It can only be
missing or damaged; then the caller embeds the passage again.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.files.sqlite import marks, open_database
from rag.models.onnx_graph import quantise
from rag.text.language import letters
from rag.types import Floats

KEPT_SECONDS = 600.0
"""Seconds for which removed vectors stay. A question that began before the removal ends in a few seconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS levels (
    passage TEXT PRIMARY KEY, data BLOB NOT NULL, "first" INTEGER, "whole" INTEGER, gone REAL);
"""
_ADDED = {"first": "INTEGER", "whole": "INTEGER", "gone": "REAL"}
"""Columns that files of earlier versions lack."""

_SEALED = 'UPDATE levels SET "first" = crc32(substr(data, 1, ?)), "whole" = crc32(data) WHERE "whole" IS NULL'


class PassageVectors:
    """A map from passage id to vectors of about unit length: row 0 the passage, then its sentences.

    They are kept in int16, each row with the size of its steps: as exact as fp16, which takes much longer to convert.
    Each entry carries the checksum of its first row and of the whole; one that is damaged counts as missing.

    Raises:
        sqlite3.Error: the file is damaged or cannot be written.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._row = np.dtype([("step", "<f4"), ("levels", "<i2", (dimension,))])
        self._lock = threading.Lock()
        self._opened = open_database(path, _TABLES)
        self._connection = self._opened.connection
        self.damaged = 0
        """How many damaged entries were met."""
        try:
            self._seal_earlier()
        except BaseException:
            self._opened.close()
            raise

    def _seal_earlier(self) -> None:
        """Add checksums to what an earlier version wrote, where this may write; else it is read without."""
        columns = {row[1] for row in self._connection.execute("PRAGMA table_info(levels)")}
        self._sealed = columns.issuperset(_ADDED)
        if self._sealed or not self._opened.writable:
            return
        self._connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for name in sorted(set(_ADDED) - columns):
                self._connection.execute(f'ALTER TABLE levels ADD COLUMN "{name}" {_ADDED[name]}')
            self._connection.execute(_SEALED, [self._row.itemsize])
        self._sealed = True

    def put(self, vectors: Mapping[str, Floats]) -> None:
        """Store the vectors of passages."""
        rows = []
        for name, value in vectors.items():
            data = self._stored(value).tobytes()
            rows.append((name, data, zlib.crc32(data[: self._row.itemsize]), zlib.crc32(data)))
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO levels VALUES (?, ?, ?, ?, NULL)", rows)

    def _stored(self, value: Floats) -> NDArray[Any]:
        stored = np.empty(len(value), dtype=self._row)
        stored["levels"], stored["step"] = quantise(value, np.int16)
        return stored

    def rounded(self, value: Floats) -> Floats:
        """Return vectors as they would be read back, so that one that was just made ranks as one that was stored."""
        stored = self._stored(value)
        return _whole(stored["levels"].astype(np.float32), stored["step"])

    def get(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of the passages that are stored."""
        return self._each("whole", passage_ids, _whole)

    def products(self, passage_ids: Sequence[str], query: Floats) -> dict[str, Floats]:
        """Return the products of a vector with those of the passages that are stored."""
        return self._each("whole", passage_ids, lambda levels, steps: (levels @ query) * steps)

    def of_passages(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of the passages alone, shape (1, dimension), that are stored."""
        return self._each("first", passage_ids, _whole)

    def _each(
        self, part: str, passage_ids: Sequence[str], value: Callable[[Floats, Floats], Floats]
    ) -> dict[str, Floats]:
        rows = [row for row in self._rows(part, passage_ids) if self._is_whole(*row)]
        # All at once: one blob after the other takes three times as long.
        stored = np.frombuffer(b"".join(data for _, data, _ in rows), dtype=self._row)
        values = value(stored["levels"].astype(np.float32), stored["step"])
        ends = np.cumsum([len(data) // self._row.itemsize for _, data, _ in rows]).tolist()
        return {name: values[start:end] for (name, *_), start, end in zip(rows, [0, *ends], ends, strict=False)}

    def _is_whole(self, name: str, data: object, sum: int | None) -> bool:
        whole = isinstance(data, bytes) and len(data) > 0 and len(data) % self._row.itemsize == 0
        if isinstance(data, bytes) and whole and self._sealed:
            whole = zlib.crc32(data) == sum
        self.damaged += not whole
        return whole

    def _rows(self, part: str, passage_ids: Sequence[str]) -> list[tuple[str, bytes, int | None]]:
        column = "data" if part == "whole" else f"substr(data, 1, {self._row.itemsize})"
        sum = f'"{part}"' if self._sealed else "NULL"
        rows: list[tuple[str, bytes, int | None]] = []
        for start in range(0, len(passage_ids), 500):
            ids = list(passage_ids[start : start + 500])
            query = f"SELECT passage, {column}, {sum} FROM levels WHERE passage IN ({marks(ids)})"
            with self._lock:
                rows += self._connection.execute(query, ids).fetchall()
        return rows

    def drop(self, passage_ids: Sequence[str]) -> None:
        """Mark vectors as gone: whoever still reads an earlier generation finds them for a while."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "UPDATE levels SET gone = ? WHERE passage = ?", [(time.time(), name) for name in passage_ids]
            )

    def purge(self) -> None:
        """Forget what has been gone for a while."""
        with self._lock:
            self._connection.execute("DELETE FROM levels WHERE gone < ?", (time.time() - KEPT_SECONDS,))

    def close(self) -> None:
        self._opened.close()


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
    # Where fragments stand for their whole passage, one long text is there many times.
    measured = {text: (len(" ".join(text.split())), letters(text)) for text in set(texts)}
    characters, said = np.array([measured[text] for text in texts], dtype=np.float32).T
    total = np.sqrt(np.maximum(characters, 1)) @ sentences
    passage = total / max(float(np.linalg.norm(total)), 1e-12)
    lengths = 1 - SHORTER * np.exp(-np.append(said.sum(), said) / SHORT)
    return np.asarray(np.vstack([passage, sentences]) * lengths[:, None], dtype=np.float32)
