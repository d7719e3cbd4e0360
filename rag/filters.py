"""Filters: narrow a question to the documents of a folder, a language, a tag, a date, or what else is known of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rag.errors import QuestionError
from rag.messages import message
from rag.types import DocumentRecord

Where = Mapping[str, Any]
"""By name the value that a document must have, or a list of values of which it must have one; all names must hold."""


def matching(
    records: Sequence[DocumentRecord], where: object, document_ids: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Return the ids of the documents that fit, among ``document_ids`` where given.

    ``document`` is an id, a source or a title; ``folder`` a folder that the file lies in or below, as the source names
    it or by its path; ``in`` either of them. ``language`` is a code such as "ro"; ``tag`` one of the document's tags.
    ``date`` is the beginning of its date, "2024" or "2024-05", or a range of two of these, "2024-05..2025", the last
    included. Any other name is one of its metadata.

    Raises:
        QuestionError: ``where`` is no mapping of names to texts, no document has what it names, or none fits.
    """
    if not isinstance(where, Mapping) or not all(isinstance(name, str) for name in where):
        raise QuestionError(message("where_not_a_mapping"))
    known = {name for record in records for name in record.metadata} | set(_TESTS)
    allowed = None if document_ids is None else set(document_ids)
    kept = [record for record in records if allowed is None or record.id in allowed]
    named: list[str] = []
    for name, wanted in where.items():
        if name not in known:
            raise QuestionError(message("where_unknown", name=name, known=", ".join(sorted(known))))
        values = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
        if not values or not all(isinstance(value, str | int | float) for value in values):
            raise QuestionError(message("where_no_value", name=name))
        named += [f"{name}={value}" for value in values]
        test = _TESTS.get(name)
        kept = [
            record
            for record in kept
            if any(test(record, str(one)) if test else _has(record.metadata.get(name), str(one)) for one in values)
        ]
    if not kept:
        raise QuestionError(message("where_matches_nothing", where=", ".join(named)))
    return tuple(record.id for record in kept)


def parsed(given: Iterable[str]) -> dict[str, list[str]]:
    """Return the filter that a command line gives: "folder=laws", "tag=tax", or a folder or document alone."""
    where: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (equals and re.fullmatch(r"\w+", name)):
            name, value = "in", one
        where.setdefault(name, []).append(value)
    return where


def is_called(record: DocumentRecord, wanted: str) -> bool:
    """Return whether a document has that id, source, title or path."""
    return wanted in (record.id, record.source, record.title, record.path)


def _is_below(record: DocumentRecord, folder: str) -> bool:
    """Return whether a document lies below a folder, as its source or its path names it."""
    if not folder.strip():
        return False
    named = PurePosixPath(os.path.normpath(folder))
    if record.source and PurePosixPath(record.source) != named and PurePosixPath(record.source).is_relative_to(named):
        return True
    full = Path(os.path.realpath(os.path.expanduser(folder)))
    return bool(record.path) and full in Path(record.path).parents


def _has(value: object, wanted: str) -> bool:
    """Return whether a value of the metadata is the one wanted, or a list, or text with commas, that has it."""
    if isinstance(value, list | tuple):
        return any(str(one).strip().casefold() == wanted.casefold() for one in value)
    if value is None:
        return False
    return str(value).strip().casefold() == wanted.strip().casefold()


def _has_tag(record: DocumentRecord, wanted: str) -> bool:
    tags = record.metadata.get("tags", record.metadata.get("tag"))
    return _has(tags.split(",") if isinstance(tags, str) else tags, wanted.strip().lstrip("#"))


def _is_dated(record: DocumentRecord, wanted: str) -> bool:
    date = str(record.metadata.get("date", ""))
    first, dots, last = (part.strip() for part in wanted.partition(".."))
    if not dots:
        return bool(date) and bool(first) and date.startswith(first)
    return bool(date) and first <= date and (not last or date <= last or date.startswith(last))


_TESTS: Mapping[str, Callable[[DocumentRecord, str], bool]] = {
    "document": is_called,
    "folder": _is_below,
    "in": lambda record, wanted: is_called(record, wanted) or _is_below(record, wanted),
    "language": lambda record, wanted: record.language == wanted.casefold(),
    "tag": _has_tag,
    "date": _is_dated,
}
