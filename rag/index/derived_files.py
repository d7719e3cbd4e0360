"""The derived files of a home: the passage cache, the vectors and the search index.

They are made from the stored documents and passages, and can be made again. A question reads only these files, so it
does not wait for a writer and does not write. All of them carry checksums.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.files.aside import write_whole
from rag.files.checksums import SETTLED_SECONDS, DamagedError, sealed, unsealed
from rag.files.sqlite import is_full, may_write, remove_database
from rag.index.passage_cache import KEPT_SECONDS, PassageCache
from rag.index.search_index import ABOUT, SearchIndex, about_in
from rag.index.vectors import PassageVectors
from rag.models.embeddings import VERSION, Embedder
from rag.settings import Settings

DATES = "dates.json"
"""Notes the dates that Chroma's files had when the passages were last seen to agree with the search index."""

log = logging.getLogger("temei")
"""Says in one line what was found damaged and is made again; Python shows it on stderr where nobody set it up."""

Dates = tuple[tuple[int, int], ...]


class Derived:
    """The derived files of a home."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self.home = settings.home
        self.folder = settings.home / "bm25"
        self._dimension = embedder.dimension
        name = embedder.name.replace("/", "_").strip("._") or "model"
        self._vectors_at = settings.home / "vectors" / f"{name}-{VERSION}.sqlite3"
        self._vectors: PassageVectors | None = None
        self._passage_cache: PassageCache | None = None
        self._apart: list[tempfile.TemporaryDirectory[str]] = []
        self._said: set[str] = set()
        self._doubted: set[str] = set()

    def say(self, line: str, about: str = "") -> None:
        """Say a line, and only the first about something."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            log.warning(line)

    def folder_apart(self) -> Path:
        """Return a new folder outside the home, which lasts as long as this is open."""
        self._apart.append(tempfile.TemporaryDirectory(prefix="temei-"))
        return Path(self._apart[-1].name)

    def close(self) -> None:
        for opened in (self._vectors, self._passage_cache):
            if opened is not None:
                opened.close()
        for folder in self._apart:
            folder.cleanup()

    def has_any(self) -> bool:
        """Return whether the home has a search index or a passage cache, damaged or not."""
        return self.about() is not None or self.folder.exists() or self.passage_cache() is not None

    # The search index

    def about(self) -> dict[str, Any] | None:
        """Return what is said of the generation in use, None where it is missing or damaged."""
        try:
            return about_in(self.folder)
        except DamagedError:
            return None

    def stamp(self) -> tuple[int, ...]:
        """Return what differs whenever another generation is in use."""
        try:
            status = os.stat(self.folder / ABOUT)
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size

    def load(self, *, thorough: bool = False) -> SearchIndex | None:
        """Open the generation in use, None where any of it is missing or damaged."""
        for _ in range(3):  # it may be replaced while it is opened
            about = self.about()
            if about is None:
                return None
            try:
                cache = self.passage_cache_called(str(about["mirror"]))
                return SearchIndex.open(self.folder, cache, about, thorough=thorough)
            except (DamagedError, sqlite3.Error, OSError, ValueError):
                if self.about() == about:
                    return None
        return None

    def noted_dates(self, generation: str) -> Dates | None:
        """Return the dates of Chroma's files as they were noted for a generation, if they were."""
        try:
            found = unsealed(self.folder / DATES)
        except DamagedError:
            return None
        dates = found.get("dates")
        if found.get("generation") != generation or not isinstance(dates, list):
            return None
        return tuple((int(size), int(date)) for size, date in dates)

    def note_dates(self, generation: str, dates: Dates) -> None:
        """Note the dates of Chroma's files, where they can be and say anything."""
        if dates:
            with contextlib.suppress(OSError):
                write_whole(self.folder / DATES, sealed({"generation": generation, "dates": [list(d) for d in dates]}))

    # The passage cache

    def passage_cache_called(self, name: str) -> PassageCache:
        """Return the passage cache of a name.

        Raises:
            sqlite3.Error: it is missing or damaged.
        """
        if self._passage_cache is None or self._passage_cache.name != name:
            path = self._cache_folder / f"{Path(name).name}.sqlite3"
            if not path.exists():
                raise sqlite3.OperationalError(f"{path} is missing")
            self._passage_cache = PassageCache(path)
        return self._passage_cache

    @property
    def _cache_folder(self) -> Path:
        return self.home / "mirror"  # its name before it was called a passage cache

    def passage_cache(self) -> PassageCache | None:
        """Return the passage cache in use or else the newest that can be opened, None where there is none."""
        return next(self.passage_caches(), None)

    def passage_caches(self) -> Iterator[PassageCache]:
        """Yield the passage caches that can be opened: the one in use, then the others, the newest first."""
        about = self.about()
        paths = sorted(self._cache_folder.glob("*.sqlite3"), key=_date, reverse=True)
        names = [*([str(about["mirror"])] if about else []), *(path.stem for path in paths)]
        if self._passage_cache is not None and not names:  # apart
            names = [self._passage_cache.name]
        for name in dict.fromkeys(name for name in names if name not in self._doubted):
            with contextlib.suppress(sqlite3.Error, DamagedError, OSError, ValueError):
                cache = self.passage_cache_called(name)
                yield cache

    def doubt_passage_cache(self) -> None:
        """Let the passage cache in use, found damaged, be taken for none; nothing of it is removed."""
        if self._passage_cache is not None:
            self._doubted.add(self._passage_cache.name)

    def fresh_passage_cache(self, *, apart: bool = False) -> PassageCache:
        """Return a new passage cache; the one before stays open for whoever still reads it."""
        folder = self.folder_apart() if apart else self._cache_folder
        self._passage_cache = PassageCache(folder / f"{uuid.uuid4().hex}.sqlite3")
        return self._passage_cache

    # Vectors

    @property
    def vectors(self) -> PassageVectors:
        """The vectors of passages; a damaged file of them is replaced by an empty one."""
        if self._vectors is None:
            try:
                self._vectors = PassageVectors(self._vectors_at, self._dimension)
            except (sqlite3.Error, OSError) as error:
                if is_full(error):
                    raise
                self._vectors = self.renew_vectors()
        return self._vectors

    def reopen_vectors(self) -> PassageVectors:
        """Open the vectors again, to be read only where the disk has filled up meanwhile."""
        if self._vectors is not None:
            self._vectors.close()
        self._vectors = PassageVectors(self._vectors_at, self._dimension)
        return self._vectors

    def renew_vectors(self) -> PassageVectors:
        """Begin the vectors anew, apart from the home where this process may not write there."""
        if self._vectors is not None:
            self._vectors.close()
        self._vectors = None
        path = self._vectors_at
        try:
            if path.exists():
                self.say(f"The vectors in {path.parent} were damaged; they are made again as they are needed.")
            if not may_write(path):
                raise PermissionError
            remove_database(path)
            self._vectors = PassageVectors(path, self._dimension)
        except (OSError, sqlite3.Error):
            self._vectors = PassageVectors(self.folder_apart() / path.name, self._dimension)
        return self._vectors

    # Tidying

    def purge(self) -> None:
        """Remove what no question can need any more: rows and vectors that are gone, and replaced passage caches."""
        with contextlib.suppress(sqlite3.Error):
            self.vectors.purge()
        cache = self._passage_cache
        with contextlib.suppress(sqlite3.Error):
            if cache is not None and cache.writable:
                cache.purge()
        with contextlib.suppress(sqlite3.Error):
            # Until the cache in use agrees with a generation, another may be all that Chroma can be made again from.
            if cache is not None and cache.generation:
                for path in self._cache_folder.glob("*.sqlite3"):
                    if path != cache.path and time.time() - _date(path) > KEPT_SECONDS:
                        remove_database(path)
        remove_database(self.home / "passages.sqlite3")  # of an earlier version


def chroma_dates(folder: Path, *, settled: bool = True) -> Dates:
    """Return size and date of the files that Chroma writes to, or nothing where they do not tell what is in them.

    Looking at them takes a fiftieth of the time of asking Chroma for the generation.
    """
    dates = []
    for name in ("chroma.sqlite3", "chroma.sqlite3-wal"):
        with contextlib.suppress(OSError):
            status = os.stat(folder / name)
            if settled and abs(time.time() - status.st_mtime) < SETTLED_SECONDS:
                return ()
            dates.append((status.st_size, status.st_mtime_ns))
    return tuple(dates)


def _date(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
