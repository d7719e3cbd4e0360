"""The index: documents and passages in the store, and beside it the derived search index and sentence vectors.

A question uses the derived files, of one generation at a time (`rag.index.generations`). A writer writes to Chroma,
brings the derived files in step with it, and only then lets questions see the new generation. If a writer dies, the
next process finishes what it left.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from langchain_core.vectorstores import VectorStore

from rag.files.checksums import DamagedError
from rag.files.sqlite import is_full, may_write
from rag.index.records import to_document_records
from rag.index.search_index import ABOUT, SearchIndex
from rag.index.store import BATCH
from rag.index.vectors import PassageVectors
from rag.index.writing import Writing
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Document, DocumentRecord, Floats, Passage

T = TypeVar("T")


class Index(Writing):
    """A searchable set of passages; any number of processes may search it, and one writer at a time in one folder.

    Raises:
        MissingIndexError: there is none and ``create`` is false.
        StaleIndexError: it was made by another embedding model or in another format, and ``accept_stale`` is false.
        CorruptIndexError: the files are not a readable index of Temei's.
        UnreachableIndexError: the Chroma server does not answer.
    """

    def __init__(
        self, settings: Settings, embedder: Embedder, *, create: bool = False, accept_stale: bool = False
    ) -> None:
        super().__init__(settings, embedder, create=create, accept_stale=accept_stale)

    # Reading

    @property
    def vectorstore(self) -> VectorStore:
        """The passages as a LangChain vector store, for retrievers and tools of one's own."""
        return self._store.langchain()

    def __len__(self) -> int:
        if self.is_shared or self._is_writing_here:
            self._flush()
            return len(self._store)
        return len(self.search_index())

    def documents(self) -> list[DocumentRecord]:
        """Return what is known of every document but its text, sorted by source."""
        if self.is_shared or self._is_writing_here:
            self._flush()
            return self._store.documents()
        return self._held(self.search_index(), lambda one: to_document_records(_documents_of(one)))

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        if self.is_shared or self._is_writing_here:
            if self._pending.holds(document_id):
                self._flush()
            return self._store.document(document_id)
        return self._held(self.search_index(), lambda one: one.passage_cache.document(document_id, one.documents))

    def _held(self, search_index: SearchIndex, ask: Callable[[SearchIndex], T]) -> T:
        """Ask the passage cache of a generation; a damaged one is made again."""
        try:
            return ask(search_index)
        except sqlite3.Error as error:
            if is_full(error):  # nothing is wrong with the passage cache
                search_index.passage_cache.reopen()
                return ask(search_index)
            return ask(self._mended(search_index))
        except (DamagedError, ValueError, KeyError, TypeError):
            return ask(self._mended(search_index))

    def _mended(self, search_index: SearchIndex) -> SearchIndex:
        """Return the generation in use with a passage cache that is whole, having found that of one damaged."""
        with self._syncing:
            if self._in_use is search_index or self._in_use is None:
                self._in_use = self._derived.load()
                if self._in_use is None or self._in_use.generation == search_index.generation:
                    self._derived.doubt_passage_cache()
                    self._in_use = self._again()
            return self._in_use

    def scan(self) -> Iterator[Passage]:
        """Yield every passage, as Chroma has them."""
        return self._store.scan()

    def lacking(self) -> list[DocumentRecord]:
        """Return what is known of the documents that have no passages, or not as many as they should."""
        records = self._store.documents()
        if not records:
            return []
        if self._store.is_rebuilding or self.is_shared:
            return [record for record in records if not record.passages]  # others may be at the rest
        search_index = self.search_index()
        counts = np.bincount(search_index.document_of, minlength=len(search_index.document_names)).tolist()
        held = dict(zip((name.decode() for name in search_index.document_names.tolist()), counts, strict=True))
        return [record for record in records if not record.passages or held.get(record.id, 0) != record.passages]

    def passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages that exist by their ids."""
        found = self.cached_passages(passage_ids)  # where it is damaged, Chroma has them too
        missing = [name for name in passage_ids if name not in found]
        if missing:
            found |= {passage.id: passage for passage in self._store.passages(missing)}
        return found

    def passages_at(self, search_index: SearchIndex, rows: Sequence[int]) -> dict[str, Passage]:
        """Return the passages of some rows of a generation by their ids."""
        names = search_index.ids_of(rows)

        def told(one: SearchIndex) -> dict[str, Passage]:
            if one is not search_index:
                return one.passage_cache.passages(names)
            found = one.passage_cache.passages_at(one.stored[list(rows)].tolist())
            if set(found) != set(names):
                raise DamagedError("the passage cache lacks passages")
            return found

        return self._held(search_index, told)

    def cached_passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages as the passage cache holds them, for a check-up."""
        try:
            return self.search_index().passage_cache.passages(passage_ids)
        except (sqlite3.Error, DamagedError, ValueError, KeyError, TypeError):
            return {}

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return each passage's vectors (row 0 the passage, then its sentences), making those that are not stored."""
        found = self._stored(lambda vectors: vectors.get(passage_ids))
        missing = [name for name in passage_ids if name not in found]
        if missing:
            if not self.is_shared:
                self._derived.say(f"Vectors in {self.settings.home} were missing or damaged; made again.")
            made = {name: self._embed(passage) for name, passage in self.passages(missing).items()}
            with contextlib.suppress(sqlite3.Error):  # a process that may not write still answers
                self._derived.vectors.put(made)
            found |= made
        return found

    def products(self, passage_ids: Sequence[str], query: Floats) -> dict[str, Floats]:
        """Return the products of a question's vector with each passage's vectors, as `vectors` has them."""
        found = self._stored(lambda vectors: vectors.products(passage_ids, query))
        missing = [name for name in passage_ids if name not in found]
        if missing:
            found |= {name: rows @ query for name, rows in self.vectors(missing).items()}
        return found

    def _stored(self, ask: Callable[[PassageVectors], T]) -> T:
        """Ask for vectors; a damaged file of them is begun anew."""
        try:
            return ask(self._derived.vectors)
        except sqlite3.Error as error:
            if is_full(error):  # nothing is wrong with them
                return ask(self._derived.reopen_vectors())
            return ask(self._derived.renew_vectors())

    # For a check-up

    def check_store(self) -> None:
        """Read all of Chroma's files, and raise IndexStateError where they are damaged or lack documents."""
        self._store.check()
        self._check_that_none_is_lost()

    def check_derived(self) -> str:
        """Read every byte that a question may read; mend what is damaged and return what could not be, in words."""
        search_index = self.search_index()
        if not self._is_whole(search_index):
            search_index = self._mended(search_index)
        if not self._is_whole(search_index):
            return f"the search files in {self.settings.home} are damaged"
        names = search_index.ids
        lacking = sum(
            len(
                set(names[start : start + BATCH])
                - set(self._stored(partial(_get_vectors, names[start : start + BATCH])))
            )
            for start in range(0, len(names), BATCH)
        )
        for start in range(0, len(names) if lacking else 0, BATCH):
            self.vectors(names[start : start + BATCH])
        return ""

    def _is_whole(self, search_index: SearchIndex) -> bool:
        """Return whether the files of a generation and the rows of its passage cache are what was written."""
        try:
            if self._derived.load(thorough=True) is None and may_write(self._derived.folder / ABOUT):
                return False
            cache, held = search_index.passage_cache, search_index.documents
            told = sum(len(cache.passages_at(rows)) for rows in _parts(search_index.stored.tolist()))
            known = [cache.document(name, held) for name, _ in _documents_of(search_index)]
            return told == len(search_index) and None not in known
        except (sqlite3.Error, DamagedError, ValueError, KeyError, TypeError):
            return False

    def stored_documents(self) -> list[DocumentRecord]:
        """Return what Chroma knows of every document."""
        return self._store.documents()

    def stored_document(self, document_id: str) -> Document | None:
        """Return a document as Chroma has it."""
        return self._store.document(document_id)

    def close(self) -> None:
        """Release the files; the index cannot be used afterwards."""
        self._derived.close()
        if self._opened is not None:
            self._opened.close()


def _documents_of(search_index: SearchIndex) -> list[tuple[str, dict[str, Any]]]:
    found = search_index.passage_cache.documents_at(search_index.documents.tolist())
    if len(found) != len(search_index.documents):
        raise DamagedError("the passage cache lacks documents")
    return found


def _parts(rows: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _get_vectors(passage_ids: Sequence[str], vectors: PassageVectors) -> dict[str, Floats]:
    return vectors.get(passage_ids)
