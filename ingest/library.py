"""Add what a program has to an index: files, folders, texts, documents of ours or of LangChain's."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.add import Advance, add_document
from ingest.load import to_document
from ingest.pipeline import ingest
from rag.errors import DocumentError
from rag.files.private import privately
from rag.index.index import Index
from rag.index.records import to_json
from rag.messages import FileMessage, message
from rag.types import Document, DocumentRecord

_LOOKS_LIKE_A_PATH = re.compile(r"[\w.~/:\\-]+", re.ASCII)
"""One word in plain letters: a file or folder, which may be missing, not a text."""
OWN = ("title", "source", "language", "url")
"""Names of a document's metadata that are fields of it."""


def add(
    given: Any, index: Index, metadata: Mapping[str, Any], advance: Advance
) -> tuple[list[DocumentRecord], list[FileMessage]]:
    """Add what is given; return what the index now holds of it, and a line for each that it does not hold.

    Raises:
        DocumentError: nothing of it can be read, or the metadata is nothing that JSON can hold.
    """
    items = [given] if isinstance(given, str | os.PathLike | Document) or _is_langchain(given) else list(given)
    more = _beside(_checked(metadata, "metadata"))
    paths = [Path(item).expanduser() for item in items if _is_path(item)]
    problems: list[FileMessage] = []
    held: list[str] = []
    if paths:
        report = ingest(paths, index, advance=advance)
        problems += report.problems
        wanted = {os.path.realpath(path) for path in paths}
        held += [record.id for record in index.documents() if _is_of(record.path, wanted)]
    texts = [item for item in items if not _is_path(item)]
    with privately(index.settings.home), index.writing():
        known = {record.id for record in index.documents()}
        earlier = {record.source: record.id for record in index.documents() if not record.path}
        for number, item in enumerate(texts, 1):
            try:
                held.append(_add_one(_document(item, number, metadata), index, known, earlier, advance))
            except DocumentError as error:
                problems.append(error.line)
        records = {record.id: record for record in index.documents()}
        for name in held if more else ():
            if name in records and {**records[name].metadata, **more} != records[name].metadata:
                index.update_facts(name, {"metadata": to_json({**records[name].metadata, **more})})
    if problems and not held:
        raise DocumentError(problems[0].file, problems[0].said)
    order = dict.fromkeys(held)
    return [record for record in index.documents() if record.id in order], problems


def _add_one(document: Document, index: Index, known: set[str], earlier: dict[str, str], advance: Advance) -> str:
    """Add a document that has no file; an earlier one without a file, of the same source, is replaced by it.

    Args:
        known: the ids of the documents that the index holds; changed with it.
        earlier: by their sources the ids of those without a file; changed with it.
    """
    if document.id not in known:
        add_document(document, index, where="", advance=advance)
        known.add(document.id)
        old = earlier.get(document.source)
        if old is not None:
            index.remove([old])
            known.discard(old)
        earlier[document.source] = document.id
    return document.id


def _is_path(item: object) -> bool:
    """Return whether an item is a path: a path object, or one line of text that names a file, even one that is gone."""
    if isinstance(item, os.PathLike):
        return True
    if not isinstance(item, str) or "\n" in item or "\0" in item:
        return False
    return bool(_LOOKS_LIKE_A_PATH.fullmatch(item)) or (bool(item.strip()) and os.path.exists(os.path.expanduser(item)))


def _is_of(path: str, wanted: set[str]) -> bool:
    return bool(path) and (path in wanted or any(str(parent) in wanted for parent in Path(path).parents))


def _is_langchain(item: object) -> bool:
    return isinstance(getattr(item, "page_content", None), str)


def _document(item: object, number: int, shared: Mapping[str, Any]) -> Document:
    """Return an item that is no path as a document.

    Raises:
        DocumentError: it is nothing that can be added, or empty.
    """
    if isinstance(item, Document):
        return item
    if _is_langchain(item):
        text, known = str(item.page_content), {**shared, **(getattr(item, "metadata", None) or {})}  # type: ignore[attr-defined]
    elif isinstance(item, str):
        text, known = item, dict(shared)
    else:
        raise DocumentError(f"#{number}", message("document_of_no_kind", kind=type(item).__name__))
    title = " ".join(str(known.get("title", "")).split())
    source = str(known.get("source", ""))
    document = to_document(text, source=source or title or f"#{number}", name=title or _first_words(text))
    return dataclasses.replace(
        document,
        title=title or document.title,
        source=source or title or f"text:{document.id[:8]}",
        language=str(known.get("language") or document.language),
        url=str(known.get("url") or document.url),
        metadata={**document.metadata, **_checked(_beside(known), document.source)},
    )


def _checked(metadata: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return metadata that JSON can hold.

    Raises:
        DocumentError: it cannot.
    """
    try:
        to_json(metadata)
    except (TypeError, ValueError) as error:
        raise DocumentError(where, message("metadata_not_json", reason=str(error))) from error
    return metadata


def _beside(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what metadata tells beside the fields of a document."""
    return {name: value for name, value in metadata.items() if name not in OWN}


def _first_words(text: str, most: int = 60) -> str:
    """Return the beginning of a text as its title, cut between words."""
    line = " ".join(text.split())[: most + 1]
    return line if len(line) <= most else line.rpartition(" ")[0] or line[:most]
