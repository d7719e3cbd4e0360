"""Parts: the questions within one question, each of which must be answered, within bounds of number and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import regex

from rag.followup import stands_alone
from rag.models.word_rarity import WordRarity
from rag.text.language import question_language, words
from rag.text.questions import asks

_PARTS = regex.compile(r"(?<=[.!?:;)\]}>\"”»…])\s+(?=[¿„“\"«]?[\p{Lu}\p{Lo}])|(?<=[。？！])")


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of judging the parts: the least of their confidences (1 without any), and how many were left out."""

    confidence: float = 1.0
    left_out: int = 0
    taken: int = 0


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


def judge(parts: Iterable[str], confidence_in: Callable[[str], float], *, most: int, deadline: float) -> Judged:
    """Judge the first ``most`` parts, until the ``deadline`` on the clock of `time.monotonic`."""
    least, taken, left_out = 1.0, 0, 0
    for part in parts:
        if taken == most or time.monotonic() >= deadline:
            left_out += 1
            continue
        least = min(least, confidence_in(part))
        taken += 1
    return Judged(least, left_out, taken)
