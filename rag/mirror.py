"""The passages as Chroma holds them, kept once more beside it in one SQLite file, with the terms that BM25 counts.

A question reads its passages here in a tenth of a millisecond, and BM25 is built from it a chunk at a time, so that
neither takes memory that grows with the corpus. It is derived: it carries the generation of the passages that it
agrees with, and is brought in step with Chroma where that differs.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.language import prose, terms
from rag.records import passage_metadata, to_passages
from rag.types import Passage

CHUNK = 1000
MAPPED = 1 << 34
"""How many bytes of the file SQLite maps into memory rather than copies, at most."""

_TABLES = """
CREATE TABLE IF NOT EXISTS passages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL, language TEXT NOT NULL,
    terms BLOB NOT NULL, record TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS terms (number INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """A passage as BM25 sees it: the numbers of its distinct terms and how often each stands in it."""

    id: str
    document: str
    terms: NDArray[np.int32]
    counts: NDArray[np.int32]


class Mirror:
    """A copy of the passages by id, and the numbers of all terms; safe to share between threads.

    Raises:
        sqlite3.Error: the file is damaged or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA mmap_size={MAPPED}")
            self._connection.executescript(_TABLES)
            self._connection.execute("INSERT OR IGNORE INTO state VALUES ('name', ?)", (uuid.uuid4().hex,))
            self.name = self._state("name")
        except BaseException:
            self._connection.close()
            raise

    def _state(self, name: str) -> str:
        with self._lock:
            row = self._connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    @property
    def generation(self) -> str:
        """The generation of the passages that this agrees with; empty while it may not."""
        return self._state("generation")

    @generation.setter
    def generation(self, value: str) -> None:
        self.agree(value)

    def agree(self, value: str) -> None:
        """Set the generation of the passages that this agrees with."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO state VALUES ('generation', ?)", (value,))

    def __len__(self) -> int:
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM passages").fetchone()[0])

    def __contains__(self, passage_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM passages WHERE id = ?", [passage_id]))

    def _rows(self, ask: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(ask, list(values)).fetchall()

    # Reading

    def passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages that are here by their ids."""
        found: dict[str, Passage] = {}
        for start in range(0, len(passage_ids), CHUNK):
            ids = passage_ids[start : start + CHUNK]
            rows = self._rows(f"SELECT id, record, text FROM passages WHERE id IN ({_marks(ids)})", ids)
            records = {
                "ids": [row[0] for row in rows],
                "metadatas": [json.loads(row[1]) for row in rows],
                "documents": [row[2] for row in rows],
            }
            found |= {passage.id: passage for passage in to_passages(records)}
        return found

    def numbers(self, wanted: Iterable[str]) -> dict[str, int]:
        """Return the numbers of the terms that any passage ever held."""
        names = sorted(set(wanted))
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(names), CHUNK):
            some = names[start : start + CHUNK]
            rows += self._rows(f"SELECT term, number FROM terms WHERE term IN ({_marks(some)})", some)
        return {str(term): int(number) for term, number in rows}

    def languages(self) -> dict[str, int]:
        """Return the languages of the passages, and how many are in each."""
        rows = self._rows("SELECT language, count(*) FROM passages GROUP BY language ORDER BY 1", [])
        return {str(language): int(count) for language, count in rows}

    def highest(self) -> int:
        """Return the highest number of a term, 0 where there is none."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM terms", [])[0][0])

    def counted(self) -> Iterator[list[Counted]]:
        """Yield the terms of all passages in the order they came in, a chunk at a time."""
        last = -1
        while rows := self._rows(
            "SELECT row, id, document, terms FROM passages WHERE row > ? ORDER BY row LIMIT ?", [last, CHUNK]
        ):
            last = rows[-1][0]
            yield [Counted(str(name), str(document), *_unpack(blob)) for _, name, document, blob in rows]

    # Writing

    def put(self, passages: Sequence[Passage]) -> None:
        """Add passages, or replace those of the same id."""
        for start in range(0, len(passages), CHUNK):
            self._put(passages[start : start + CHUNK])

    def _put(self, passages: Sequence[Passage]) -> None:
        counts = [Counter(terms(f"{passage.title}\n{prose(passage.text)}", passage.language)) for passage in passages]
        with self._lock, self._transaction():
            new = sorted(set().union(*counts))
            self._connection.executemany("INSERT OR IGNORE INTO terms (term) VALUES (?)", [(term,) for term in new])
            number = self.numbers(new)
            self._connection.executemany(
                "INSERT INTO passages (id, document, language, terms, record, text) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET document = excluded.document, language = excluded.language, "
                "terms = excluded.terms, record = excluded.record, text = excluded.text",
                [
                    (
                        passage.id,
                        passage.document_id,
                        passage.language,
                        _pack({number[term]: count for term, count in found.items()}),
                        _record(passage),
                        passage.text,
                    )
                    for passage, found in zip(passages, counts, strict=True)
                ],
            )

    def drop(self, passage_ids: Sequence[str]) -> None:
        """Forget passages."""
        with self._lock, self._transaction():
            self._connection.executemany("DELETE FROM passages WHERE id = ?", [(name,) for name in passage_ids])

    def agree_with(self, passages: Iterable[Passage], generation: str) -> None:
        """Bring this in step with all passages there are, taking up only those that differ."""
        self.generation = ""
        with self._lock:
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM seen")
            chunk: list[Passage] = []
            for passage in passages:
                chunk.append(passage)
                if len(chunk) == CHUNK:
                    self._take_up(chunk)
                    chunk = []
            self._take_up(chunk)
            self._connection.execute("DELETE FROM passages WHERE id NOT IN (SELECT id FROM seen)")
            self._connection.execute("DROP TABLE seen")
        self.generation = generation

    def _take_up(self, passages: Sequence[Passage]) -> None:
        ids = [passage.id for passage in passages]
        held = self._rows(f"SELECT id, record, text FROM passages WHERE id IN ({_marks(ids)})", ids)
        same = {name: (record, text) for name, record, text in held}
        self.put([passage for passage in passages if same.get(passage.id) != (_record(passage), passage.text)])
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(name,) for name in ids])

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def close(self) -> None:
        self._connection.close()


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *rest: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _record(passage: Passage) -> str:
    return json.dumps(passage_metadata(passage), ensure_ascii=False)


def _pack(counts: Mapping[int, int]) -> bytes:
    """Return term numbers, ascending, and behind them their counts, as int32."""
    numbers = sorted(counts)
    return np.array([*numbers, *(counts[number] for number in numbers)], dtype="<i4").tobytes()


def _unpack(blob: bytes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    numbers = np.frombuffer(blob, dtype="<i4")
    half = len(numbers) // 2
    return numbers[:half], numbers[half:]
