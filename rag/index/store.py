"""The store: documents and passages as they are written to Chroma and read back.

Chroma is the truth; everything else in a home is derived from it. What Chroma raises comes out of here as errors that
say what to do (`rag.index.chroma_calls`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from rag.index.connection import PASSAGES, WRITING, Connection
from rag.index.records import passage_metadata, to_document, to_document_records, to_passages
from rag.types import Document, DocumentRecord, Floats, Passage

BATCH, SCAN = 1000, 2000
"""Records that are written at a time, and passages that are read at a time."""
LEAST_LENGTH, MOST_LENGTH = 0.9, 1.01
"""The least and the greatest length of a sound passage vector. `rag.index.vectors` makes them at least 0.95 long."""
DOCUMENTS_AT_ONCE = 20
"""Documents that are read at a time, each of up to 20 million characters."""


class Store(Connection):
    """The documents and passages of an index.

    Raises what `rag.index.index.Index` names.
    """

    def __len__(self) -> int:
        """Return the number of passages; Chroma loads the vectors of all of them to count."""
        return int(self.call(lambda: self._passages.count()))

    # Reading

    @property
    def is_partly_rebuilt(self) -> bool:
        """Whether a rebuild has documents left to do."""
        return self.is_rebuilding and any(not record.passages for record in self.documents())

    def document_ids(self) -> set[str]:
        return set(self.call(lambda: self._documents.get(include=[]))["ids"])

    def documents(self) -> list[DocumentRecord]:
        """Return what is known of every document but its text, sorted by source."""
        found = self.call(lambda: self._documents.get(include=["metadatas"]))
        return self.call(lambda: to_document_records(zip(found["ids"], found["metadatas"] or [], strict=True)))

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        found = self.call(lambda: self._documents.get(ids=[document_id], include=["metadatas", "documents"]))
        rows = zip(found["ids"], found["metadatas"] or [], found["documents"] or [], strict=True)
        return self.call(lambda: next((to_document(*row) for row in rows), None))

    def scan(self) -> Iterator[Passage]:
        """Yield every passage."""
        for page in self._pages(["metadatas", "documents"]):
            yield from self.call(partial(to_passages, page))

    def scan_documents(self) -> Iterator[tuple[Document, dict[str, Any]]]:
        """Yield every document with what is known of it."""
        for some in _batches(sorted(self.document_ids()), DOCUMENTS_AT_ONCE):
            found = self.call(partial(self._documents.get, ids=some, include=["metadatas", "documents"]))
            rows = zip(found["ids"], found["metadatas"] or [], found["documents"] or [], strict=True)
            yield from ((self.call(partial(to_document, *row)), dict(row[1])) for row in rows)

    def scan_document_ids(self) -> Iterator[str]:
        """Yield the document of every passage."""
        for page in self._pages(["metadatas"]):
            yield from (str(meta["document_id"]) for meta in page["metadatas"] or [])

    def _pages(self, include: list[Any]) -> Iterator[Any]:
        """Yield all passages, some at a time, without counting them: Chroma would load the vectors of all of them."""
        for offset in itertools.count(0, SCAN):
            page = self.call(partial(self._passages.get, limit=SCAN, offset=offset, include=include))
            if not page["ids"]:
                return
            yield page

    def passage_ids(self, document_id: str) -> list[str]:
        """Return the ids of a document's passages."""
        return self.call(lambda: self._passages.get(where={"document_id": document_id}, include=[]))["ids"]

    def passages(self, passage_ids: Sequence[str]) -> list[Passage]:
        """Return the passages that exist, in no particular order."""
        return self.call(
            lambda: to_passages(self._passages.get(ids=list(passage_ids), include=["metadatas", "documents"]))
        )

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return the passages' vectors, each of shape (1, dimension), but those that cannot be what was stored."""
        found: dict[str, Floats] = {}
        for some in _batches(passage_ids):
            stored = self.call(partial(self._passages.get, ids=some, include=["embeddings"]))
            for name, vector in zip(stored["ids"], self.call(partial(_rows, stored)), strict=True):
                if LEAST_LENGTH < float(np.linalg.norm(vector)) < MOST_LENGTH:
                    found[name] = vector
        return found

    # Writing

    def put_documents(self, documents: Sequence[tuple[Document, Mapping[str, Any]]]) -> None:
        """Store the records of documents, each with what is known of it beside its text."""
        self.call(
            lambda: self._documents.upsert(
                ids=[document.id for document, _ in documents],
                embeddings=np.ones((len(documents), 1), dtype=np.float32),
                documents=[document.text for document, _ in documents],
                metadatas=[dict(known) for _, known in documents],
            )
        )

    def put_passages(self, passages: Sequence[Passage], vectors: Floats) -> None:
        """Store passages with their vectors, a row each."""
        self.call(
            lambda: self._passages.upsert(
                ids=[passage.id for passage in passages],
                embeddings=vectors,
                documents=[passage.text for passage in passages],
                metadatas=[passage_metadata(passage) for passage in passages],
            )
        )

    def update_document(self, document_id: str, facts: Mapping[str, Any]) -> None:
        self.call(lambda: self._documents.update(ids=[document_id], metadatas=[dict(facts)]))

    def update_passages(self, passage_ids: Sequence[str], facts: Mapping[str, Any]) -> Iterator[list[Passage]]:
        """Change the metadata of passages, and yield them as they are then, batch after batch."""
        for some in _batches(passage_ids):
            self.call(partial(self._passages.update, ids=some, metadatas=[dict(facts) for _ in some]))
            yield self.passages(some)

    def delete_documents(self, document_ids: Sequence[str]) -> None:
        self.call(lambda: self._documents.delete(ids=list(document_ids)))

    def delete_passages(self, passage_ids: Sequence[str]) -> Iterator[list[str]]:
        """Delete passages, and yield the ids of those that are, batch after batch."""
        for some in _batches(passage_ids):
            self.call(partial(self._passages.delete, ids=some))
            yield some

    def drop_passages(self) -> None:
        """Drop every passage, for each document to be added again; until then its record counts no passages."""
        for some in _batches(sorted(self.document_ids())):
            self.call(partial(self._documents.update, ids=some, metadatas=[{"passages": 0} for _ in some]))
        self.call(lambda: self._client.delete_collection(PASSAGES))
        self.call(lambda: self._create_passages(WRITING, rebuilding=True))
        self.refresh()


def _rows(stored: Any) -> Any:
    return np.asarray(stored["embeddings"], dtype=np.float32)[:, None, :] if stored["ids"] else ()


def _batches(ids: Sequence[str], size: int = BATCH) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
