"""The index: documents and passages in Chroma, with BM25 and sentence vectors derived from them beside it.

Chroma is the truth. Its passages collection carries the embedding model, the index format and a generation, renewed
whenever passages changed; BM25 is stamped with the generation it was made from. While a writer is at work the
generation reads ``writing``: whoever opens an index left in that state without a writer repairs it first.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import NotFoundError
from filelock import FileLock, Timeout
from langchain_chroma import Chroma
from numpy.typing import NDArray

from rag.bm25 import Bm25
from rag.embeddings import Embedder
from rag.errors import CorruptIndexError, LockedIndexError, MissingIndexError, StaleIndexError
from rag.settings import Settings
from rag.types import Document, Passage
from rag.vectors import PassageVectors, with_passage_row

Floats = NDArray[np.float32]

FORMAT = 1
"""Raise it when what is stored changes: older indexes are then refused with the command that rebuilds them."""

PASSAGES, DOCUMENTS = "temei-passages", "temei-documents"
WRITING = "writing"
BATCH = 500


class Index:
    """A searchable set of passages under ``settings.home``; one writer at a time, any number of readers.

    Raises:
        MissingIndexError: there is none and ``create`` is false.
        StaleIndexError: it was made by another embedding model or in another format.
        CorruptIndexError: the files are not a readable index of Temei's.
    """

    def __init__(
        self, settings: Settings, embedder: Embedder, *, create: bool = False, accept_stale: bool = False
    ) -> None:
        self.settings = settings
        self.embedder = embedder
        self._folder = settings.home / "chroma"
        self._lock = FileLock(settings.home / "ingest.lock")
        if not create and not (self._folder / "chroma.sqlite3").exists():
            raise MissingIndexError(_nothing_yet(settings.home))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CorruptIndexError(
                f"Cannot use {settings.home} ({error.strerror}); set TEMEI_HOME to a folder you can write to."
            ) from error
        with self._readable():
            self._client = _open_chroma(self._folder)
            self._open_collections(create)
        if not accept_stale:
            self._check_made_for_us()
        name = embedder.name.replace("/", "_").strip("._") or "model"
        with self._readable():
            self._vectors = PassageVectors(settings.home / "vectors" / f"{name}.sqlite3", embedder.dimension)
        self._bm25: Bm25 | None = None

    def _open_collections(self, create: bool) -> None:
        names = {collection.name for collection in self._client.list_collections()}
        ours = names & {PASSAGES, DOCUMENTS}
        if names and not ours:
            raise CorruptIndexError(
                f"{self._folder} is a Chroma database of another program; set TEMEI_HOME to another folder."
            )
        if not create and PASSAGES not in names:
            raise MissingIndexError(_nothing_yet(self.settings.home))
        cosine: Any = {"hnsw": {"space": "cosine"}}
        made_by = {"embedding_model": self.embedder.name, "format": FORMAT, "generation": uuid.uuid4().hex}
        self._documents = self._client.get_or_create_collection(
            DOCUMENTS, configuration=cosine, embedding_function=None, metadata={"format": FORMAT}
        )
        try:
            self._passages = self._client.get_collection(PASSAGES, embedding_function=None)
        except NotFoundError:
            self._passages = self._client.create_collection(
                PASSAGES, configuration=cosine, embedding_function=None, metadata=made_by
            )

    def _check_made_for_us(self) -> None:
        made_by = self._passages.metadata or {}
        if made_by.get("format") != FORMAT:
            raise StaleIndexError(
                f"The index in {self.settings.home} has format {made_by.get('format')}, this version writes {FORMAT}; "
                "run: temei ingest --rebuild"
            )
        if made_by.get("embedding_model") != self.embedder.name:
            raise StaleIndexError(
                f"The index in {self.settings.home} was made with the embedding model "
                f"{made_by.get('embedding_model')}, not {self.embedder.name}; "
                "run: temei ingest --rebuild, or set TEMEI_EMBEDDING_MODEL back"
            )

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn what Chroma and SQLite raise on damaged files into an error with a remedy."""
        try:
            yield
        except (CorruptIndexError, MissingIndexError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # Chroma's Rust core panics with a BaseException
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise CorruptIndexError(
                f"The index in {self.settings.home} cannot be read ({reason}); "
                "move that folder away and run: temei ingest"
            ) from error

    # Reading

    @property
    def generation(self) -> str:
        return str((self._passages.metadata or {}).get("generation", ""))

    @property
    def vectorstore(self) -> Chroma:
        """The passages as a LangChain vector store, for retrievers and tools of one's own."""
        return Chroma(
            client=self._client,
            collection_name=PASSAGES,
            embedding_function=self.embedder.as_langchain(),
            create_collection_if_not_exists=False,
        )

    def __len__(self) -> int:
        with self._readable():
            return int(self._passages.count())

    def documents(self) -> list[dict[str, Any]]:
        """Return what is known of every document but its text, sorted by source."""
        with self._readable():
            found = self._documents.get(include=["metadatas"])
        rows = [{"id": name, **meta} for name, meta in zip(found["ids"], found["metadatas"] or [], strict=True)]
        return sorted(rows, key=lambda row: (str(row["source"]), str(row["id"])))

    def document(self, document_id: str) -> Document | None:
        with self._readable():
            found = self._documents.get(ids=[document_id], include=["metadatas", "documents"])
        if not found["ids"]:
            return None
        meta: Any = (found["metadatas"] or [{}])[0]
        return Document(
            id=document_id,
            title=meta["title"],
            source=meta["source"],
            text=(found["documents"] or [""])[0],
            language=meta["language"],
            url=meta["url"],
            body=int(meta["body"]),
            pages=tuple(map(int, meta["pages"].split(","))) if meta["pages"] else (),
        )

    def nearest(self, query: Floats, count: int, document_ids: Sequence[str] | None = None) -> dict[str, float]:
        """Return the ids of the ``count`` passages nearest to a unit vector, with their cosine."""
        where: Any = None if document_ids is None else {"document_id": {"$in": list(document_ids)}}
        with self._readable():
            found = self._passages.query(
                query_embeddings=query[None], n_results=count, where=where, include=["distances"]
            )
        distances = (found["distances"] or [[]])[0]
        return {name: 1.0 - float(distance) for name, distance in zip(found["ids"][0], distances, strict=True)}

    def bm25(self) -> Bm25:
        """Return the lexical index of the present generation, made again from Chroma where it is out of step."""
        if self._bm25 is None:
            self._bm25 = self._load_bm25()
        return self._bm25

    def _load_bm25(self) -> Bm25:
        folder = self.settings.home / "bm25"
        if self.generation == WRITING:
            try:
                with self._lock.acquire(timeout=0):
                    self._repair()
            except Timeout:  # the writer is alive and will leave things in order; read what is there now
                return Bm25.build(self.passages_in_batches(), WRITING)
        loaded = Bm25.load(folder, self.generation)
        if loaded is not None:
            return loaded
        built = Bm25.build(self.passages_in_batches(), self.generation)
        with contextlib.suppress(OSError):  # a reader without the right to write still answers
            built.save(folder)
        return built

    def passages_in_batches(self) -> Iterator[Passage]:
        """Yield every passage."""
        for offset in range(0, len(self), BATCH):
            with self._readable():
                found = self._passages.get(limit=BATCH, offset=offset, include=["metadatas", "documents"])
            yield from _to_passages(found)

    def passages(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages that exist by their ids."""
        if not passage_ids:
            return {}
        with self._readable():
            found = self._passages.get(ids=list(passage_ids), include=["metadatas", "documents"])
        return {passage.id: passage for passage in _to_passages(found)}

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return each passage's vectors (row 0 the passage, then its sentences), making those that are not stored."""
        with self._readable():
            found = self._vectors.get(passage_ids)
        missing = [name for name in passage_ids if name not in found]
        if missing:
            made = {name: self._embed(passage) for name, passage in self.passages(missing).items()}
            with contextlib.suppress(sqlite3.OperationalError):  # a reader without the right to write still answers
                self._vectors.put(made)
            found |= made
        return found

    def _embed(self, passage: Passage) -> Floats:
        sentences = self.embedder.encode_passages(sentence_texts(passage))
        return with_passage_row(sentences, [end - start for start, end in passage.sentences])

    # Writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; on leaving, bring BM25 in step with what was written, whatever happened.

        Raises:
            LockedIndexError: another process is writing.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise LockedIndexError(
                f"Another process is adding documents to {self.settings.home}; wait for it to end and try again."
            ) from error
        try:
            if self.generation == WRITING:
                self._repair()
            yield
        finally:
            try:
                if self.generation == WRITING:
                    self._commit()
            finally:
                self._lock.release()

    def add(self, document: Document, passages: Sequence[Passage], sentences: Sequence[Floats], **facts: Any) -> None:
        """Store a document with its passages and their sentences' unit vectors; the document's record comes last."""
        self._begin()
        for start in range(0, len(passages), BATCH):
            some = passages[start : start + BATCH]
            vectors = {
                p.id: with_passage_row(v, [end - begin for begin, end in p.sentences])
                for p, v in zip(some, sentences[start : start + BATCH], strict=True)
            }
            self._vectors.put(vectors)
            self._passages.upsert(
                ids=[p.id for p in some],
                embeddings=np.stack([vectors[p.id][0] for p in some]),
                documents=[p.text for p in some],
                metadatas=[_to_metadata(p) for p in some],
            )
        self._documents.upsert(
            ids=[document.id],
            embeddings=np.ones((1, 1), dtype=np.float32),
            documents=[document.text],
            metadatas=[
                {
                    "title": document.title,
                    "source": document.source,
                    "language": document.language,
                    "url": document.url,
                    "body": document.body,
                    "pages": ",".join(map(str, document.pages)),
                    "passages": len(passages),
                    "characters": len(document.text),
                    **facts,
                }
            ],
        )

    def update_facts(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document (source, title) in its record and its passages, not its text."""
        self._begin()
        self._documents.update(ids=[document_id], metadatas=[dict(facts)])
        shown = {key: value for key, value in facts.items() if key in ("title", "source")}
        ids = self._passages.get(where={"document_id": document_id}, include=[])["ids"]
        if shown and ids:
            self._passages.update(ids=ids, metadatas=[dict(shown) for _ in ids])

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents with their passages and vectors."""
        if not document_ids:
            return
        self._begin()
        self._documents.delete(ids=list(document_ids))
        self._remove_passages_of(document_ids)

    def _remove_passages_of(self, document_ids: Sequence[str]) -> None:
        for document_id in document_ids:
            ids = self._passages.get(where={"document_id": document_id}, include=[])["ids"]
            for start in range(0, len(ids), BATCH):
                self._passages.delete(ids=ids[start : start + BATCH])
                self._vectors.drop(ids[start : start + BATCH])

    def clear_passages(self) -> None:
        """Drop every passage, to be made again from the stored documents with the present embedding model."""
        cosine: Any = {"hnsw": {"space": "cosine"}}
        self._client.delete_collection(PASSAGES)
        made_by = {"embedding_model": self.embedder.name, "format": FORMAT, "generation": WRITING}
        self._passages = self._client.create_collection(
            PASSAGES, configuration=cosine, embedding_function=None, metadata=made_by
        )

    def _begin(self) -> None:
        if self.generation != WRITING:
            self._mark(WRITING)

    def _commit(self) -> None:
        generation = uuid.uuid4().hex
        self._bm25 = Bm25.build(self.passages_in_batches(), generation)
        self._bm25.save(self.settings.home / "bm25")
        self._mark(generation)

    def _mark(self, generation: str) -> None:
        self._passages.modify(metadata={**(self._passages.metadata or {}), "generation": generation})

    def _repair(self) -> None:
        """Remove the passages of documents whose record was never written, and renew the lexical index."""
        self._passages = self._client.get_collection(PASSAGES, embedding_function=None)
        if self.generation != WRITING:
            return
        known = set(self._documents.get(include=[])["ids"])
        orphans = {passage.document_id for passage in self.passages_in_batches()} - known
        self._remove_passages_of(sorted(orphans))
        self._commit()

    def close(self) -> None:
        self._vectors.close()


def _nothing_yet(home: Path) -> str:
    return f"There is nothing to search yet in {home}; run: temei ingest PATH"


def _open_chroma(folder: Path) -> ClientAPI:
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    return chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))


def sentence_texts(passage: Passage) -> list[str]:
    """Return the texts of a passage's sentences."""
    return [passage.text[start - passage.start : end - passage.start] for start, end in passage.sentences]


def _to_metadata(passage: Passage) -> dict[str, Any]:
    return {
        "document_id": passage.document_id,
        "title": passage.title,
        "source": passage.source,
        "start": passage.start,
        "end": passage.end,
        "language": passage.language,
        "sentences": ",".join(f"{start}-{end}" for start, end in passage.sentences),
        "pages": ",".join(map(str, (passage.page, *passage.page_breaks))),
    }


def _to_passages(found: Any) -> list[Passage]:
    return [_to_passage(*row) for row in zip(found["ids"], found["metadatas"], found["documents"], strict=True)]


def _to_passage(name: str, meta: Any, text: str) -> Passage:
    page, *page_breaks = map(int, meta["pages"].split(","))
    spans = (pair.split("-") for pair in meta["sentences"].split(","))
    return Passage(
        id=name,
        document_id=meta["document_id"],
        title=meta["title"],
        source=meta["source"],
        start=int(meta["start"]),
        end=int(meta["end"]),
        text=text,
        language=meta["language"],
        sentences=tuple((int(start), int(end)) for start, end in spans),
        page=page,
        page_breaks=tuple(page_breaks),
    )
