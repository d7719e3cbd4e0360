"""Find the questions within one question; each of them must be answered."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from rag.followup import stands_alone
from rag.models.word_rarity import WordRarity
from rag.text.language import question_language, words
from rag.text.questions import asks

_PARTS = regex.compile(r"(?<=[.!?:;)\]}>\"”»…])\s+(?=[¿„“\"«]?[\p{Lu}\p{Lo}])|(?<=[。？！])")


def questions_within(question: str, languages: Sequence[str], rarity: WordRarity) -> list[str]:
    """Return the questions in one of several sentences that can be understood alone, each once; none in one sentence.

    Words around a question, such as instructions, must not make it look answered, so that each is judged by itself.
    """
    parts = [part.strip() for part in _PARTS.split(question)]
    if len(parts) < 2:
        return []
    found: dict[tuple[str, ...], str] = {}
    for part in parts:
        if asks(part) and stands_alone(part, question_language(part, languages), rarity):
            found.setdefault(tuple(words(part)), part)
    return list(found.values())
