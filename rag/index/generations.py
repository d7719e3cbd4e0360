"""Choose which generation of the derived files answers a question, and make them again where that is needed.

A question uses the generation that the search index's folder names, after checking it. It does not open Chroma as
long as the dates of Chroma's files are those that were noted with this generation. A mark and a lock in the home say
that a writer is at work; until it ends, the generation before stays in use. If the writer died, the next process that
opens the index tidies up. A damaged derived file is made again from the passage cache, or from Chroma if the passage
cache itself is damaged.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from rag.errors import IndexStateError, MissingIndexError
from rag.files.checksums import DamagedError
from rag.index.chroma_calls import being_rebuilt
from rag.index.connection import WRITING
from rag.index.derived_files import Dates, Derived, chroma_dates
from rag.index.made_by import check_made_by, made_with
from rag.index.passage_cache import PassageCache
from rag.index.paths import embed_paths, under_paths
from rag.index.records import sentence_texts
from rag.index.search_index import SearchIndex
from rag.index.store import Store
from rag.index.vectors import with_passage_row
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Floats, Passage

REFRESH_SECONDS = 30.0
"""While another machine writes to a shared server, the search index is made again at most this often."""

LOCK_SECONDS = 10.0
"""Seconds that a question waits for another process that may be making the search index."""

REPAIR_SECONDS = 30.0
"""Seconds between two tries to tidy up after a writer that died, where a try fails: on a full disk, for example."""


class InStep:
    """What of an index finds out which generation to use; see `rag.index.index.Index`."""

    def __init__(self, settings: Settings, embedder: Embedder, *, create: bool, accept_stale: bool) -> None:
        self.settings = settings
        self.embedder = embedder
        self.is_shared = bool(settings.chroma_url)
        self._create, self._accept_stale = create, accept_stale
        self._writer = FileLock(settings.home / "ingest.lock")
        self._mark = settings.home / "writing"
        """A file that is there while a writer is at work, or died at it."""
        self._syncing = threading.RLock()
        self._writing_in: int | None = None
        """The thread of this process that is writing: it sees what it wrote, all others what was there before."""
        self._derived = Derived(settings, embedder)
        self._opened: Store | None = None
        self._in_use: SearchIndex | None = None
        self._made_at, self._tried_at = 0.0, -REPAIR_SECONDS
        self._seen: tuple[tuple[int, ...], Dates] | None = None
        about = None if self.is_shared or create or accept_stale else self._derived.about()
        if about is None:
            self._open_store()
        else:
            check_made_by(about["made_by"], embedder, settings)

    def _open_store(self) -> Store:
        self._opened = self._open(create=self._create)
        return self._opened

    def _open(self, *, create: bool) -> Store:
        return Store(self.settings, self.embedder, self._writer, create=create, accept_stale=self._accept_stale)

    @property
    def _store(self) -> Store:
        """Chroma, opened on first use."""
        with self._syncing:
            # An empty store counts as false.
            return self._opened if self._opened is not None else self._open_store()

    @property
    def _is_writing_here(self) -> bool:
        return self._writing_in == threading.get_ident()

    def _refresh(self) -> None:
        """See what others have written to Chroma."""
        before = self._store.generation
        self._store.refresh()
        if self._store.generation not in (before, WRITING) and not self.is_shared:
            self._store.reopen()

    # Which generation answers

    def search_index(self) -> SearchIndex:
        """Return the search index in step with the passages, having looked whether another process changed them."""
        with self._syncing:
            return self._of_server() if self.is_shared else self._of_home()

    def _of_home(self) -> SearchIndex:
        seen = self._now()
        if self._in_use is not None and seen[1] and seen == self._seen:
            return self._in_use
        if self._mark.exists() and not self._is_writing_here:
            self._tidy_up()
        about = self._derived.about()
        if self._in_use is None or about is None or about["generation"] != self._in_use.generation:
            self._in_use = self._in_present_format(self._derived.load())
        check_made_by(self._in_use.made_by, self.embedder, self.settings)
        if not self._mark.exists():
            self._compare(self._in_use)
        self._seen = self._now()
        return self._in_use

    def _in_present_format(self, loaded: SearchIndex | None) -> SearchIndex:
        """Return a loaded generation, made again where there is none or its words were counted in another format.

        One of another format is used as it is while a writer, who replaces it, is at work, and where it cannot be made
        again: its words are out of date, its texts are not.
        """
        if loaded is None:
            return self._again()
        if loaded.passage_cache.is_current or self._mark.exists():
            return loaded
        try:
            return self._again()
        except (IndexStateError, OSError, sqlite3.Error, DamagedError) as error:
            self._derived.say(f"Answers come from search files of an earlier version. {error}", about="chroma")
            return loaded

    def _now(self) -> tuple[tuple[int, ...], Dates]:
        return self._derived.stamp(), chroma_dates(self.settings.home / "chroma")

    def _compare(self, in_use: SearchIndex) -> None:
        """Compare the generation in use with Chroma's, where the dates of Chroma's files are not those noted with it.

        Where Chroma cannot tell, what is in use answers: it is whole, and no writer was at work since.
        """
        dates = chroma_dates(self.settings.home / "chroma")
        if dates and dates == self._derived.noted_dates(in_use.generation):
            return
        try:
            self._refresh()
            if self._store.generation == WRITING:
                self._tidy_up()
            elif self._store.generation != in_use.generation:
                self._store.check()
                self._in_use = self._again(self._store.generation)
            self._derived.note_dates(in_use.generation, chroma_dates(self.settings.home / "chroma"))
        except IndexStateError as error:
            self._derived.say(f"Answers come from the copy that is kept for searching. {error}", about="chroma")

    def _of_server(self) -> SearchIndex:
        self._store.refresh()
        if self._store.is_rebuilding and not self._is_writing_here:
            # What is there is a part: searching it would find little, and refuse to answer for no good reason.
            if self._in_use is None:
                self._in_use = self._derived.load()
            if self._in_use is None:
                raise MissingIndexError(being_rebuilt(self.settings))
            check_made_by(self._in_use.made_by, self.embedder, self.settings)
            return self._in_use
        if self._in_use is None or self._out_of_step(self._in_use):
            loaded = self._derived.load()
            if loaded is None or not loaded.passage_cache.is_current or self._out_of_step(loaded):
                loaded = self._again(self._store.generation)
            self._in_use = loaded
            self._made_at = time.monotonic()
        return self._in_use

    def _out_of_step(self, search_index: SearchIndex) -> bool:
        generation = self._store.generation
        if (
            generation == WRITING
            and search_index is self._in_use
            and time.monotonic() - self._made_at < REFRESH_SECONDS
        ):
            return False
        return (search_index.generation, len(search_index)) != (generation, len(self._store))

    # Making it again

    def _again(self, wanted: str = "") -> SearchIndex:
        """Make the search index again, of a generation of Chroma's where it is given; by one process at a time.

        Where another process is at it, or this one may not write, this makes one of its own, apart.
        """
        if self._derived.has_any():
            self._derived.say(f"The search files in {self.settings.home} were damaged or not up to date; made again.")
        try:
            with self._writer.acquire(timeout=0 if wanted == WRITING else LOCK_SECONDS):
                loaded = self._derived.load()
                if loaded is not None and loaded.passage_cache.is_current and loaded.generation == wanted != WRITING:
                    return loaded
                return self._made(self._derived.folder, wanted)
        except (Timeout, OSError, sqlite3.Error, DamagedError):
            return self._made(self._derived.folder_apart() / "bm25", wanted, apart=True)

    def _made(self, folder: Path, wanted: str, *, apart: bool = False) -> SearchIndex:
        cache = self._derived.passage_cache()
        if cache is not None and cache.is_current and wanted != WRITING:
            with contextlib.suppress(sqlite3.Error, DamagedError, ValueError):
                if cache.generation and wanted in ("", cache.generation):
                    check_made_by(cache.made_by, self.embedder, self.settings)
                    return self._build(cache, folder, cache.generation)
        store = self._store
        if not self.is_shared and store.is_partly_rebuilt:
            raise MissingIndexError(being_rebuilt(self.settings))
        cache = self._derived.fresh_passage_cache(apart=apart)
        self._take_all(cache, store.generation)
        return self._build(cache, folder, store.generation)

    def _take_all(self, cache: PassageCache, generation: str) -> None:
        """Bring a passage cache in step with Chroma."""
        # On a server others may go on writing; their documents are asked for there.
        noted = "" if generation == WRITING else generation
        documents = () if self.is_shared else self._store.scan_documents()
        cache.agree_with(self._store.scan(), noted, documents, made_with(self.embedder))

    def _build(self, cache: PassageCache, folder: Path, generation: str) -> SearchIndex:
        made_by = made_with(self.embedder)
        return SearchIndex.build(cache, folder, generation, self._passage_vectors, self.embedder.dimension, made_by)

    def _passage_vectors(self, passage_ids: Sequence[str]) -> Floats:
        """Return the vectors of passages, one a row: those stored here, of the others Chroma's, or else made again."""
        try:
            found = self._derived.vectors.of_passages(passage_ids)
        except sqlite3.Error:
            found = self._derived.renew_vectors().of_passages(passage_ids)
        missing = [name for name in passage_ids if name not in found]
        if missing:
            with contextlib.suppress(IndexStateError):
                found |= self._store.vectors(missing)
            cache = self._derived.passage_cache()
            missing = [name for name in missing if name not in found]
            told = cache.passages(missing) if cache is not None and missing else {}
            found |= {name: self._embed(passage)[:1] for name, passage in told.items()}
        nothing = np.zeros((1, self.embedder.dimension), dtype=np.float32)
        return np.concatenate([found.get(name, nothing) for name in passage_ids])

    def _embed(self, passage: Passage) -> Floats:
        texts = sentence_texts(passage)
        sentences = self.embedder.encode_passages(texts)
        sentences[[not text for text in texts]] = 0
        placed = under_paths(sentences, passage, embed_paths([passage], self.embedder, {}))
        return self._derived.vectors.rounded(with_passage_row(placed, texts))

    # After a writer that died

    def _tidy_up(self) -> None:
        """Finish what a writer that died left, where nobody is at it; what was there before stays in use till then."""
        if time.monotonic() - self._tried_at < REPAIR_SECONDS:
            return
        try:
            with self._writer.acquire(timeout=0):
                self._tried_at = time.monotonic()
                if self._opened is not None:
                    self._store.reopen()
                if not self._repair():
                    line = f"A rebuild of the index in {self.settings.home} did not come to its end; until it does, "
                    self._derived.say(line + "answers come from before. Run: temei ingest")
        except (Timeout, OSError, sqlite3.Error, IndexStateError):
            return

    def _repair(self) -> bool:
        raise NotImplementedError
