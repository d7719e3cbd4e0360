"""Check what is given with a question before it is used: the question, its history, the document ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import regex

from rag.errors import QuestionError
from rag.text.characters import whole
from rag.types import Turn

MOST_TURNS = 50
"""Turns of a history that are looked at, the latest ones; the page keeps 40."""
LONGEST_ANSWER = 8000
"""Characters of an earlier answer that are looked at: as many as of a language model's reply."""

_CONTROL = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}--[\u200c\u200d]]+", flags=regex.V1)


def checked_question(question: object, longest: int) -> str:
    """Return a question without control characters.

    Raises:
        QuestionError: it is no text, empty, or has more than ``longest`` characters.
    """
    if not isinstance(question, str):
        raise QuestionError(f"The question must be text, not {type(question).__name__}.")
    clean = _CONTROL.sub(" ", question).strip()
    if not clean:
        raise QuestionError("The question is empty; ask something.")
    if len(clean) > longest:
        raise QuestionError(
            f"The question has {len(clean)} characters, more than the {longest} allowed; "
            "shorten it, or raise TEMEI_MAX_QUESTION_CHARS."
        )
    return clean


def checked_history(history: object, longest: int) -> tuple[Turn, ...]:
    """Return the latest turns, their questions cut at ``longest`` characters.

    Raises:
        QuestionError: it is no sequence of turns.
    """
    turns = _items(history, "history", "Turn(question, answer)")[-MOST_TURNS:]
    checked = []
    for turn in turns:
        if not (isinstance(turn, Turn) and isinstance(turn.question, str) and isinstance(turn.answer, str)):
            raise QuestionError("The history must be a list of Turn(question, answer), both of them text.")
        question, answer = whole(turn.question[:longest]), whole(turn.answer[:LONGEST_ANSWER])
        checked.append(replace(turn, question=question, answer=answer))
    return tuple(checked)


def checked_documents(document_ids: object) -> tuple[str, ...] | None:
    """Return the ids of the documents to search, None for all of them.

    Raises:
        QuestionError: it is no sequence of texts.
    """
    if document_ids is None:
        return None
    ids = _items(document_ids, "document_ids", "ids of documents")
    if not all(isinstance(name, str) for name in ids):
        raise QuestionError("document_ids must be a list of ids of documents, as `temei ask --json` shows them.")
    return tuple(whole(str(name)) for name in ids)


def _items(given: object, name: str, what: str) -> list[object]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        if given is None:
            return []
        raise QuestionError(f"{name} must be a list of {what}, not {type(given).__name__}.")
    return list(given)
