"""Write documents and passages as Chroma records, and read them back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rag.text.language import spoken, tells_something
from rag.text.tables import table_rows
from rag.types import Document, DocumentRecord, Passage


def sentence_texts(passage: Passage) -> list[str]:
    """Return the texts of a passage's sentences as they are embedded, in words that are spoken.

    A row of a table names its columns. A fragment such as "2." or "- (ii)" is near to any question: it is empty here,
    for no vector. Where a passage is made of nothing else, such as a list of names, each stands for the whole if that
    tells something.
    """
    # Of the whole passage, for a tag may reach from one sentence into the next.
    whole = spoken(passage.text)
    texts = [whole[start - passage.start : end - passage.start] for start, end in passage.sentences]
    for number, row in table_rows(passage, whole).items():
        texts[number] = row.text
    told = [text if tells_something(text) else "" for text in texts]
    return told if any(told) or not tells_something(whole) else [whole] * len(texts)


def document_metadata(document: Document, passages: int) -> dict[str, Any]:
    """Return what is stored of a document beside its text."""
    more = {"headings": json.dumps(document.headings, separators=(",", ":"))} if document.headings else {}
    return more | {
        "title": document.title,
        "source": document.source,
        "language": document.language,
        "url": document.url,
        "body": document.body,
        "pages": _join(document.pages),
        "passages": passages,
        "characters": len(document.text),
        **({"metadata": to_json(document.metadata)} if document.metadata else {}),
    }


def to_json(metadata: Mapping[str, Any]) -> str:
    """Return what is known of a document by name as it is stored: Chroma takes no lists."""
    return json.dumps(dict(metadata), ensure_ascii=False)


def to_document(name: str, meta: Any, text: str) -> Document:
    """Return the document of a record."""
    return Document(
        id=name,
        title=meta["title"],
        source=meta["source"],
        text=text,
        language=meta["language"],
        url=meta["url"],
        body=int(meta["body"]),
        pages=_split(meta["pages"]),
        headings=tuple((start, end, level) for start, end, level in json.loads(meta.get("headings", "[]"))),
        metadata=json.loads(meta.get("metadata", "{}")),
    )


def to_document_records(stored: Iterable[tuple[str, Mapping[str, Any]]]) -> list[DocumentRecord]:
    """Return the records of documents, sorted by source, from their ids and what is stored of each."""
    return sorted((_to_document_record(*one) for one in stored), key=lambda record: (record.source, record.id))


def _to_document_record(name: str, meta: Mapping[str, Any]) -> DocumentRecord:
    # Earlier versions stored less.
    return DocumentRecord(
        id=name,
        title=str(meta["title"]),
        source=str(meta["source"]),
        language=str(meta["language"]),
        url=str(meta.get("url", "")),
        body=int(meta.get("body", 0)),
        pages=_split(meta.get("pages", "")),
        passages=int(meta.get("passages", 0)),
        characters=int(meta.get("characters", 0)),
        path=str(meta.get("path", "")),
        ingested=str(meta.get("ingested", "")),
        raw=str(meta.get("raw", "")),
        metadata=json.loads(meta.get("metadata", "{}")),
    )


def passage_metadata(passage: Passage) -> dict[str, Any]:
    """Return what is stored of a passage beside its text."""
    # A cell holds no pipe, a title is one line.
    more = {"columns": "|".join(passage.columns)} if passage.columns else {}
    more |= {"path": "\n".join(passage.path)} if passage.path else {}
    more |= {"sections": json.dumps(passage.sections, ensure_ascii=False)} if passage.sections else {}
    return more | {
        "document_id": passage.document_id,
        "title": passage.title,
        "source": passage.source,
        "start": passage.start,
        "end": passage.end,
        "language": passage.language,
        "sentences": ",".join(f"{start}-{end}" for start, end in passage.sentences),
        "pages": _join((passage.page, *passage.page_breaks)),
    }


def to_passages(found: Any) -> list[Passage]:
    """Return the passages of what Chroma found, with metadatas and documents included."""
    return [_to_passage(*row) for row in zip(found["ids"], found["metadatas"], found["documents"], strict=True)]


def _to_passage(name: str, meta: Any, text: str) -> Passage:
    page, *page_breaks = _split(meta["pages"])
    spans = (pair.split("-") for pair in meta["sentences"].split(","))
    return Passage(
        id=name,
        document_id=meta["document_id"],
        title=meta["title"],
        source=meta["source"],
        start=int(meta["start"]),
        end=int(meta["end"]),
        text=text,
        language=meta["language"],
        sentences=tuple((int(start), int(end)) for start, end in spans),
        page=page,
        page_breaks=tuple(page_breaks),
        columns=tuple(meta["columns"].split("|")) if "columns" in meta else (),
        path=tuple(meta["path"].split("\n")) if "path" in meta else (),
        sections=tuple((at, tuple(path)) for at, path in json.loads(meta.get("sections", "[]"))),
    )


def _join(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _split(numbers: str) -> tuple[int, ...]:
    return tuple(int(number) for number in numbers.split(",")) if numbers else ()
