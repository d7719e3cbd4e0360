"""Accept a question: check what was given with it, and make it understandable without the conversation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.checked_input import checked_documents, checked_history, checked_question
from rag.courtesy import without_courtesies
from rag.document_names import DocumentNames
from rag.earlier import earlier_vector
from rag.errors import ChatError
from rag.followup import standalone
from rag.intent import WRITTEN, Intent, Wish, is_courtesy, knows, wish_of
from rag.models.embeddings import Embedder
from rag.models.word_rarity import WordRarity
from rag.place import Place, may_name, place_in
from rag.settings import Settings
from rag.text.questions import asks
from rag.types import Floats, Turn

History = Sequence[Turn]


@dataclass(frozen=True)
class Asked:
    """A question that was accepted.

    ``core`` is the question without the courtesies around it, ``standalone`` that as it can be understood without the
    conversation. ``began`` and ``deadline``, the time when a language model must have answered, are on the clock of
    `time.monotonic`. ``failed`` is what went wrong when a language model was asked to write the standalone question;
    the model is then not asked again. ``wish`` says whether something is to be looked up at all, or what else is
    wanted. ``vector`` is that of ``core``, where it was needed to tell, ``earlier`` that of what was asked before.
    ``place`` is the document that the question names.
    """

    question: str
    history: History
    document_ids: Sequence[str] | None
    core: str
    standalone: str
    began: float
    deadline: float
    failed: ChatError | None = None
    wish: Wish = Wish.ANSWER
    vector: Floats | None = field(default=None, repr=False, compare=False)
    earlier: Floats | None = field(default=None, repr=False, compare=False)
    place: Place | None = None

    @property
    def intent(self) -> Intent:
        """The intent that the wish belongs to."""
        return self.wish.intent

    @property
    def is_alone(self) -> bool:
        """Whether the question can be understood without the conversation."""
        return self.standalone == self.core

    @property
    def query(self) -> str:
        """What is searched: the question as it stands alone, without the name of a document."""
        return self.place.question if self.place else self.standalone

    @property
    def within(self) -> Sequence[str] | None:
        """The ids of the documents that are searched; None for all."""
        return self.place.document_ids if self.place else self.document_ids

    @property
    def parted(self) -> str:
        """The text in which further questions are looked for."""
        return self.place.question if self.place else self.core


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
        core=question,
        standalone=standalone(question, history, rarity),
        began=began,
        deadline=began + settings.chat_seconds,
    )


def with_wish(asked: Asked, embedder: Embedder, rarity: WordRarity, *, has_chat: bool) -> Asked:
    """Return what was asked, without courtesies around it, with what is wanted; what is no look-up stands alone.

    Args:
        has_chat: a language model is set; it then does what it does better.
    """
    if not knows(embedder.name):
        return asked
    core = without_courtesies(
        asked.question, lambda part: is_courtesy(part, embedder.encode_query(part), embedder.name)
    )
    if core != asked.question and not asks(core) and _wish(asked.question, embedder).intent is Intent.SMALLTALK:
        core = asked.question  # "Thanks, that helps"
    if core != asked.question:
        asked = replace(asked, core=core, standalone=standalone(core, asked.history, rarity))
    vector = embedder.encode_query(core)
    wish = wish_of(core, vector, embedder.name, follows=any(not turn.abstained for turn in asked.history))
    if wish.intent is Intent.LOOK_UP or (has_chat and wish.intent in WRITTEN):
        # What can be understood alone is not searched otherwise for what was said before it.
        earlier = None if asked.is_alone else earlier_vector(asked.history, embedder.encode_query)
        return replace(asked, vector=vector, earlier=earlier)
    return replace(asked, vector=vector, wish=wish, standalone=core)


def _wish(question: str, embedder: Embedder) -> Wish:
    return wish_of(question, embedder.encode_query(question), embedder.name)


def placed(asked: Asked, names: Callable[[], DocumentNames], rarity: WordRarity) -> Asked:
    """Return what was asked with the place that the question names, if it names one.

    Args:
        names: returns the names of all documents; asked only where a question may name one.
    """
    if not may_name(asked.standalone):
        return asked
    return replace(asked, place=place_in(asked.standalone, names(), rarity.weight, asked.document_ids))
