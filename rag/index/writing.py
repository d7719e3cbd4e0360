"""Writing to an index: Chroma first, then what is derived from it, and only at the end do readers see it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from filelock import Timeout
from numpy.typing import NDArray

from rag.errors import CorruptIndexError, DamagedIndexError, IndexStateError, LockedIndexError, MissingIndexError
from rag.files.checksums import DamagedError
from rag.files.sqlite import is_full, may_write
from rag.index.derived_files import chroma_dates
from rag.index.generations import InStep
from rag.index.passage_cache import PassageCache
from rag.index.records import document_metadata, sentence_texts
from rag.index.restore import restore
from rag.index.search_index import SearchIndex
from rag.index.store import BATCH, WRITING, Store, cannot_be_read, made_with
from rag.index.vectors import PassageVectors, with_passage_row
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Document, Passage

Floats = NDArray[np.float32]
T = TypeVar("T")


class Writing(InStep):
    """What of an index writes; see `rag.index.index.Index`."""

    def __init__(self, settings: Settings, embedder: Embedder, *, create: bool, accept_stale: bool) -> None:
        self._in_step = False
        """Whether the passage cache agreed with Chroma when the writing began; then it agrees at the end too."""
        super().__init__(settings, embedder, create=create, accept_stale=accept_stale)

    def _open_store(self) -> Store:
        if self.is_shared or not (self._create or self._accept_stale):
            return super()._open_store()
        if not may_write(self.settings.home / "ingest.lock"):
            raise CorruptIndexError(_cannot_write(self.settings, "no permission"))
        try:
            self._opened = self._open(create=False)
            return self._opened
        except DamagedIndexError:
            if not self._accept_stale:
                raise
            self._restore("is damaged", create=True)
        except MissingIndexError:
            if self._derived.passage_cache() is not None:
                self._restore("is missing or empty", create=False)
        return super()._open_store()

    def _restore(self, what: str, *, create: bool) -> None:
        """Make Chroma's files again from the passage cache; without one begin an empty index if ``create`` is true."""
        with self._locked():
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            line = restore(self._derived, self.settings, self.embedder, self._writer, self._embed, create=create)
        if line:
            self._derived.say(f"The database in {self.settings.home / 'chroma'} {what}; {line}")

    def mend(self) -> None:
        """Make Chroma's files again where they are damaged; for whoever is about to rebuild the index."""
        if self.is_shared:
            return
        try:
            self._store.check()
            for _ in self._store.scan_documents():
                pass
            self._check_that_none_is_lost()
        except DamagedIndexError:
            self._restore("is damaged", create=True)
            self._open_store()

    # Staying in step

    @property
    def generation(self) -> str:
        """The generation that the passages had when they were last looked at."""
        return self._store.generation

    def _make(self, generation: str) -> SearchIndex:
        """Bring the passage cache in step where it is not, and make BM25 from it; by one process at a time."""
        cache = self._derived.passage_cache()
        try:
            if cache is None:
                raise DamagedError("there is no passage cache")
            if not self._in_step or cache.generation != generation:
                self._take_all(cache, generation)
            return self._build(cache, self._derived.folder, generation)
        except (sqlite3.Error, DamagedError) as error:
            if is_full(error):
                raise
            cache = self._derived.fresh_passage_cache()
            self._take_all(cache, generation)
            return self._build(cache, self._derived.folder, generation)

    def _repair(self) -> bool:
        """Remove the passages that a writer left without their document's record when it died, and renew BM25.

        Return whether that is all: what a rebuild left is for the next writer to finish.
        """
        self._store.refresh()
        if self.generation != WRITING and not self._mark.exists():
            return True
        self._remove_orphans()
        if self._store.is_partly_rebuilt:
            return False
        self._commit()
        return True

    def _remove_orphans(self) -> None:
        known = self._store.document_ids()
        if self.is_shared:
            # Others may be adding documents whose records are still to come; this folder knows what it began itself.
            with contextlib.suppress(FileNotFoundError):
                held = set(self._unfinished.read_text(encoding="utf-8").split())
                self.remove_passages_of(sorted(held - known))
                self._unfinished.unlink()
            return
        self.remove_passages_of(sorted(set(self._store.scan_document_ids()) - known))

    @property
    def _unfinished(self) -> Any:
        return self.settings.home / "unfinished"

    # Writing

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the writer's lock.

        Raises:
            LockedIndexError: another process is writing to this folder.
            IndexStateError: this process may not write there.
        """
        home = self.settings.home
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._writer.acquire(timeout=0)
        except Timeout as error:
            raise LockedIndexError(
                f"Another process is adding documents to {home}; wait for it to end and try again."
            ) from error
        except OSError as error:
            raise IndexStateError(_cannot_write(self.settings, str(error.strerror or error))) from error
        try:
            yield
        finally:
            self._writer.release()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; on leaving, bring BM25 in step with what was written, whatever happened.

        Raises:
            LockedIndexError: another process is writing to this folder.
        """
        with self._locked():
            before, self._writing_in = self._writing_in, threading.get_ident()
            try:
                self._get_ready()
                yield
            except IndexStateError:
                raise  # Chroma may wait for ever after a full disk; whoever comes next tidies up
            except BaseException:
                with contextlib.suppress(IndexStateError):
                    self._remove_orphans()
                    self._commit_what_is_written()
                raise
            else:
                self._commit_what_is_written()
            finally:
                self._writing_in = before

    def _get_ready(self) -> None:
        """See what others have written, and finish what one that died left."""
        if self._mark.exists() and not self.is_shared:
            self._store.reopen()
        else:
            self._refresh()
        self._derived.purge()
        if self.generation == WRITING or (self._mark.exists() and not self.is_shared):
            self._repair()
        elif self._unfinished.exists():
            self._remove_orphans()
        elif not self.is_shared:
            self._check_that_none_is_lost()

    def _check_that_none_is_lost(self) -> None:
        """Raise DamagedIndexError where Chroma has fewer documents than when the passage cache came in step with it."""
        cache = self._derived.passage_cache()
        with contextlib.suppress(sqlite3.Error, DamagedError):
            if cache is not None and cache.generation == self.generation:
                held, found = cache.noted()[1], len(self._store.document_ids())
                if held != found:
                    raise DamagedIndexError(cannot_be_read(self.settings, f"it has {found} documents of {held}"))

    def add(self, document: Document, passages: Sequence[Passage], sentences: Sequence[Floats], **facts: Any) -> None:
        """Store a document with its passages and their sentences' unit vectors."""
        self.add_passages(passages, sentences)
        self.add_record(document, len(passages), **facts)

    def add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        """Store passages with their sentences' unit vectors; without `add_record` they are taken for left over."""
        self._begin()
        if self.is_shared and passages:
            self._unfinished.write_text(passages[0].document_id, encoding="utf-8")
        for start in range(0, len(passages), BATCH):
            self._add_passages(passages[start : start + BATCH], sentences[start : start + BATCH])

    def add_record(self, document: Document, passages: int, **facts: Any) -> None:
        """Store a document's record, when all its passages are stored."""
        self._begin()
        self._store.put_document(document, passages, facts)
        known = {**document_metadata(document, passages), **facts}
        self._change_cache(lambda cache: cache.put_documents([(document, known)]))
        if self.is_shared:
            self._unfinished.unlink(missing_ok=True)

    def _add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        vectors = {
            passage.id: with_passage_row(rows, sentence_texts(passage))
            for passage, rows in zip(passages, sentences, strict=True)
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
            self._begin()
            self._store.delete_documents(document_ids)
            self._change_cache(lambda cache: cache.drop_documents(document_ids))
            self.remove_passages_of(document_ids)

    def remove_passages_of(self, document_ids: Sequence[str]) -> None:
        """Remove the passages of documents, and leave their records."""
        if document_ids:
            self._begin()
        for document_id in document_ids:
            for gone in self._store.delete_passages(self._store.passage_ids(document_id)):
                self._put_vectors(partial(_drop_vectors, gone))
                self._change_cache(partial(_drop, gone))

    def drop_passages(self) -> None:
        """Drop every passage, for each document to be added again; until then its record counts no passages.

        Readers keep the generation before until all are made.
        """
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

    def _commit_what_is_written(self) -> None:
        if self.generation == WRITING:
            self._commit()

    def _commit(self) -> None:
        """Let readers see what was written, unless it is a part of what there was."""
        if self._store.is_partly_rebuilt:
            return
        generation = uuid.uuid4().hex
        self._change_cache(lambda cache: cache.agree(generation, made_with(self.embedder)))
        search_index = self._store.call(lambda: self._make(generation))
        self._store.mark(generation)
        self._mark.unlink(missing_ok=True)
        self._in_step = False
        with self._syncing:
            self._in_use = search_index
            if not self.is_shared:
                self._derived.note_dates(generation, chroma_dates(self.settings.home / "chroma", settled=False))


def _cannot_write(settings: Settings, reason: str) -> str:
    return (
        f"Cannot write to {settings.home} ({reason}): what is there can be searched, not changed. "
        "Run this as a user who may write there, or set TEMEI_HOME to a folder you can write to."
    )


def _put(passages: Sequence[Passage], cache: PassageCache) -> None:
    cache.put(passages)


def _drop(passage_ids: Sequence[str], cache: PassageCache) -> None:
    cache.drop(passage_ids)


def _drop_vectors(passage_ids: Sequence[str], vectors: PassageVectors) -> None:
    vectors.drop(passage_ids)
