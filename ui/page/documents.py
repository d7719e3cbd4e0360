"""Manage the documents that the page searches: list them, add uploads, replace and remove them."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ingest import ingest
from ingest.load import FORMATS, LOADERS
from ingest.pipeline import UPLOADS, title_of
from rag.chain import Temei
from rag.errors import DocumentError, MissingIndexError, TemeiError
from rag.files.private import keep_private, make_private, owner_only
from rag.index.index import Index
from rag.messages import message
from rag.types import DocumentRecord
from ui.api.uploaded_files import size_of
from ui.page.document_list import Added, Given, item_html, passages
from ui.page.file_names import kept_name, numbered, own_name, shown_name, suffix_of, with_folders, without_number
from ui.texts import say

SUFFIXES = list(LOADERS)
MOST_FILES = 50
"""Files taken in one upload."""
STEP = 0.25
"""Seconds between two reports of the progress of a file."""
LEFT_BEHIND = 24 * 3600.0
"""Seconds after which a file that was on its way is one that a stopped server left; fifty take under an hour."""

Advance = Callable[[str, int, int], None]


class Documents:
    """The documents of an index, as the page handles them; one upload or removal at a time.

    An upload never takes another document's place: it is shown under its own name, with a number where another upload
    has that name, and kept under any name that is free. `replace` is for the user to ask for.
    """

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._writing = threading.Lock()
        self.folder = temei.settings.home / UPLOADS

    def records(self) -> list[DocumentRecord]:
        """Return what is known of the documents; none where there is no index yet."""
        try:
            return self._temei.index.documents()
        except MissingIndexError:
            return []

    def chosen(self, excluded: Collection[str]) -> list[str] | None:
        """Return the documents to search, None for all of them."""
        if not excluded:
            return None
        records = self.records()
        left = [record.id for record in records if record.id not in excluded]
        return None if len(left) == len(records) else left

    @contextlib.contextmanager
    def taking(self, files: Sequence[Given]) -> Iterator[list[Given]]:
        """Move uploaded files into `folder`, and at the end remove those that were not kept."""
        make_private(self._temei.settings.home)
        make_private(self.folder)
        self._tidy()
        taken: list[Given] = []
        try:
            for file in files:
                way = self.folder / f".{uuid.uuid4().hex}"
                taken.append(Given(way, file.name))
                # A file may be named twice: it is removed after the loop.
                with contextlib.suppress(OSError):
                    _take(file.path, way)
            discard(files)
            yield taken
        finally:
            discard(files)
            for file in taken:
                file.path.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove files that stopped servers left half taken over."""
        for path in self.folder.glob(".*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                    path.unlink()

    def adding(self, given: Given) -> Iterator[Added]:
        """Do as `add`, in steps: yield the progress at intervals, then the outcome."""
        share = [0.0]

        def advance(source: str, done: int, total: int) -> None:
            share[0] = done / max(total, 1)

        with ThreadPoolExecutor(1) as apart:
            future = apart.submit(self.add, given, advance)
            told = -1.0
            while not future.done():
                if share[0] != told:
                    told = share[0]
                    yield Added(shown_name(given.name), "reading", share=told)
                wait([future], STEP)
            yield future.result()

    def add(self, given: Given, advance: Advance) -> Added:
        """Keep an uploaded file in `folder` and ingest it; nothing else is touched. The file given is gone after it."""
        name = shown_name(given.name)
        try:
            if suffix_of(name) not in LOADERS:
                raise DocumentError(name, message("file_of_no_format", formats=FORMATS))
            with self._writing:
                self._check_room(given.path, name)
                return self._keep(given.path, name, advance)
        except TemeiError as error:
            return Added(name, "failed", problem=error.message)
        except OSError as error:
            return Added(name, "failed", problem=message("upload_unreadable", reason=error.strerror))
        finally:
            given.path.unlink(missing_ok=True)

    def _check_room(self, given: Path, name: str) -> None:
        """Raise DocumentError where there are too many uploads, or the file does not fit."""
        most, megabytes = self._temei.settings.max_uploads, self._temei.settings.max_uploads_mb
        if len(self._uploads(self.records())) >= most:
            raise DocumentError(name, message("upload_one_too_many", most=most))
        size = 0 if given.parent == self.folder else given.stat().st_size
        if size + size_of(self.folder) > megabytes * 1_000_000:
            raise DocumentError(name, message("upload_does_not_fit", most=megabytes))

    def _keep(self, given: Path, name: str, advance: Advance) -> Added:
        records = self.records()
        name_here = numbered(name, {record.source for record in self._uploads(records)})
        place = self._place(name, records)
        try:
            os.replace(given, place)
            report = ingest([place], self._index(), names={place: name_here}, advance=advance)
        finally:
            # A file that the index holds stays, also after a later error.
            if not any(record.path == str(place.resolve()) for record in self.records()):
                place.unlink(missing_ok=True)
            keep_private(self._temei.settings.home)
        if report.problems:
            return Added(name, "failed", problem=report.problems[0].said.replaced(name_here, name))
        remark = report.remarks[0].said if report.remarks else None
        twin = report.twins.get(name_here)
        if twin is not None:
            twin = next((own_name(record) for record in records if record.source == twin), twin)
            if twin == name:
                return Added(name, "unchanged", remark=remark)
            return Added(name, "duplicate", with_folders([twin])[0], remark=remark)
        if name_here == name:
            return Added(name, "added", remark=remark)
        return Added(name, "beside", name_here, remark=remark)

    def _place(self, name: str, records: Sequence[DocumentRecord]) -> Path:
        """Create an empty file under a free name and return it. Names of documents whose file is gone are taken."""
        make_private(self.folder)
        held = {PurePosixPath(record.path).name.casefold() for record in records}
        kept, number = kept_name(name), 1
        while True:
            place = self.folder / kept
            if kept.casefold() not in held:
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                    return place
            number += 1
            stem, dot, suffix = kept_name(name).rpartition(".")
            kept = f"{stem}-{number}{dot}{suffix}"

    def _uploads(self, records: Sequence[DocumentRecord]) -> list[DocumentRecord]:
        """Return those of the documents that were uploaded, each with the name it is shown by as its source."""
        folder = PurePosixPath(self.folder.resolve())
        uploads = [record for record in records if PurePosixPath(record.path).parent == folder]
        return [replace(record, source=own_name(record)) for record in uploads]

    def _index(self) -> Index:
        try:
            return self._temei.index
        except MissingIndexError:
            Index(self._temei.settings, self._temei.embedder, create=True).close()
            return self._temei.index

    def remove(self, document_id: str) -> None:
        """Take a document out of the index, and its file away where it was uploaded.

        Raises:
            LockedIndexError: another process is writing.
        """
        with self._writing:
            index = self._temei.index
            paths = [Path(record.path) for record in index.documents() if record.id == document_id]
            with index.writing():
                index.remove([document_id])
            for path in paths:
                if path.parent == self.folder.resolve():
                    path.unlink(missing_ok=True)

    def replaceable(self, records: Sequence[DocumentRecord]) -> dict[str, DocumentRecord]:
        """Return by their ids the uploads that carry a number, with the upload whose name they had and may take."""
        uploads = self._uploads(records)
        named = {record.source: record for record in uploads}
        plain = {record.id: without_number(record.source) for record in uploads}
        return {
            record.id: named[plain[record.id]]
            for record in uploads
            if plain[record.id] != record.source and plain[record.id] in named
        }

    def replace(self, document_id: str) -> str:
        """Replace the upload whose name this one had: the old one is removed, and this one takes its name.

        Returns the name, or "" where there is nothing to replace any more.

        Raises:
            LockedIndexError: another process is writing.
        """
        with self._writing:
            index = self._temei.index
            records = index.documents()
            old = self.replaceable(records).get(document_id)
            if old is None:
                return ""
            new = next(record for record in self._uploads(records) if record.id == document_id)
            facts = {"source": old.source}
            if new.title == title_of(new.source):
                facts["title"] = title_of(facts["source"])
            with index.writing():
                index.remove([old.id])
                index.update_facts(document_id, facts)
            Path(old.path).unlink(missing_ok=True)
            return facts["source"]

    def html(self, excluded: Collection[str], language: str) -> str:
        """Return the list of documents with their checkboxes."""
        records = self.records()
        if not records:
            return f'<section class="documents"><p class="count">{say(language, "missing")}</p></section>'
        ticked = [record for record in records if record.id not in excluded]
        size = passages(sum(record.passages for record in ticked), language)
        count = f"{say(language, 'count', ticked=len(ticked), all=len(records))} · {size}"
        names = with_folders([own_name(record) for record in records])
        olds = {name: old.source for name, old in self.replaceable(records).items()}
        items = "".join(
            item_html(record, name, olds.get(record.id, ""), record.id not in excluded, language)
            for record, name in zip(records, names, strict=True)
        )
        every = (
            f'<p class="every"><button type="button" data-every="true">{say(language, "all")}</button>'
            f'<button type="button" data-every="false">{say(language, "none")}</button></p>'
            if len(records) > 1
            else ""
        )
        return (
            f'<section class="documents"><p class="count" role="status">{count}</p>{every}'
            f'<ul aria-label="{say(language, "sources")}">{items}</ul></section>'
        )


def _take(path: Path, way: Path) -> None:
    try:
        os.link(path, way)
        os.chmod(way, 0o600)
    except OSError:  # on another file system, or one without links
        with open(way, "xb", opener=owner_only) as file, path.open("rb") as given:
            shutil.copyfileobj(given, file)


def discard(files: Sequence[Given]) -> None:
    """Remove uploaded files, and the folders that the page's server made for each."""
    for file in files:
        with contextlib.suppress(OSError):
            file.path.unlink(missing_ok=True)
            file.path.parent.rmdir()
