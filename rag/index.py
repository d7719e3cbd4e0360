"""The index: documents and passages in the store, with BM25 and vectors of sentences derived from them beside it.

The mirror of the passages and BM25 made from it are stamped with the generation of the store that they agree with, and
made again where it or the number of passages differs. A folder left in the middle of writing by a writer that died is
repaired by the next to open it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from langchain_core.vectorstores import VectorStore
from numpy.typing import NDArray

from rag.bm25 import Bm25
from rag.embeddings import VERSION, Embedder
from rag.errors import IndexStateError, LockedIndexError, MissingIndexError
from rag.mirror import Mirror
from rag.records import sentence_texts
from rag.settings import Settings
from rag.store import BATCH, WRITING, Store
from rag.types import Document, Passage
from rag.vectors import PassageVectors, with_passage_row

Floats = NDArray[np.float32]

MIRROR = "passages.sqlite3"

REFRESH_SECONDS = 30.0
"""While another machine writes to a shared server, BM25 is made again at most this often."""

LOCK_SECONDS = 10.0
"""How long a reader waits for another process that may be making BM25."""


class Index:
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
        self.settings = settings
        self.embedder = embedder
        self._writer = FileLock(settings.home / "ingest.lock")
        self._syncing = threading.RLock()
        self._lexical: Bm25 | None = None
        self._made_at = 0.0
        self._seen: tuple[tuple[int, int], ...] = ()
        self._apart: list[tempfile.TemporaryDirectory[str]] = []
        self._in_step = False
        """Whether the mirror agreed with the passages when this began to write, and so agrees with them at its end."""
        self._store = Store(settings, embedder, self._writer, create=create, accept_stale=accept_stale)
        name = embedder.name.replace("/", "_").strip("._") or "model"
        path = settings.home / "vectors" / f"{name}-{VERSION}.sqlite3"
        self._vectors = self._store.call(lambda: PassageVectors(path, embedder.dimension))
        self._mirror = self._open_mirror()

    def _open_mirror(self) -> Mirror:
        """Return the mirror; one that is damaged is made anew, one that may not be written stands in a folder apart."""
        path = self.settings.home / MIRROR
        try:
            return Mirror(path)
        except sqlite3.OperationalError:
            return Mirror(self._folder_apart() / MIRROR)
        except sqlite3.DatabaseError:
            _remove_database(path)
            return Mirror(path)

    def _folder_apart(self) -> Path:
        self._apart.append(tempfile.TemporaryDirectory(prefix="temei-"))
        return Path(self._apart[-1].name)

    # Staying in step

    @property
    def generation(self) -> str:
        """The generation that the passages had when they were last looked at."""
        return self._store.generation

    def bm25(self) -> Bm25:
        """Return the lexical index in step with the passages, having looked whether another process changed them."""
        with self._syncing:
            seen = self._store.dates()
            if self._lexical is not None and seen and seen == self._seen:
                return self._lexical
            before = self.generation
            self._store.look()
            if self.generation == WRITING and not self._store.is_shared:
                self._repair_unless_locked()
            if self._store.is_rebuilding:
                # What is there is a part: searching it would find little, and refuse to answer for no good reason.
                raise MissingIndexError(self._store.being_rebuilt())
            if self.generation not in (before, WRITING) and not self._store.is_shared:
                self._store.reopen()
            if self._lexical is None or self._out_of_step(self._lexical):
                self._lexical = self._load_bm25()
                self._made_at = time.monotonic()
            self._seen = seen if self.generation != WRITING else ()
            return self._lexical

    def _out_of_step(self, bm25: Bm25) -> bool:
        if self.generation == WRITING and not self._store.is_shared:
            return False  # a writer is alive and will leave things in order; what we have answers until then
        if self.generation == WRITING and bm25 is self._lexical and time.monotonic() - self._made_at < REFRESH_SECONDS:
            return False
        return (bm25.generation, len(bm25)) != (self.generation, self._store.noted())

    def _load_bm25(self) -> Bm25:
        loaded = Bm25.load(self._bm25_folder, self._mirror)
        if loaded is not None and not self._out_of_step(loaded):
            return loaded
        try:
            # Not WRITING but locked: somebody is making what we want, or is only about to write.
            with self._writer.acquire(timeout=0 if self.generation == WRITING else LOCK_SECONDS):
                loaded = Bm25.load(self._bm25_folder, self._mirror)
                if loaded is not None and not self._out_of_step(loaded):
                    return loaded
                return self._make_bm25(self.generation)
        except (Timeout, OSError, sqlite3.OperationalError):
            # A writer is at work here, or this process may not write: it answers from an index of its own.
            folder = self._folder_apart()
            mirror = Mirror(folder / MIRROR)
            mirror.agree_with(self.scan(), "")
            return Bm25.build(mirror, folder / "bm25", self.generation, self._passage_vectors, self.embedder.dimension)

    @property
    def _bm25_folder(self) -> Path:
        return self.settings.home / "bm25"

    def _make_bm25(self, generation: str) -> Bm25:
        """Bring the mirror in step where it is not, and make BM25 from it; by one process at a time."""

        def build() -> Bm25:
            return Bm25.build(
                self._mirror, self._bm25_folder, generation, self._passage_vectors, self.embedder.dimension
            )

        try:
            if self._mirror.generation != generation or len(self._mirror) != len(self):
                self._mirror.agree_with(self.scan(), generation)
            return build()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self._mirror.close()
            _remove_database(self.settings.home / MIRROR)
            self._mirror = Mirror(self.settings.home / MIRROR)
            self._mirror.agree_with(self.scan(), generation)
            return build()

    def _passage_vectors(self, passage_ids: Sequence[str]) -> Floats:
        """Return the vectors of passages, one a row: those stored here, and of the others what Chroma has."""
        found = self._store.call(lambda: self._vectors.of_passages(passage_ids))
        found |= self._store.vectors([name for name in passage_ids if name not in found])
        nothing = np.zeros((1, self.embedder.dimension), dtype=np.float32)
        return np.concatenate([found.get(name, nothing) for name in passage_ids])

    def _repair_unless_locked(self) -> None:
        try:
            with self._writer.acquire(timeout=0):
                self._repair()
        except (Timeout, OSError):
            return

    def _repair(self) -> None:
        """Remove the passages that a writer left without their document's record when it died, and renew BM25."""
        self._store.look()
        if self.generation != WRITING:
            return
        self._remove_orphans()
        self._commit()

    def _remove_orphans(self) -> None:
        known = self._store.document_ids()
        if self._store.is_shared:
            # Others may be adding documents whose records are still to come; this folder knows what it began itself.
            with contextlib.suppress(FileNotFoundError):
                held = set(self._unfinished.read_text(encoding="utf-8").split())
                self.remove_passages_of(sorted(held - known))
                self._unfinished.unlink()
            return
        self.remove_passages_of(sorted(set(self._store.scan_document_ids()) - known))

    @property
    def _unfinished(self) -> Path:
        return self.settings.home / "unfinished"

    # Reading

    @property
    def vectorstore(self) -> VectorStore:
        """The passages as a LangChain vector store, for retrievers and tools of one's own."""
        return self._store.langchain()

    def __len__(self) -> int:
        return len(self._store)

    def documents(self) -> list[dict[str, Any]]:
        """Return what is known of every document but its text, sorted by source."""
        return self._store.documents()

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        return self._store.document(document_id)

    def scan(self) -> Iterator[Passage]:
        """Yield every passage."""
        return self._store.scan()

    def lacking(self) -> list[dict[str, Any]]:
        """Return what is known of the documents that have no passages, or not as many as they should."""
        rows = self.documents()
        if not rows:
            return []
        if self._store.is_rebuilding or self._store.is_shared:
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

    def mirrored(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages as the mirror holds them, for a check-up."""
        try:
            return self._mirror.passages(passage_ids)
        except (sqlite3.Error, ValueError, KeyError, TypeError):
            return {}

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return each passage's vectors (row 0 the passage, then its sentences), making those that are not stored."""
        found = self._store.call(lambda: self._vectors.get(passage_ids))
        missing = [name for name in passage_ids if name not in found]
        if missing:
            made = {name: self._embed(passage) for name, passage in self.passages(missing).items()}
            with contextlib.suppress(sqlite3.OperationalError):  # a reader without the right to write still answers
                self._vectors.put(made)
            found |= made
        return found

    def products(self, passage_ids: Sequence[str], query: Floats) -> dict[str, Floats]:
        """Return the products of a question's vector with each passage's vectors, as `vectors` has them."""
        found = self._store.call(lambda: self._vectors.products(passage_ids, query))
        missing = [name for name in passage_ids if name not in found]
        if missing:
            found |= {name: rows @ query for name, rows in self.vectors(missing).items()}
        return found

    def _embed(self, passage: Passage) -> Floats:
        texts = sentence_texts(passage)
        sentences = self.embedder.encode_passages(texts)
        sentences[[not text for text in texts]] = 0
        return with_passage_row(sentences, texts)

    # Writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; on leaving, bring BM25 in step with what was written, whatever happened.

        Raises:
            LockedIndexError: another process is writing to this folder.
        """
        try:
            self._writer.acquire(timeout=0)
        except Timeout as error:
            raise LockedIndexError(
                f"Another process is adding documents to {self.settings.home}; wait for it to end and try again."
            ) from error
        try:
            self._store.look()
            if self.generation == WRITING:
                self._repair()
            elif self._unfinished.exists():
                self._remove_orphans()
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
            self._writer.release()

    def add(self, document: Document, passages: Sequence[Passage], sentences: Sequence[Floats], **facts: Any) -> None:
        """Store a document with its passages and their sentences' unit vectors."""
        self.add_passages(passages, sentences)
        self.add_record(document, len(passages), **facts)

    def add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        """Store passages with their sentences' unit vectors; without `add_record` they are taken for left over."""
        self._begin()
        if self._store.is_shared and passages:
            self._unfinished.write_text(passages[0].document_id, encoding="utf-8")
        for start in range(0, len(passages), BATCH):
            self._add_passages(passages[start : start + BATCH], sentences[start : start + BATCH])

    def add_record(self, document: Document, passages: int, **facts: Any) -> None:
        """Store a document's record, when all its passages are stored."""
        self._begin()
        self._store.put_document(document, passages, facts)
        if self._store.is_shared:
            self._unfinished.unlink(missing_ok=True)

    def _add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        vectors = {
            passage.id: with_passage_row(rows, sentence_texts(passage))
            for passage, rows in zip(passages, sentences, strict=True)
        }
        self._store.call(lambda: self._vectors.put(vectors))
        self._store.put_passages(passages, np.stack([rows[0] for rows in vectors.values()]))
        self._mirrored(lambda: self._mirror.put(passages))

    def _mirrored(self, change: Callable[[], None]) -> None:
        """Change the mirror; a damaged one is made anew at the end of the writing, since Chroma has all of it."""
        try:
            change()
        except sqlite3.OperationalError:
            self._store.call(change)
        except sqlite3.DatabaseError:
            self._in_step = False

    def update_facts(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document (source, title) in its record and its passages, not its text."""
        self._begin()
        shown = {key: value for key, value in facts.items() if key in ("title", "source")}
        if shown:
            for changed in self._store.update_passages(self._store.passage_ids(document_id), shown):
                self._mirrored(partial(self._mirror.put, changed))
        self._store.update_document(document_id, facts)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents with their passages and vectors."""
        if document_ids:
            self._begin()
            self._store.delete_documents(document_ids)
            self.remove_passages_of(document_ids)

    def remove_passages_of(self, document_ids: Sequence[str]) -> None:
        """Remove the passages of documents, and leave their records."""
        if document_ids:
            self._begin()
        for document_id in document_ids:
            for gone in self._store.delete_passages(self._store.passage_ids(document_id)):
                self._store.call(partial(self._vectors.drop, gone))
                self._mirrored(partial(self._mirror.drop, gone))

    def drop_passages(self) -> None:
        """Drop every passage, for each document to be added again; until then its record counts no passages."""
        self._store.drop_passages()

    def _begin(self) -> None:
        if self.generation != WRITING:
            try:
                self._in_step = self._mirror.generation == self.generation
                self._mirror.generation = ""
            except sqlite3.Error:
                self._in_step = False
            self._store.mark(WRITING)

    def _commit_what_is_written(self) -> None:
        if self.generation == WRITING:
            self._commit()

    def _commit(self) -> None:
        generation = uuid.uuid4().hex
        if self._in_step:
            self._mirrored(partial(self._mirror.agree, generation))
        bm25 = self._store.call(lambda: self._make_bm25(generation))
        self._store.mark(generation)
        self._in_step = False
        self._lexical = bm25

    def close(self) -> None:
        """Release the files; the index cannot be used afterwards."""
        self._vectors.close()
        self._mirror.close()
        self._store.close()
        for folder in self._apart:
            folder.cleanup()


def _remove_database(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
