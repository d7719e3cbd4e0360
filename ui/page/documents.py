"""Manage the documents that the page searches: list them, add uploads, replace and remove them."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from ingest import ingest
from ingest.load import FORMATS, LOADERS
from ingest.pipeline import UPLOADS, title_of
from rag.chain import Temei
from rag.errors import DocumentError, MissingIndexError, TemeiError
from rag.files.home import SEEDS
from rag.files.private import keep_private, make_private, owner_only
from rag.index.index import Index
from rag.messages import message
from rag.types import DocumentRecord
from ui.api.uploaded_files import size_of
from ui.page.document_list import Added, Given, list_html
from ui.page.file_names import kept_name, numbered, own_name, shown_name, suffix_of, with_folders, without_number
from ui.page.steps import Advance, in_steps

SUFFIXES = list(LOADERS)
SHIPPED = SEEDS / "conferinta-mondiala-a-internetului.txt"
MOST_FILES = 50
"""Files taken in one upload."""
MOST_REMOVED = 3
"""Documents that can be put back, the latest; of an uploaded one the file is held in memory, no longer on disk."""
LEFT_BEHIND = 24 * 3600.0
"""Seconds after which a file that was on its way is one that a stopped server left; fifty take under an hour."""


class Documents:
    """The documents of an index, as the page handles them; one upload or removal at a time.

    An upload never takes another document's place: it is shown under its own name, with a number where another upload
    has that name, and kept under any name that is free. `replace` is for the user to ask for.
    """

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._writing = threading.Lock()
        self._removed: dict[str, tuple[DocumentRecord, bytes | None]] = {}
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
        yield from in_steps(shown_name(given.name), partial(self.add, given))

    def adding_shipped(self) -> Iterator[Added]:
        """Read the shipped article where it lies, in steps as `adding` does."""
        yield from in_steps(SHIPPED.name, self._add_shipped)

    def _add_shipped(self, advance: Advance) -> Added:
        try:
            with self._writing:
                report = ingest([SHIPPED], self._index(), advance=advance)
                keep_private(self._temei.settings.home)
        except TemeiError as error:
            return Added(SHIPPED.name, "failed", problem=error.message)
        if report.problems:
            return Added(SHIPPED.name, "failed", problem=report.problems[0].said)
        return Added(SHIPPED.name, "added" if report.added else "unchanged")

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
        """Take a document out of the index, and its file away where it was uploaded; `put_back` undoes it.

        Raises:
            LockedIndexError: another process is writing.
        """
        with self._writing:
            index = self._temei.index
            removed = [record for record in index.documents() if record.id == document_id]
            with index.writing():
                index.remove([document_id])
            for record in removed:
                path, data = Path(record.path), None
                if path.parent == self.folder.resolve():
                    with contextlib.suppress(OSError):
                        data = path.read_bytes()
                    path.unlink(missing_ok=True)
                self._removed[document_id] = (record, data)
            while len(self._removed) > MOST_REMOVED:
                self._removed.pop(next(iter(self._removed)))

    def put_back(self, document_id: str) -> bool:
        """Read a document again that was removed; returns whether it is there again.

        Raises:
            LockedIndexError: another process is writing.
        """
        with self._writing:
            record, data = self._removed.get(document_id, (None, None))
            if record is None:
                return False
            place = Path(record.path)
            if data is not None:
                place = self._place(own_name(record), self.records())
                place.write_bytes(data)
            try:
                report = ingest([place], self._index(), names={place: record.source})
            finally:
                if data is not None and not any(one.path == str(place.resolve()) for one in self.records()):
                    place.unlink(missing_ok=True)
            if not report.problems:
                del self._removed[document_id]
            return not report.problems

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

    def html(self, excluded: Collection[str], language: str, removed: str = "") -> str:
        """Return the list of documents with their checkboxes; ``removed`` names one that can be put back."""
        records = self.records()
        names = with_folders([own_name(record) for record in records])
        olds = {name: old.source for name, old in self.replaceable(records).items()}
        return list_html(records, names, olds, excluded, language, removed if removed in self._removed else "")


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
