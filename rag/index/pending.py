"""Documents that are waiting to be written: many small ones go to Chroma in one call.

A call makes a transaction of its own, which a disk takes as long for as the embedding of a page. The order stays:
passages before the record of their document, so that what a dead writer left is told by having no record.
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
    records: list[tuple[Document, int, Mapping[str, Any]]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return (
            len(self.passages) >= MOST_PASSAGES
            or sum(len(document.text) for document, _, _ in self.records) >= MOST_CHARACTERS
            or time.monotonic() - self.since >= MOST_SECONDS
        )

    def holds(self, document_id: str) -> bool:
        """Return whether the record of a document waits."""
        return any(document.id == document_id for document, _, _ in self.records)

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
