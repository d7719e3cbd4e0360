"""Write to an index: lock it, commit the changes so that questions see them, and repair what a dead writer left."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator

from filelock import Timeout

from rag.errors import CorruptIndexError, DamagedIndexError, IndexStateError, LockedIndexError, MissingIndexError
from rag.files.checksums import DamagedError
from rag.files.sqlite import is_full, may_write
from rag.index.changes import Changes
from rag.index.chroma_calls import cannot_be_read
from rag.index.connection import WRITING
from rag.index.derived_files import chroma_dates
from rag.index.made_by import made_with
from rag.index.restore import restore
from rag.index.search_index import SearchIndex
from rag.index.store import Store
from rag.messages import Message, message
from rag.settings import Settings
from rag.types import DocumentRecord


class Writing(Changes):
    """What of an index locks, commits and repairs; see `rag.index.index.Index`."""

    def _open_store(self) -> Store:
        if self.is_shared or not (self._create or self._accept_stale):
            return super()._open_store()
        if not may_write(self.settings.home / "ingest.lock"):
            raise CorruptIndexError(_cannot_write(self.settings, message("no_permission")))
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

    def _make(self, generation: str) -> SearchIndex:
        """Bring the passage cache in step with Chroma, and make the search index from it; by one process at a time.

        After a rebuild the cache is a new one, so that the words of every passage are counted again.
        """
        cache = self._derived.passage_cache()
        try:
            if cache is None or not cache.is_current or self._store.is_rebuilding:
                raise DamagedError("there is no passage cache to go on with")
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
        """Remove the passages that a writer left without their document's record when it died, and renew the index.

        Return whether that is all: what a rebuild left is for the next writer to finish.
        """
        self._store.refresh()
        if self.generation != WRITING and not self._mark.exists():
            return True
        self._remove_orphans()
        if self._store.is_partly_rebuilt:
            return False
        self._remove_replaced()
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

    def _remove_replaced(self) -> None:
        """Remove the older documents of a file whose new text was stored when the writer died."""
        if self.is_shared:
            return  # another machine may be about to remove them
        loaded = self._derived.load()
        before = set() if loaded is None else {name.decode() for name in loaded.document_names.tolist()}
        newest: dict[str, DocumentRecord] = {}
        records = self._store.documents()
        for record in sorted(records, key=lambda one: (one.id not in before, one.ingested, one.id)):
            newest[record.path] = record
        self.remove([record.id for record in records if record.path and newest[record.path] is not record])

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
            raise LockedIndexError(message("index_locked", home=home)) from error
        except OSError as error:
            raise IndexStateError(_cannot_write(self.settings, str(error.strerror or error))) from error
        try:
            yield
        finally:
            self._writer.release()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; on leaving, bring the search index in step with what was written, whatever happened.

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
                    self._flush()
                    self._remove_orphans()
                    self._remove_replaced()
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
                    lacking = message("index_lacks_documents", found=found, held=held)
                    raise DamagedIndexError(cannot_be_read(self.settings, lacking))

    def _commit_what_is_written(self) -> None:
        self._flush()
        if self.generation == WRITING:
            self._commit()

    def _commit(self) -> None:
        """Let questions see what was written, unless it is a part of what there was."""
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


def _cannot_write(settings: Settings, reason: str | Message) -> Message:
    return message("index_not_written", home=settings.home, reason=reason)
