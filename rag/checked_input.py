"""Check what is given with a question before it is used: the question, its history, the document ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rag.errors import QuestionError
from rag.messages import message
from rag.text.characters import UNSEEN, whole
from rag.types import Turn

MOST_TURNS = 50
"""Turns of a history that are looked at, the latest ones; the page keeps 40."""
LONGEST_ANSWER = 8000
"""Characters of an earlier answer that are looked at: as many as of a language model's reply."""


def checked_question(question: object, longest: int) -> str:
    """Return a question without control characters.

    Raises:
        QuestionError: it is no text, empty, or has more than ``longest`` characters.
    """
    if not isinstance(question, str):
        raise QuestionError(message("question_not_text", kind=type(question).__name__))
    clean = UNSEEN.sub(" ", question).strip()
    if not clean:
        raise QuestionError(message("question_empty"))
    if len(clean) > longest:
        raise QuestionError(message("question_too_long", count=len(clean), most=longest))
    return clean


def checked_history(history: object, longest: int) -> tuple[Turn, ...]:
    """Return the latest turns, their questions cut at ``longest`` characters.

    Raises:
        QuestionError: it is no sequence of turns.
    """
    turns = _items(history)
    if turns is None:
        raise QuestionError(message("history_not_a_list", kind=type(history).__name__))
    checked = []
    for turn in turns[-MOST_TURNS:]:
        if not (isinstance(turn, Turn) and isinstance(turn.question, str) and isinstance(turn.answer, str)):
            raise QuestionError(message("history_not_turns"))
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
    ids = _items(document_ids)
    if ids is None:
        raise QuestionError(message("document_ids_not_a_list", kind=type(document_ids).__name__))
    if not all(isinstance(name, str) for name in ids):
        raise QuestionError(message("document_ids_not_texts"))
    return tuple(whole(str(name)) for name in ids)


def _items(given: object) -> list[object] | None:
    """Return the items of a list, none where None is given, and None for what is no list."""
    if given is None:
        return []
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return None
    return list(given)
