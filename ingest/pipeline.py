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
from typing import Any

import numpy as np

from ingest.load import find_files, load
from ingest.split import split
from rag.embeddings import Embedder
from rag.errors import DocumentError
from rag.index import Index
from rag.records import sentence_texts
from rag.types import Document, Passage, Span

Advance = Callable[[str, int, int], None]
"""Called with a source, the sentences embedded of it so far, and how many it has."""


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
        known = {str(row["path"]): row for row in index.documents()}
        files, report.problems = find_files(p for p in paths if p.exists() or not _holds(known, p))
        for path in files:
            _ingest_file(path, index, known, report, advance)
        gone = [
            row
            for where, row in known.items()
            if not os.path.exists(where) and (everywhere or any(_is_below(where, p) for p in paths))
        ]
        if prune:
            index.remove([str(row["id"]) for row in gone])
        (report.removed if prune else report.missing).extend(str(row["source"]) for row in gone)
    return report


def _ingest_file(
    path: Path, index: Index, known: dict[str, dict[str, Any]], report: IngestReport, advance: Advance
) -> None:
    where, source = str(path.resolve()), _source(path)
    try:
        document = load(path, source=source, max_bytes=int(index.settings.max_file_mb * 1_000_000))
    except DocumentError as error:
        report.problems.append(str(error))
        return
    before = known.get(where)
    same = next((row for row in known.values() if row["id"] == document.id), None)
    facts = {"path": where, "source": source, "title": document.title}
    if same is not None and same["path"] != where:
        if os.path.exists(str(same["path"])):
            report.duplicates.append(f"{source} (same text as {same['source']})")
        else:
            index.update_facts(document.id, facts)
            known[where] = {**known.pop(str(same["path"])), **facts}
            report.renamed.append(f"{same['source']} -> {source}")
    elif same is not None:
        if (same["source"], same["title"]) != (source, document.title):
            index.update_facts(document.id, facts)
        report.unchanged.append(source)
    else:
        add_document(document, index, where=where, advance=advance)
        known[where] = {"id": document.id, **facts}
        (report.changed if before else report.added).append(source)
    if before is not None and before["id"] != document.id:
        index.remove([str(before["id"])])


def add_document(
    document: Document, index: Index, *, where: str, advance: Advance = lambda source, done, total: None
) -> None:
    """Split, embed and store one document."""
    passages = split(document, index.settings.passage_tokens)
    sentences = _embed(document, passages, index.embedder, advance)
    today = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    index.add(document, passages, sentences, path=where, ingested=today)


def _embed(document: Document, passages: Sequence[Passage], embedder: Embedder, advance: Advance) -> list[Any]:
    """Return the sentences' unit vectors of each passage; a sentence that two passages share is embedded once."""
    texts: dict[Span, str] = {}
    for passage in passages:
        texts.update(zip(passage.sentences, sentence_texts(passage), strict=True))
    done = 0

    def embedded(count: int) -> None:
        nonlocal done
        done += count
        advance(document.source, done, len(texts))

    vectors = embedder.encode_passages(list(texts.values()), embedded)
    row = {span: position for position, span in enumerate(texts)}
    return [np.stack([vectors[row[span]] for span in passage.sentences]) for passage in passages]


def rebuild(index: Index, advance: Advance = lambda source, done, total: None) -> list[str]:
    """Make every passage again from the stored documents, with the present embedding model; return their sources."""
    with index.writing():
        rows = index.documents()
        index.clear_passages()
        for row in rows:
            document = index.document(str(row["id"]))
            if document is not None:
                add_document(document, index, where=str(row["path"]), advance=advance)
    return [str(row["source"]) for row in rows]


def _source(path: Path) -> str:
    """Return how a citation names the file: relative to the working folder where it lies below it."""
    full = path.resolve()
    below = full.is_relative_to(Path.cwd())
    return (full.relative_to(Path.cwd()) if below else full).as_posix()


def _holds(known: Iterable[str], path: Path) -> bool:
    return any(_is_below(where, path) for where in known)


def _is_below(where: str, path: Path) -> bool:
    full = path.resolve()
    return Path(where) == full or full in Path(where).parents
