"""What several documents say in the same words: it is quoted once, and the others are named with it.

Two sentences say the same if they have the same words in the same order once folded, or words that differ in their
endings alone. A sentence that says more or less, or another number, says something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rag.read import Sentence
from rag.text.language import shared_beginning, words
from rag.text.markup import without_markup

MOST_AGAIN = 3
"""Further documents that are named with a sentence."""
ENDING = 3
"""Letters in which two words may differ at their ends; they begin with as many that are the same, or more."""


def apart_and_again(
    chosen: Sequence[Sentence], ranked: Sequence[Sentence]
) -> tuple[list[Sentence], list[tuple[Sentence, ...]]]:
    """Return the chosen sentences, each once, and for each those of other documents that say the same, best first."""
    kept: list[Sentence] = []
    for sentence in chosen:
        if not any(_is_again(sentence, other) for other in kept):
            kept.append(sentence)
    again: list[tuple[Sentence, ...]] = []
    for sentence in kept:
        of_document = {
            other.hit.passage.document_id: other
            for other in reversed(ranked)
            if not other.is_heading and _is_again(sentence, other)
        }
        best = sorted(of_document.values(), key=lambda other: -other.score)
        again.append(tuple(best[:MOST_AGAIN]))
    return kept, again


@lru_cache(maxsize=1024)
def _said(text: str) -> tuple[str, ...]:
    return tuple(words(without_markup(text)))


def _is_again(one: Sentence, other: Sentence) -> bool:
    """Return whether a sentence of another document says the same."""
    if one.hit.passage.document_id == other.hit.passage.document_id:
        return False
    first, second = _said(one.text), _said(other.text)
    if not first or len(first) != len(second):
        return False
    return all(a == b or _is_inflected(a, b) for a, b in zip(first, second, strict=True))


def _is_inflected(a: str, b: str) -> bool:
    """Return whether two words differ in their endings alone; numbers, and words shorter than a few letters, never."""
    shared = shared_beginning(a, b)
    left = max(len(a), len(b)) - shared
    return a.isalpha() and b.isalpha() and left <= ENDING and shared > max(ENDING, left)
