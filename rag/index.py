"""The index: documents and passages in the store, with BM25 and vectors of sentences derived from them beside it.

Readers use what is derived (`rag.in_step`), of one generation at a time; the writer writes to Chroma, brings what is
derived in step with it, and only then lets readers see it. What a writer that died left is finished by the next.
"""

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
from langchain_core.vectorstores import VectorStore
from numpy.typing import NDArray

from rag.bm25 import ABOUT, Bm25
from rag.database import is_full, may_write
from rag.derived import chroma_dates
from rag.embeddings import Embedder
from rag.errors import CorruptIndexError, DamagedIndexError, IndexStateError, LockedIndexError, MissingIndexError
from rag.in_step import InStep
from rag.mirror import Mirror
from rag.records import document_metadata, sentence_texts
from rag.restore import restore
from rag.seal import DamagedError
from rag.settings import Settings
from rag.store import BATCH, WRITING, Store, cannot_be_read, listed, made_with
from rag.types import Document, Passage
from rag.vectors import PassageVectors, with_passage_row

Floats = NDArray[np.float32]
T = TypeVar("T")


class Index(InStep):
    """A searchable set of passages; any number of readers, and one writer at a time in one folder.

    Raises:
        MissingIndexError: there is none and ``create`` is false.
        StaleIndexError: it was made by another embedding model or in another format, and ``accept_stale`` is false.
        CorruptIndexError: the files are not a readable index of Temei's.
        UnreachableIndexError: the Chroma server does not answer.
    """

    def __init__(
        self, settings: Settings, embedder: Embedder, *, create: bool = False, accept_stale: bool = False
    ) -> None:
        self._in_step = False
        """Whether the mirror agreed with the passages when this began to write, and so agrees with them at its end."""
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
            if self._derived.mirror() is not None:
                self._restore("is missing or empty", create=False)
        return super()._open_store()

    def _restore(self, what: str, *, create: bool) -> None:
        """Make Chroma's files again from the mirror; without one begin an empty index where ``create`` says so."""
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

    def _make(self, generation: str) -> Bm25:
        """Bring the mirror in step where it is not, and make BM25 from it; by one process at a time."""
        mirror = self._derived.mirror()
        try:
            if mirror is None:
                raise DamagedError("there is no mirror")
            if not self._in_step or mirror.generation != generation:
                self._take_all(mirror, generation)
            return self._build(mirror, self._derived.folder, generation)
        except (sqlite3.Error, DamagedError) as error:
            if is_full(error):
                raise
            mirror = self._derived.fresh_mirror()
            self._take_all(mirror, generation)
            return self._build(mirror, self._derived.folder, generation)

    def _repair(self) -> bool:
        """Remove the passages that a writer left without their document's record when it died, and renew BM25.

        Return whether that is all: what a rebuild left is for the next writer to finish.
        """
        self._store.look()
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

    # Reading

    @property
    def vectorstore(self) -> VectorStore:
        """The passages as a LangChain vector store, for retrievers and tools of one's own."""
        return self._store.langchain()

    def __len__(self) -> int:
        return len(self._store) if self.is_shared or self._is_writing_here else len(self.bm25())

    def documents(self) -> list[dict[str, Any]]:
        """Return what is known of every document but its text, sorted by source."""
        if self.is_shared or self._is_writing_here:
            return self._store.documents()
        bm25 = self.bm25()
        return listed((row.pop("id"), row) for row in self._held(bm25, lambda one: _documents_of(one)))

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        if self.is_shared or self._is_writing_here:
            return self._store.document(document_id)
        return self._held(self.bm25(), lambda one: one.mirror.document(document_id, one.documents))

    def _held(self, bm25: Bm25, ask: Callable[[Bm25], T]) -> T:
        """Ask the mirror of a generation; a damaged one is made again."""
        try:
            return ask(bm25)
        except sqlite3.Error as error:
            if is_full(error):  # nothing is wrong with the mirror
                bm25.mirror.reopen()
                return ask(bm25)
            return ask(self._mended(bm25))
        except (DamagedError, ValueError, KeyError, TypeError):
            return ask(self._mended(bm25))

    def _mended(self, bm25: Bm25) -> Bm25:
        """Return the generation in use with a mirror that is whole, having found that of one damaged."""
        with self._syncing:
            if self._lexical is bm25 or self._lexical is None:
                self._lexical = self._derived.load()
                if self._lexical is None or self._lexical.generation == bm25.generation:
                    self._derived.doubt_mirror()
                    self._lexical = self._again()
            return self._lexical

    def scan(self) -> Iterator[Passage]:
        """Yield every passage, as Chroma has them."""
        return self._store.scan()

    def lacking(self) -> list[dict[str, Any]]:
        """Return what is known of the documents that have no passages, or not as many as they should."""
        rows = self._store.documents()
        if not rows:
            return []
        if self._store.is_rebuilding or self.is_shared:
            return [row for row in rows if not row["passages"]]  # others may be at the rest
        bm25 = self.bm25()
        counts = np.bincount(bm25.document_of, minlength=len(bm25.document_names)).tolist()
        held = dict(zip((name.decode() for name in bm25.document_names.tolist()), counts, strict=True))
        return [row for row in rows if not row["passages"] or held.get(str(row["id"]), 0) != row["passages"]]

    def passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages that exist by their ids."""
        found = self.mirrored(passage_ids)  # where it is damaged, Chroma has them too
        missing = [name for name in passage_ids if name not in found]
        if missing:
            found |= {passage.id: passage for passage in self._store.passages(missing)}
        return found

    def passages_at(self, bm25: Bm25, rows: Sequence[int]) -> dict[str, Passage]:
        """Return the passages of some rows of a generation by their ids."""
        names = bm25.ids_of(rows)

        def told(one: Bm25) -> dict[str, Passage]:
            if one is not bm25:
                return one.mirror.passages(names)
            found = one.mirror.passages_at(one.stored[list(rows)].tolist())
            if set(found) != set(names):
                raise DamagedError("the mirror lacks passages")
            return found

        return self._held(bm25, told)

    def mirrored(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages as the mirror holds them, for a check-up."""
        try:
            return self.bm25().mirror.passages(passage_ids)
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
            with contextlib.suppress(sqlite3.Error):  # a reader without the right to write still answers
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
        bm25 = self.bm25()
        if not self._is_whole(bm25):
            bm25 = self._mended(bm25)
        if not self._is_whole(bm25):
            return f"the search files in {self.settings.home} are damaged"
        names = bm25.ids
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

    def _is_whole(self, bm25: Bm25) -> bool:
        """Return whether the files of a generation and the rows of its mirror are what was written."""
        try:
            if self._derived.load(thorough=True) is None and may_write(self._derived.folder / ABOUT):
                return False
            told = sum(len(bm25.mirror.passages_at(rows)) for rows in _parts(bm25.stored.tolist()))
            known = {row["id"]: bm25.mirror.document(row["id"], bm25.documents) for row in _documents_of(bm25)}
            return told == len(bm25) and None not in known.values()
        except (sqlite3.Error, DamagedError, ValueError, KeyError, TypeError):
            return False

    def stored_documents(self) -> list[dict[str, Any]]:
        """Return what Chroma knows of every document."""
        return self._store.documents()

    def stored_document(self, document_id: str) -> Document | None:
        """Return a document as Chroma has it."""
        return self._store.document(document_id)

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
            self._look()
        self._derived.purge()
        if self.generation == WRITING or (self._mark.exists() and not self.is_shared):
            self._repair()
        elif self._unfinished.exists():
            self._remove_orphans()
        elif not self.is_shared:
            self._check_that_none_is_lost()

    def _check_that_none_is_lost(self) -> None:
        """Raise DamagedIndexError where Chroma has fewer documents than when the mirror came in step with it."""
        mirror = self._derived.mirror()
        with contextlib.suppress(sqlite3.Error, DamagedError):
            if mirror is not None and mirror.generation == self.generation:
                held, found = mirror.noted()[1], len(self._store.document_ids())
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
        self._mirrored(lambda mirror: mirror.put_documents([(document, known)]))
        if self.is_shared:
            self._unfinished.unlink(missing_ok=True)

    def _add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        vectors = {
            passage.id: with_passage_row(rows, sentence_texts(passage))
            for passage, rows in zip(passages, sentences, strict=True)
        }
        self._put_vectors(lambda stored: stored.put(vectors))
        self._store.put_passages(passages, np.stack([rows[0] for rows in vectors.values()]))
        self._mirrored(lambda mirror: mirror.put(passages))

    def _put_vectors(self, change: Callable[[PassageVectors], None]) -> None:
        try:
            change(self._derived.vectors)
        except sqlite3.Error as error:
            if is_full(error):
                self._store.call(lambda: change(self._derived.vectors))
            else:
                self._store.call(lambda: change(self._derived.renew_vectors()))

    def _mirrored(self, change: Callable[[Mirror], None]) -> None:
        """Change the mirror; a damaged one is made anew at the end of the writing, since Chroma has all of it."""
        mirror = self._derived.mirror()
        if mirror is None or not self._in_step:
            return
        try:
            change(mirror)
        except (sqlite3.Error, DamagedError) as error:
            self._in_step = False
            if is_full(error):
                self._store.call(lambda: change(mirror))

    def update_facts(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document (source, title) in its record and its passages, not its text."""
        self._begin()
        shown = {key: value for key, value in facts.items() if key in ("title", "source")}
        if shown:
            for changed in self._store.update_passages(self._store.passage_ids(document_id), shown):
                self._mirrored(partial(_put, changed))
        self._store.update_document(document_id, facts)
        self._mirrored(lambda mirror: mirror.update_document(document_id, facts))

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents with their passages and vectors."""
        if document_ids:
            self._begin()
            self._store.delete_documents(document_ids)
            self._mirrored(lambda mirror: mirror.drop_documents(document_ids))
            self.remove_passages_of(document_ids)

    def remove_passages_of(self, document_ids: Sequence[str]) -> None:
        """Remove the passages of documents, and leave their records."""
        if document_ids:
            self._begin()
        for document_id in document_ids:
            for gone in self._store.delete_passages(self._store.passage_ids(document_id)):
                self._put_vectors(partial(_drop_vectors, gone))
                self._mirrored(partial(_drop, gone))

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
            mirror = self._derived.mirror()
            try:
                self._in_step = mirror is not None and mirror.generation == self.generation
                if mirror is not None:
                    mirror.agree("")
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
        self._mirrored(lambda mirror: mirror.agree(generation, made_with(self.embedder)))
        bm25 = self._store.call(lambda: self._make(generation))
        self._store.mark(generation)
        self._mark.unlink(missing_ok=True)
        self._in_step = False
        with self._syncing:
            self._lexical = bm25
            if not self.is_shared:
                self._derived.note_dates(generation, chroma_dates(self.settings.home / "chroma", settled=False))

    def close(self) -> None:
        """Release the files; the index cannot be used afterwards."""
        self._derived.close()
        if self._opened is not None:
            self._opened.close()


def _cannot_write(settings: Settings, reason: str) -> str:
    return (
        f"Cannot write to {settings.home} ({reason}): what is there can be searched, not changed. "
        "Run this as a user who may write there, or set TEMEI_HOME to a folder you can write to."
    )


def _documents_of(bm25: Bm25) -> list[dict[str, Any]]:
    found = bm25.mirror.documents_at(bm25.documents.tolist())
    if len(found) != len(bm25.documents):
        raise DamagedError("the mirror lacks documents")
    return found


def _parts(rows: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _get_vectors(passage_ids: Sequence[str], vectors: PassageVectors) -> dict[str, Floats]:
    return vectors.get(passage_ids)


def _put(passages: Sequence[Passage], mirror: Mirror) -> None:
    mirror.put(passages)


def _drop(passage_ids: Sequence[str], mirror: Mirror) -> None:
    mirror.drop(passage_ids)


def _drop_vectors(passage_ids: Sequence[str], vectors: PassageVectors) -> None:
    vectors.drop(passage_ids)
