"""The store: documents and passages in Chroma, a folder of this machine or a server that several share.

Chroma is the truth. The metadata of the passages collection names the embedding model, the format and a generation,
renewed whenever passages changed; while a writer is at work it reads ``writing``. What Chroma raises comes out of here
as errors that say what to do.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import NotFoundError
from filelock import FileLock
from langchain_chroma import Chroma
from numpy.typing import NDArray

from rag.errors import (
    CorruptIndexError,
    DamagedIndexError,
    IndexStateError,
    MissingIndexError,
    StaleIndexError,
    UnreachableIndexError,
)
from rag.files.private import make_private
from rag.files.sqlite import FULL, may_write
from rag.index.records import document_metadata, passage_metadata, to_document, to_passages
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Document, Passage

Floats = NDArray[np.float32]
T = TypeVar("T")

FORMAT = 7
"""Raise it when what is stored changes: older indexes are then refused with the command that rebuilds them."""

PASSAGES, DOCUMENTS = "temei-passages", "temei-documents"
COSINE: Any = {"hnsw": {"space": "cosine"}}

WRITING = "writing"
DATABASE = "chroma.sqlite3"
OPENED = frozenset(
    ["migrations", "tenants", "databases", "collections", "collection_metadata", "segments", "segment_metadata"]
)
"""Tables of a few rows that Chroma reads when it opens a folder."""
BATCH, SCAN = 1000, 2000
LEAST_LENGTH, MOST_LENGTH = 0.9, 1.01
"""Of a passage's vector; `rag.index.vectors` makes them at least 0.95 long."""
DOCUMENTS_AT_ONCE = 20
"""Documents that are read at a time, each of up to 20 million characters."""

LEAST_FREE = 4_000_000
"""Bytes free on the disk below which whatever fails, fails for that."""

_SPELLINGS = itertools.count(1)
_SPOILT: set[str] = set()
"""Folders that could not be opened: the engine that failed would be given again for them, unless spelt otherwise."""

RETRIES, FIRST_WAIT = 3, 0.2
"""How often a call to a Chroma server out of reach is tried again, and the first wait in seconds; it doubles."""


class Store:
    """The two collections of an index.

    Args:
        writer: the lock of whoever writes to the folder.

    Raises what `rag.index.index.Index` names.
    """

    def __init__(
        self,
        settings: Settings,
        embedder: Embedder,
        writer: FileLock,
        *,
        create: bool,
        accept_stale: bool,
        folder: str = "chroma",
    ) -> None:
        self.settings = settings
        self.is_shared = bool(settings.chroma_url)
        self._embedder = embedder
        self._writer = writer
        self._folder = settings.home / folder
        self._opened = 0
        self._retired: Client | None = None
        self._copied: tempfile.TemporaryDirectory[str] | None = None
        if not self.is_shared and not create and not (self._folder / DATABASE).exists():
            raise MissingIndexError(_nothing_yet(settings))
        self._prepare_folder(create)
        if str(self._folder) in _SPOILT:
            self._opened = next(_SPELLINGS)
        try:
            self.call(self._read_schema)
            self._client: Client = self.call(self._open_client)
            self.call(lambda: self._open_collections(create))
            if not accept_stale:
                self._check_made_for_us()
        except IndexStateError:
            _SPOILT.add(str(self._folder))
            raise

    # Opening

    def _prepare_folder(self, create: bool) -> None:
        """Make the folder, or where this process may not write, a copy of it: Chroma opens none without writing to it.

        Readers need Chroma only where what is derived from it is missing or damaged, and for a check-up.
        """
        home = self.settings.home
        try:
            if self.is_shared or may_write(self._folder / DATABASE):
                make_private(home)
                if not self.is_shared:
                    make_private(self._folder)
            elif create:
                raise PermissionError(errno.EACCES, "not writable")
            else:
                self._copied = tempfile.TemporaryDirectory(prefix="temei-")
                self._folder = Path(shutil.copytree(self._folder, Path(self._copied.name) / "chroma"))
                for path in (self._folder, *self._folder.rglob("*")):
                    path.chmod(0o700 if path.is_dir() else 0o600)
        except (OSError, shutil.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise CorruptIndexError(
                f"Cannot use {home} ({reason}); set TEMEI_HOME to a folder you can write to."
            ) from error

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
        if names and not names & {PASSAGES, DOCUMENTS} and not self.is_shared:
            raise CorruptIndexError(
                f"{self._folder} is a Chroma database of another program; set TEMEI_HOME to another folder."
            )
        if PASSAGES in names and DOCUMENTS not in names and not self.is_shared:
            raise DamagedIndexError(cannot_be_read(self.settings, "it has lost its documents"))
        if not create and PASSAGES not in names:
            raise MissingIndexError(_nothing_yet(self.settings))
        self._documents = self._client.get_or_create_collection(
            DOCUMENTS, configuration=COSINE, embedding_function=None, metadata={"format": FORMAT}
        )
        if PASSAGES not in names:
            self._create_passages(uuid.uuid4().hex)
        self._passages = self._open_passages()

    def _create_passages(self, generation: str, **more: Any) -> None:
        made_by = {**made_with(self._embedder), "generation": generation, **more}
        self._client.get_or_create_collection(PASSAGES, configuration=COSINE, embedding_function=None, metadata=made_by)

    def _open_passages(self) -> Collection:
        return self._client.get_collection(PASSAGES, embedding_function=None)

    def _check_made_for_us(self) -> None:
        check_made_by(self._made_by, self._embedder, self.settings)

    def refresh(self) -> None:
        """See what others have written to the passages' metadata."""
        self._passages = self.call(self._open_passages)

    def _read_schema(self) -> None:
        """Read what Chroma reads when it opens: its core writes a panic to stderr where text is none."""
        path = self._folder / DATABASE
        if not self.is_shared and path.exists():
            with contextlib.closing(self._reading()) as connection:
                schema = connection.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
                for name in OPENED & {str(row[0]) for row in schema if row[1] == "table"}:
                    connection.execute(f"SELECT * FROM {name}").fetchall()

    def _reading(self) -> sqlite3.Connection:
        path = quote(str((self._folder / DATABASE).absolute()))
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)

    def check(self) -> None:
        """Read all of the database, and raise DamagedIndexError where it is not laid out as SQLite does.

        What is written in it may be changed all the same; `rag.doctor` compares that with what is derived from it.
        """

        def ask() -> str:
            with contextlib.closing(self._reading()) as connection:
                return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])

        if not self.is_shared:
            found = self.call(ask)
            if found != "ok":
                raise DamagedIndexError(cannot_be_read(self.settings, found.splitlines()[0]))

    def reopen(self) -> None:
        """See what other processes have written to the folder."""
        retired, self._retired = self._retired, self._client
        self._opened = next(_SPELLINGS)
        self._client = self.call(self._open_client)
        self.call(lambda: self._open_collections(create=False))
        if retired is not None:  # only the one before the last: other threads may still be asking that
            retired.close()

    def close(self) -> None:
        for client in (self._client, self._retired):
            if client is not None:
                client.close()
        if self._copied is not None:
            self._copied.cleanup()

    # What goes wrong

    def call(self, ask: Callable[[], T]) -> T:
        """Call Chroma or SQLite: try again where a server is out of reach, and name the remedy for what they raise."""
        for attempt in range(RETRIES + 1):
            try:
                return ask()
            except (IndexStateError, KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except NotFoundError as error:
                raise MissingIndexError(self.being_rebuilt()) from error
            except BaseException as error:  # Chroma's Rust core panics with a BaseException
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                if self.is_shared:
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
                    raise MissingIndexError(self.being_rebuilt()) from error
                raise DamagedIndexError(cannot_be_read(self.settings, reason)) from error
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

    def being_rebuilt(self) -> str:
        """Return what to tell whoever asks while another process makes the passages anew."""
        where = self.settings.chroma_url or self.settings.home
        return f"The index in {where} is being rebuilt; ask again soon, or if nobody is at it run: temei ingest"

    # What it is

    @property
    def _made_by(self) -> Mapping[str, Any]:
        return self._passages.metadata or {}

    @property
    def generation(self) -> str:
        """The generation that the passages had when they were last looked at."""
        return str(self._made_by.get("generation", ""))

    @property
    def is_rebuilding(self) -> bool:
        """Whether a rebuild had not got to its end when they were last looked at."""
        return bool(self._made_by.get("rebuilding"))

    @property
    def is_partly_rebuilt(self) -> bool:
        """Whether a rebuild has documents left to do."""
        return self.is_rebuilding and any(not row["passages"] for row in self.documents())

    def mark(self, generation: str) -> None:
        """Give the passages a generation."""
        made_by = {**self._made_by, "generation": generation}
        if generation != WRITING:
            made_by["rebuilding"] = False
        self.call(lambda: self._passages.modify(metadata=made_by))

    def __len__(self) -> int:
        """Return the number of passages; Chroma loads the vectors of all of them to count."""
        return int(self.call(lambda: self._passages.count()))

    # Reading

    def langchain(self) -> Chroma:
        """Return the passages as a LangChain vector store."""
        return Chroma(
            client=self._client,
            collection_name=PASSAGES,
            embedding_function=self._embedder.as_langchain(),
            create_collection_if_not_exists=False,
        )

    def document_ids(self) -> set[str]:
        return set(self.call(lambda: self._documents.get(include=[]))["ids"])

    def documents(self) -> list[dict[str, Any]]:
        """Return what is known of every document but its text, sorted by source."""
        found = self.call(lambda: self._documents.get(include=["metadatas"]))
        return self.call(lambda: listed(zip(found["ids"], found["metadatas"] or [], strict=True)))

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

    def put_document(self, document: Document, passages: int, facts: Mapping[str, Any]) -> None:
        """Store a document's record."""
        self.call(
            lambda: self._documents.upsert(
                ids=[document.id],
                embeddings=np.ones((1, 1), dtype=np.float32),
                documents=[document.text],
                metadatas=[{**document_metadata(document, passages), **facts}],
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


def listed(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return what is known of documents with their ids, sorted by source."""
    every = [{"id": name, **known} for name, known in rows]
    return sorted(every, key=lambda row: (str(row["source"]), str(row["id"])))


def _rows(stored: Any) -> Any:
    return np.asarray(stored["embeddings"], dtype=np.float32)[:, None, :] if stored["ids"] else ()


def _batches(ids: Sequence[str], size: int = BATCH) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])


def cannot_be_read(settings: Settings, reason: str) -> str:
    """Return what to tell where Chroma's own files are damaged."""
    return (
        f"The database in {settings.home / 'chroma'} is damaged ({reason}); to make it again from the stored texts and "
        "the files they came from run: temei ingest --rebuild"
    )


def made_with(embedder: Embedder) -> dict[str, Any]:
    """Return what an index says of the model and the format it was made with."""
    return {"embedding_model": embedder.name, "dimension": embedder.dimension, "format": FORMAT}


def check_made_by(made_by: Mapping[str, Any], embedder: Embedder, settings: Settings) -> None:
    """Raise StaleIndexError where an index was made in another format or with another model."""
    where = settings.chroma_url or settings.home
    if made_by.get("format") != FORMAT:
        raise StaleIndexError(
            f"The index in {where} has format {made_by.get('format')}, this version writes {FORMAT}; "
            "run: temei ingest --rebuild"
        )
    model = f"{made_by.get('embedding_model')} ({made_by.get('dimension')} dimensions)"
    if model != f"{embedder.name} ({embedder.dimension} dimensions)":
        raise StaleIndexError(
            f"The index in {where} was made with the embedding model {model}, not {embedder.name} "
            f"({embedder.dimension}); run: temei ingest --rebuild, or set TEMEI_EMBEDDING_MODEL back"
        )


def _nothing_yet(settings: Settings) -> str:
    return f"There is nothing to search yet in {settings.chroma_url or settings.home}; run: temei ingest PATH"
