"""Accept a question: check what was given with it, and make it understandable without the conversation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.checked_input import checked_documents, checked_history, checked_question
from rag.errors import ChatError
from rag.followup import standalone
from rag.intent import WRITTEN, Intent, intent_of, knows
from rag.models.embeddings import Embedder
from rag.models.word_rarity import WordRarity
from rag.settings import Settings
from rag.types import Floats, Turn

History = Sequence[Turn]


@dataclass(frozen=True)
class Asked:
    """A question that was accepted.

    ``standalone`` is the question as it can be understood without the conversation. ``began`` and ``deadline``, the
    time when a language model must have answered, are on the clock of `time.monotonic`. ``failed`` is what went wrong
    when a language model was asked to write the standalone question; the model is then not asked again. ``intent``
    says whether something is to be looked up at all. ``vector`` is that of the question, where it was needed to tell.
    """

    question: str
    history: History
    document_ids: Sequence[str] | None
    standalone: str
    began: float
    deadline: float
    failed: ChatError | None = None
    intent: Intent = Intent.LOOK_UP
    vector: Floats | None = field(default=None, repr=False, compare=False)


def accept(given: str | Mapping[str, Any], settings: Settings, rarity: WordRarity) -> Asked:
    """Return the question that was given alone, or in a mapping with its history and document_ids.

    Raises:
        QuestionError: the question is empty or too long, or what is given with it is not as described.
    """
    fields = given if isinstance(given, Mapping) else {"question": given}
    question = checked_question(fields.get("question"), settings.max_question_chars)
    history = checked_history(fields.get("history"), settings.max_question_chars)
    began = time.monotonic()
    return Asked(
        question,
        history,
        checked_documents(fields.get("document_ids")),
        standalone=standalone(question, history, rarity),
        began=began,
        deadline=began + settings.chat_seconds,
    )


def with_intent(asked: Asked, embedder: Embedder, *, has_chat: bool) -> Asked:
    """Return what was asked with what is wanted: a look-up, or something else, which stands alone.

    Args:
        has_chat: a language model is set; it then does what it does better.
    """
    if not knows(embedder.name):
        return asked
    vector = embedder.encode_query(asked.question)
    intent = intent_of(vector, embedder.name)
    if intent is Intent.LOOK_UP or (has_chat and intent in WRITTEN):
        return replace(asked, vector=vector)
    return replace(asked, vector=vector, intent=intent, standalone=asked.question)
