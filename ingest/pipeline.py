"""Ingestion: files to an index that holds exactly what they say now.

Documents are known by the hash of their text, so an unchanged file costs no embedding and a moved one none either; the
old passages of a changed file are removed after its new ones are in.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ingest.load import find_files, load
from ingest.split import split
from rag.embeddings import Embedder
from rag.errors import DocumentError
from rag.index import Index
from rag.records import sentence_texts
from rag.settings import Settings
from rag.types import Document, Passage, Span

Advance = Callable[[str, int, int], None]
"""Called with a source, the sentences embedded of it so far, and how many it has."""


class _File(NamedTuple):
    path: str
    source: str
    title: str


@dataclass
class IngestReport:
    """What an ingestion did, by source; ``problems`` are one line each."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def ingest(
    paths: Iterable[Path],
    index: Index,
    *,
    prune: bool = False,
    everywhere: bool = False,
    advance: Advance = lambda source, done, total: None,
) -> IngestReport:
    """Bring the index in step with the files at and below ``paths``.

    A file that cannot be read is reported and skipped, what the index holds of it stays. With ``prune`` the documents
    whose file below ``paths`` is gone are removed, or with ``everywhere`` those of any file that is gone.

    Raises:
        LockedIndexError: another process is writing.
    """
    paths = list(paths)
    report = IngestReport()
    with index.writing():
        _complete(index, advance)
        rows = index.documents()
        files, report.problems = find_files(
            path for path in paths if path.exists() or not any(_is_below(row["path"], path) for row in rows)
        )
        files.sort()
        held = {str(row["id"]) for row in rows}
        texts: dict[str, list[_File]] = {}
        """The files that hold each text now, the first of them its home."""
        for path in files:
            try:
                document = _load(path, index)
            except DocumentError as error:
                report.problems.append(str(error))
                continue
            if document.id not in held:
                add_document(document, index, where=str(path.resolve()), advance=advance)
                held.add(document.id)
            file = _File(str(path.resolve()), document.source, document.title)
            texts.setdefault(document.id, []).append(file)
        _settle(index, rows, texts, report)
        gone = [
            row
            for row in index.documents()
            if not os.path.exists(row["path"]) and (everywhere or any(_is_below(row["path"], p) for p in paths))
        ]
        if prune:
            index.remove([str(row["id"]) for row in gone])
        (report.removed if prune else report.missing).extend(str(row["source"]) for row in gone)
    return report


def _load(path: Path, index: Index) -> Document:
    source = _source(path)
    try:
        source.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="replace")
        raise DocumentError(f"{shown} has a name that is not UTF-8; rename it.") from error
    return load_within(path, index.settings, source=source)


def load_within(path: Path, settings: Settings, *, source: str = "") -> Document:
    """Load a file within the bounds that the settings give; see `ingest.load.load`."""
    return load(
        path,
        source=source,
        max_bytes=int(settings.max_file_mb * 1_000_000),
        max_pages=settings.max_pages,
        extract_seconds=settings.extract_seconds,
        extract_mb=settings.extract_mb,
        max_extracted_chars=settings.max_extracted_chars,
    )


def _settle(index: Index, before: list[dict[str, Any]], texts: dict[str, list[_File]], report: IngestReport) -> None:
    """Give every document its present file, and remove those that no file holds any more."""
    row_of = {str(row["id"]): row for row in before}
    text_of = {file.path: document_id for document_id, files in texts.items() for file in files}
    known_paths = {str(row["path"]) for row in before}
    for document_id, files in texts.items():
        row = row_of.get(document_id)
        old = str(row["path"]) if row else ""
        stays = next((file for file in files if file.path == old), None)
        elsewhere = not stays and old not in text_of and os.path.exists(old)
        home = stays or files[0]
        if row is not None and not elsewhere and (row["path"], row["source"], row["title"]) != home:
            index.update_facts(document_id, {"path": home.path, "source": home.source, "title": home.title})
        for file in files:
            if elsewhere and row is not None:
                report.duplicates.append(f"{file.source} (same text as {row['source']})")
            elif file is not home:
                report.duplicates.append(f"{file.source} (same text as {home.source})")
            elif stays:
                report.unchanged.append(file.source)
            elif file.path in known_paths:
                report.changed.append(file.source)
            elif row is not None:
                report.renamed.append(f"{row['source']} -> {file.source}")
            else:
                report.added.append(file.source)
    replaced = [name for name, row in row_of.items() if name not in texts and str(row["path"]) in text_of]
    index.remove(replaced)


def add_document(
    document: Document,
    index: Index,
    *,
    where: str,
    ingested: str = "",
    advance: Advance = lambda source, done, total: None,
) -> None:
    """Split, embed and store one document, found at the path ``where``, ``ingested`` now or at that ISO 8601 time."""
    passages = split(document, index.settings.passage_tokens)
    sentences = _embed(document, passages, index.embedder, advance)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    index.add(document, passages, sentences, path=where, ingested=ingested or now)


def _embed(document: Document, passages: Sequence[Passage], embedder: Embedder, advance: Advance) -> list[Any]:
    """Return the sentences' unit vectors of each passage; one that stands there several times is embedded once."""
    text_of: dict[Span, str] = {}
    for passage in passages:
        text_of.update(zip(passage.sentences, sentence_texts(passage), strict=True))
    texts = list(dict.fromkeys(text_of.values()))
    done = 0

    def embedded(count: int) -> None:
        nonlocal done
        done += count
        advance(document.source, done, len(texts))

    vectors = embedder.encode_passages(texts, embedded)
    row = {text: position for position, text in enumerate(texts)}
    return [vectors[[row[text_of[span]] for span in passage.sentences]] for passage in passages]


def rebuild(index: Index, advance: Advance = lambda source, done, total: None) -> list[str]:
    """Make every passage again from the stored documents, with the present embedding model; return their sources."""
    with index.writing():
        index.drop_passages()
        return _complete(index, advance)


def _complete(index: Index, advance: Advance) -> list[str]:
    """Add the passages of documents that have none, those of a rebuild that was interrupted included."""
    rows = [row for row in index.documents() if not row["passages"]]
    for row in rows:
        document = index.document(str(row["id"]))
        if document is not None:
            index.remove_passages_of([document.id])
            add_document(document, index, where=str(row["path"]), ingested=str(row["ingested"]), advance=advance)
    return [str(row["source"]) for row in rows]


def _source(path: Path) -> str:
    """Return how a citation names the file: relative to the working folder where it lies below it."""
    full = path.resolve()
    below = full.is_relative_to(Path.cwd())
    return (full.relative_to(Path.cwd()) if below else full).as_posix()


def _is_below(where: str, path: Path) -> bool:
    full = path.resolve()
    return Path(where) == full or full in Path(where).parents
