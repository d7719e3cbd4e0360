"""Change an index: add, update and remove documents, in Chroma first and then in the derived files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rag.files.checksums import DamagedError
from rag.files.sqlite import is_full
from rag.index.connection import WRITING
from rag.index.generations import InStep
from rag.index.passage_cache import PassageCache
from rag.index.pending import Pending
from rag.index.records import document_metadata, sentence_texts
from rag.index.store import BATCH
from rag.index.vectors import PassageVectors, with_passage_row
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Document, Floats, Passage


class Changes(InStep):
    """What of an index changes documents and passages; see `rag.index.index.Index`.

    Nobody sees a change before `rag.index.writing` commits it.
    """

    def __init__(self, settings: Settings, embedder: Embedder, *, create: bool, accept_stale: bool) -> None:
        self._in_step = False
        """Whether the passage cache agreed with Chroma when the writing began; then it agrees at the end too."""
        self._pending = Pending()
        super().__init__(settings, embedder, create=create, accept_stale=accept_stale)

    @property
    def generation(self) -> str:
        """The generation that the passages had when they were last looked at."""
        return self._store.generation

    @property
    def _unfinished(self) -> Path:
        return self.settings.home / "unfinished"

    def add(self, document: Document, passages: Sequence[Passage], sentences: Sequence[Floats], **facts: Any) -> None:
        """Store a document with its passages and their sentences' unit vectors."""
        self.add_passages(passages, sentences)
        self.add_record(document, len(passages), **facts)

    def add_passages(
        self, passages: Sequence[Passage], sentences: Sequence[Floats], texts: Sequence[Sequence[str]] | None = None
    ) -> None:
        """Store passages with their sentences' unit vectors; without `add_record` they are taken for left over.

        They may wait for others (`rag.index.pending`), at most until the writing ends.

        Args:
            texts: what was embedded of each passage's sentences, where that is at hand (`sentence_texts`).
        """
        texts = [sentence_texts(passage) for passage in passages] if texts is None else texts
        self._pending.passages += passages
        self._pending.sentences += sentences
        self._pending.texts += texts
        self._flush_where_due()

    def add_record(self, document: Document, passages: int, **facts: Any) -> None:
        """Store a document's record, when all its passages are stored."""
        self._pending.records.append((document, {**document_metadata(document, passages), **facts}))
        self._flush_where_due()

    def _flush_where_due(self) -> None:
        if self._pending.is_full or not self._is_writing_here:
            self._flush()

    def _flush(self) -> None:
        """Write what is waiting: passages first, then the records of their documents."""
        pending, self._pending = self._pending, Pending()
        if not (pending.passages or pending.records):
            return
        self._begin()
        self._note_unfinished({passage.document_id for passage in pending.passages}, set())
        for start in range(0, len(pending.passages), BATCH):
            some = slice(start, start + BATCH)
            self._add_passages(pending.passages[some], pending.sentences[some], pending.texts[some])
        if pending.records:
            self._store.put_documents(pending.records)
            self._change_cache(lambda cache: cache.put_documents(pending.records))
            self._note_unfinished(set(), {document.id for document, _ in pending.records})

    def _note_unfinished(self, begun: set[str], finished: set[str]) -> None:
        """Note the documents whose passages stand on a server without their record, for whoever tidies up."""
        if not self.is_shared:
            return
        held = set(self._unfinished.read_text(encoding="utf-8").split()) if self._unfinished.exists() else set()
        if left := (held | begun) - finished:
            self._unfinished.write_text("\n".join(sorted(left)), encoding="utf-8")
        else:
            self._unfinished.unlink(missing_ok=True)

    def _add_passages(
        self, passages: Sequence[Passage], sentences: Sequence[Floats], texts: Sequence[Sequence[str]]
    ) -> None:
        vectors = {
            passage.id: with_passage_row(rows, told)
            for passage, rows, told in zip(passages, sentences, texts, strict=True)
        }
        self._put_vectors(lambda stored: stored.put(vectors))
        self._store.put_passages(passages, np.stack([rows[0] for rows in vectors.values()]))
        self._change_cache(lambda cache: cache.put(passages))

    def _put_vectors(self, change: Callable[[PassageVectors], None]) -> None:
        try:
            change(self._derived.vectors)
        except sqlite3.Error as error:
            if is_full(error):
                self._store.call(lambda: change(self._derived.vectors))
            else:
                self._store.call(lambda: change(self._derived.renew_vectors()))

    def _change_cache(self, change: Callable[[PassageCache], None]) -> None:
        """Change the passage cache; a damaged one is made again at the end of the writing, from Chroma."""
        cache = self._derived.passage_cache()
        if cache is None or not self._in_step:
            return
        try:
            change(cache)
        except (sqlite3.Error, DamagedError) as error:
            self._in_step = False
            if is_full(error):
                self._store.call(lambda: change(cache))

    def update_facts(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document (source, title) in its record and its passages, not its text."""
        self._flush()
        self._begin()
        shown = {key: value for key, value in facts.items() if key in ("title", "source")}
        if shown:
            for changed in self._store.update_passages(self._store.passage_ids(document_id), shown):
                self._change_cache(partial(_put, changed))
        self._store.update_document(document_id, facts)
        self._change_cache(lambda cache: cache.update_document(document_id, facts))

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents with their passages and vectors."""
        if document_ids:
            self._flush()  # what replaces them stands before they are gone
            self._begin()
            self._store.delete_documents(document_ids)
            self._change_cache(lambda cache: cache.drop_documents(document_ids))
            self.remove_passages_of(document_ids)

    def remove_passages_of(self, document_ids: Sequence[str]) -> None:
        """Remove the passages of documents, and leave their records."""
        self._pending = self._pending.without(document_ids)
        if document_ids:
            self._begin()
        for document_id in document_ids:
            for gone in self._store.delete_passages(self._store.passage_ids(document_id)):
                self._put_vectors(partial(_drop_vectors, gone))
                self._change_cache(partial(_drop, gone))

    def drop_passages(self) -> None:
        """Drop every passage, for each document to be added again; until then its record counts no passages.

        Questions use the generation before until all are made.
        """
        self._flush()
        self._begin()
        self._in_step = False
        self._store.drop_passages()

    def _begin(self) -> None:
        if self.generation != WRITING:
            self._store.call(self._mark.touch)
            cache = self._derived.passage_cache()
            try:
                self._in_step = cache is not None and cache.generation == self.generation
                if cache is not None:
                    cache.agree("")
            except (sqlite3.Error, DamagedError):
                self._in_step = False
            self._store.mark(WRITING)


def _put(passages: Sequence[Passage], cache: PassageCache) -> None:
    cache.put(passages)


def _drop(passage_ids: Sequence[str], cache: PassageCache) -> None:
    cache.drop(passage_ids)


def _drop_vectors(passage_ids: Sequence[str], vectors: PassageVectors) -> None:
    vectors.drop(passage_ids)
