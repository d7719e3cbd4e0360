"""The connection to Chroma: the two collections of an index, in a folder of this machine or on a server.

The metadata of the passages collection name the embedding model, the format and a generation, which is renewed whenever
passages changed; while a writer is at work the generation is ``writing``.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import chromadb
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import NotFoundError
from filelock import FileLock
from langchain_chroma import Chroma

from rag.errors import CorruptIndexError, DamagedIndexError, IndexStateError, MissingIndexError
from rag.index.chroma_calls import ChromaCalls, cannot_be_read, nothing_yet
from rag.index.chroma_folder import DATABASE, ChromaFolder
from rag.index.made_by import FORMAT, check_made_by, made_with
from rag.messages import message
from rag.models.embeddings import Embedder
from rag.settings import Settings

T = TypeVar("T")

PASSAGES, DOCUMENTS = "temei-passages", "temei-documents"
COSINE: Any = {"hnsw": {"space": "cosine"}}

WRITING = "writing"
"""The generation of the passages while a writer is at work."""

_SPELLINGS = itertools.count(1)
_SPOILT: set[str] = set()
"""Folders that could not be opened: Chroma would give the engine that failed again, unless they are spelt otherwise."""


class Connection:
    """The two collections of an index, opened, and what the passages' metadata say.

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
        self._calls = ChromaCalls(settings, writer, self._is_being_written)
        self._opened = 0
        self._retired: Client | None = None
        if not self.is_shared and not create and not (settings.home / folder / DATABASE).exists():
            raise MissingIndexError(nothing_yet(settings))
        self._folder = ChromaFolder(settings, folder, create=create)
        if str(self._folder.path) in _SPOILT:
            self._opened = next(_SPELLINGS)
        try:
            self.call(self._folder.read_schema)
            self._client: Client = self.call(self._open_client)
            self.call(lambda: self._open_collections(create))
            if not accept_stale:
                self._check_made_for_us()
        except IndexStateError:
            _SPOILT.add(str(self._folder.path))
            raise

    def call(self, ask: Callable[[], T]) -> T:
        """Call Chroma or SQLite; see `rag.index.chroma_calls`."""
        return self._calls.call(ask)

    # Opening

    def _open_client(self) -> Client:
        quiet = ChromaSettings(anonymized_telemetry=False)
        url = urlsplit(self.settings.chroma_url)
        if url.hostname:
            port = url.port or (443 if url.scheme == "https" else 8000)
            return cast(Client, chromadb.HttpClient(url.hostname, port, ssl=url.scheme == "https", settings=quiet))
        # Chroma shares one engine among the clients of a path, and an engine does not see what other processes write;
        # another spelling of the path gets a new engine.
        path = str(self._folder.path) + "/." * self._opened
        return cast(Client, chromadb.PersistentClient(path, settings=quiet))

    def _open_collections(self, create: bool) -> None:
        names = {collection.name for collection in self._client.list_collections()}
        if names and not names & {PASSAGES, DOCUMENTS} and not self.is_shared:
            raise CorruptIndexError(message("index_of_other_program", where=self._folder.path))
        if PASSAGES in names and DOCUMENTS not in names and not self.is_shared:
            raise DamagedIndexError(cannot_be_read(self.settings, message("index_lost_documents")))
        if not create and PASSAGES not in names:
            raise MissingIndexError(nothing_yet(self.settings))
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

    def check(self) -> None:
        """Read all of the database, and raise DamagedIndexError where it is not laid out as SQLite does."""
        if not self.is_shared:
            found = self.call(self._folder.integrity)
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
        self._folder.close()

    def _is_being_written(self) -> bool:
        """Return whether another process is at the passages just now, so that what failed may soon work."""
        try:
            found = self._client.get_collection(PASSAGES, embedding_function=None)
            return (found.metadata or {}).get("generation") == WRITING or found.id != self._passages.id
        except NotFoundError:
            return True
        except Exception:  # damaged, or not open yet: not what this asks
            return False

    # What the passages' metadata say

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

    def mark(self, generation: str) -> None:
        """Give the passages a generation."""
        made_by = {**self._made_by, "generation": generation}
        if generation != WRITING:
            made_by["rebuilding"] = False
        self.call(lambda: self._passages.modify(metadata=made_by))

    def langchain(self) -> Chroma:
        """Return the passages as a LangChain vector store."""
        return Chroma(
            client=self._client,
            collection_name=PASSAGES,
            embedding_function=self._embedder.as_langchain(),
            create_collection_if_not_exists=False,
        )
