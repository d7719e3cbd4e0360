"""What several documents say in the same words: it is quoted once, and the others are named with it.

Two sentences say the same if they have the same words in the same order once folded, or words that differ in their
endings alone. A sentence that says more or less, or another number, says something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.read import Sentence
from rag.text.language import words
from rag.text.markup import without_markup

MOST_AGAIN = 3
"""Further documents that are named with a sentence."""
ENDING = 3
"""Letters in which two words may differ at their ends; they begin with as many that are the same, or more."""


def apart_and_again(
    chosen: Sequence[Sentence], ranked: Sequence[Sentence]
) -> tuple[list[Sentence], list[tuple[Sentence, ...]]]:
    """Return the chosen sentences, each once, and for each those of other documents that say the same, best first."""
    told = {id(sentence): _said(sentence) for sentence in (*chosen, *ranked)}
    kept: list[Sentence] = []
    for sentence in chosen:
        if not any(_is_again(sentence, other, told) for other in kept):
            kept.append(sentence)
    again: list[tuple[Sentence, ...]] = []
    for sentence in kept:
        of_document = {
            other.hit.passage.document_id: other
            for other in reversed(ranked)
            if not other.is_heading and _is_again(sentence, other, told)
        }
        best = sorted(of_document.values(), key=lambda other: -other.score)
        again.append(tuple(best[:MOST_AGAIN]))
    return kept, again


def _said(sentence: Sentence) -> tuple[str, ...]:
    return tuple(words(without_markup(sentence.text)))


def _is_again(one: Sentence, other: Sentence, told: dict[int, tuple[str, ...]]) -> bool:
    """Return whether a sentence of another document says the same."""
    if one.hit.passage.document_id == other.hit.passage.document_id:
        return False
    first, second = told[id(one)], told[id(other)]
    if not first or len(first) != len(second):
        return False
    return all(a == b or _is_inflected(a, b) for a, b in zip(first, second, strict=True))


def _is_inflected(a: str, b: str) -> bool:
    """Return whether two words differ in their endings alone; numbers, and words shorter than a few letters, never."""
    shared = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    left = max(len(a), len(b)) - shared
    return a.isalpha() and b.isalpha() and left <= ENDING and shared > max(ENDING, left)
