"""The passage cache: a copy of the documents and passages that Chroma holds, with the terms that BM25 counts.

It is one SQLite file beside Chroma. A question reads its passages here in a tenth of a millisecond. The search index
is built from it a chunk at a time, so neither takes memory that grows with the corpus. The cache is derived: it names
the generation of the passages that it agrees with, and is brought in step with Chroma where that differs.

A row is never changed. A row that is replaced or removed stays, marked as gone, for a question that still uses the
generation that named it (`rag.index.search_index`); it is purged later. Every row carries checksums, which are checked
whenever it is read.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.files.checksums import DamagedError
from rag.files.sqlite import marks
from rag.index.passage_cache_file import CacheFile
from rag.index.passage_cache_rows import checked, pack, record_of, signed, sum_of, unpack, unsigned
from rag.index.records import document_metadata, to_document, to_passages
from rag.text.language import prose, terms
from rag.types import Document, Passage

CHUNK = 1000
"""Rows read or written at a time, which bounds the memory. Chosen by eye; not measured."""
KEPT_SECONDS = 600.0
"""Seconds for which a removed row stays in the file. A question that began before the removal ends in a few seconds."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A passage as BM25 sees it: the numbers of its distinct terms and how often each stands in it."""

    row: int
    id: str
    document: str
    language: str
    terms: NDArray[np.int32]
    counts: NDArray[np.int32]


class PassageCache(CacheFile):
    """A copy of documents and passages, and the numbers of all terms; safe to share between threads.

    Raises:
        sqlite3.Error, DamagedError: the file is damaged or cannot be written.
    """

    def __contains__(self, passage_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM passages WHERE id = ? AND gone IS NULL", [passage_id]))

    # Reading

    def passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages that are here by their ids."""
        return self._passages("id", passage_ids, "AND gone IS NULL")

    def passages_at(self, rows: Sequence[int]) -> dict[str, Passage]:
        """Return the passages of some rows by their ids, those that are gone included."""
        return self._passages("row", rows)

    def _passages(self, by: str, values: Sequence[Any], more: str = "") -> dict[str, Passage]:
        found: dict[str, Passage] = {}
        for start in range(0, len(values), CHUNK):
            some = values[start : start + CHUNK]
            ask = f"SELECT id, record, text, told FROM passages WHERE {by} IN ({marks(some)}) {more}"
            rows = [checked(*row) for row in self._rows(ask, some)]
            records = {
                "ids": [row[0] for row in rows],
                "metadatas": [json.loads(row[1]) for row in rows],
                "documents": [row[2] for row in rows],
            }
            found |= {passage.id: passage for passage in to_passages(records)}
        return found

    def term_ids(self, wanted: Iterable[str]) -> dict[str, int]:
        """Return the ids of the terms that any passage ever held."""
        names = sorted(set(wanted))
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(names), CHUNK):
            some = names[start : start + CHUNK]
            rows += self._rows(f"SELECT term, number FROM terms WHERE term IN ({marks(some)})", some)
        return {str(term): int(number) for term, number in rows}

    def terms(self) -> Iterator[tuple[str, int]]:
        """Yield every term with its number."""
        last = -1
        while rows := self._rows(
            "SELECT number, term, told FROM terms WHERE number > ? ORDER BY number LIMIT ?", [last, CHUNK]
        ):
            last = rows[-1][0]
            for number, term, told in rows:
                if sum_of(number, term) != told:
                    raise DamagedError(f"the term {number} is damaged")
                yield term, number

    def highest(self) -> int:
        """Return the highest number of a term, 0 where there is none."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM terms", [])[0][0])

    def counted(self) -> Iterator[list[Counted]]:
        """Yield the terms of all passages in the order they came in, a chunk at a time."""
        last = -1
        while rows := self._rows(
            "SELECT row, id, document, language, terms, counted FROM passages WHERE row > ? AND gone IS NULL "
            "ORDER BY row LIMIT ?",
            [last, CHUNK],
        ):
            last = rows[-1][0]
            chunk = []
            for row, name, document, language, blob, told in rows:
                if sum_of(name, document, language, blob) != told:
                    raise DamagedError(f"the passage {name} of the passage cache is damaged")
                chunk.append(Counted(row, name, document, language, *unpack(blob)))
            yield chunk

    def document_rows(self) -> list[tuple[int, str]]:
        """Return row and id of every document."""
        return [(row, name) for row, name in self._rows("SELECT row, id FROM documents WHERE gone IS NULL", [])]

    def documents_at(self, rows: Sequence[int]) -> list[tuple[str, dict[str, Any]]]:
        """Return the ids of the documents of some rows, each with what is known of it but its text."""
        found: list[tuple[str, dict[str, Any]]] = []
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            ask = f"SELECT id, record FROM documents WHERE row IN ({marks(some)})"
            found += [(name, unsigned(name, record)) for name, record in self._rows(ask, some)]
        return found

    def document(self, document_id: str, rows: Sequence[int] | NDArray[np.int64]) -> Document | None:
        """Return a document with its text where it is among some rows, or None."""
        for row, record, packed, told in self._rows(
            "SELECT row, record, text, told FROM documents WHERE id = ? ORDER BY row DESC", [document_id]
        ):
            if row in rows:
                if zlib.crc32(packed) != told:
                    raise DamagedError(f"the document {document_id} of the passage cache is damaged")
                return to_document(document_id, unsigned(document_id, record), zlib.decompress(packed).decode())
        return None

    # Writing

    def put(self, passages: Sequence[Passage]) -> None:
        """Add passages, or replace those of the same id that differ."""
        for start in range(0, len(passages), CHUNK):
            self._put(passages[start : start + CHUNK])

    def _put(self, passages: Sequence[Passage]) -> None:
        counts = [Counter(terms(_counted(passage), passage.language)) for passage in passages]
        with self._lock, self._transaction():
            number = self._numbered(sorted(set().union(*counts)))
            rows = {}
            for passage, found in zip(passages, counts, strict=True):
                held = (passage.id, passage.document_id, passage.language)
                packed = pack({number[term]: count for term, count in found.items()})
                told = (record_of(passage), passage.text)
                rows[passage.id] = (*held, packed, sum_of(*held, packed), *told, sum_of(passage.id, *told))
            ask = (
                "SELECT id, document, language, terms, counted, record, text, told FROM passages "
                f"WHERE id IN ({marks(list(rows))}) AND gone IS NULL"
            )
            same = {row[0] for row in self._connection.execute(ask, list(rows)) if rows[row[0]] == row}
            new = [row for name, row in rows.items() if name not in same]
            self._leave("passages", [row[0] for row in new])
            self._connection.executemany(
                "INSERT INTO passages (id, document, language, terms, counted, record, text, told) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                new,
            )

    def _numbered(self, names: Sequence[str]) -> dict[str, int]:
        """Return the numbers of terms, new ones where they have none."""
        number = self.term_ids(names)
        free = self.highest() + 1
        new = [(free + i, name) for i, name in enumerate(name for name in names if name not in number)]
        self._connection.executemany(
            "INSERT INTO terms (number, term, told) VALUES (?, ?, ?)", [(*row, sum_of(*row)) for row in new]
        )
        return number | {name: at for at, name in new}

    def put_documents(self, documents: Iterable[tuple[Document, Mapping[str, Any]]]) -> None:
        """Add documents with what is known of them, or replace those of the same id."""
        for document, known in documents:
            packed = zlib.compress(document.text.encode(), 1)
            record = {**document_metadata(document, 0), **known}
            row = (document.id, signed(document.id, record), packed, zlib.crc32(packed))
            with self._lock, self._transaction():
                held = self._rows("SELECT id, record, text, told FROM documents WHERE id = ? AND gone IS NULL", row[:1])
                if held != [row]:
                    self._leave("documents", [document.id])
                    self._connection.execute("INSERT INTO documents (id, record, text, told) VALUES (?, ?, ?, ?)", row)

    def update_document(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document, not its text."""
        document = self.document(document_id, [row for row, name in self.document_rows() if name == document_id])
        if document is None:
            raise DamagedError(f"the passage cache lacks the document {document_id}")
        ask = "SELECT record FROM documents WHERE id = ? AND gone IS NULL"
        known = unsigned(document_id, self._rows(ask, [document_id])[0][0])
        self.put_documents([(document, {**known, **facts})])

    def drop(self, passage_ids: Sequence[str]) -> None:
        """Mark passages as gone."""
        with self._lock, self._transaction():
            self._leave("passages", passage_ids)

    def drop_documents(self, document_ids: Sequence[str]) -> None:
        """Mark documents as gone."""
        with self._lock, self._transaction():
            self._leave("documents", document_ids)

    def _leave(self, table: str, ids: Sequence[str]) -> None:
        self._connection.executemany(
            f"UPDATE {table} SET gone = ? WHERE id = ? AND gone IS NULL", [(time.time(), name) for name in ids]
        )

    def purge(self) -> None:
        """Forget what has been gone for a while."""
        for table in ("passages", "documents"):
            with self._lock:
                self._connection.execute(f"DELETE FROM {table} WHERE gone < ?", (time.time() - KEPT_SECONDS,))

    def agree_with(
        self,
        passages: Iterable[Passage],
        generation: str,
        documents: Iterable[tuple[Document, Mapping[str, Any]]] = (),
        made_by: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring this in step with all there is, taking up only those that differ."""
        self.agree("")
        with self._lock:
            for table in ("passages", "documents"):
                self._connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS seen_{table} (id TEXT PRIMARY KEY)")
                self._connection.execute(f"DELETE FROM seen_{table}")
            chunk: list[Passage] = []
            for passage in passages:
                chunk.append(passage)
                if len(chunk) == CHUNK:
                    self._take_up(chunk)
                    chunk = []
            self._take_up(chunk)
            for document, known in documents:
                self.put_documents([(document, known)])
                self._connection.execute("INSERT OR IGNORE INTO seen_documents VALUES (?)", (document.id,))
            for table in ("passages", "documents"):
                self._connection.execute(
                    f"UPDATE {table} SET gone = ? WHERE gone IS NULL AND id NOT IN (SELECT id FROM seen_{table})",
                    (time.time(),),
                )
                self._connection.execute(f"DROP TABLE seen_{table}")
        self.agree(generation, made_by)

    def _take_up(self, passages: Sequence[Passage]) -> None:
        ids = [passage.id for passage in passages]
        ask = f"SELECT id, record, text, told FROM passages WHERE id IN ({marks(ids)}) AND gone IS NULL"
        same = {name: (record, text) for name, record, text, _ in (checked(*row) for row in self._rows(ask, ids))}
        self.put([passage for passage in passages if same.get(passage.id) != (record_of(passage), passage.text)])
        self._connection.executemany("INSERT OR IGNORE INTO seen_passages VALUES (?)", [(name,) for name in ids])


def _counted(passage: Passage) -> str:
    """Return what BM25 counts of a passage: its title, the headings above it that are not in it, and its text."""
    text = prose(passage.text)
    return "\n".join([passage.title, *(heading for heading in passage.path if heading not in text), text])
