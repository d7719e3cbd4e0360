"""Documents that are waiting to be written: many small ones go to Chroma in one call.

Each call is a transaction of its own, and a transaction takes a disk as long as embedding a page takes. Passages are
written before the record of their document, so passages without a record show what a dead writer left.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.types import Document, Floats, Passage

MOST_PASSAGES = 200
"""Passages that wait at most (docs/experiments.md, Many small documents)."""
MOST_CHARACTERS = 1_000_000
"""Characters of documents that wait at most, since they are held in memory."""
MOST_SECONDS = 5.0
"""Seconds that a document waits at most, if others follow, so that a killed ingestion has little to do again."""


@dataclass
class Pending:
    """Passages with the unit vectors and the texts of their sentences, and records with what is known of a document."""

    passages: list[Passage] = field(default_factory=list)
    sentences: list[Floats] = field(default_factory=list)
    texts: list[Sequence[str]] = field(default_factory=list)
    records: list[tuple[Document, Mapping[str, Any]]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return (
            len(self.passages) >= MOST_PASSAGES
            or sum(len(document.text) for document, _ in self.records) >= MOST_CHARACTERS
            or time.monotonic() - self.since >= MOST_SECONDS
        )

    def holds(self, document_id: str) -> bool:
        """Return whether the record of a document waits."""
        return any(document.id == document_id for document, _ in self.records)

    def without(self, document_ids: Sequence[str]) -> Pending:
        """Return what is left without the passages of some documents; their records stay."""
        kept = [row for row, passage in enumerate(self.passages) if passage.document_id not in document_ids]
        return Pending(
            [self.passages[row] for row in kept],
            [self.sentences[row] for row in kept],
            [self.texts[row] for row in kept],
            self.records,
            self.since,
        )
