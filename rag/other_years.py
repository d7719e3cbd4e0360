"""Other years: say in a refusal for which years the sources tell what was asked for one that they do not have."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from rag.messages import Message, message
from rag.read import Sentence
from rag.text.language import words
from rag.topic import share_named

YEAR = regex.compile(r"(?<!\p{N})(?:1\p{N}{3}|20\p{N}{2})(?!\p{N})")
LOOKED_AT, MOST_YEARS = 10, 6
"""Sentences, the best ones, that are looked at, and years that are told."""
SHARE = 0.6
"""Share of the question's telling words that must stand in a sentence that tells the same of another year."""
SHORTEST = 4
"""Letters of a telling word."""


def other_years(question: str, ranked: Sequence[Sentence]) -> Message | None:
    """Return the line that names the years the sources tell of; None where the year asked for is no reason to refuse.

    Args:
        ranked: the sentences that were found, best first.
    """
    asked = sorted(set(YEAR.findall(question)))
    if not asked or any(year in sentence.hit.passage.text for year in asked for sentence in ranked):
        return None
    telling = [word for word in words(YEAR.sub(" ", question)) if len(word) >= SHORTEST]
    told: set[str] = set()
    for sentence in ranked[:LOOKED_AT]:
        if telling and share_named(telling, sentence.text, sentence.hit.passage.language) >= SHARE:
            told.update(YEAR.findall(sentence.text))
    if not told:
        return None
    return message("other_years", asked=", ".join(asked), told=", ".join(sorted(told)[-MOST_YEARS:]))
