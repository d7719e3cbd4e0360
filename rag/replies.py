"""Replies: what is said to somebody who does not ask for something to be looked up (`rag.intent`)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rag.asked import Asked
from rag.cite import cite, under_titles
from rag.compose import EXTRACTIVE
from rag.errors import QuestionError
from rag.index.index import Index
from rag.intent import Intent, Wish
from rag.mentions import Search, mentions, sides
from rag.messages import Message, message
from rag.overview import MOST_DOCUMENTS, overview
from rag.read import Sentence
from rag.text.language import question_language
from rag.topic import scope_of, section_named, topic_words
from rag.types import PATH, Answer, Citation, DocumentRecord


@dataclass(frozen=True)
class _Said:
    """A reply: a line, sentences that are quoted, or both; ``titled`` quotes stand under their document's title."""

    line: Message | None = None
    quoted: Sequence[Sentence] = ()
    titled: bool = False


def reply(asked: Asked, index: Index, search: Search) -> Answer:
    """Return the reply to what is no look-up: quotes with citations, or a line without any.

    What quotes counts as answered; the others are abstentions of a kind of their own.

    Args:
        search: retrieves so many passages for a query, from the documents that may be searched.

    Raises:
        IndexStateError: there is no index, or it cannot be used.
    """
    began = time.perf_counter()
    records = [r for r in index.documents() if asked.document_ids is None or r.id in asked.document_ids]
    language = question_language(asked.question, {record.language for record in records})
    said = _said(asked, index, records, search)
    text, citations = cite(said.quoted)
    if said.titled:
        text = under_titles(citations)
    if said.line is not None:
        text = f"{said.line.in_language(language)} {text}".strip()
    return replied(asked.question, text, citations, kind=str(asked.intent), seconds=time.perf_counter() - began)


def overview_of(index: Index, document_id: str | None, section: str) -> Answer:
    """Return the overview of a document, or of a section of it, or of all documents.

    Raises:
        QuestionError: there is no such document, or no such heading in it.
        IndexStateError: there is no index, or it cannot be used.
    """
    began = time.perf_counter()
    records = [record for record in index.documents() if document_id in (None, record.id)]
    if not records and document_id is not None:
        raise QuestionError(message("document_name_not_one", name=document_id, count=0))
    path = section_named(section, index, records) if section else ()
    if section and not path:
        raise QuestionError(message("section_not_found", name=section))
    ids = [record.id for record in records]
    text, citations = cite(overview(index, ids, path))
    seconds = time.perf_counter() - began
    title = records[0].title if document_id is not None else ""
    name = PATH.join(filter(None, [title, section]))
    return replied(name, text, citations, kind=str(Intent.OVERVIEW), seconds=seconds)


def replied(question: str, text: str, citations: tuple[Citation, ...], *, kind: str, seconds: float) -> Answer:
    """Return an answer of a kind in these words; without citations it is an abstention."""
    return Answer(
        question=question,
        text=text,
        citations=citations,
        hits=(),
        abstained=not citations,
        confidence=1.0 if citations else 0.0,
        standalone_question=question,
        mode=EXTRACTIVE,
        timings={"retrieve": 0.0, "read": seconds, "total": seconds},
        kind=kind,
    )


def _said(asked: Asked, index: Index, records: Sequence[DocumentRecord], search: Search) -> _Said:
    wish = asked.wish
    if wish is Wish.OVERVIEW:
        scope = scope_of(asked.core, index, records)
        quoted = overview(index, scope.document_ids, scope.section)
        return _Said(quoted=quoted) if quoted else _Said(_line(Wish.DOCUMENTS, records))
    if wish is Wish.MENTIONS and topic_words(asked.core):
        found = mentions(asked.core, search)
        if not found:
            return _Said(message("reply_no_mention", count=len(records), titles=_titles(records)))
        return _Said(message("documents_mention", count=len(found), quotes=""), found, titled=True)
    if wish is Wish.ADDED:
        latest = sorted(records, key=lambda record: record.ingested, reverse=True)
        return _Said(message("reply_added", titles=_list([f"{r.title} ({r.ingested[:10] or '?'})" for r in latest])))
    if wish is Wish.COMPARE:
        return _Said(message("reply_compare"), sides(asked.core, search), titled=True)
    return _Said(_line(wish, records))


def _line(wish: Wish, records: Sequence[DocumentRecord]) -> Message:
    key = Wish.DOCUMENTS if wish is Wish.MENTIONS else wish
    return message(f"reply_{key}", count=len(records), titles=_titles(records))


def _titles(records: Sequence[DocumentRecord]) -> str:
    return _list([record.title for record in records])


def _list(some: Sequence[str]) -> str:
    return "; ".join([*some[:MOST_DOCUMENTS], *(["…"] if len(some) > MOST_DOCUMENTS else [])])
