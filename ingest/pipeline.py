"""Ingestion: bring an index in step with files, so that it holds exactly what they say now.

The hash of its text identifies a document, so neither an unchanged file nor a moved one is embedded again. The old
passages of a changed file are removed after its new ones are stored.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ingest.add import Advance, add_document
from ingest.bounds import load_within
from ingest.load import Remark, find_files, spaced
from rag.errors import DocumentError
from rag.files.private import privately
from rag.index.index import Index
from rag.messages import FileMessage
from rag.settings import Settings
from rag.types import Document, DocumentRecord

UPLOADS = "uploads"
"""Folder of ``TEMEI_HOME`` whose files are kept under other names than they are shown by."""


class _File(NamedTuple):
    path: str
    source: str
    title: str
    raw: str
    """A hash of its bytes: a file of the same bytes is not read for its text again."""


@dataclass
class IngestReport:
    """What an ingestion did, by source.

    ``problems`` are a line for each file that was left out, ``remarks`` lines about files that were read all the same.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[FileMessage] = field(default_factory=list)
    twins: dict[str, str] = field(default_factory=dict)
    """By the source of each duplicate, the source of the document that holds its text."""
    remarks: list[FileMessage] = field(default_factory=list)


def ingest(
    paths: Iterable[Path],
    index: Index,
    *,
    prune: bool = False,
    everywhere: bool = False,
    names: Mapping[Path, str] | None = None,
    advance: Advance = lambda source, done, total: None,
) -> IngestReport:
    """Bring the index in step with the files at and below ``paths``.

    A file that cannot be read is reported and skipped, what the index holds of it stays. With ``prune`` the documents
    whose file below ``paths`` is gone are removed, or with ``everywhere`` those of any file that is gone.

    Args:
        names: what files are called that are kept under another name: their source. An upload keeps what it was called.

    Raises:
        LockedIndexError: another process is writing.
    """
    paths = list(paths)
    report = IngestReport()
    with privately(index.settings.home), index.writing():
        unfinished: list[FileMessage] = []
        _complete(index, advance, unfinished)
        records = index.documents()
        called = _names_of_uploads(records, index) | {str(path.resolve()): name for path, name in (names or {}).items()}
        files, problems = find_files(
            path
            for path in paths
            if os.path.exists(path) or not any(_is_below(record.path, path) for record in records)
        )
        report.problems = [*problems, *unfinished]
        texts = _read(sorted(files), records, called, index, report, advance)
        _settle(index, records, texts, report)
        gone = [
            record
            for record in index.documents()
            if record.path  # a document that a program added without a file has none that could be gone
            and not os.path.exists(record.path)
            and (everywhere or any(_is_below(record.path, path) for path in paths))
        ]
        if prune:
            index.remove([record.id for record in gone])
        (report.removed if prune else report.missing).extend(record.source for record in gone)
    return report


def _read(
    files: Sequence[Path],
    records: Sequence[DocumentRecord],
    called: Mapping[str, str],
    index: Index,
    report: IngestReport,
    advance: Advance,
) -> dict[str, list[_File]]:
    """Add the documents that the index lacks; return by document id the files that hold its text now, first its home.

    A file whose bytes the index knows is not read again.
    """
    held = {record.id for record in records}
    known = {(record.raw, Path(record.path).suffix.lower()): record for record in records}
    kept = {record.path: record.metadata for record in records}  # what was given with a file holds for its next text
    texts: dict[str, list[_File]] = {}
    for path in files:
        where, raw = os.path.realpath(path), _digest(path, index.settings)
        same = known.get((raw, path.suffix.lower()))
        if raw and same is not None and (same.path == where or _digest(Path(same.path), index.settings) == raw):
            texts.setdefault(same.id, []).append(_File(where, _source(path, called), same.title, raw))
            continue
        try:
            document = _load(path, index, called, report.remarks.append)
            if document.id not in held:
                document = dataclasses.replace(document, metadata={**kept.get(where, {}), **document.metadata})
                add_document(document, index, where=where, raw=raw, advance=advance)
                held.add(document.id)
        except DocumentError as error:
            report.problems.append(error.line)
            continue
        texts.setdefault(document.id, []).append(_File(where, document.source, document.title, raw))
    return texts


def one_line(text: str) -> str:
    """Return text on one line: a file's name may hold line ends, and must not look like a message of ours."""
    return " ".join(text.splitlines())


def _digest(path: Path, settings: Settings) -> str:
    """Return a hash of a file's bytes, empty where it cannot or should not be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > settings.max_file_mb * 1_000_000:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError:
        return ""


def _names_of_uploads(records: Iterable[DocumentRecord], index: Index) -> dict[str, str]:
    """Return by their paths what the files are called that the page keeps; how they are kept says less."""
    folder = (index.settings.home / UPLOADS).resolve()
    return {record.path: record.source for record in records if Path(record.path).parent == folder}


def _load(path: Path, index: Index, called: Mapping[str, str], remark: Remark) -> Document:
    source = _source(path, called)
    if os.path.realpath(path) not in called:
        return load_within(path, index.settings, source=source, remark=remark)
    try:
        document = load_within(path, index.settings, source=source, remark=remark)
    except DocumentError as error:
        raise error.of(source) from error
    told = document.title != spaced(path.stem)
    return document if told else dataclasses.replace(document, title=title_of(source))


def title_of(source: str) -> str:
    """Return the title of a document that tells none, from the name of its file."""
    return spaced(PurePosixPath(source).stem)


def _settle(
    index: Index, before: Sequence[DocumentRecord], texts: dict[str, list[_File]], report: IngestReport
) -> None:
    """Give every document its present file, and remove those that no file holds any more."""
    record_of = {record.id: record for record in before}
    text_of = {file.path: document_id for document_id, files in texts.items() for file in files}
    known_paths = {record.path for record in before}
    for document_id, files in texts.items():
        record = record_of.get(document_id)
        old = record.path if record else ""
        stays = next((file for file in files if file.path == old), None)
        elsewhere = not stays and old not in text_of and os.path.exists(old)
        home = stays or files[0]
        if record is not None and not elsewhere:
            facts = {name: value for name, value in home._asdict().items() if getattr(record, name) != value}
            if facts:
                index.update_facts(document_id, facts)
        for file in files:
            if elsewhere and record is not None:
                report.duplicates.append(f"{file.source} (same text as {record.source})")
                report.twins[file.source] = record.source
            elif file is not home:
                report.duplicates.append(f"{file.source} (same text as {home.source})")
                report.twins[file.source] = home.source
            elif stays:
                report.unchanged.append(file.source)
            elif file.path in known_paths:
                report.changed.append(file.source)
            elif record is not None:
                report.renamed.append(f"{record.source} -> {file.source}")
            else:
                report.added.append(file.source)
    replaced = [name for name, record in record_of.items() if name not in texts and record.path in text_of]
    index.remove(replaced)


def rebuild(index: Index, advance: Advance = lambda source, done, total: None) -> list[str]:
    """Make every passage again from the stored documents, with the present embedding model; return their sources.

    Questions use what was there before until all of it is made.
    """
    index.mend()
    with privately(index.settings.home), index.writing():
        index.drop_passages()
        return _complete(index, advance, [])


def _complete(index: Index, advance: Advance, problems: list[FileMessage]) -> list[str]:
    """Add the passages of documents that lack some, those of a rebuild that was interrupted included.

    Args:
        problems: takes a line for each document that cannot be completed; it is tried again the next time.
    """
    completed: list[str] = []
    for record in index.lacking():
        document = index.document(record.id)
        if document is not None:
            index.remove_passages_of([document.id])
            known = {"where": record.path, "ingested": record.ingested, "raw": record.raw}
            try:
                add_document(document, index, **known, advance=advance)
            except DocumentError as error:
                problems.append(error.line)
                continue
        completed.append(record.source)
    return completed


def _source(path: Path, called: Mapping[str, str]) -> str:
    """Return how a citation names the file: as it is called, or relative to the working folder where it is below it."""
    full = Path(os.path.realpath(path))
    if str(full) in called:
        return called[str(full)]
    below = full.is_relative_to(Path.cwd())
    return (full.relative_to(Path.cwd()) if below else full).as_posix()


def _is_below(where: str, path: Path) -> bool:
    full = Path(os.path.realpath(path))
    return Path(where) == full or full in Path(where).parents
