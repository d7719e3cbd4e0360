"""Replies: what is said to somebody who does not ask for something to be looked up (`rag.intent`)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rag.asked import Asked
from rag.cite import cite
from rag.compose import EXTRACTIVE
from rag.index.index import Index
from rag.intent import Intent
from rag.messages import Message, message
from rag.overview import MOST_DOCUMENTS, overview
from rag.text.language import question_language
from rag.types import Answer, Citation, DocumentRecord


def reply(asked: Asked, index: Index) -> Answer:
    """Return the reply to what is no look-up: an overview with citations, or a line without any.

    Only an overview counts as answered; the others are abstentions of a kind of their own.

    Raises:
        IndexStateError: there is no index, or it cannot be used.
    """
    began = time.perf_counter()
    records = _searched(index.documents(), asked.document_ids)
    language = question_language(asked.question, {record.language for record in records})
    text, citations = "", tuple[Citation, ...]()
    if asked.intent is Intent.OVERVIEW:
        text, citations = cite(overview(index, [record.id for record in records]))
    if not citations:
        titles = "; ".join(record.title for record in records[:MOST_DOCUMENTS])
        titles += "; …" if len(records) > MOST_DOCUMENTS else ""
        text = _line(asked.intent, len(records), titles).in_language(language)
    seconds = time.perf_counter() - began
    return Answer(
        question=asked.question,
        text=text,
        citations=citations,
        hits=(),
        abstained=not citations,
        confidence=1.0 if citations else 0.0,
        standalone_question=asked.question,
        mode=EXTRACTIVE,
        timings={"retrieve": 0.0, "read": seconds, "total": seconds},
        kind=str(asked.intent),
    )


def _line(intent: Intent, count: int, titles: str) -> Message:
    if intent is Intent.SMALLTALK:
        return message("reply_smalltalk", count=count, titles=titles)
    if intent is Intent.TASK:
        return message("reply_task", titles=titles)
    return message("reply_collection", count=count, titles=titles)


def _searched(records: Sequence[DocumentRecord], document_ids: Sequence[str] | None) -> list[DocumentRecord]:
    return [record for record in records if document_ids is None or record.id in document_ids]
