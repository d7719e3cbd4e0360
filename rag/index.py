"""The index: documents and passages in Chroma, with BM25 and vectors of sentences derived from them beside it.

Chroma is the truth, a folder of this machine or a server that several share (``TEMEI_CHROMA_URL``). The metadata of the
passages collection names the embedding model, the format and a generation, renewed whenever passages changed. The
mirror of the passages and BM25 made from it are stamped with the generation they agree with, and made again where it or
the number of passages differs. While a writer is at work the generation reads ``writing``; a folder left so by a writer
that died is repaired by the next to open it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import NotFoundError
from filelock import FileLock, Timeout
from langchain_chroma import Chroma
from numpy.typing import NDArray

from rag.bm25 import Bm25
from rag.embeddings import VERSION, Embedder
from rag.errors import (
    CorruptIndexError,
    IndexStateError,
    LockedIndexError,
    MissingIndexError,
    StaleIndexError,
    UnreachableIndexError,
)
from rag.mirror import Mirror
from rag.records import document_metadata, passage_metadata, sentence_texts, to_document, to_passages
from rag.settings import Settings
from rag.types import Document, Passage
from rag.vectors import PassageVectors, with_passage_row

Floats = NDArray[np.float32]
T = TypeVar("T")

FORMAT = 7
"""Raise it when what is stored changes: older indexes are then refused with the command that rebuilds them."""

PASSAGES, DOCUMENTS = "temei-passages", "temei-documents"
COSINE: Any = {"hnsw": {"space": "cosine"}}

MIRROR = "passages.sqlite3"
WRITING, NOTED = "writing", "held"
BATCH, SCAN = 1000, 2000
SETTLED_SECONDS = 0.05
"""How long ago Chroma's files must have been written for their unchanged dates to mean that nothing changed."""

REFRESH_SECONDS = 30.0
"""While another machine writes to a shared server, BM25 is made again at most this often."""

FULL = ("disk is full", "no space left", "disk i/o error", "file too large", "disk quota")
"""What SQLite and Chroma say when they cannot write."""

LEAST_FREE = 4_000_000
"""Bytes free on the disk below which whatever fails, fails for that."""

LOCK_SECONDS = 10.0
"""How long a reader waits for another process that may be making BM25."""

RETRIES, FIRST_WAIT = 3, 0.2
"""How often a call to a Chroma server out of reach is tried again, and the first wait in seconds; it doubles."""


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
        self._folder = settings.home / "chroma"
        self._writer = FileLock(settings.home / "ingest.lock")
        self._syncing = threading.RLock()
        self._lexical: Bm25 | None = None
        self._made_at = 0.0
        self._seen: tuple[tuple[int, int], ...] = ()
        self._apart: list[tempfile.TemporaryDirectory[str]] = []
        self._in_step = False
        """Whether the mirror agreed with the passages when this began to write, and so agrees with them at its end."""
        self._opened = 0
        self._retired: Client | None = None
        if not settings.chroma_url and not create and not (self._folder / "chroma.sqlite3").exists():
            raise MissingIndexError(_nothing_yet(settings))
        try:
            (settings.home if settings.chroma_url else self._folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CorruptIndexError(
                f"Cannot use {settings.home} ({error.strerror}); set TEMEI_HOME to a folder you can write to."
            ) from error
        self._client: Client = self._call(self._open_client)
        self._call(lambda: self._open_collections(create))
        if not accept_stale:
            self._check_made_for_us()
        name = embedder.name.replace("/", "_").strip("._") or "model"
        path = settings.home / "vectors" / f"{name}-{VERSION}.sqlite3"
        self._vectors = self._call(lambda: PassageVectors(path, embedder.dimension))
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

    # Opening

    def _open_client(self) -> Client:
        quiet = ChromaSettings(anonymized_telemetry=False)
        url = urlsplit(self.settings.chroma_url)
        if url.hostname:
            port = url.port or (443 if url.scheme == "https" else 8000)
            return cast(Client, chromadb.HttpClient(url.hostname, port, ssl=url.scheme == "https", settings=quiet))
        # Chroma shares one engine among the clients of a path, and an engine does not see what other processes write;
        # another spelling of the path gets a new engine.
        path = str(self._folder) + "/." * self._opened
        return cast(Client, chromadb.PersistentClient(path, settings=quiet))

    def _open_collections(self, create: bool) -> None:
        names = {collection.name for collection in self._client.list_collections()}
        if names and not names & {PASSAGES, DOCUMENTS} and not self.settings.chroma_url:
            raise CorruptIndexError(
                f"{self._folder} is a Chroma database of another program; set TEMEI_HOME to another folder."
            )
        if not create and PASSAGES not in names:
            raise MissingIndexError(_nothing_yet(self.settings))
        self._documents = self._client.get_or_create_collection(
            DOCUMENTS, configuration=COSINE, embedding_function=None, metadata={"format": FORMAT}
        )
        if PASSAGES not in names:
            self._create_passages(uuid.uuid4().hex)
        self._passages = self._open_passages()

    def _create_passages(self, generation: str, **more: Any) -> None:
        made_by = {
            "embedding_model": self.embedder.name,
            "dimension": self.embedder.dimension,
            "format": FORMAT,
            "generation": generation,
            **more,
        }
        self._client.get_or_create_collection(PASSAGES, configuration=COSINE, embedding_function=None, metadata=made_by)

    def _open_passages(self) -> Collection:
        return self._client.get_collection(PASSAGES, embedding_function=None)

    def _check_made_for_us(self) -> None:
        made_by = self._passages.metadata or {}
        where = self.settings.chroma_url or self.settings.home
        if made_by.get("format") != FORMAT:
            raise StaleIndexError(
                f"The index in {where} has format {made_by.get('format')}, this version writes {FORMAT}; "
                "run: temei ingest --rebuild"
            )
        made_with = f"{made_by.get('embedding_model')} ({made_by.get('dimension')} dimensions)"
        if made_with != f"{self.embedder.name} ({self.embedder.dimension} dimensions)":
            raise StaleIndexError(
                f"The index in {where} was made with the embedding model {made_with}, not {self.embedder.name} "
                f"({self.embedder.dimension}); run: temei ingest --rebuild, or set TEMEI_EMBEDDING_MODEL back"
            )

    def _call(self, ask: Callable[[], T]) -> T:
        """Call Chroma or SQLite: try again where a server is out of reach, and name the remedy for what they raise."""
        for attempt in range(RETRIES + 1):
            try:
                return ask()
            except (IndexStateError, KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except NotFoundError as error:
                raise MissingIndexError(self._being_rebuilt()) from error
            except BaseException as error:  # Chroma's Rust core panics with a BaseException
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                if self.settings.chroma_url:
                    lost = isinstance(error, httpx.TransportError) or "connect to a Chroma server" in reason
                    if lost and attempt < RETRIES:
                        time.sleep(FIRST_WAIT * 2**attempt)
                        continue
                    raise UnreachableIndexError(
                        f"The Chroma server at {self.settings.chroma_url} does not answer as it should ({reason}); "
                        "start it (chroma run), or unset TEMEI_CHROMA_URL."
                    ) from error
                if any(sign in reason.lower() for sign in FULL) or self._disk_is_full():
                    raise IndexStateError(
                        f"The disk of {self.settings.home} is full ({reason}); make room and run the same again: "
                        "what was finished is kept."
                    ) from error
                if not self._writer.is_locked and self._is_being_written():
                    raise MissingIndexError(self._being_rebuilt()) from error
                raise CorruptIndexError(
                    f"The index in {self.settings.home} cannot be read ({reason}); "
                    "move that folder away and run: temei ingest"
                ) from error
        raise AssertionError("unreachable")

    def _disk_is_full(self) -> bool:
        try:
            return shutil.disk_usage(self.settings.home).free < LEAST_FREE
        except OSError:
            return False

    def _is_being_written(self) -> bool:
        """Return whether another process is at the passages just now, so that what failed may soon work."""
        try:
            found = self._client.get_collection(PASSAGES, embedding_function=None)
            return (found.metadata or {}).get("generation") == WRITING or found.id != self._passages.id
        except NotFoundError:
            return True
        except Exception:  # damaged, or not open yet: not what this asks
            return False

    def _being_rebuilt(self) -> str:
        where = self.settings.chroma_url or self.settings.home
        return f"The index in {where} is being rebuilt; ask again soon, or if nobody is at it run: temei ingest"

    # Staying in step

    @property
    def generation(self) -> str:
        """The generation that the passages had when they were last looked at."""
        return str((self._passages.metadata or {}).get("generation", ""))

    def bm25(self) -> Bm25:
        """Return the lexical index in step with the passages, having looked whether another process changed them."""
        with self._syncing:
            seen = self._dates()
            if self._lexical is not None and seen and seen == self._seen:
                return self._lexical
            before = self.generation
            self._passages = self._call(self._open_passages)
            if self.generation == WRITING and not self.settings.chroma_url:
                self._repair_unless_locked()
            if (self._passages.metadata or {}).get("rebuilding"):
                # What is there is a part: searching it would find little, and refuse to answer for no good reason.
                raise MissingIndexError(self._being_rebuilt())
            if self.generation not in (before, WRITING) and not self.settings.chroma_url:
                self._reopen()
            if self._lexical is None or self._out_of_step(self._lexical):
                self._lexical = self._load_bm25()
                self._made_at = time.monotonic()
            self._seen = seen if self.generation != WRITING else ()
            return self._lexical

    def _dates(self) -> tuple[tuple[int, int], ...]:
        """Return size and date of the files that Chroma writes to, or nothing where they do not tell what is in them.

        Looking at them takes a fiftieth of the time of asking Chroma for the generation.
        """
        if self.settings.chroma_url:
            return ()
        dates = []
        for name in ("chroma.sqlite3", "chroma.sqlite3-wal"):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(self._folder / name)
                if abs(time.time() - status.st_mtime) < SETTLED_SECONDS:
                    return ()
                dates.append((status.st_size, status.st_mtime_ns))
        return tuple(dates)

    def _out_of_step(self, bm25: Bm25) -> bool:
        if self.generation == WRITING and not self.settings.chroma_url:
            return False  # a writer is alive and will leave things in order; what we have answers until then
        if self.generation == WRITING and bm25 is self._lexical and time.monotonic() - self._made_at < REFRESH_SECONDS:
            return False
        return (bm25.generation, len(bm25)) != (self.generation, self._held())

    def _held(self) -> int:
        """Return the number of passages, as the last writer noted it.

        Chroma loads the vectors of all passages to count them. On a server others may write at the same time.
        """
        noted = (self._passages.metadata or {}).get(NOTED)
        return len(self) if noted is None or self.settings.chroma_url else int(noted)

    def _reopen(self) -> None:
        retired, self._retired = self._retired, self._client
        self._opened += 1
        self._client = self._call(self._open_client)
        self._call(lambda: self._open_collections(create=False))
        if retired is not None:  # only the one before the last: other threads may still be asking that
            retired.close()

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
        found = self._call(lambda: self._vectors.of_passages(passage_ids))
        missing = [name for name in passage_ids if name not in found]
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            stored = self._call(partial(self._passages.get, ids=some, include=["embeddings"]))
            found |= {
                name: np.asarray([vector], dtype=np.float32)
                for name, vector in zip(stored["ids"], stored["embeddings"], strict=True)  # type: ignore[arg-type]
            }
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
        self._passages = self._call(self._open_passages)
        if self.generation != WRITING:
            return
        self._remove_orphans()
        self._commit()

    def _remove_orphans(self) -> None:
        known = set(self._call(lambda: self._documents.get(include=[]))["ids"])
        if self.settings.chroma_url:
            # Others may be adding documents whose records are still to come; this folder knows what it began itself.
            with contextlib.suppress(FileNotFoundError):
                held = set(self._unfinished.read_text(encoding="utf-8").split())
                self.remove_passages_of(sorted(held - known))
                self._unfinished.unlink()
            return
        self.remove_passages_of(sorted({str(meta["document_id"]) for meta in self._scan_metadata()} - known))

    @property
    def _unfinished(self) -> Path:
        return self.settings.home / "unfinished"

    # Reading

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
        return int(self._call(lambda: self._passages.count()))

    def documents(self) -> list[dict[str, Any]]:
        """Return what is known of every document but its text, sorted by source."""
        found = self._call(lambda: self._documents.get(include=["metadatas"]))
        rows = [{"id": name, **meta} for name, meta in zip(found["ids"], found["metadatas"] or [], strict=True)]
        return sorted(rows, key=lambda row: (str(row["source"]), str(row["id"])))

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        found = self._call(lambda: self._documents.get(ids=[document_id], include=["metadatas", "documents"]))
        rows = zip(found["ids"], found["metadatas"] or [], found["documents"] or [], strict=True)
        return next((to_document(*row) for row in rows), None)

    def scan(self) -> Iterator[Passage]:
        """Yield every passage."""
        for offset in range(0, len(self), SCAN):
            yield from to_passages(self._page(offset, ["metadatas", "documents"]))

    def _scan_metadata(self) -> Iterator[Mapping[str, Any]]:
        for offset in range(0, len(self), SCAN):
            yield from self._page(offset, ["metadatas"])["metadatas"] or []

    def _page(self, offset: int, include: list[Any]) -> Any:
        return self._call(lambda: self._passages.get(limit=SCAN, offset=offset, include=include))

    def lacking(self) -> list[dict[str, Any]]:
        """Return what is known of the documents that have no passages, or not as many as they should."""
        rows = self.documents()
        if not rows:
            return []
        if (self._passages.metadata or {}).get("rebuilding") or self.settings.chroma_url:
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
            stored = self._call(lambda: self._passages.get(ids=missing, include=["metadatas", "documents"]))
            found |= {passage.id: passage for passage in to_passages(stored)}
        return found

    def mirrored(self, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return the passages as the mirror holds them, for a check-up."""
        try:
            return self._mirror.passages(passage_ids)
        except (sqlite3.Error, ValueError, KeyError, TypeError):
            return {}

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Floats]:
        """Return each passage's vectors (row 0 the passage, then its sentences), making those that are not stored."""
        found = self._call(lambda: self._vectors.get(passage_ids))
        missing = [name for name in passage_ids if name not in found]
        if missing:
            made = {name: self._embed(passage) for name, passage in self.passages(missing).items()}
            with contextlib.suppress(sqlite3.OperationalError):  # a reader without the right to write still answers
                self._vectors.put(made)
            found |= made
        return found

    def products(self, passage_ids: Sequence[str], query: Floats) -> dict[str, Floats]:
        """Return the products of a question's vector with each passage's vectors, as `vectors` has them."""
        found = self._call(lambda: self._vectors.products(passage_ids, query))
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
            self._passages = self._call(self._open_passages)
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
        if self.settings.chroma_url and passages:
            self._unfinished.write_text(passages[0].document_id, encoding="utf-8")
        for start in range(0, len(passages), BATCH):
            self._add_passages(passages[start : start + BATCH], sentences[start : start + BATCH])

    def add_record(self, document: Document, passages: int, **facts: Any) -> None:
        """Store a document's record, when all its passages are stored."""
        self._begin()
        self._call(
            lambda: self._documents.upsert(
                ids=[document.id],
                embeddings=np.ones((1, 1), dtype=np.float32),
                documents=[document.text],
                metadatas=[{**document_metadata(document, passages), **facts}],
            )
        )
        if self.settings.chroma_url:
            self._unfinished.unlink(missing_ok=True)

    def _add_passages(self, passages: Sequence[Passage], sentences: Sequence[Floats]) -> None:
        vectors = {
            passage.id: with_passage_row(rows, sentence_texts(passage))
            for passage, rows in zip(passages, sentences, strict=True)
        }
        self._call(lambda: self._vectors.put(vectors))
        self._call(
            lambda: self._passages.upsert(
                ids=list(vectors),
                embeddings=np.stack([rows[0] for rows in vectors.values()]),
                documents=[passage.text for passage in passages],
                metadatas=[passage_metadata(passage) for passage in passages],
            )
        )
        self._mirrored(lambda: self._mirror.put(passages))

    def _mirrored(self, change: Callable[[], None]) -> None:
        """Change the mirror; a damaged one is made anew at the end of the writing, since Chroma has all of it."""
        try:
            change()
        except sqlite3.OperationalError:
            self._call(change)
        except sqlite3.DatabaseError:
            self._in_step = False

    def update_facts(self, document_id: str, facts: Mapping[str, Any]) -> None:
        """Change what is known of a document (source, title) in its record and its passages, not its text."""
        self._begin()
        shown = {key: value for key, value in facts.items() if key in ("title", "source")}
        ids = self._call(lambda: self._passages.get(where={"document_id": document_id}, include=[]))["ids"]
        for start in range(0, len(ids) if shown else 0, BATCH):
            some = ids[start : start + BATCH]
            self._call(partial(self._passages.update, ids=some, metadatas=[dict(shown) for _ in some]))
            changed = self._call(partial(self._passages.get, ids=some, include=["metadatas", "documents"]))
            self._mirrored(partial(self._mirror.put, to_passages(changed)))
        self._call(lambda: self._documents.update(ids=[document_id], metadatas=[dict(facts)]))

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents with their passages and vectors."""
        if document_ids:
            self._begin()
            self._call(lambda: self._documents.delete(ids=list(document_ids)))
            self.remove_passages_of(document_ids)

    def remove_passages_of(self, document_ids: Sequence[str]) -> None:
        """Remove the passages of documents, and leave their records."""
        if document_ids:
            self._begin()
        for document_id in document_ids:
            where: Any = {"document_id": document_id}
            ids = self._call(partial(self._passages.get, where=where, include=[]))["ids"]
            for start in range(0, len(ids), BATCH):
                some = ids[start : start + BATCH]
                self._call(partial(self._passages.delete, ids=some))
                self._call(partial(self._vectors.drop, some))
                self._mirrored(partial(self._mirror.drop, some))

    def drop_passages(self) -> None:
        """Drop every passage, for each document to be added again; until then its record counts no passages."""
        ids = [str(row["id"]) for row in self.documents()]
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            self._call(partial(self._documents.update, ids=some, metadatas=[{"passages": 0} for _ in some]))
        self._call(lambda: self._client.delete_collection(PASSAGES))
        self._call(lambda: self._create_passages(WRITING, rebuilding=True))
        self._passages = self._call(self._open_passages)

    def _begin(self) -> None:
        if self.generation != WRITING:
            try:
                self._in_step = self._mirror.generation == self.generation
                self._mirror.generation = ""
            except sqlite3.Error:
                self._in_step = False
            self._mark(WRITING)

    def _commit_what_is_written(self) -> None:
        if self.generation == WRITING:
            self._commit()

    def _commit(self) -> None:
        generation = uuid.uuid4().hex
        if self._in_step:
            self._mirrored(partial(self._mirror.agree, generation))
        bm25 = self._call(lambda: self._make_bm25(generation))
        self._mark(generation)
        self._in_step = False
        self._lexical = bm25

    def _mark(self, generation: str) -> None:
        made_by = {**(self._passages.metadata or {}), "generation": generation}
        if generation != WRITING:
            made_by[NOTED] = len(self)
        if made_by.get("rebuilding") and all(row["passages"] for row in self.documents()):
            made_by["rebuilding"] = False
        self._call(lambda: self._passages.modify(metadata=made_by))

    def close(self) -> None:
        """Release the files; the index cannot be used afterwards."""
        self._vectors.close()
        self._mirror.close()
        for client in (self._client, self._retired):
            if client is not None:
                client.close()
        for folder in self._apart:
            folder.cleanup()


def _remove_database(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _nothing_yet(settings: Settings) -> str:
    return f"There is nothing to search yet in {settings.chroma_url or settings.home}; run: temei ingest PATH"
